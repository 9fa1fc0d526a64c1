/** Whether this process turns at all: one that stands still follows nothing and answers nobody, and says so when it is back. */
import type { Clock, Log } from '../kernel/ports.ts'
import { startLoop } from './loop.ts'

export interface Pulse {
  /** The longest standstill of the last minute, ms; 0 where there was none worth naming. */
  longestMs(): number
  stop(): Promise<void>
}

interface Standstill {
  at: number
  ms: number
}

const BEAT_MS = 1000
/** Shorter ones are the machine's ordinary unrest. */
const WORTH_COUNTING_MS = 100
const WORTH_SAYING_MS = 1000
const REMEMBERED_MS = 60_000
/** The log says it at once, and then no more than so often. */
const SAY_MS = 10 * 60_000

/** @param clock its `monotonic` tells how late each beat comes, which is how long nothing else could run either. */
export function startPulse(clock: Clock, log: Log): Pulse {
  let standstills: Standstill[] = []
  let due: number | null = null
  let saidAt = -Infinity
  let unsaid = 0

  function say({ at, ms }: Standstill): void {
    unsaid += 1
    if (at - saidAt < SAY_MS) return
    log('warn', 'the process stood still: too much work, or too little of a processor', { ms, times: unsaid })
    saidAt = at
    unsaid = 0
  }

  const recent = (now: number) => standstills.filter(({ at }) => now - at < REMEMBERED_MS)

  const loop = startLoop(clock, async () => {
    const at = clock.monotonic()
    const standstill = { at, ms: due === null ? 0 : Math.round(at - due) }
    due = at + BEAT_MS
    // One a beat at most, so that they are few.
    standstills = recent(at)
    if (standstill.ms >= WORTH_COUNTING_MS) standstills.push(standstill)
    if (standstill.ms >= WORTH_SAYING_MS) say(standstill)
    return BEAT_MS
  })
  return {
    longestMs: () => Math.max(0, ...recent(clock.monotonic()).map(({ ms }) => ms)),
    stop: () => loop.stop(),
  }
}
