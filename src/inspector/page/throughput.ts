/**
 * Transitions in each span of the last hour. Their numbers have no gaps, so how many there were between two moments is the
 * difference of two seqs; and when a seq was, the feed says for one entry. A few dozen small questions, whatever the traffic.
 */
import { signal } from '@preact/signals'
import { get } from './api.ts'
import type { Feed } from './shapes.ts'

const HOUR_MS = 3_600_000
export const SPANS = 30
const SAMPLES = 30
const MAXIMUM_STEPS = 24

interface Sample {
  seq: number
  at: number
}

export interface Throughput {
  /** Transitions in each span, the oldest first. */
  spans: number[]
  /** The end of the last one. */
  until: number
}

export const throughput = signal<Throughput | null>(null)

async function timeOf(seq: number): Promise<number> {
  const { events } = await get<Feed>('/v1/events', { query: { after: seq - 1, limit: 1 } })
  return events[0] === undefined ? Date.now() : Date.parse(events[0].at)
}

/** The last seq that is older than an hour, or 0: by steps that double, then by halves. */
async function anHourAgo(last: number, since: number): Promise<number> {
  let [low, high] = [0, last]
  for (let step = 64, tries = 0; tries < MAXIMUM_STEPS; step *= 4, tries++) {
    const seq = last - step
    if (seq <= 0) break
    if ((await timeOf(seq)) < since) {
      low = seq
      break
    }
    high = seq
  }
  // Exact to a hundredth: a line of a graph is no finer.
  while (high - low > Math.max(1, (last - low) / 100)) {
    const middle = Math.floor((low + high) / 2)
    if ((await timeOf(middle)) < since) low = middle
    else high = middle
  }
  return low
}

/** How many had been by a moment, between two samples as if evenly. */
function seqAt(samples: readonly Sample[], at: number): number {
  const after = samples.findIndex(sample => sample.at >= at)
  if (after <= 0) return after === 0 ? samples[0]!.seq : samples.at(-1)!.seq
  const [a, b] = [samples[after - 1]!, samples[after]!]
  return a.seq + ((b.seq - a.seq) * (at - a.at)) / Math.max(1, b.at - a.at)
}

/** @param last the seq of the newest transition */
export async function measureThroughput(last: number): Promise<void> {
  const until = Date.now()
  const first = await anHourAgo(last, until - HOUR_MS)
  const step = Math.max(1, (last - first) / SAMPLES)
  const seqs = new Set<number>()
  for (let seq = Math.max(1, first); seq < last; seq += step) seqs.add(Math.floor(seq))
  if (last > 0) seqs.add(last)
  const samples = await Promise.all([...seqs].map(async (seq): Promise<Sample> => ({ seq, at: await timeOf(seq) })))
  const width = HOUR_MS / SPANS
  const seqBefore = first === 0 && samples[0] !== undefined ? [{ seq: 0, at: samples[0].at - 1 }] : []
  const curve = [...seqBefore, ...samples]
  const bounds = Array.from({ length: SPANS + 1 }, (_, n) =>
    curve.length === 0 ? 0 : seqAt(curve, until - HOUR_MS + n * width),
  )
  throughput.value = { until, spans: bounds.slice(1).map((bound, n) => Math.max(0, Math.round(bound - bounds[n]!))) }
}
