/**
 * What stands between those who decide and a store. Whoever opens a ledger holds the live instances and numbers the
 * transitions; an engine makes commits durable in their order, finds again what has left memory, and keeps its own starts
 * short. It is this small so that a second engine can stand in the same place: test/ledger/conformance.ts says what any
 * engine owes, lowdb/ is the one that keeps files.
 */
import type { Id, Kind } from '../../machines/ids.ts'
import type { MemoryPosition, SpendKey } from '../../machines/vocabulary.ts'
import type { Commit, Found, Instance, InstanceOf, Recorded } from '../kernel/entry.ts'
import type { Upgrade } from '../kernel/migration.ts'
import type { Ports } from '../kernel/ports.ts'
import type { ChainedCommit } from './record.ts'

/** One ledger's place, whether a ledger is there or not. */
export interface Engine {
  /** Whether there is a ledger, be it open or closed. Rejects with corruptStore for what is left of one. */
  exists(): Promise<boolean>
  /**
   * Opens the ledger, or makes a new one. Rejects with operating `locked` while another process holds it, with corruptStore,
   * naming the place, when what is there cannot be trusted, and with what `upgrade` throws.
   */
  open(opening: Opening): Promise<Ledger>
  /** A ledger that is closed, or null where there is none; others are kept out until `close`. Rejects as `open` does. */
  inspect(): Promise<ClosedLedger | null>
  /** Keeps every other process out until it is called off; rejects with operating `locked` while one is in. */
  lock(): Promise<() => Promise<void>>
}

/** What an opener brings. */
export interface Opening {
  /** `random` names a new ledger; `abort` ends the process once a write has failed. */
  ports: Pick<Ports, 'random' | 'log' | 'abort'>
  /** Applied to every image that is read; what was written stays as it is. */
  upgrade: Upgrade
  /** What `upgrade` brings them to, in a word: an index that was made for other versions is made again. */
  versions: string
  memory: WalkedMemory
  /**
   * Whether ended instances are found by id and in lists; unless said they are. An opener that knows by itself where they stand
   * asks for `entries` only, and needs no second index.
   */
  isIndexed?: boolean
  /** What an import goes on with: a ledger that holds no commit takes this id, another one rejects with boundary `other-ledger`. */
  ledgerId?: string
}

/**
 * The opener's memory, which an engine may walk at any time after the first append, in slices between which it changes (a
 * Map's own iterator bears that). A commit is applied to it before it is appended.
 */
export interface WalkedMemory {
  live(): Iterable<Instance>
  reservations(): Iterable<[SpendKey, Id]>
}

/** An open ledger. */
export interface Ledger {
  journal: Journal
  archive: Archive
  opened: FoundLedger
}

/** What a start finds. `live` and `reservations` are the opener's to keep from here on. */
export interface FoundLedger {
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
  /** True when there was no ledger here before. */
  created: boolean
}

/**
 * After the first failed write everything rejects with an unknownOutcome fault, and the port `abort` was called: what the
 * store holds is known only to the next start.
 */
export interface Journal {
  /**
   * Resolves when the commit is durable. May be called any number of times without awaiting; order is kept, and what
   * arrives while one is being written shares the next write. The commit is read later: do not change it after.
   * Within a commit, `release` is applied before `reserve`. Rejects with an invariant fault when `seq` has a gap.
   */
  append(commit: Commit): Promise<void>
  /**
   * Whether what was opened still stands where it was opened: null, or what is wrong. Where it was removed or replaced, what
   * is acknowledged from then on is found by nobody. Rejects where that cannot be told.
   */
  check(): Promise<string | null>
  /** The last seq that no crash can take away, and the hash of the record that holds it (`firstHash` in an empty ledger). */
  position(): MemoryPosition
  /** Finishes what was appended, then lets others in. */
  close(): Promise<void>
}

/**
 * Every entry there ever was. Reads only what is durable; rejects with corruptStore on damage. A page may have fewer items than
 * `limit` where they grow large in bytes, or none at the end only.
 */
export interface History {
  /** The feed: entries with a seq above `after`, in order. */
  entries(after: number, limit: number): Promise<Recorded[]>
  /** The newest `limit` transitions of one instance up to the one with this seq, oldest first. */
  history(seq: number, limit: number): Promise<Recorded[]>
  /** Every commit that is durable now, from the first, or from the one that holds this seq. */
  commits(from?: number): AsyncGenerator<ChainedCommit>
}

/**
 * With the instances that have ended, of a ledger that is indexed: an invariant fault of one that is not. What is asked for is
 * found by an index, however long the history; a missing index is made again before anything is answered.
 */
export interface Archive extends History {
  /** An ended instance, or null. */
  read<I extends Id>(id: I): Promise<Found<I> | null>
  /** Ended instances with a seq above `after`, by seq. `state` matches the whole value or its first words. */
  list<K extends Kind>(query: Query<K>): Promise<InstanceOf<K>[]>
}

/** Which ended instances are asked for. */
export interface Query<K extends Kind = Kind> {
  kind: K
  chain?: string
  state?: string
  /** Of a deposit or an address: whom the backend knows it by. */
  reference?: string
  transactionId?: string
  /** That it pays to. */
  address?: string
  after: number
  limit: number
}

/** The most that one archive call answers. */
export const READ_MAXIMUM = 1000
/** A call that has read so many bytes answers what it has, if that is anything. */
export const READ_MAXIMUM_BYTES = 4 * 1024 * 1024

/** A ledger as it stands: nothing is made, repaired or brought up to a present version. */
export interface ClosedLedger {
  ledgerId: string
  /** From the first. Throws corruptStore at the first that does not follow from the one before; what was never acknowledged is left out. */
  commits(): AsyncGenerator<ChainedCommit>
  close(): Promise<void>
}
