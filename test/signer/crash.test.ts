import { describe, expect, test } from 'vitest'
import type { Json } from '../../machines/vocabulary.ts'
import type { Signer } from '../../src/signer/main.ts'
import { lowdbEngine } from '../../src/ledger/lowdb/engine.ts'
import { endOf } from '../../src/ledger/record.ts'
import { decodeSeal } from '../../src/signer/audit/trail.ts'
import { verifyAudit } from '../../src/signer/audit/verify.ts'
import { PATIENCE_MS } from '../patience.ts'
import { simulatedDisk, type SimulatedDisk } from '../simulation/disk.ts'
import * as rigs from './rig.ts'
import { ask, authorised, grow, intent, sign, simple } from './rig.ts'

const AMOUNT = 1_000_000n
const MEMORY = '/signer/memory'

interface Said {
  name: string
  template: Json
  answer: rigs.Answer
}

const payment = (n: number, fee = 1_000n): Json => simple(AMOUNT, n, fee)
const intents = (n: number) => [authorised(intent(`w-${n}`, AMOUNT))]

/** Four payments, two of them at once and asked for twice; says what was answered. */
async function traffic(signer: Signer, said: Said[]): Promise<void> {
  const pay = async (n: number, fee?: bigint) => {
    const template = payment(n, fee)
    said.push({ name: `t${n}`, template, answer: await sign(signer, `t${n}`, 1, template, intents(n)) })
  }
  await grow(signer)
  await pay(1)
  await Promise.all([pay(2), pay(3), pay(2), pay(3, 2_000n)])
  await pay(4)
}

/** Stands still at its n-th call from now on; `still` resolves then. */
function stoppable() {
  let left = Infinity
  let stop: () => void = () => undefined
  const still = new Promise<void>(resolve => {
    stop = resolve
  })
  const settle = async () => {
    if (--left > 0) return
    stop()
    await new Promise<never>(() => undefined)
  }
  return { settle, still, stopAt: (n: number) => (left = n) }
}

async function check(disk: SimulatedDisk, said: readonly Said[]): Promise<void> {
  const signer = await rigs.start(rigs.reboot(disk))
  const now = (await ask(signer, 'GET', '/healthz')).headers
  await grow(signer)
  for (const { name, template, answer } of said) {
    expect([200, 409]).toContain(answer.status)
    expect(Number(now['Lockkeeper-Memory-Sequence'])).toBeGreaterThanOrEqual(
      Number(answer.headers['Lockkeeper-Memory-Sequence']),
    )
    const again = await sign(signer, name, 1, template, intents(Number(name.slice(1))))
    expect(again.body).toEqual(answer.body)
  }
  // Whether or not the crash left it: of two templates for one attempt exactly one is ever signed.
  for (const n of [1, 2, 3, 4]) {
    const both = [
      await sign(signer, `t${n}`, 1, payment(n, 3_000n), intents(n)),
      await sign(signer, `t${n}`, 1, payment(n), intents(n)),
    ]
    expect(both.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1)
  }
  const { items } = (await ask(signer, 'GET', '/v1/chains/litecoin/transfers')).body
  expect((items as { transferId: string }[]).map(({ transferId }) => transferId).sort()).toEqual(
    [1, 2, 3, 4].map(n => rigs.transferOf(`t${n}`)).sort(),
  )
  await signer.stop()
}

/** Of the one attempt that was under way exactly one template is ever signed. Answers whether the crash has left it signed. */
async function checkBetween(disk: SimulatedDisk): Promise<boolean> {
  const signer = await rigs.start(rigs.reboot(disk))
  const isKept = (await ask(signer, 'GET', rigs.attemptPath('t1'))).status === 200
  const both = [
    await sign(signer, 't1', 1, payment(1, 3_000n), intents(1)),
    await sign(signer, 't1', 1, payment(1), intents(1)),
  ]
  expect(both.map(({ status }) => status)).toEqual(isKept ? [409, 200] : [200, 409])
  await signer.stop()
  const { findings, isLost } = await verified(disk)
  expect(findings.filter(({ damage }) => damage)).toEqual([])
  if (isKept) expect(isLost).toBe(false)
  return isKept
}

/** By `lockkeeper verify`; `isLost`: a line is said to stand on what a crash has taken, and to have answered nobody. */
async function verified(disk: SimulatedDisk) {
  const end = (await lowdbEngine(disk, MEMORY).inspect())!
  const { findings } = await verifyAudit(disk, MEMORY, { ...(await endOf(end)), ledgerId: end.ledgerId })
  await end.close()
  return { findings, isLost: findings.some(({ problem }) => problem.includes('was never answered')) }
}

