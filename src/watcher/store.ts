/**
 * Reads of instances wherever they are: live in memory, or ended and in the archive. Nothing is shown before it is
 * durable: what memory holds is read at once, and answered when its commits are on disk.
 */
import type { Id, Kind } from '../../machines/ids.ts'
import { firstThatAsync } from '../kernel/bisect.ts'
import type { Archive, Query } from '../ledger/engine.ts'
import { isNamed } from '../ledger/named.ts'
import type { Found, Instance, InstanceOf, Recorded } from '../kernel/entry.ts'
import type { Orchestrator } from '../orchestrator/orchestrator.ts'

export interface ListQuery<K extends Kind> {
  kind: K
  chain?: string | undefined
  state?: string | undefined
  reference?: string | undefined
  transactionId?: string | undefined
  address?: string | undefined
  /** Of the last change, by the watcher's clock: not before, and before. Milliseconds since 1970 UTC. */
  from?: number | undefined
  to?: number | undefined
  /** By last change; the one that changed longest ago comes first unless said. */
  order?: 'oldest' | 'newest'
  /** 0, or `next` of the page before in the same order. */
  after: number
  limit: number
}

/** A part of a list. */
export interface StoredPage<K extends Kind> {
  items: InstanceOf<K>[]
  /** Where the next page begins, or null at the end. */
  next: number | null
}

export interface Store {
  find<I extends Id>(id: I): Promise<Found<I> | null>
  /** By seq of the last change, from either end. May end before `limit` where what it reads is large. */
  list<K extends Kind>(query: ListQuery<K>): Promise<StoredPage<K>>
  history(instance: Instance): Promise<Recorded[]>
  /** Resolves when everything that memory holds now is durable. */
  settled(): Promise<void>
}

const MAXIMUM_HISTORY = 1000

function wanted<K extends Kind>({
  from: _,
  to: __,
  order: ___,
  kind,
  after,
  limit,
  ...filters
}: ListQuery<K>): Query<K> {
  const given = Object.entries(filters).filter(([, value]) => value !== undefined)
  return { ...(Object.fromEntries(given) as Partial<Query<K>>), kind, after, limit }
}

/** A clock that is set right may go back: what was written in such a time is still found. */
const CLOCK_SLACK_MS = 10 * 60_000

/** A seq up to which everything was written before this moment. Some twenty reads, however long the history is. */
export const seqBefore = (archive: Pick<Archive, 'entries'>, last: number, moment: number): Promise<number> =>
  firstThatAsync(last, async n => ((await archive.entries(n, 1))[0]?.at ?? Infinity) >= moment - CLOCK_SLACK_MS)

interface Ended<K extends Kind> {
  items: InstanceOf<K>[]
  /** Nothing up to here is missing. */
  until: number
}

/** A page that is not full was large, or was the last. */
async function listEnded<K extends Kind>(archive: Archive, query: ListQuery<K>): Promise<Ended<K>> {
  const items = await archive.list(wanted(query))
  const last = items.at(-1)?.seq
  if (last === undefined) return { items, until: Infinity }
  const isFull = items.length >= query.limit
  const more = isFull ? [] : await archive.list({ ...wanted(query), after: last, limit: 1 })
  return { items, until: isFull || more.length > 0 ? last : Infinity }
}

interface LatestEnded<K extends Kind> {
  /** The latest first. */
  items: InstanceOf<K>[]
  /** Nothing above it is missing; 0 where nothing is below it. */
  since: number
}

/** Of a journal of a million million entries: by fours, and back by halves. */
const MAXIMUM_TRIES = 60
const GROWTH = 4

/**
 * The latest that have ended, below `end`, as many as half a page at least: what an archive lists begins with the oldest, so how
 * far back a page reaches is found by trying.
 */
