/**
 * The live instances and what finds them quickly. It is rebuilt from the ledger at boot and changed by commits only, in
 * their order; so it is always what a replay of the journal would give.
 */
import { isIdOf, kindOf, type Id, type IdOf, type Kind } from '../../machines/ids.ts'
import type { Hearing } from '../../machines/messages.ts'
import type { SpendKey } from '../../machines/vocabulary.ts'
import { chainOf, isKind, stateOf, type Commit, type Found, type Instance, type InstanceOf } from '../kernel/entry.ts'
import type { BookMemory, Worth, Worths } from '../../adapters/book-memory.ts'
import { ownerFacet, type Facet } from '../kernel/facets.ts'
import { createOrdered, type Ordered } from '../kernel/ordered.ts'
import { facetsOf } from './facets.ts'
import { createHeap, type Heap } from './heap.ts'
import type { Books } from './policy.ts'

/** The kinds that a time or a height wakes. */
type WokenByTime = Hearing<'time.passed'>
type WokenByHeight = Hearing<'height.reached'>
const WOKEN_BY_TIME: readonly WokenByTime[] = ['account', 'transfer', 'withdrawal']
const WOKEN_BY_HEIGHT: readonly WokenByHeight[] = ['coin', 'deposit', 'movement', 'transfer']

/** Told of every change, in order: `after` is ended when the instance has just left memory. */
export type Observer = (before: Instance | undefined, after: Instance) => void

/** Every instance that has not ended, and the indexes over them. */
export interface LiveMemory extends BookMemory {
  apply(commit: Commit): void
  all(): Iterable<Instance>
  reservations(): Iterable<[SpendKey, Id]>
  /** The first `limit` of those with a seq above `after`, by seq; looks through all of them for those that `keep` keeps. */
  page<K extends Kind>(kind: K, query: LiveQuery, keep?: (instance: InstanceOf<K>) => boolean): InstanceOf<K>[]
  /** The last `limit` of those with a seq below `after`, the latest first; 0 for all. */
  latest<K extends Kind>(kind: K, query: LiveQuery, keep?: (instance: InstanceOf<K>) => boolean): InstanceOf<K>[]
  count(kind: Kind, chain: string, state: string): number
  /** How many live instances of each kind, chain and state there are. */
  counts(): { kind: Kind; chain: string; state: string; count: number }[]
  /** Takes those of a chain that are to be looked at again, at most `limit`. */
  takeRevisited(chain: string, limit: number): Id[]
  /** Takes the ids whose dueAt has come, at most `limit`. */
  takeDue(now: number, limit: number): IdOf<WokenByTime>[]
  /** When the next one is due, or null. */
  nextDue(): number | null
  /** Whether anybody of a chain may wake at this height, or is to be looked at again. */
  isAnyoneDue(chain: string, height: number): boolean
  /** Takes the ids of a chain whose dueHeight has come. */
  takeDueHeight(chain: string, height: number): IdOf<WokenByHeight>[]
  /** Puts back what was taken and could not be stepped. */
  postpone(ids: readonly IdOf<WokenByTime>[], until: number): void
  /** The same for what was taken at a height. */
  returnDueHeight(chain: string, ids: readonly IdOf<WokenByHeight>[], height: number): void
  observe(observer: Observer): void
}

/** Of one chain and one top-level state where said. */
export interface LiveQuery {
  chain?: string | undefined
  state?: string | undefined
  /** Of its owner, as the backend names it. */
  reference?: string | undefined
  after: number
  limit: number
}

interface State {
  seq: number
  heights: Record<string, number>
  live: Map<Id, Instance>
  holders: Map<SpendKey, Id>
  /** Most find one. */
  facets: Map<Facet, Id | Set<Id>>
  /** By seq. */
  lists: Map<string, Ordered<Instance>>
  worths: Map<string, Worths & { order: Ordered<Worth> }>
  due: Heap<IdOf<WokenByTime>>
  dueHeights: Map<string, Heap<IdOf<WokenByHeight>>>
  /** By chain: who is to be looked at again. */
  revisited: Map<string, Set<Id>>
  books: Books
  observers: Observer[]
}

