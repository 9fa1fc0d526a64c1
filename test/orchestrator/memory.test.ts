import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Commit, type Instance, stateOf } from '../../src/kernel/entry.ts'
import { isIdOf, transferId, withdrawalId, type Id, type Kind } from '../../machines/ids.ts'
import type { Json } from '../../machines/vocabulary.ts'
import { childFacet, inputFacet, outputFacet } from '../../adapters/bitcoin/lineage.ts'
import { blockFacet, ownerFacet, referenceFacet, transactionFacet } from '../../src/kernel/facets.ts'
import { facetsOf } from '../../src/orchestrator/facets.ts'
import { policy } from './rig.ts'
import { createHeap } from '../../src/orchestrator/heap.ts'
import { untypedInstance } from '../kernel/untyped.ts'
import { claim } from '../../src/kernel/untyped.ts'
import { createMemory, type LiveQuery } from '../../src/orchestrator/memory.ts'

const books = { litecoin: policy }

/** Of any kind, with as much of its context as memory reads of it. */
const instance = (id: Id, value: string, context: Record<string, Json>, seq = 1): Instance =>
  untypedInstance({
    ...{ id, version: 1, value, revision: 1, seq, at: 0, entered: seq, ended: value === 'ended' },
    context: { chain: 'litecoin', failures: 0, dueAt: null, dueHeight: null, ...context },
  })

describe('heap', () => {
  test('answers whatever was pushed, the lowest first, ties by id', () => {
    const operation = fc.option(fc.tuple(fc.integer({ min: 0, max: 20 }), fc.constantFrom('a', 'b', 'c')), { freq: 2 })
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 200 }), operations => {
        const heap = createHeap()
        let model: { at: number; id: string }[] = []
        for (const one of operations) {
          if (one !== null) {
            heap.push(...one)
            model.push({ at: one[0], id: one[1] })
            model.sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
          } else {
            expect(heap.peek()).toEqual(model[0])
            expect(heap.pop()).toEqual(model[0])
            model = model.slice(1)
          }
        }
      }),
    )
  })
})

describe('facets', () => {
  const placed = (height: number) => ({ height, hash: `b${height}` })

  test('tie an instance to its own block, to its conflict’s and to that of its spend', () => {
    const context = {
      place: placed(1),
      conflict: placed(2),
      spent: { transaction: 't', place: placed(3) },
      transactionId: 't',
    }
    expect(facetsOf(books, instance('coin/a', 'reserved', context))).toEqual([
      ...[1, 2, 3].map(height => blockFacet('litecoin', `b${height}`)),
      outputFacet('transaction/litecoin:t'),
    ])
  })

  test('find a transaction by what it spends and by whose outputs these are, each once', () => {
    const inputs = ['litecoin:p:0', 'litecoin:p:1']
    expect(facetsOf(books, instance('transaction/litecoin:t', 'known', { inputs }))).toEqual([
      ...inputs.map(inputFacet),
      childFacet('transaction/litecoin:p'),
    ])
  })

  test('find an attempt by its transaction and an address by its reference, and nobody else by these', () => {
    const context = { transactionId: 't', reference: 'alice' }
    expect(facetsOf(books, instance('attempt/a:1', 'signed', context))).toEqual([transactionFacet('litecoin', 't')])
    expect(facetsOf(books, instance('address/litecoin:1', 'assigned', context))).toEqual([
      referenceFacet('litecoin', 'alice'),
      ownerFacet('alice'),
    ])
    expect(facetsOf(books, instance('withdrawal/w', 'paying', context))).toEqual([])
  })

  test('are none for what has ended or was never there', () => {
    expect(facetsOf(books, instance('coin/a', 'ended', { place: placed(1), inputs: ['k'] }))).toEqual([])
    expect(facetsOf(books, undefined)).toEqual([])
  })
})

interface Change {
  id: Id
  value: string
  chain: string
  dueAt: number | null
  dueHeight: number | null
  input: string
}

const change: fc.Arbitrary<Change> = fc.record({
  id: fc.constantFrom<Id[]>('coin/a', 'coin/b', 'deposit/a', 'deposit/b', 'withdrawal/w'),
  value: fc.constantFrom('one', 'two.due', 'two.delayed', 'ended'),
  chain: fc.constant('litecoin'),
  dueAt: fc.option(fc.integer({ min: 0, max: 9 })),
  dueHeight: fc.option(fc.integer({ min: 0, max: 9 })),
  input: fc.constantFrom('k1', 'k2'),
})
const key = fc.constantFrom('s1', 's2', 's3')

