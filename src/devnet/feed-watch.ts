/** Waiting for something that the feed will tell. */
import type { Clock } from '../kernel/ports.ts'
import type { FeedEvent } from './backend.ts'

export interface FeedWatch {
  hear(event: FeedEvent): void
  /** The first event from now on that matches, or null when none has come in time. */
  until(matches: (event: FeedEvent) => boolean, maximumMs: number): Promise<FeedEvent | null>
}

export function createFeedWatch(clock: Clock): FeedWatch {
  const listeners = new Set<(event: FeedEvent) => void>()
  return {
    hear: event => listeners.forEach(listen => listen(event)),
    until: (matches, maximumMs) =>
      new Promise(resolve => {
        const end = (found: FeedEvent | null) => {
          listeners.delete(listen)
          cancel()
          resolve(found)
        }
        const listen = (event: FeedEvent) => {
          if (matches(event)) end(event)
        }
        const cancel = clock.wake(maximumMs, () => end(null))
        listeners.add(listen)
      }),
  }
}
