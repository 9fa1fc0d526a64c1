/**
 * How many instances stand in each state: counted by the watcher as of one seq, and carried on from there by the feed, so
 * that the numbers on the page move with each committed transition and cannot drift.
 */
import type { ApiEvent, ApiOverview } from './shapes.ts'

/** By `kind|chain|state`. */
export type Counts = ReadonlyMap<string, number>

export interface StateCounts {
  counts: Counts
  /** The last transition that is counted. */
  seq: number
}

const keyOf = (kind: string, chain: string, state: string): string => `${kind}|${chain}|${state}`

export const countsOf = ({ counts, seq }: Pick<ApiOverview, 'counts' | 'seq'>): StateCounts => ({
  counts: new Map(counts.map(({ kind, chain, state, count }) => [keyOf(kind, chain, state), count])),
  seq,
})

/** Transitions that are counted already change nothing. */
export function countOn({ counts, seq }: StateCounts, events: readonly ApiEvent[]): StateCounts {
  const fresh = events.filter(event => event.seq > seq)
  if (fresh.length === 0) return { counts, seq }
  const next = new Map(counts)
  const add = (key: string, difference: number) => next.set(key, Math.max(0, (next.get(key) ?? 0) + difference))
  for (const { kind, chain, from, to } of fresh) {
    if (from === to) continue
    if (from !== null) add(keyOf(kind, chain, from), -1)
    add(keyOf(kind, chain, to), 1)
  }
  return { counts: next, seq: fresh.at(-1)!.seq }
}

/** Of a state, on one chain or on all. */
export function countIn(counts: Counts, kind: string, state: string, chain?: string): number {
  if (chain !== undefined) return counts.get(keyOf(kind, chain, state)) ?? 0
  let sum = 0
  for (const [key, count] of counts) if (key.startsWith(`${kind}|`) && key.endsWith(`|${state}`)) sum += count
  return sum
}
