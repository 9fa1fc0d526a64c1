import { describe, expect, test } from 'vitest'
import { assign, initialTransition, setup, transition } from 'xstate'
import { type Message, actions } from '../../machines/messages.ts'
import { runOf } from '../../src/kernel/entry.ts'
import { type Event } from '../../machines/vocabulary.ts'
import { createMemory, type LiveMemory } from '../../src/orchestrator/memory.ts'
import { untypedId, untypedMessage } from './untyped.ts'
import { restore, step, taskOf, versionOf, type Machines } from '../../src/kernel/step.ts'

interface Orders {
  tells?: Message[]
  reserves?: string[]
  releases?: string[]
}

const ordersOf = ({ event }: { event: Event }) => event.data as Orders
const follow = [
  { type: 'tell', params: (one: { event: Event }) => ({ messages: ordersOf(one).tells ?? [] }) },
  { type: 'reserve', params: (one: { event: Event }) => ({ keys: ordersOf(one).reserves ?? [] }) },
  { type: 'release', params: (one: { event: Event }) => ({ keys: ordersOf(one).releases ?? [] }) },
] as const

/** Does as the event says. */
const puppet = setup({
  types: { context: {} as { chain: string; count: number; height: number }, events: {} as Event },
  actions: {
    ...actions,
    shout: () => {},
    count: assign({ count: ({ context }) => context.count + 1 }),
    rise: assign({ height: ({ event }) => (event.data as { height: number }).height }),
    fail: assign(() => {
      throw new Error('broken')
    }),
  },
}).createMachine({
  id: 'puppet',
  version: '3',
  context: { chain: 'litecoin', count: 0, height: 0 },
  initial: 'one',
  on: {
    'puppet.counted': { actions: ['count', ...follow] },
    'puppet.asked': { actions: follow },
    'puppet.shouted': { actions: ['count', 'shout'] },
    'puppet.failed': { actions: 'fail' },
    'puppet.ended': { target: '.ended', actions: [...follow] },
    'puppet.grown': { actions: 'rise' },
  },
  states: {
    one: { on: { 'puppet.moved': { target: 'two', actions: [...follow] } } },
    two: { initial: 'due', states: { due: { meta: { task: 'sign' }, on: { 'puppet.moved': '#puppet.one' } } } },
    ended: { type: 'final' },
  },
})

const broken = setup({ types: { context: {} as { chain: string }, events: {} as Event } }).createMachine({
  id: 'broken',
  context: () => {
    throw new Error('no context')
  },
})

/** Neither is of a kind that there is: as little as possible of any machine. Hence the untyped ids and messages. */
const strangers = { puppet, broken }
const machines: Machines = { ...strangers, chain: puppet }
const [a, b] = [untypedId('puppet/a'), untypedId('puppet/b')]
const empty = () => createMemory({ seq: 0, heights: {}, live: [], reservations: [] })
const say = (name: string, type: string, orders: Orders | object = {}, run?: string): Message => {
  const event: Event = { type: `puppet.${type}`, at: 7, data: orders }
  return untypedMessage(name.includes('/') ? name : `puppet/${name}`, run === undefined ? event : { ...event, run })
}

/** Steps and applies. */
function go(memory: LiveMemory, ...first: Message[]) {
  const commit = step(machines, memory, first, 7)
  if (commit !== null) memory.apply(commit)
  return commit
}

