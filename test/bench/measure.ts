/** Times, medians, and two sides that take turns, so that whatever else the machine does hits both. */
import { performance } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** One line of the table. A `wanted` of null: reported only. */
export interface BenchRow {
  row: string
  ratio: number
  wanted: string
  /** Whether the wanted ratio was reached; null where none is wanted. */
  met: boolean | null
  /** The figures that the ratio comes from, with their units. */
  measured: string
}

/** Says on the way what is being measured. */
export type Progress = (line: string) => void

type Wanted = { least: number } | { most: number } | null

export function benchRow(row: string, ratio: number, wanted: Wanted, measured: string): BenchRow {
  if (wanted === null) return { row, ratio, wanted: 'reported', met: null, measured }
  if ('least' in wanted) return { row, ratio, wanted: `>= ${wanted.least}`, met: ratio >= wanted.least, measured }
  return { row, ratio, wanted: `<= ${wanted.most}`, met: ratio <= wanted.most, measured }
}

export function medianOf(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!
}

export function timed(run: () => unknown): number {
  const startMs = performance.now()
  run()
  return performance.now() - startMs
}

export async function timedAsync(run: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now()
  await run()
  return performance.now() - startMs
}

/** Medians of sides that take turns, in milliseconds. */
export function alternating(rounds: number, first: () => unknown, second: () => unknown): [number, number] {
  const times = Array.from({ length: rounds }, () => [timed(first), timed(second)] as const)
  return [medianOf(times.map(pair => pair[0])), medianOf(times.map(pair => pair[1]))]
}

/** Collects garbage, whatever flags the process was started with. */
export const collectGarbage: () => void = (() => {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
})()

export const perSecond = (rate: number): string => `${Math.round(rate).toLocaleString('en')}/s`
