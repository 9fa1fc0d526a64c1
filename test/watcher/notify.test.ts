/** Webhooks, on a clock that moves when told: in order, at least once, and nobody waits for them. */
import { createHmac } from 'node:crypto'
import { beforeEach, describe, expect, test } from 'vitest'
import type { HttpCall, HttpResult } from '../../src/kernel/ports.ts'
import type { Ledger } from '../../src/ledger/engine.ts'
import { createRecent } from '../../src/watcher/recent.ts'
import { readHooks, startNotifier, type Notifier } from '../../src/watcher/notify.ts'
import { hookNotices } from '../../src/watcher/problems.ts'
import { open } from '../ledger/lowdb/opening.ts'
import type { Inbound } from '../../src/orchestrator/inbound.ts'
import { at, block, createRig, quiet, type Rig } from '../orchestrator/rig.ts'
import { simulatedDisk, type SimulatedDisk } from '../simulation/disk.ts'

const URL_OF_OURS = 'https://exchange.example/hook?token=hidden'
const secret = new Uint8Array(32).fill(7)
const KINDS = ['chain']
let rig: Rig
let disk: SimulatedDisk
let ledger: Ledger
let logs: string[]
beforeEach(async () => {
  disk = simulatedDisk({ seed: 1 })
  ledger = await open(disk)
  rig = createRig({ ledger })
  logs = []
})

interface Told {
  webhookId: string
  body: { type: string; ledgerId: string; data: { seq: number; kind: string } }
}

/** A receiver that answers what it is told to. */
function receiver(answer: (times: number) => number | 'nothing') {
  const calls: HttpCall[] = []
  const request = (call: HttpCall): Promise<HttpResult> => {
    calls.push(call)
    const status = answer(calls.length - 1)
    if (status === 'nothing') return Promise.reject(new Error('no answer'))
    return Promise.resolve({ status, headers: {}, body: new Uint8Array() })
  }
  const told = (): Told[] =>
    calls.map(({ headers, body }) => ({
      webhookId: headers['webhook-id']!,
      body: JSON.parse(new TextDecoder().decode(body)) as Told['body'],
    }))
  return { calls, request, told, seqs: () => told().map(({ body }) => body.data.seq) }
}

function start(request: (call: HttpCall) => Promise<HttpResult>, ledgerId = ledger.opened.ledgerId): Notifier {
  const { orchestrator, clock } = rig
  const { journal, archive } = ledger
  const recent = createRecent(journal.position().sequence)
  orchestrator.onDurable(commit => recent.note(commit))
  const notifier = startNotifier({
    ...{ hooks: [{ url: URL_OF_OURS, secret, kinds: KINDS }], directory: '/notify', disk, request, clock },
    log: (level, message, fields) => logs.push(`${level}: ${message} ${JSON.stringify(fields)}`),
    feed: { archive, recent, journal, ledgerId, decimals: () => 8 },
  })
  orchestrator.onDurable(() => notifier.wake())
  return notifier
}

const chain = 'litecoin'
const HAPPENINGS: readonly Inbound[] = [
  { type: 'chain.opened', at, data: { chain } },
  { type: 'node.identified', at, data: { chain, base: block(99), syncing: false } },
  { type: 'node.caughtUp', at, data: { chain } },
]
/** The next so many things: one event of the chain each. */
async function happen(count: number): Promise<void> {
  const done = ledger.journal.position().sequence
  for (const event of HAPPENINGS.slice(done, done + count)) await rig.send(event)
  expect(ledger.journal.position().sequence).toBe(done + count)
}