async function latestEnded<K extends Kind>(
  archive: Archive,
  query: ListQuery<K>,
  end: number,
): Promise<LatestEnded<K>> {
  const { limit } = query
  const [first] = await archive.list({ ...wanted(query), after: 0, limit: 1 })
  if (first === undefined || first.seq >= end) return { items: [], since: 0 }
  /** Null where there are more than a page of them. */
  const above = async (after: number): Promise<InstanceOf<K>[] | null> => {
    const { items, until } = await listEnded(archive, { ...query, after, limit: limit + 1 })
    return until >= end - 1 ? items.filter(({ seq }) => seq < end) : null
  }
  let [tooNarrow, tooWide, width] = [0, Infinity, limit]
  let best: LatestEnded<K> = { items: [], since: end - 1 }
  for (let tries = 0; tries < MAXIMUM_TRIES && tooWide - tooNarrow > 1; tries++) {
    const since = Math.max(0, end - 1 - width)
    const found = await above(since)
    if (found === null) tooWide = width
    else {
      tooNarrow = width
      best = { items: found.reverse(), since }
      if (since === 0 || found.length >= limit / 2) return best
    }
    width = tooWide === Infinity ? width * GROWTH : Math.floor((tooNarrow + tooWide) / 2)
  }
  return best
}

/** One that has ended since memory was read stands in both: the later image counts. */
function merge<K extends Kind>(live: InstanceOf<K>[], ended: InstanceOf<K>[]): InstanceOf<K>[] {
  const latest = new Map<string, InstanceOf<K>>(live.map(instance => [instance.id, instance]))
  for (const instance of ended) {
    const known = latest.get(instance.id)
    if (known === undefined || known.seq < instance.seq) latest.set(instance.id, instance)
  }
  return [...latest.values()].sort((a, b) => a.seq - b.seq)
}

/** Whether a page, in the order of seq, has come to what was written after the time that is asked for. */
const isPast = ({ to = Infinity }: { to?: number | undefined }, items: readonly { at: number }[]): boolean =>
  (items.at(-1)?.at ?? 0) >= to + CLOCK_SLACK_MS

/** What memory and archive have together, and where the next page begins. */
function latestPage<K extends Kind>(
  live: InstanceOf<K>[],
  { items: ended, since }: LatestEnded<K>,
  limit: number,
): StoredPage<K> {
  /** Nothing above it is missing. */
  const floor = Math.max(since, live.length < limit ? 0 : live.at(-1)!.seq - 1)
  const whole = merge(live, ended)
    .reverse()
    .filter(({ seq }) => seq > floor)
  const items = whole.slice(0, limit)
  return { items, next: whole.length > limit ? items.at(-1)!.seq : floor === 0 ? null : floor + 1 }
}

export function createStore(orchestrator: Orchestrator, archive: Archive): Store {
  const { memory } = orchestrator
  const settled = () => orchestrator.settled()
  const isOver = ({ id, seq }: { id: Id; seq: number }): boolean => (memory.get(id)?.seq ?? 0) <= seq
  return {
    settled,
    async find(id) {
      const live = memory.get(id)
      await settled()
      return live ?? (await archive.read(id)) ?? memory.get(id) ?? null
    },
    async list(asked) {
      const { kind, limit, from = -Infinity, to = Infinity } = asked
      const names = wanted(asked)
      if (asked.order === 'newest') {
        const end = asked.after === 0 ? memory.seq + 1 : asked.after
        const live = memory.latest(kind, asked, instance => isNamed(instance, names))
        await settled()
        const ended = await latestEnded(archive, asked, end)
        const page = latestPage(live, { ...ended, items: ended.items.filter(isOver) }, limit)
        return { ...page, items: page.items.filter(({ at }) => at >= from && at < to) }
      }
      const before = asked.from === undefined ? 0 : await seqBefore(archive, memory.seq, asked.from)
      const query = { ...asked, after: Math.max(asked.after, before) }
      const isWanted = ({ at }: { at: number }) => at >= from && at < to
      const live = memory.page(kind, query, instance => isNamed(instance, names))
      await settled()
      const { items: ended, until } = await listEnded(archive, query)
      // One that has come back to life has an ending in the archive, which is not its end.
      const over = ended.filter(isOver)
      const whole = merge(live, over).filter(({ seq }) => seq <= until)
      const items = whole.slice(0, limit)
      const isEnd = until === Infinity && items.length === whole.length && items.length < limit
      const next = isEnd || isPast(asked, items) ? null : (items.at(-1)?.seq ?? until)
      return { items: items.filter(isWanted), next }
    },
    async history(instance) {
      await settled()
      return archive.history(instance.seq, MAXIMUM_HISTORY)
    },
  }
}
