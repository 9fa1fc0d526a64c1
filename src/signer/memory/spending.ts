/** What one chain's signatures cost us, as it adds up over time: limits look back over it. */
import { firstThat } from '../../kernel/bisect.ts'

/** Kept for longer than any limit looks back, so that a clock that is set back finds it. */
const KEEP_MS = 7 * 24 * 60 * 60 * 1000

interface Entry {
  at: number
  /** Of this entry and all before it. */
  total: bigint
}

/** Sums over time. Adding and asking cost the logarithm of what is kept. */
export interface Spending {
  /** `at` in milliseconds since 1970 UTC, amounts in base units. */
  add(at: number, amount: bigint): void
  /** Everything spent after that time. */
  since(at: number): bigint
}

/** Nothing spent yet. */
export function createSpending(): Spending {
  let entries: Entry[] = []
  let forgotten = 0n

  const totalBefore = (index: number): bigint => (index === 0 ? forgotten : entries[index - 1]!.total)

  /** The first entry after that time; the length when none is. */
  const firstAfter = (at: number): number => firstThat(entries.length, n => entries[n]!.at > at)

  /** Half of the list at a time, so that forgetting costs next to nothing per entry. */
  const forget = (before: number): void => {
    const old = firstAfter(before)
    if (old * 2 <= entries.length) return
    forgotten = totalBefore(old)
    entries = entries.slice(old)
  }

  return {
    add(at, amount) {
      const index = firstAfter(at)
      entries.splice(index, 0, { at, total: totalBefore(index) + amount })
      for (const later of entries.slice(index + 1)) later.total += amount // only after a clock was set back
      forget(at - KEEP_MS)
    },
    since: at => totalBefore(entries.length) - totalBefore(firstAfter(at)),
  }
}
