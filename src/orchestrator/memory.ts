/**
 * The live instances and what finds them quickly. It is rebuilt from the ledger at boot and changed by commits only, in
 * their order; so it is always what a replay of the journal would give.
 */
import { isIdOf, kindOf, transactionOf, type Id, type IdOf, type Kind } from '../../machines/ids.ts'
import type { Hearing } from '../../machines/messages.ts'
import type { SpendKey } from '../../machines/vocabulary.ts'
import { chainOf, isKind, stateOf, type Commit, type Found, type Instance, type InstanceOf } from '../kernel/entry.ts'
import type { Memory } from '../kernel/step.ts'
import { createOrdered, type Ordered } from '../kernel/ordered.ts'
import { facetsOf, ownerFacet, type Facet, type FoundBy } from './facets.ts'
import { createHeap, type Heap } from './heap.ts'

/** The kinds that a time or a height wakes. */
type WokenByTime = Hearing<'time.passed'>
type WokenByHeight = Hearing<'height.reached'>
const WOKEN_BY_TIME: readonly WokenByTime[] = ['account', 'withdrawal']
const WOKEN_BY_HEIGHT: readonly WokenByHeight[] = ['coin', 'deposit', 'transfer']

/** Told of every change, in order: `after` is ended when the instance has just left memory. */
export type Observer = (before: Instance | undefined, after: Instance) => void

/** Every instance that has not ended, and the indexes over them. */
export interface LiveMemory extends Memory {
  apply(commit: Commit): void
  all(): Iterable<Instance>
  reservations(): Iterable<[SpendKey, Id]>
  /** The chain's coins that nobody holds, in blocks and not, by amount. Not to be changed or kept. */
  freeCoins(chain: string): FreeCoins
  /** Live instances of a kind, by seq; of one chain and one top-level state where said. */
  list<K extends Kind>(kind: K, chain?: string, state?: string): InstanceOf<K>[]
  /** The first `limit` of those with a seq above `after`, by seq. */
  page<K extends Kind>(kind: K, query: LiveQuery): InstanceOf<K>[]
  count(kind: Kind, chain: string, state: string): number
  /** How many live instances of each kind, chain and state there are. */
  counts(): { kind: Kind; chain: string; state: string; count: number }[]
  /** Who has this facet: facets.ts. */
  find<F extends Facet>(facet: F): FoundBy<F>[]
  /** One of those who have this facet, or undefined. */
  one<F extends Facet>(facet: F): FoundBy<F> | undefined
  /** Takes transactions of a chain of which less may live than before, at most `limit`. */
  takeLeft(chain: string, limit: number): IdOf<'transaction'>[]
  /** Takes the ids whose dueAt has come, at most `limit`. */
  takeDue(now: number, limit: number): IdOf<WokenByTime>[]
  /** When the next one is due, or null. */
  nextDue(): number | null
  /** Takes the ids of a chain whose dueHeight has come. */
  takeDueHeight(chain: string, height: number): IdOf<WokenByHeight>[]
  /** Puts back what was taken and could not be stepped. */
  postpone(ids: readonly IdOf<WokenByTime>[], until: number): void
  /** The same for what was taken at a height. */
  returnDueHeight(chain: string, ids: readonly IdOf<WokenByHeight>[], height: number): void
  observe(observer: Observer): void
}

/** The coins of a chain that nobody holds. */
export interface FreeCoins {
  /** By amount, then by id. */
  order: Ordered<FreeCoin>
  /** What those come to that are in state `spendable`. */
  spendable: bigint
}

/** A coin that nobody holds, with its amount read once. */
export interface FreeCoin {
  amount: bigint
  coin: InstanceOf<'coin'>
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
  freeCoins: Map<string, FreeCoins>
  due: Heap<IdOf<WokenByTime>>
  dueHeights: Map<string, Heap<IdOf<WokenByHeight>>>
  /** By chain: transactions of which less may live than before. */
  left: Map<string, Set<IdOf<'transaction'>>>
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
    for (const facet of facetsOf(after)) place(state, facet, after.id)
    return
  }
  const old = new Set(facetsOf(before))
  const now = new Set(facetsOf(after))
  for (const facet of old) if (!now.has(facet)) displace(state, facet, after.id)
  for (const facet of now) if (!old.has(facet)) place(state, facet, after.id)
}

function leftOf(state: State, chain: string): Set<IdOf<'transaction'>> {
  const known = state.left.get(chain)
  if (known !== undefined) return known
  const ids = new Set<IdOf<'transaction'>>()
  state.left.set(chain, ids)
  return ids
}

/** A transaction is new, or something that it has paid has ended or has come into a block: then what it stands on may be needed no more. */
function noteLeft(state: State, before: Instance | undefined, after: Instance): void {
  if (isKind(after, 'transaction')) {
    const ids = leftOf(state, chainOf(after))
    if (after.ended) ids.delete(after.id)
    else if (before === undefined) ids.add(after.id)
  }
  if (before === undefined || (!isKind(after, 'coin') && !isKind(after, 'deposit'))) return
  const { chain, transactionId, place } = after.context
  const hadPlace = 'place' in before.context && before.context.place !== null
  if (after.ended || (place !== null && !hadPlace)) leftOf(state, chain).add(transactionOf(chain, transactionId))
}

