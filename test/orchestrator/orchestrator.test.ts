import { describe, expect, test } from 'vitest'
import { isKind, type InstanceOf } from '../../src/kernel/entry.ts'
import type { Performers } from '../../src/orchestrator/tasks.ts'
import {
  at,
  block,
  connected,
  contextOf,
  createRig,
  gathered,
  openChain,
  paid,
  policy,
  quiet,
  requested,
  valueOf,
} from './rig.ts'

/** Performers that only say what they were asked for, and never answer. */
function silent(): { asked: string[]; performers: Performers } {
  const asked: string[] = []
  const ask = (name: string) => (instance: InstanceOf<'attempt' | 'account'>) => {
    asked.push(`${name} ${instance.id}`)
    return new Promise<never>(() => {})
  }
  const performers = { gather: ask('gather'), sign: ask('sign'), publish: ask('publish') }
  return { asked, performers }
}

const open = { type: 'chain.opened', at, data: { chain: 'litecoin' } } as const

describe('orchestrator', () => {
  test('memory changes at once; tasks, answers and listeners wait until it is durable', async () => {
    const { asked, performers } = silent()
    const rig = createRig({ performers })
    await openChain(rig)
    rig.orchestrator.start()
    rig.holding.now = true
    let heard = 0
    const unsubscribe = rig.orchestrator.onDurable(() => heard++)
    let answered = false
    void rig.send(requested('w-1', '1000')).then(() => (answered = true))
    expect(valueOf(rig, 'account/litecoin:0')).toBe('gathering')
    await quiet()
    expect([asked, heard, answered]).toEqual([[], 0, false])
    await rig.sync()
    expect([asked, heard, answered]).toEqual([['gather account/litecoin:0'], 1, true])
    unsubscribe()
    rig.holding.now = false
    await rig.send({ type: 'node.failed', at, data: { chain: 'litecoin', reason: 'no answer' } })
    expect(heard).toBe(1)
  })

  test('an event that changes nothing still waits for what memory already holds', async () => {
    const rig = createRig()
    rig.holding.now = true
    void rig.send(open)
    let answered = false
    void rig.send(open).then(() => (answered = true))
    await quiet()
    expect(answered).toBe(false)
    await rig.sync()
    expect(answered).toBe(true)
  })

  test('a state left before it was durable does not owe its task any more', async () => {
    const { asked, performers } = silent()
    const rig = createRig({ performers })
    await openChain(rig)
    rig.orchestrator.start()
    rig.holding.now = true
    void rig.send(requested('w-1', '1000'))
    expect(valueOf(rig, 'account/litecoin:0')).toBe('gathering')
    void gathered(rig)
    expect(valueOf(rig, 'account/litecoin:0')).toBe('ready')
    await rig.sync()
    expect(asked).toEqual([])
  })

  test('a start performs what every state owes, and nothing is performed before it', async () => {
    const first = createRig()
    await openChain(first)
    await first.send(requested('w-1', '1000'))
    const { asked, performers } = silent()
    const rig = createRig({ commits: first.commits, performers })
    await quiet()
    expect(asked).toEqual([])
    rig.orchestrator.start()
    expect(asked).toEqual(['gather account/litecoin:0'])
  })

  test('time wakes what is due, also after a restart', async () => {
    const first = createRig()
    await openChain(first)
    await first.send(requested('w-1', '1000', { expiresAtMs: at + 5000 }))
    for (const rig of [first, createRig({ commits: first.commits })]) {
      rig.orchestrator.start()
      await rig.pass(4999)
      expect(valueOf(rig, 'withdrawal/w-1')).toBe('queued')
      await rig.pass(1)
      expect(valueOf(rig, 'withdrawal/w-1')).toBeUndefined()
      expect(rig.commits.at(-1)!.entries.map(({ event, to }) => [event, to])).toEqual([['time.passed', 'cancelled']])
    }
  })

  test('a task that fails is tried again more and more seldom, and why it fails is written once', async () => {
    const tries: number[] = []
    const gather = (_: InstanceOf<'account'>, tried: number) => {
      tries.push(tried)
      return Promise.reject(new Error('no answer'))
    }
    const rig = createRig({ performers: { gather } })
    await openChain(rig)
    rig.orchestrator.start()
    await rig.send(requested('w-1', '1000'))
    await quiet()
    expect(valueOf(rig, 'account/litecoin:0')).toBe('gathering')
    expect(contextOf(rig, 'account/litecoin:0').reason).toBe('no answer')
    const count = rig.commits.length
    await rig.pass(60_000)
    expect(tries.length).toBeGreaterThan(2)
    expect(tries).toEqual(tries.map((_, n) => n))
    expect(rig.commits.length).toBe(count)
  })

  test('a violated invariant halts its own chain, changes nothing else, and the other chain goes on', async () => {
    const policies = { litecoin: policy, dogecoin: { ...policy, name: 'dogecoin' } }
    const rig = createRig({ policies })
    await openChain(rig)
    await rig.send({ type: 'chain.opened', at, data: { chain: 'dogecoin' } })
    const before = rig.orchestrator.memory.seq
    await rig.send(connected(100, [paid('a', block(100), { index: 99 })]))
    expect(valueOf(rig, 'chain/litecoin')).toBe('halted')
    expect(contextOf(rig, 'chain/litecoin').reason).toMatch(/^defect: /)
    expect([rig.orchestrator.memory.seq, contextOf(rig, 'chain/litecoin').height]).toEqual([before + 1, 99])
    expect(rig.log.filter(({ level }) => level === 'error').map(({ message }) => message)).toEqual([
      'invariant violated',
      'chain halted',
    ])
    const base = { chain: 'dogecoin', base: block(7), syncing: false }
    await rig.send({ type: 'node.identified', at, data: base })
    expect(valueOf(rig, 'chain/dogecoin')).toBe('syncing')
  })

  test('a deposit whose coin says otherwise is not offered, and whoever was to wake with it is not forgotten', async () => {
    const first = createRig()
    await openChain(first)
    await first.send(connected(100, [paid('a', block(100)), paid('b', block(100))]))
    await first.send(connected(101))
    const commits = structuredClone(first.commits)
    for (const { image } of commits.flatMap(({ entries }) => entries))
      if (image.id === 'coin/litecoin:a:0' && isKind(image, 'coin')) image.context.amount = '1'
    const rig = createRig({ commits })
    await rig.send(connected(102))
    expect(valueOf(rig, 'chain/litecoin')).toBe('halted')
    expect(contextOf(rig, 'chain/litecoin')).toMatchObject({
      applied: false,
      reason: expect.stringMatching(/^credit-without-coin/) as string,
    })
    expect(valueOf(rig, 'deposit/litecoin:a:0')).toBe('confirming')
    expect(rig.orchestrator.memory.takeDueHeight('litecoin', 102)).toContain('deposit/litecoin:b:0')
  })

  test('after a stop nothing is accepted and nothing wakes, and what was under way is durable', async () => {
    const rig = createRig()
    rig.orchestrator.start()
    await openChain(rig)
    rig.holding.now = true
    void rig.send(requested('w-1', '1000', { expiresAtMs: at + 5000 }))
    let stopped = false
    void rig.orchestrator.stop().then(() => (stopped = true))
    await expect(rig.send(open)).rejects.toMatchObject({ type: 'operating', kind: 'stopping' })
    await quiet()
    expect(stopped).toBe(false)
    await rig.sync()
    expect(stopped).toBe(true)
    const count = rig.commits.length
    await rig.pass(10_000)
    expect(rig.commits.length).toBe(count)
  })
})