describe('a webhook', () => {
  test('tells what happens from now on, in order, signed over exactly what is sent', async () => {
    await happen(1)
    const { calls, request, told } = receiver(() => 204)
    const notifier = start(request)
    await quiet()
    await happen(2)
    await quiet()
    notifier.stop()
    expect(told().map(({ body }) => body.data.seq)).toEqual([2, 3])
    const { headers, body, url, method } = calls[0]!
    expect([method, url]).toEqual(['POST', URL_OF_OURS])
    const text = new TextDecoder().decode(body)
    const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${text}`
    expect(headers['webhook-signature']).toBe(`v1,${createHmac('sha256', secret).update(signed).digest('base64')}`)
    expect(headers['webhook-id']).toBe(`${ledger.opened.ledgerId}:2`)
    expect(told()[0]!.body).toMatchObject({ type: 'chain.syncing', data: { kind: 'chain', id: chain } })
  })

  test.each([[500], [301], [410], ['nothing' as const]])(
    'that is answered %s is sent again, and none before it',
    async answer => {
      const { request, seqs, told } = receiver(times => (times < 2 ? answer : 200))
      const notifier = start(request)
      await quiet()
      await happen(2)
      await quiet()
      expect(seqs()).toEqual([1])
      expect(notifier.behind()).toEqual([{ url: 'https://exchange.example/hook', events: 2 }])
      await rig.pass(1000)
      expect(seqs()).toEqual([1, 1])
      await rig.pass(1999)
      expect(seqs()).toEqual([1, 1])
      await rig.pass(1)
      expect(seqs()).toEqual([1, 1, 1, 2])
      expect(new Set(told().map(({ webhookId }) => webhookId)).size).toBe(2)
      expect(notifier.behind()[0]!.events).toBe(0)
      expect(notifier.troubles()).toEqual([])
      notifier.stop()
      expect(logs).toEqual([
        expect.stringMatching(/^warn: a webhook is not taken|^error: a webhook is not taken/),
        expect.stringMatching(/^info: the webhook is taken again/),
      ])
      expect(logs.join()).not.toContain('hidden')
    },
  )

  test('goes on where it was, in another process', async () => {
    const first = receiver(times => (times < 2 ? 200 : 500))
    const before = start(first.request)
    await quiet()
    await happen(3)
    await quiet()
    expect(first.seqs()).toEqual([1, 2, 3])
    before.stop()
    const second = receiver(() => 200)
    const after = start(second.request)
    await quiet()
    expect(second.seqs()).toEqual([3])
    after.stop()
  })

  test('of another ledger is told from its beginning', async () => {
    await happen(1)
    const first = start(receiver(() => 200).request, 'an older ledger')
    await quiet()
    first.stop()
    const { request, seqs } = receiver(() => 200)
    const second = start(request)
    await quiet()
    expect(seqs()).toEqual([1])
    second.stop()
  })

  test('that is not taken for long is a notice, without its query', async () => {
    const notifier = start(receiver(() => 503).request)
    await quiet()
    await happen(1)
    await quiet()
    expect(hookNotices(notifier.troubles(), rig.clock.monotonic())).toEqual([])
    await rig.pass(120_000)
    expect(hookNotices(notifier.troubles(), rig.clock.monotonic())).toEqual([
      expect.stringMatching(
        /^https:\/\/exchange\.example\/hook has not taken the webhook of event 1 for 2 min: it answered 503$/,
      ),
    ])
    notifier.stop()
  })
})

describe('a secret', () => {
  const reading = async (text: string) => {
    const file = await disk.open('/key', { create: true })
    await file.append(new TextEncoder().encode(text))
    await file.close()
    return readHooks(disk, { notify: [{ url: 'http://x', keyFile: '/key', kinds: ['deposit'] }] } as never)
  }
  const whole = `whsec_${Buffer.from(secret).toString('base64')}`
  test('is base64 behind its prefix', async () => {
    expect((await reading(`${whole}\n`))[0]!.secret).toEqual(Buffer.from(secret))
  })
  test.each(['', 'whsec_', whole.slice(6), `${whole}!`, 'whsec_c2hvcnQ='])(
    '%j is refused, and not shown',
    async text => {
      const refusal = await reading(text).catch((error: unknown) => error)
      expect(refusal).toMatchObject({ type: 'boundary', kind: 'configuration' })
      expect(String(refusal)).toContain('/key: holds no webhook secret')
      if (text.length > 6) expect(String(refusal)).not.toContain(text)
    },
  )
})
