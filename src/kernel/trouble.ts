/** What fails and is tried again: back-off, and a log that says it once, sums it up from time to time, and says when it is over. */
import { Fault, reasonOf } from './fault.ts'
import type { Clock, Log } from './ports.ts'

/** Something that does not work at present. Moments are of the clock that only goes forward. */
export interface Trouble {
  /** The fault's, where it is one: faults say by it whether waiting can help. */
  kind: string
  reason: string
  since: number
  /** In a row. */
  failures: number
}

/** Whoever fails and tries again tells it of both. */
export interface Watchman {
  /** It has failed, again perhaps. How long to wait before the next try, ms. */
  failed(error: unknown): number
  /** It works. */
  worked(): void
}

/** What is said, and how long is waited. */
export interface WatchmanOptions {
  /** For the log: what does not work, and that it works again. */
  what: string
  over: string
  fields: Record<string, unknown>
  /** The first wait, doubled each time up to the longest; ms. */
  firstMs: number
  longestMs: number
  clock: Clock
  log: Log
  /** Told of every change. */
  note(trouble: Trouble | null): void
}

/** What lasts is said again so often; what comes and goes is said no more than so often. */
const SUM_UP_MS = 10 * 60_000
const QUIET_MS = 60_000
const MAXIMUM_DOUBLINGS = 20
const MILLISECONDS_PER_SECOND = 1000

const kindOf = (error: unknown): string => (error instanceof Fault ? error.kind : 'defect')
const stackOf = (error: unknown) => (error instanceof Fault || !(error instanceof Error) ? {} : { stack: error.stack })

/** Nothing has failed yet. */
export function createWatchman(options: WatchmanOptions): Watchman {
  const { what, over, fields, firstMs, longestMs, clock, log } = options
  let trouble: Trouble | null = null
  let isSaid = false
  let saidAt = -Infinity
  const secondsSince = (since: number) => Math.round((clock.monotonic() - since) / MILLISECONDS_PER_SECOND)

  /** A defect is ours, and worth more than a warning. */
  function say(error: unknown, { reason, since, failures }: Trouble): void {
    const level = error instanceof Fault ? 'warn' : 'error'
    const lasting = failures === 1 ? {} : { failures, seconds: secondsSince(since) }
    log(level, what, { ...fields, reason, ...lasting, ...stackOf(error) })
    isSaid = true
    saidAt = clock.monotonic()
  }

  return {
    failed(error) {
      const now = clock.monotonic()
      const { since, failures } = trouble ?? { since: now, failures: 0 }
      trouble = { kind: kindOf(error), reason: reasonOf(error), since, failures: failures + 1 }
      options.note(trouble)
      if (now - saidAt >= (isSaid ? SUM_UP_MS : QUIET_MS)) say(error, trouble)
      return Math.min(firstMs * 2 ** Math.min(failures, MAXIMUM_DOUBLINGS), Math.max(firstMs, longestMs))
    },
    worked() {
      if (trouble === null) return
      const { since, failures } = trouble
      trouble = null
      options.note(null)
      if (isSaid) log('info', over, { ...fields, failures, seconds: secondsSince(since) })
      isSaid = false
    },
  }
}
