/** Notices that the data directory was removed or replaced under a running process, and ends it. */
import { reasonOf } from '../kernel/fault.ts'
import type { Clock, Log } from '../kernel/ports.ts'

/** What is wrong is noticed within a second. */
const CHECK_MS = 500

export interface PlaceOptions {
  clock: Clock
  log: Log
  /** Ends the process with a status that is not 0. */
  abort: (reason: string) => void
  /** What is wrong, or null. */
  check: () => Promise<string | null>
}

/** The answer stops it. */
export function watchPlace({ clock, log, abort, check }: PlaceOptions): () => void {
  let isStopped = false
  let cancel: () => void = () => undefined
  const look = async (): Promise<void> => {
    try {
      const problem = await check()
      if (problem !== null && !isStopped)
        abort(`${problem}: what is acknowledged from now on would be lost. Put back what was there, and start again`)
    } catch (error) {
      log('warn', 'the data directory cannot be looked at', { reason: reasonOf(error) })
    }
    if (!isStopped) cancel = clock.wake(CHECK_MS, () => void look())
  }
  cancel = clock.wake(CHECK_MS, () => void look())
  return () => {
    isStopped = true
    cancel()
  }
}