const listKey = (instance: Instance): string => `${kindOf(instance.id)}|${chainOf(instance)}|${stateOf(instance)}`

function place(state: State, facet: Facet, id: Id): void {
  const ids = state.facets.get(facet)
  if (ids === undefined) state.facets.set(facet, id)
  else if (typeof ids === 'string') state.facets.set(facet, new Set([ids, id]))
  else ids.add(id)
}

function displace(state: State, facet: Facet, id: Id): void {
  const ids = state.facets.get(facet)
  if (ids === id) state.facets.delete(facet)
  if (ids === undefined || typeof ids === 'string') return
  ids.delete(id)
  if (ids.size === 0) state.facets.delete(facet)
}

function idsOf(state: State, facet: Facet): Iterable<Id> {
  const ids = state.facets.get(facet) ?? []
  return typeof ids === 'string' ? [ids] : ids
}

function firstOf(state: State, facet: Facet): Id | undefined {
  const ids = state.facets.get(facet)
  return typeof ids === 'object' ? ids.values().next().value : ids
}

function reindex(state: State, before: Instance | undefined, after: Instance): void {
  if (before === undefined) {
    for (const facet of facetsOf(state.books, after)) place(state, facet, after.id)
    return
  }
  const old = new Set(facetsOf(state.books, before))
  const now = new Set(facetsOf(state.books, after))
  for (const facet of old) if (!now.has(facet)) displace(state, facet, after.id)
  for (const facet of now) if (!old.has(facet)) place(state, facet, after.id)
}

function noteRevisits(state: State, before: Instance | undefined, after: Instance): void {
  const chain = chainOf(after)
  const ids = state.books[chain]?.book.revisits(before, after) ?? []
  if (ids.length === 0) return
  const revisited = state.revisited.get(chain) ?? new Set<Id>()
  state.revisited.set(chain, revisited)
  for (const id of ids) revisited.add(id)
}

function takeRevisited({ revisited }: State, chain: string, limit: number): Id[] {
  const ids = revisited.get(chain) ?? new Set<Id>()
  const taken: Id[] = []
  for (const id of ids) {
    if (taken.length >= limit) break
    ids.delete(id)
    taken.push(id)
  }
  return taken
}

/** The list under this key, which begins empty. */
function listIn(state: State, key: string): Ordered<Instance> {
  const known = state.lists.get(key)
  if (known !== undefined) return known
  const list = createOrdered<Instance>(bySeq)
  state.lists.set(key, list)
  return list
}

const bySeq = (a: { seq: number }, b: { seq: number }): number => a.seq - b.seq

function relist(state: State, before: Instance | undefined, after: Instance): void {
  if (before !== undefined) state.lists.get(listKey(before))?.remove(before)
  if (!after.ended) listIn(state, listKey(after)).add(after)
}

function worthOf({ books }: State, instance: Instance | undefined): Worth | null {
  if (instance === undefined || instance.ended) return null
  const worth = books[chainOf(instance)]?.book.worth(instance) ?? null
  return worth === null ? null : { ...worth, instance }
}

function byAmount(a: Worth, b: Worth): number {
  if (a.amount !== b.amount) return a.amount < b.amount ? -1 : 1
  return a.instance.id === b.instance.id ? 0 : a.instance.id < b.instance.id ? -1 : 1
}

function worthsOf(state: State, chain: string) {
  const known = state.worths.get(chain)
  if (known !== undefined) return known
  const none = { order: createOrdered(byAmount), ready: 0n }
  state.worths.set(chain, none)
  return none
}

const readyIn = ({ amount, isReady }: Worth): bigint => (isReady ? amount : 0n)

function reprice(state: State, before: Instance | undefined, after: Instance): void {
  const [old, now] = [worthOf(state, before), worthOf(state, after)]
  if (old === null && now === null) return
  const worths = worthsOf(state, chainOf(after))
  if (old !== null) {
    worths.order.remove(old)
    worths.ready -= readyIn(old)
  }
  if (now !== null) {
    worths.order.add(now)
    worths.ready += readyIn(now)
  }
}