describe('step', () => {
  test('follows what is told in order, first the given, then what they tell, as one commit', () => {
    const first = say('a', 'counted', {
      tells: [say('c', 'counted', { tells: [say('a', 'counted')] }), say('d', 'counted')],
    })
    const commit = go(empty(), first, say('b', 'counted'))!
    expect(commit.entries.map(({ image }) => image.id)).toEqual(['a', 'b', 'c', 'd', 'a'].map(name => `puppet/${name}`))
    expect(commit.entries.at(-1)!.image.context).toMatchObject({ count: 2 })
  })

  test('numbers transitions without a gap, and knows the one before, the state’s entry and the revision', () => {
    const memory = empty()
    go(memory, say('a', 'counted'))
    const commit = go(memory, say('a', 'moved'), say('a', 'counted'), say('b', 'counted'))!
    const told = commit.entries.map(({ seq, prev, from, to, event, image }) => [
      seq,
      prev,
      from,
      to,
      event,
      image.entered,
      image.revision,
    ])
    expect(told).toEqual([
      [2, 1, 'one', 'two.due', 'puppet.moved', 2, 2],
      [3, 2, 'two.due', 'two.due', 'puppet.counted', 2, 3],
      [4, null, null, 'one', 'puppet.counted', 4, 1],
    ])
    expect(commit.entries[0]!.image).toMatchObject({ seq: 2, at: 7, version: 3, ended: false })
    expect(memory.seq).toBe(4)
  })

  test('a result of another run is dropped, also within the same commit, and one for nobody', () => {
    const memory = empty()
    go(memory, say('a', 'moved'))
    const run = runOf(memory.get(a)!)
    expect(run).toBe('puppet/a@1')
    expect(go(memory, say('a', 'counted', {}, 'puppet/a@0'))).toBeNull()
    expect(go(memory, say('b', 'counted', {}, 'puppet/b@0'))).toBeNull()
    const commit = go(memory, say('a', 'moved', {}, run), say('a', 'counted', {}, run))!
    expect(commit.entries.map(({ event }) => event)).toEqual(['puppet.moved'])
  })

  test('what has ended hears nothing, also in the commit in which it ends', () => {
    const commit = go(empty(), say('a', 'ended'), say('a', 'counted'))!
    expect(commit.entries.map(({ event, image }) => [event, image.ended])).toEqual([['puppet.ended', true]])
  })

  test('who changes nothing may still tell others, and writes no entry of its own', () => {
    const commit = go(empty(), say('a', 'asked', { tells: [say('b', 'counted')] }))!
    expect(commit.entries.map(({ image }) => image.id)).toEqual(['puppet/b'])
    expect(go(empty(), say('a', 'asked'))).toBeNull()
    expect(go(empty(), say('a', 'unheard'))).toBeNull()
  })

  test('reservations are netted: what is reserved and released within one step is neither', () => {
    const memory = empty()
    const both = go(memory, say('a', 'counted', { reserves: ['k', 'l'] }), say('a', 'counted', { releases: ['k'] }))!
    expect([both.reserve, both.release]).toEqual([[['l', 'puppet/a']], []])
    const again = go(memory, say('a', 'counted', { releases: ['l'] }), say('a', 'counted', { reserves: ['l'] }))!
    expect([again.reserve, again.release]).toEqual([[], []])
    const handed = go(memory, say('a', 'counted', { releases: ['l'] }), say('b', 'counted', { reserves: ['l'] }))!
    expect([handed.reserve, handed.release]).toEqual([[['l', 'puppet/b']], ['l']])
    const strange = go(memory, say('a', 'counted', { releases: ['l'] }))!
    expect([strange.reserve, strange.release]).toEqual([[], []])
    expect(memory.holder('l')).toBe('puppet/b')
    expect(go(memory, say('b', 'ended', { releases: ['l'] }))!.release).toEqual(['l'])
  })

  test('A2: a key that another holds is refused, and then nothing has changed', () => {
    const memory = empty()
    go(memory, say('a', 'counted', { reserves: ['k'] }))
    const twice = [say('b', 'counted'), say('b', 'counted', { reserves: ['k'] })]
    expect(() => go(memory, ...twice)).toThrow(expect.objectContaining({ type: 'invariant', kind: 'reserved-twice' }))
    expect([memory.seq, memory.get(b), memory.holder('k')]).toEqual([1, undefined, 'puppet/a'])
  })

  test('a machine that fails, an unknown action, an unknown kind and an endless story are refused', () => {
    const memory = empty()
    const refused = (kind: string) => expect.objectContaining({ type: 'invariant', kind }) as Error
    expect(() => go(memory, say('a', 'counted'), say('a', 'failed'))).toThrow('broken')
    expect(() => go(memory, say('broken/a', 'counted'))).toThrow(refused('machine-error'))
    expect(() => go(memory, say('a', 'shouted'))).toThrow(refused('unknown-action'))
    expect(() => go(memory, say('stranger/a', 'counted'))).toThrow(refused('unknown-kind'))
    const endless = Array.from({ length: 200_001 }, () => say('a', 'counted', {}, 'a run long gone'))
    expect(() => step(machines, memory, endless, 7)).toThrow(refused('endless-step'))
    expect(memory.seq).toBe(0)
  })

  test('a commit carries every chain’s height as of it', () => {
    const memory = empty()
    go(memory, say('chain/litecoin', 'grown', { height: 5 }))
    go(memory, say('chain/dogecoin', 'grown', { height: 9 }))
    const commit = go(memory, say('a', 'counted'))!
    expect(commit.heights).toEqual({ litecoin: 5, dogecoin: 9 })
  })

  test('an instance is restored as it was, and tasks and versions are read off its machine', () => {
    const memory = empty()
    go(memory, say('a', 'moved'))
    expect(restore(puppet, memory.get(a)).value).toEqual({ two: 'due' })
    expect(restore(puppet, undefined).value).toBe('one')
    expect([taskOf(puppet, 'two.due'), taskOf(puppet, 'one'), versionOf(puppet)]).toEqual(['sign', null, 3])
  })
})

test("a step goes where XState's own transition goes, and one that fails leaves nothing behind for the next", () => {
  const story = ['counted', 'moved', 'moved', 'counted', 'ended'].map(type => say('b', type))
  let expected = initialTransition(puppet)[0]
  for (const { event } of story) {
    expect(() => go(empty(), say('a', 'counted'), say('a', 'failed'))).toThrow('broken')
    expected = transition(puppet, expected, event)[0]
  }
  const { entries, reserve, release } = go(empty(), ...story)!
  const { value, context, ended } = entries.at(-1)!.image
  expect([value, context, ended]).toEqual([expected.value, expected.context, expected.status === 'done'])
  expect(entries.map(({ image }) => image.id)).toEqual(story.map(({ to }) => to))
  expect([reserve, release]).toEqual([[], []])
})