/** The commits that these changes make, and what a naive replay of them holds. */
function play(history: { changes: Change[]; reserve: string[]; release: string[] }[]) {
  const memory = createMemory({ seq: 0, heights: {}, live: [], reservations: [] }, books)
  const live = new Map<Id, Instance>()
  const holders = new Map<string, Id>()
  const commits: Commit[] = []
  let seq = 0
  for (const { changes, reserve, release } of history) {
    const entries = changes.map(({ id, value, input, ...context }) => {
      const image = instance(id, value, { ...context, inputs: [input], place: null }, ++seq)
      if (image.ended) live.delete(id)
      else live.set(id, image)
      return { seq, prev: null, event: 'e', from: null, to: value, image }
    })
    const keys = [...new Set(reserve)]
    for (const one of release) holders.delete(one)
    for (const one of keys) holders.set(one, transferId(one))
    const reserved = keys.map((one): [string, Id] => [one, transferId(one)])
    const commit = { at: 0, heights: { litecoin: seq }, entries, reserve: reserved, release }
    commits.push(commit)
    memory.apply(commit)
  }
  return { memory, live: [...live.values()].sort((a, b) => a.seq - b.seq), holders, seq, commits }
}

const histories = fc.array(
  fc.record({
    changes: fc.array(change, { minLength: 1, maxLength: 5 }),
    reserve: fc.array(key),
    release: fc.array(key),
  }),
  { maxLength: 20 },
)