/** What a state did not care for when it was due may matter in the next state, so a new state is scheduled anew. */
function reschedule(state: State, before: Instance | undefined, { id, value, context, ended }: Instance): void {
  if (ended) return
  const { chain, dueAt, dueHeight } = context
  const isNew = before?.value !== value
  if (dueAt !== null && isIdOf(WOKEN_BY_TIME, id) && (isNew || before.context.dueAt !== dueAt))
    state.due.push(dueAt, id)
  if (dueHeight !== null && isIdOf(WOKEN_BY_HEIGHT, id) && (isNew || before.context.dueHeight !== dueHeight))
    heightsOf(state, chain).push(dueHeight, id)
}

function heightsOf(state: State, chain: string): Heap<IdOf<WokenByHeight>> {
  const known = state.dueHeights.get(chain)
  if (known !== undefined) return known
  const heap = createHeap<IdOf<WokenByHeight>>()
  state.dueHeights.set(chain, heap)
  return heap
}

function admit(state: State, after: Instance): void {
  const before = state.live.get(after.id)
  reindex(state, before, after)
  relist(state, before, after)
  reprice(state, before, after)
  reschedule(state, before, after)
  noteRevisits(state, before, after)
  if (after.ended) state.live.delete(after.id)
  else state.live.set(after.id, after)
  for (const observer of state.observers) observer(before, after)
}

function apply(state: State, commit: Commit): void {
  for (const { image } of commit.entries) admit(state, image)
  for (const key of commit.release) state.holders.delete(key)
  for (const [key, id] of commit.reserve) state.holders.set(key, id)
  state.seq += commit.entries.length
  state.heights = commit.heights
}

/** Pops what is due and still means it; what has changed its mind since is dropped. */
function take<I extends Id>(
  state: State,
  heap: Heap<I> | undefined,
  field: 'dueAt' | 'dueHeight',
  now: number,
  limit: number,
): I[] {
  const ids: I[] = []
  for (let top = heap?.peek(); top !== undefined && top.at <= now && ids.length < limit; top = heap?.peek()) {
    heap!.pop()
    const due = state.live.get(top.id)?.context[field]
    if (due !== null && due !== undefined && due <= now) ids.push(top.id)
  }
  return [...new Set(ids)]
}

interface ListKey {
  kind: Kind
  chain: string
  state: string
}

function readListKey(key: string): ListKey {
  const [kind, chain, state] = key.split('|')
  return { kind: kind as Kind, chain: chain!, state: state! }
}

/** Lists are kept by kind, so what is in one is of that kind. */
function list<K extends Kind>(state: State, kind: K, chain?: string, wanted?: string): InstanceOf<K>[] {
  const found: Instance[] = []
  for (const [key, instances] of state.lists) {
    const its = readListKey(key)
    if (its.kind !== kind || (chain !== undefined && its.chain !== chain)) continue
    if (wanted === undefined || its.state === wanted) for (const instance of instances.upwards()) found.push(instance)
  }
  return found.sort(bySeq) as InstanceOf<K>[]
}

type Keep<K extends Kind> = (instance: InstanceOf<K>) => boolean

/** Of those that name this owner. */
function ofOwner(state: State, kind: Kind, reference: string, { chain, state: wanted }: LiveQuery): Instance[] {
  const found: Instance[] = []
  for (const id of idsOf(state, ownerFacet(reference))) {
    const instance = state.live.get(id)!
    if (!isKind(instance, kind) || (chain !== undefined && chainOf(instance) !== chain)) continue
    if (wanted === undefined || stateOf(instance) === wanted) found.push(instance)
  }
  return found.sort(bySeq)
}

/** Each in the order of seq. */
function* listsOf(state: State, kind: Kind, { chain, state: wanted }: LiveQuery): Generator<Ordered<Instance>> {
  for (const [key, instances] of state.lists) {
    const its = readListKey(key)
    if (its.kind !== kind || (chain !== undefined && its.chain !== chain)) continue
    if (wanted === undefined || its.state === wanted) yield instances
  }
}

function firstOfThem<K extends Kind>(instances: Iterable<Instance>, kind: K, limit: number, keep: Keep<K>) {
  const found: InstanceOf<K>[] = []
  for (const instance of instances) {
    if (found.length === limit) break
    if (isKind(instance, kind) && keep(instance)) found.push(instance)
  }
  return found
}

