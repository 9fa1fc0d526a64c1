/** What the ledger stores. One line of the journal is one commit. */
import type { Id, Json, SpendKey } from '../../machines/vocabulary.ts'

/** One machine instance, as it is at rest. `value` is the state's path with dots: `published.delayed`. */
export interface Instance {
  id: Id
  /** The machine's version. */
  version: number
  value: string
  context: { [key: string]: Json }
  /** Counts this instance's transitions from 1. */
  revision: number
  /** Of its last transition: the order of lists. */
  seq: number
  /** When that was, milliseconds since 1970 UTC. */
  at: number
  /** The seq at which `value` was entered: names the run of the task that the state owes. */
  entered: number
  /** In a final state: it leaves memory, and is read from the archive. */
  ended: boolean
}

/** One transition. `seq` numbers transitions of the whole ledger from 1, gap-free and final: the event feed. */
export interface Entry {
  seq: number
  /** The seq of this instance's transition before, or null at its creation. */
  prev: number | null
  event: string
  from: string | null
  to: string
  image: Instance
}

/** One event and all that follows from it. Non-empty, entries in seq order. */
export interface Commit {
  at: number
  /** Tip height of each chain as of this commit. */
  heights: Record<string, number>
  entries: Entry[]
  reserve: [SpendKey, Id][]
  release: SpendKey[]
}

/** An entry with what its commit says of it. */
export interface Recorded {
  at: number
  heights: Record<string, number>
  entry: Entry
}
