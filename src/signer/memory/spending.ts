/**
 * What one chain's signatures cost us, as it adds up over time: limits look back over it. Nothing is ever forgotten, because
 * a clock that has jumped ahead and back would make it forget what still counts; what is old is kept by the hour.
 */
import { firstThat } from '../../kernel/bisect.ts'

/** Kept one by one for longer than any limit looks back. */
const EXACT_MS = 7 * 24 * 60 * 60 * 1000
const HOUR_MS = 60 * 60 * 1000

interface Entry {
  at: number
  /** Of this entry and all before it. */
  total: bigint
}

/** Sums over time. Adding and asking cost the logarithm of what is kept. */
export interface Spending {
  /** `at` in milliseconds since 1970 UTC, amounts in base units. */
  add(at: number, amount: bigint): void
  /** Everything spent after that time, also what the clock of then called the future; of old hours the whole hour. */
  since(at: number): bigint
  /** How much is kept. */
  size(): number
}

/** Nothing spent yet. */
export function createSpending(): Spending {
  let entries: Entry[] = []
  /** So many at the beginning are hours. */
  let hours = 0

  const totalBefore = (index: number): bigint => (index === 0 ? 0n : entries[index - 1]!.total)

  /** The first entry after that time; the length when none is. */
  const firstAfter = (at: number): number => firstThat(entries.length, n => entries[n]!.at > at)

  /** Half of the list at a time, so that it costs next to nothing per entry. */
  const coarsen = (before: number): void => {
    const old = firstAfter(before)
    if ((old - hours) * 2 <= entries.length) return
    const kept = entries.slice(0, old).filter(({ at }, n, all) => hourOf(at) !== hourOf(all[n + 1]?.at ?? Infinity))
    hours = kept.length
    entries = [...kept, ...entries.slice(old)]
  }

  return {
    add(at, amount) {
      const index = firstAfter(at)
      entries.splice(index, 0, { at, total: totalBefore(index) + amount })
      if (index < hours) hours += 1
      for (let n = index + 1; n < entries.length; n++) entries[n]!.total += amount // only after a clock was set back
      coarsen(entries.at(-1)!.at - EXACT_MS)
    },
    since: at => totalBefore(entries.length) - totalBefore(firstAfter(at)),
    size: () => entries.length,
  }
}

const hourOf = (at: number): number => Math.floor(at / HOUR_MS)
