/**
 * The newest durable entries, in memory: whoever follows the feed has read what is older, so neither waiting nor being
 * woken reads the journal. Bounded in entries and in what they hold.
 */
import type { Commit, Recorded } from '../kernel/entry.ts'
import type { Archive } from '../ledger/engine.ts'

/** What is kept at most. */
export interface RecentBounds {
  entries: number
  /** Of texts that the entries hold. */
  characters: number
}

const BOUNDS: RecentBounds = { entries: 10_000, characters: 16 * 1024 * 1024 }
/** What is over a bound is dropped once it is this much of it, so that dropping is rare. */
const SLACK = 1.25

/** A poll that waits. */
export interface Waiter {
  isWanted: (recorded: Recorded) => boolean
  wake: () => void
}

/** The end of the feed. */
export interface Recent {
  /** Of the newest that it knows. */
  readonly last: number
  /** Those with a seq above `after`, oldest first, at most `limit`; null where some of them are not known any more. */
  since(after: number, limit: number): Recorded[] | null
  /** The next commit. Wakes who waits for one of its entries. */
  note(commit: Commit): void
  /** Wakes once, with the next commit that has an entry which is wanted. The answer calls it off. */
  wait(waiter: Waiter): () => void
}

/** What an image holds of texts, about; a number counts as one of a few digits. */
function charactersOf(value: unknown): number {
  if (typeof value === 'string') return value.length
  if (typeof value !== 'object' || value === null) return 8
  let sum = 0
  for (const each of Object.values(value)) sum += charactersOf(each)
  return sum
}

/** @param last seq of the last durable entry when it begins */
export function createRecent(last: number, bounds: RecentBounds = BOUNDS): Recent {
  const entries: { recorded: Recorded; characters: number }[] = []
  const waiters = new Set<Waiter>()
  let characters = 0
  const add = (recorded: Recorded): void => {
    const its = charactersOf(recorded.entry)
    entries.push({ recorded, characters: its })
    characters += its
    last = recorded.entry.seq
  }
  const drop = (): void => {
    if (entries.length <= SLACK * bounds.entries && characters <= SLACK * bounds.characters) return
    let dropped = 0
    while (entries.length - dropped > bounds.entries || (characters > bounds.characters && dropped < entries.length))
      characters -= entries[dropped++]!.characters
    entries.splice(0, dropped)
  }
  return {
    get last() {
      return last
    },
    since(after, limit) {
      const first = last - entries.length
      if (after < first) return null
      return entries.slice(after - first, after - first + limit).map(({ recorded }) => recorded)
    },
    note({ at, heights, entries: noted }) {
      const all = noted.map((entry): Recorded => ({ at, heights, entry }))
      for (const recorded of all) add(recorded)
      drop()
      for (const waiter of waiters) {
        if (!all.some(waiter.isWanted)) continue
        waiters.delete(waiter)
        waiter.wake()
      }
    },
    wait(waiter) {
      waiters.add(waiter)
      return () => void waiters.delete(waiter)
    },
  }
}

/** What an end of the feed in memory, and a journal behind it, are read by. */
export interface Pages {
  recent: Pick<Recent, 'since'>
  archive: Pick<Archive, 'entries'>
}

/** From memory where it reaches, else from the journal. Empty at the end only. */
export const readPage = async ({ recent, archive }: Pages, after: number, limit: number): Promise<Recorded[]> =>
  recent.since(after, limit) ?? archive.entries(after, limit)
