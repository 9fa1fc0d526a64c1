/**
 * Reads of instances wherever they are: live in memory, or ended and in the archive. Nothing is shown before it is
 * durable: what memory holds is read at once, and answered when its commits are on disk.
 */
import type { Id, Kind } from '../../machines/ids.ts'
import type { Archive, Query } from '../ledger/engine.ts'
import type { Found, Instance, InstanceOf, Recorded } from '../kernel/entry.ts'
import type { Orchestrator } from '../orchestrator/orchestrator.ts'

export interface ListQuery<K extends Kind> {
  kind: K
  chain?: string | undefined
  state?: string | undefined
  after: number
  limit: number
  keep?: (instance: InstanceOf<K>) => boolean
}

export interface Store {
  find<I extends Id>(id: I): Promise<Found<I> | null>
  /** By seq of the last change; `next` is null at the end. */
  list<K extends Kind>(query: ListQuery<K>): Promise<{ items: InstanceOf<K>[]; next: number | null }>
  history(instance: Instance): Promise<Recorded[]>
  /** Resolves when everything that memory holds now is durable. */
  settled(): Promise<void>
}

const MAXIMUM_HISTORY = 1000
const ARCHIVE_PAGE = 1000

const wanted = <K extends Kind>({ kind, after, limit, chain, state }: ListQuery<K>): Query<K> => ({
  kind,
  after,
  limit,
  ...(chain === undefined ? {} : { chain }),
  ...(state === undefined ? {} : { state }),
})

/** Pages through the archive until enough are kept or it ends. */
async function listEnded<K extends Kind>(archive: Archive, query: ListQuery<K>): Promise<InstanceOf<K>[]> {
  const { keep, limit } = query
  const kept: InstanceOf<K>[] = []
  for (let after = query.after; kept.length < limit;) {
    const page = await archive.list({ ...wanted(query), after, limit: ARCHIVE_PAGE })
    kept.push(...(keep === undefined ? page : page.filter(keep)))
    if (page.length < ARCHIVE_PAGE) break
    after = page.at(-1)!.seq
  }
  return kept
}

/** One that has ended since memory was read stands in both: the later image counts. */
function merge<K extends Kind>(live: InstanceOf<K>[], ended: InstanceOf<K>[]): InstanceOf<K>[] {
  const latest = new Map<string, InstanceOf<K>>(live.map(instance => [instance.id, instance]))
  for (const instance of ended) latest.set(instance.id, instance)
  return [...latest.values()].sort((a, b) => a.seq - b.seq)
}

export function createStore(orchestrator: Orchestrator, archive: Archive): Store {
  const { memory } = orchestrator
  const settled = () => orchestrator.settled()
  return {
    settled,
    async find(id) {
      const live = memory.get(id)
      await settled()
      return live ?? (await archive.read(id)) ?? memory.get(id) ?? null
    },
    async list(query) {
      const { kind, chain, state, after, limit, keep } = query
      const fresh = memory.list(kind, chain, state).filter(instance => instance.seq > after)
      const live = keep === undefined ? fresh : fresh.filter(keep)
      await settled()
      // What had ended and was brought back stands in the archive as it was: what memory holds of it is later.
      const isLatest = ({ id, seq }: InstanceOf<typeof kind>) => (memory.get<Id>(id)?.seq ?? 0) <= seq
      const ended = await listEnded(archive, { ...query, keep: one => isLatest(one) && (keep?.(one) ?? true) })
      const items = merge(live, ended).slice(0, limit)
      return { items, next: items.length < limit ? null : items.at(-1)!.seq }
    },
    async history(instance) {
      await settled()
      return archive.history(instance.seq, MAXIMUM_HISTORY)
    },
  }
}
