/** Long polls of the feed, on a clock that moves when told. */
import { setMaxListeners } from 'node:events'
import { beforeEach, describe, expect, test } from 'vitest'
import type { HttpAnswer } from '../../src/http.ts'
import type { Route } from '../../src/http/route.ts'
import { createRecent } from '../../src/watcher/recent.ts'
import { feedRoute } from '../../src/watcher/feed.ts'
import { open } from '../ledger/lowdb/opening.ts'
import { at, createRig, quiet, type Rig } from '../orchestrator/rig.ts'
import { simulatedDisk, type SimulatedDisk } from '../simulation/disk.ts'

const WAIT_S = 30
let rig: Rig
let route: Route
let disk: SimulatedDisk
let stopping: AbortController
beforeEach(async () => {
  disk = simulatedDisk({ seed: 1 })
  const ledger = await open(disk)
  rig = createRig({ ledger })
  stopping = new AbortController()
  setMaxListeners(0, stopping.signal)
  const { journal, archive, opened } = ledger
  const { orchestrator, clock } = rig
  const recent = createRecent(opened.seq)
  orchestrator.onDurable(commit => recent.note(commit))
  route = feedRoute({
    chains: () => ['litecoin'],
    decimals: () => 8,
    recent,
    clock,
    journal,
    archive,
    ledgerId: opened.ledgerId,
    stopping: stopping.signal,
  })
  await rig.send({ type: 'chain.opened', at, data: { chain: 'litecoin' } })
})

/** What is asked, and the answers that have come. */
function ask(query: object, left?: AbortSignal): HttpAnswer[] {
  const answers: HttpAnswer[] = []
  const asked = { after: 1, limit: 100, wait: WAIT_S, ...query }
  void Promise.resolve(route.handle({ params: {}, query: asked, body: undefined, headers: {}, left })).then(answer =>
    answers.push(answer),
  )
  return answers
}
const identified = () =>
  rig.send({
    type: 'node.identified',
    at,
    data: { chain: 'litecoin', base: { height: 99, hash: 'b99' }, syncing: false },
  })

describe('who waits for what is not there yet', () => {
  test('is answered when it is committed, and not before', async () => {
    const answers = ask({})
    await rig.pass(WAIT_S * 1000 - 1)
    expect(answers).toEqual([])
    await identified()
    await quiet()
    expect(answers).toMatchObject([{ status: 200, body: { next: 2, events: [{ seq: 2, kind: 'chain' }] } }])
  })

  test('is answered empty when the wait is over, and not before, and goes on from the same cursor', async () => {
    const answers = ask({})
    await rig.pass(WAIT_S * 1000 - 1)
    expect(answers).toEqual([])
    await rig.pass(1)
    expect(answers).toMatchObject([{ status: 200, body: { next: 1, events: [] } }])
  })

  test('waits on over what its filter passes by, and is then told how far it has come', async () => {
    const answers = ask({ kind: 'deposit' })
    await identified()
    await rig.pass(WAIT_S * 1000 - 1)
    expect(answers).toEqual([])
    await rig.pass(1)
    expect(answers).toMatchObject([{ status: 200, body: { next: 2, events: [] } }])
  })

  test('is let go when the watcher stops', async () => {
    const answers = ask({})
    await rig.pass(1)
    stopping.abort()
    await quiet()
    expect(answers).toMatchObject([{ status: 200, body: { next: 1, events: [] } }])
  })

  test('costs nothing any more when the client has left', async () => {
    const leaving = new AbortController()
    const answers = ask({}, leaving.signal)
    await rig.pass(1)
    leaving.abort()
    await quiet()
    expect(answers).toMatchObject([{ status: 200, body: { next: 1, events: [] } }])
  })

  test('and those who wait are answered from memory: nobody reads the journal', async () => {
    const asked = Array.from({ length: 50 }, () => ask({}))
    await quiet()
    const reads = disk.calls.read
    await identified()
    await quiet()
    expect(asked.flat()).toHaveLength(50)
    expect(disk.calls.read).toBe(reads)
  })

  test('and asks for no wait is answered at once', async () => {
    const answers = ask({ wait: 0 })
    await quiet()
    expect(answers).toMatchObject([{ status: 200, body: { next: 1, events: [] } }])
  })
})