describe('S1: the process dies anywhere between request and answer', () => {
  test('what was answered is answered again, and nothing is signed twice', async () => {
    const measured = simulatedDisk({ seed: 1 })
    const whole = await rigs.start(await rigs.createRigOn(measured))
    const calls = () => Object.values(measured.calls).reduce((a, b) => a + b)
    const before = calls()
    await traffic(whole, [])
    const total = calls() - before
    await whole.stop()
    expect(total).toBeGreaterThan(5)
    const outcomes = new Set<number>()
    for (let n = 1; n <= total; n++) {
      for (const end of n % 3 === 0 ? (['crash', 'kill'] as const) : (['crash'] as const)) {
        const gate = stoppable()
        const disk = simulatedDisk({ seed: n, settle: gate.settle })
        const signer = await rigs.start(await rigs.createRigOn(disk))
        const said: Said[] = []
        gate.stopAt(n)
        await Promise.race([traffic(signer, said), gate.still])
        outcomes.add(said.length)
        await check(disk[end]({ seed: n, settle: () => Promise.resolve() }), said)
      }
    }
    // The crashes did fall before, between and after answers.
    expect(outcomes.size).toBeGreaterThan(2)
  })

  test('no answer leaves before its commit is durable', async () => {
    const held: (() => void)[] = []
    let isHolding = false
    const settle = (call: string) =>
      isHolding && call === 'sync' ? new Promise<void>(resolve => held.push(resolve)) : Promise.resolve()
    const signer = await rigs.start(await rigs.createRigOn(simulatedDisk({ seed: 7, settle })))
    await grow(signer)
    isHolding = true
    const answers: rigs.Answer[] = []
    const waiting = [1, 2].map(async () => answers.push(await sign(signer, 't1', 1, payment(1), intents(1))))
    const reading = ask(signer, 'GET', rigs.attemptPath('t1')).then(answer => answers.push(answer))
    await expect.poll(() => held.length).toBeGreaterThan(0)
    // Whatever would leave without waiting for the disk has its turn.
    for (let turn = 0; turn < 1000; turn++) await new Promise(resolve => setImmediate(resolve))
    expect(answers).toEqual([])
    isHolding = false
    for (const release of held) release()
    await Promise.all([...waiting, reading])
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    await signer.stop()
  })

  test.each(['journal', 'audit'])(
    'an answer waits for memory and log; a crash before the %s has answered nothing',
    async late => {
      const kept = new Set<boolean>()
      for (let seed = 1; seed <= 12; seed++) {
        let isHeld = false
        let others = 0
        const settle = (call: string, path: string) => {
          if (!isHeld || call !== 'sync') return Promise.resolve()
          if (path.includes(`/${late}/`)) return new Promise<void>(() => undefined)
          others += 1
          return Promise.resolve()
        }
        const disk = simulatedDisk({ seed, settle })
        const signer = await rigs.start(await rigs.createRigOn(disk))
        await grow(signer)
        isHeld = true
        const answers: rigs.Answer[] = []
        void sign(signer, 't1', 1, payment(1), intents(1)).then(answer => answers.push(answer))
        await expect.poll(() => others).toBeGreaterThan(0)
        for (let turn = 0; turn < 100; turn++) await new Promise(resolve => setImmediate(resolve))
        expect(answers).toEqual([])
        kept.add(await checkBetween(disk.crash({ seed, settle: () => Promise.resolve() })))
      }
      expect(kept).toContain(late === 'audit')
    },
  )

  test('what was answered last cannot be cut off from the memory of a killed signer once it is sealed', async () => {
    const disk = simulatedDisk({ seed: 5 })
    const signer = await rigs.start(await rigs.createRigOn(disk))
    await grow(signer)
    const { headers } = await sign(signer, 't1', 1, payment(1), intents(1))
    const sequence = Number(headers['Lockkeeper-Memory-Sequence'])
    const sealed = () => decodeSeal(disk.peek('/signer/memory/audit/seal.json')!)?.memory?.sequence
    await expect.poll(sealed, { timeout: PATIENCE_MS }).toBe(sequence)
    const killed = disk.kill()
    const journal = killed.peek('/signer/memory/journal/1.jsonl')!.toString()
    killed.poke('/signer/memory/journal/1.jsonl', Buffer.from(journal.replace(/[^\n]+\n$/, '')))
    const refused = { type: 'corruptStore', message: expect.stringContaining(`has seen memory ${sequence}`) as string }
    await expect(rigs.start(rigs.reboot(killed))).rejects.toMatchObject(refused)
  })

  test('a disk that fails ends the process, and nothing is answered as signed', async () => {
    const disk = simulatedDisk({ seed: 3 })
    const rig = await rigs.createRigOn(disk)
    const signer = await rigs.start(rig)
    await grow(signer)
    await signer.stop()
    const counted = disk.kill()
    const whole = await rigs.start(rigs.reboot(counted))
    const starting = counted.calls.sync
    await whole.stop()
    const broken = counted.kill({ fail: { call: 'sync', nth: starting + 2 } })
    const second = rigs.reboot(broken)
    const restarted = await rigs.start(second)
    const answers: rigs.Answer[] = []
    for (const n of [1, 2, 3, 4, 5]) answers.push(await sign(restarted, `t${n}`, 1, payment(n), intents(n)))
    expect(second.aborts).toHaveLength(1)
    const failed = answers.findIndex(({ status }) => status !== 200)
    expect(failed).toBeGreaterThanOrEqual(0)
    expect(answers.slice(failed).map(({ status }) => status)).toEqual(answers.slice(failed).map(() => 503))
    expect((await ask(restarted, 'GET', rigs.attemptPath('t5'))).status).toBe(503)
    expect((await ask(restarted, 'GET', '/healthz')).status).toBe(503)
  })
})
