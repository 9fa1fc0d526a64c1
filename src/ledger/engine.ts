/**
 * What stands between the orchestrator and a store. The orchestrator holds the live instances and assigns `seq`; an
 * engine makes commits durable in order (Journal) and finds again what has left memory (Archive). It is this small so
 * that a second engine can stand in the same place.
 */
import type { Id, Kind } from '../../machines/ids.ts'
import type { SpendKey } from '../../machines/vocabulary.ts'
import type { Commit, Found, Instance, InstanceOf, Recorded } from '../kernel/entry.ts'

/** What a start finds. `live` and `reservations` are the caller's to keep from here on. */
export interface Opened {
  /** Made at creation, the same for ever: tells a new ledger from an old one. */
  ledgerId: string
  /** Of the last durable entry; 0 in a new ledger. */
  seq: number
  /** `at` and `heights` of the last commit. */
  at: number
  heights: Record<string, number>
  /** Instances that have not ended, by `seq`. */
  live: Instance[]
  reservations: [SpendKey, Id][]
  /** The torn tail that a crash left and that this start cut off, or null. What stood there was never acknowledged. */
  cut: { file: string; offset: number; bytes: number } | null
  /** True when there was no ledger here before. */
  created: boolean
}

/**
 * After the first failed write or sync everything rejects with `unknownOutcome('disk-failed')`, and `abort` was called:
 * what the disk holds is known only to the next start.
 */
export interface Journal {
  /**
   * Resolves when the commit is durable. May be called any number of times without awaiting; order is kept, and what
   * arrives while a sync is under way shares the next one. The commit is read later: do not change it after.
   * Within a commit, `release` is applied before `reserve`. Rejects with an invariant fault when `seq` has a gap.
   */
  append(commit: Commit): Promise<void>
  /** The last seq that no crash can take away. */
  durableSeq(): number
  /** The hash of the line that holds it: tells two histories of the same length apart. */
  durableHash(): string
  /**
   * Shortens the next start. Commits go on meanwhile. Both are walked in slices: they may show the caller's memory as it
   * changes (a Map's own iterator will do). A second call while one runs answers the first one's promise.
   */
  checkpoint(live: () => Iterable<Instance>, reservations: () => Iterable<[SpendKey, Id]>): Promise<void>
  /** What the next start would replay: the caller checkpoints when it is too much. */
  bytesSinceCheckpoint(): number
  /** Finishes what was appended, then lets go of the lock. */
  close(): Promise<void>
}

/** Ended instances, and every entry there ever was. Reads only what is durable; rejects with corruptStore on damage. */
export interface Archive {
  /** An ended instance, or null. */
  read<I extends Id>(id: I): Promise<Found<I> | null>
  /** Ended instances with a seq above `after`, by seq. `state` matches the whole value or its first words. */
  list<K extends Kind>(query: Query<K>): Promise<InstanceOf<K>[]>
  /** The feed: entries with a seq above `after`, in order. */
  entries(after: number, limit: number): Promise<Recorded[]>
  entry(seq: number): Promise<Recorded | null>
  /** The newest `limit` transitions of one instance up to the one with this seq, oldest first. */
  history(seq: number, limit: number): Promise<Recorded[]>
}

export interface Query<K extends Kind = Kind> {
  kind: K
  chain?: string
  state?: string
  after: number
  limit: number
}

export interface Ledger {
  journal: Journal
  archive: Archive
  opened: Opened
}

/** The most that one archive call answers. */
export const READ_MAXIMUM = 1000