describe('memory', () => {
  test('holds, lists, counts, finds and reserves what a naive replay of the same commits does', () => {
    fc.assert(
      fc.property(histories, history => {
        const { memory, live, holders, seq } = play(history)
        expect(memory.seq).toBe(seq)
        expect([...memory.all()].sort((a, b) => a.seq - b.seq)).toEqual(live)
        expect(new Map(memory.reservations())).toEqual(holders)
        for (const one of ['s1', 's2', 's3']) expect(memory.holder(one)).toBe(holders.get(one))
        for (const kind of ['coin', 'deposit', 'withdrawal'] as const) {
          const ofKind = live.filter(({ id }) => id.startsWith(`${kind}/`))
          expect(memory.list(kind)).toEqual(ofKind)
          for (const state of ['one', 'two']) {
            const wanted = ofKind.filter(one => stateOf(one) === state)
            expect(memory.list(kind, 'litecoin', state)).toEqual(wanted)
            expect(memory.count(kind, 'litecoin', state)).toBe(wanted.length)
          }
          expect(memory.list(kind, 'dogecoin')).toEqual([])
        }
        for (const input of ['k1', 'k2']) {
          const wanted = live.filter(one => facetsOf(books, one).includes(inputFacet(input))).map(({ id }) => id)
          expect(memory.find(inputFacet(input)).sort()).toEqual(wanted.sort())
        }
      }),
    )
  })

  const coins = fc.record({
    id: fc.constantFrom<Id[]>('coin/a', 'coin/b', 'coin/c', 'coin/d'),
    value: fc.constantFrom('unconfirmed', 'spendable', 'reserved', 'ended'),
    amount: fc.constantFrom('5', '5', '40', '300', '9007199254740993'),
    chain: fc.constant('litecoin'),
  })

  test('knows the coins that nobody holds by their amounts, and what the spendable ones come to', () => {
    const byAmount = (a: Instance, b: Instance) => {
      const [x, y] = [a, b].map(({ context }) => BigInt(claim<{ amount: string }>(context).amount))
      return x! < y! ? -1 : x! > y! ? 1 : a.id < b.id ? -1 : 1
    }
    fc.assert(
      fc.property(fc.array(coins, { maxLength: 40 }), changes => {
        const memory = createMemory({ seq: 0, heights: {}, live: [], reservations: [] }, books)
        const live = new Map<Id, Instance>()
        for (const [n, { id, value, ...context }] of changes.entries()) {
          const image = instance(id, value, { ...context, inputs: [], place: null }, n + 1)
          if (image.ended) live.delete(id)
          else live.set(id, image)
          const entry = { seq: n + 1, prev: null, event: 'e', from: null, to: value, image }
          memory.apply({ at: 0, heights: {}, entries: [entry], reserve: [], release: [] })
        }
        const free = [...live.values()].filter(({ value }) => value !== 'reserved').sort(byAmount)
        const { order, ready } = memory.worths('litecoin')
        expect([...order.upwards()].map(one => one.instance)).toEqual(free)
        const ripe = free.filter(({ value }) => value === 'spendable')
        const amounts = ripe.map(({ context }) => BigInt(claim<{ amount: string }>(context).amount))
        expect(ready).toBe(amounts.reduce((sum, amount) => sum + amount, 0n))
      }),
    )
  })

  test('answers a page from where it is asked to, of one owner where that is said', () => {
    const owned = fc.record({
      id: fc.constantFrom<Id[]>('deposit/a', 'deposit/b', 'deposit/c', 'address/litecoin:1'),
      value: fc.constantFrom('one', 'two.due', 'ended'),
      reference: fc.constantFrom('alice', 'bob', null),
    })
    const query = fc.record({ after: fc.integer({ min: 0, max: 20 }), limit: fc.integer({ min: 1, max: 3 }) })
    const check = (changes: { id: Id; value: string; reference: string | null }[], { after, limit }: LiveQuery) => {
      const memory = createMemory({ seq: 0, heights: {}, live: [], reservations: [] }, books)
      for (const [n, { id, value, reference }] of changes.entries()) {
        const image = instance(id, value, { chain: 'litecoin', reference, place: null, inputs: [] }, n + 1)
        const entry = { seq: n + 1, prev: null, event: 'e', from: null, to: value, image }
        memory.apply({ at: 0, heights: {}, entries: [entry], reserve: [], release: [] })
      }
      const behind = memory.list('deposit').filter(({ seq }) => seq > after)
      expect(memory.page('deposit', { after, limit })).toEqual(behind.slice(0, limit))
      for (const reference of ['alice', 'bob']) {
        const its = behind.filter(({ context }) => context.reference === reference)
        expect(memory.page('deposit', { after, limit, reference })).toEqual(its.slice(0, limit))
        const due = its.filter(one => stateOf(one) === 'two')
        expect(memory.page('deposit', { after, limit, reference, state: 'two' })).toEqual(due.slice(0, limit))
        expect(memory.page('deposit', { after, limit, reference, chain: 'dogecoin' })).toEqual([])
      }
    }
    fc.assert(fc.property(fc.array(owned, { maxLength: 20 }), query, check))
  })

  test('wakes whoever is due and hears of it, once, and nobody else; what a start loads wakes the same', () => {
    fc.assert(
      fc.property(histories, fc.integer({ min: 0, max: 9 }), (history, now) => {
        const { memory, live, seq, holders } = play(history)
        const again = createMemory({ seq, heights: {}, live, reservations: [...holders] }, books)
        const due = (field: 'dueAt' | 'dueHeight', ...kinds: Kind[]) =>
          live
            .filter(({ id, context }) => isIdOf(kinds, id) && context[field] !== null && context[field] <= now)
            .map(({ id }) => id)
        for (const one of [memory, again]) {
          expect(one.takeDue(now, 100).sort()).toEqual(due('dueAt', 'withdrawal').sort())
          expect(one.takeDue(now, 100)).toEqual([])
          expect(one.takeDueHeight('litecoin', now).sort()).toEqual(due('dueHeight', 'coin', 'deposit').sort())
          expect(one.takeDueHeight('litecoin', now)).toEqual([])
        }
      }),
    )
  })

  test('takes no more than it is asked for, and what is postponed comes again', () => {
    const [a, b, c] = [withdrawalId('a'), withdrawalId('b'), withdrawalId('c')]
    const live = [a, b, c].map((id, i) => instance(id, 'one', { dueAt: 5 }, i + 1))
    const memory = createMemory({ seq: 3, heights: {}, live, reservations: [] })
    expect(memory.nextDue()).toBe(5)
    expect(memory.takeDue(4, 10)).toEqual([])
    expect(memory.takeDue(5, 2)).toEqual([a, b])
    memory.postpone([a, b], 7)
    expect(memory.takeDue(5, 10)).toEqual([c])
    expect(memory.nextDue()).toBe(7)
    expect(memory.takeDue(7, 10)).toEqual([a, b])
    expect(memory.nextDue()).toBeNull()
  })

  test('an observer hears of what is there and of every change, in order', () => {
    const memory = createMemory({
      seq: 1,
      heights: {},
      live: [instance('coin/a', 'one', { inputs: [] })],
      reservations: [],
    })
    const heard: string[] = []
    memory.observe((before, after) => heard.push(`${after.id} ${before?.value ?? '-'} ${after.value}`))
    const image = instance('coin/a', 'ended', {}, 2)
    const entry = { seq: 2, prev: 1, event: 'e', from: 'one', to: 'ended', image }
    memory.apply({ at: 0, heights: {}, entries: [entry], reserve: [], release: [] })
    expect(heard).toEqual(['coin/a - one', 'coin/a one ended'])
  })
})