function page<K extends Kind>(state: State, kind: K, query: LiveQuery, keep: Keep<K> = () => true): InstanceOf<K>[] {
  const { reference, after, limit } = query
  const isAfter = ({ seq }: Instance): boolean => seq > after
  const parts =
    reference === undefined
      ? [...listsOf(state, kind, query)].map(instances => instances.from(isAfter))
      : [ofOwner(state, kind, reference, query).filter(isAfter)]
  const found = parts.flatMap(part => firstOfThem(part, kind, limit, keep))
  return found.sort(bySeq).slice(0, limit)
}

function latest<K extends Kind>(state: State, kind: K, query: LiveQuery, keep: Keep<K> = () => true): InstanceOf<K>[] {
  const { reference, limit } = query
  const end = query.after === 0 ? Infinity : query.after
  const isBehind = ({ seq }: Instance): boolean => seq >= end
  const parts =
    reference === undefined
      ? [...listsOf(state, kind, query)].map(instances => instances.downwards(isBehind))
      : [
          ofOwner(state, kind, reference, query)
            .filter(instance => !isBehind(instance))
            .reverse(),
        ]
  const found = parts.flatMap(part => firstOfThem(part, kind, limit, keep))
  return found.sort((a, b) => b.seq - a.seq).slice(0, limit)
}

const counts = (state: State) =>
  [...state.lists].map(([key, instances]) => ({ ...readListKey(key), count: instances.size }))

/** What a ledger gives at the start. */
export interface Loaded {
  seq: number
  heights: Record<string, number>
  live: Instance[]
  reservations: [SpendKey, Id][]
}

/** Changed by `apply` alone. `books`: of the chains that are followed. */
export function createMemory(loaded: Loaded, books: Books = {}): LiveMemory {
  const state: State = {
    seq: loaded.seq,
    heights: { ...loaded.heights },
    live: new Map(),
    holders: new Map(loaded.reservations),
    facets: new Map(),
    lists: new Map(),
    worths: new Map(),
    due: createHeap(),
    dueHeights: new Map(),
    revisited: new Map(),
    books,
    observers: [],
  }
  for (const instance of [...loaded.live].sort(bySeq)) admit(state, instance)
  return {
    get seq() {
      return state.seq
    },
    get heights() {
      return state.heights
    },
    get: <I extends Id>(id: I) => state.live.get(id) as Found<I> | undefined,
    holder: key => state.holders.get(key),
    apply: commit => apply(state, commit),
    all: () => state.live.values(),
    reservations: () => state.holders.entries(),
    worths: chain => worthsOf(state, chain),
    list: (kind, chain, wanted) => list(state, kind, chain, wanted),
    page: (kind, query, keep) => page(state, kind, query, keep),
    latest: (kind, query, keep) => latest(state, kind, query, keep),
    count: (kind, chain, wanted) => state.lists.get(`${kind}|${chain}|${wanted}`)?.size ?? 0,
    counts: () => counts(state),
    find: <K extends Kind>(facet: Facet<K>) => [...idsOf(state, facet)] as IdOf<K>[],
    one: <K extends Kind>(facet: Facet<K>) => firstOf(state, facet) as IdOf<K> | undefined,
    takeRevisited: (chain, limit) => takeRevisited(state, chain, limit),
    takeDue: (now, limit) => take(state, state.due, 'dueAt', now, limit),
    nextDue: () => state.due.peek()?.at ?? null,
    isAnyoneDue: (chain, height) =>
      (state.revisited.get(chain)?.size ?? 0) > 0 || (state.dueHeights.get(chain)?.peek()?.at ?? Infinity) <= height,
    takeDueHeight: (chain, height) => take(state, state.dueHeights.get(chain), 'dueHeight', height, Infinity),
    postpone: (ids, until) => ids.forEach(id => state.due.push(until, id)),
    returnDueHeight: (chain, ids, height) => ids.forEach(id => heightsOf(state, chain).push(height, id)),
    observe(observer) {
      state.observers.push(observer)
      for (const instance of state.live.values()) observer(undefined, instance)
    },
  }
}