function takeLeft(state: State, chain: string, limit: number): IdOf<'transaction'>[] {
  const ids = leftOf(state, chain)
  const taken: IdOf<'transaction'>[] = []
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

const FREE: readonly string[] = ['spendable', 'unconfirmed']

function freeCoin(instance: Instance | undefined): FreeCoin | null {
  const isFree = instance !== undefined && isKind(instance, 'coin') && FREE.includes(stateOf(instance))
  return isFree ? { amount: BigInt(instance.context.amount), coin: instance } : null
}

function byAmount(a: FreeCoin, b: FreeCoin): number {
  if (a.amount !== b.amount) return a.amount < b.amount ? -1 : 1
  return a.coin.id === b.coin.id ? 0 : a.coin.id < b.coin.id ? -1 : 1
}

function freeCoinsOf(state: State, chain: string): FreeCoins {
  const known = state.freeCoins.get(chain)
  if (known !== undefined) return known
  const none: FreeCoins = { order: createOrdered(byAmount), spendable: 0n }
  state.freeCoins.set(chain, none)
  return none
}

const spendableIn = ({ amount, coin }: FreeCoin): bigint => (coin.value === 'spendable' ? amount : 0n)

function reprice(state: State, before: Instance | undefined, after: Instance): void {
  if (!isKind(after, 'coin')) return
  const [old, now] = [freeCoin(before), freeCoin(after.ended ? undefined : after)]
  const free = freeCoinsOf(state, chainOf(after))
  if (old !== null) {
    free.order.remove(old)
    free.spendable -= spendableIn(old)
  }
  if (now !== null) {
    free.order.add(now)
    free.spendable += spendableIn(now)
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
  noteLeft(state, before, after)
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

/** Of those that name this owner. */
function pageOfOwner<K extends Kind>(
  state: State,
  kind: K,
  reference: string,
  { chain, state: wanted, after, limit }: Omit<LiveQuery, 'reference'>,
): InstanceOf<K>[] {
  const found: InstanceOf<K>[] = []
  for (const id of idsOf(state, ownerFacet(reference))) {
    const instance = state.live.get(id)!
    if (!isKind(instance, kind) || instance.seq <= after) continue
    if (chain !== undefined && chainOf(instance) !== chain) continue
    if (wanted === undefined || stateOf(instance) === wanted) found.push(instance)
  }
  return found.sort(bySeq).slice(0, limit)
}

/** Each list is in the order of seq already. */
function page<K extends Kind>(
  state: State,
  kind: K,
  { chain, state: wanted, reference, after, limit }: LiveQuery,
): InstanceOf<K>[] {
  if (reference !== undefined) return pageOfOwner(state, kind, reference, { chain, state: wanted, after, limit })
  const found: InstanceOf<K>[] = []
  for (const [key, instances] of state.lists) {
    const its = readListKey(key)
    if (its.kind !== kind || (chain !== undefined && its.chain !== chain)) continue
    if (wanted !== undefined && its.state !== wanted) continue
    let left = limit
    for (const instance of instances.from(({ seq }) => seq > after)) {
      if (left === 0) break
      if (!isKind(instance, kind)) continue
      found.push(instance)
      left--
    }
  }
  return found.sort(bySeq).slice(0, limit)
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

/** Changed by `apply` alone. */
export function createMemory(loaded: Loaded): LiveMemory {
  const state: State = {
    seq: loaded.seq,
    heights: { ...loaded.heights },
    live: new Map(),
    holders: new Map(loaded.reservations),
    facets: new Map(),
    lists: new Map(),
    freeCoins: new Map(),
    due: createHeap(),
    dueHeights: new Map(),
    left: new Map(),
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
    freeCoins: chain => freeCoinsOf(state, chain),
    list: (kind, chain, wanted) => list(state, kind, chain, wanted),
    page: (kind, query) => page(state, kind, query),
    count: (kind, chain, wanted) => state.lists.get(`${kind}|${chain}|${wanted}`)?.size ?? 0,
    counts: () => counts(state),
    find: <F extends Facet>(facet: F) => [...idsOf(state, facet)] as FoundBy<F>[],
    one: <F extends Facet>(facet: F) => firstOf(state, facet) as FoundBy<F> | undefined,
    takeLeft: (chain, limit) => takeLeft(state, chain, limit),
    takeDue: (now, limit) => take(state, state.due, 'dueAt', now, limit),
    nextDue: () => state.due.peek()?.at ?? null,
    takeDueHeight: (chain, height) => take(state, state.dueHeights.get(chain), 'dueHeight', height, Infinity),
    postpone: (ids, until) => ids.forEach(id => state.due.push(until, id)),
    returnDueHeight: (chain, ids, height) => ids.forEach(id => heightsOf(state, chain).push(height, id)),
    observe(observer) {
      state.observers.push(observer)
      for (const instance of state.live.values()) observer(undefined, instance)
    },
  }
}
