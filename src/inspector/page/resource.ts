/** One answer of the API, kept up to date by the feed: it is asked again when something that it depends on has moved. */
import { useEffect, useState } from 'preact/hooks'
import { get, isAbort, ShownProblem, type ApiQuery } from './api.ts'
import { onEvents, openings } from './live.ts'
import type { ApiEvent } from './shapes.ts'

export type LoadedResource<Body> =
  { state: 'loading' } | { state: 'ready'; body: Body } | { state: 'failed'; status: number; reason: string }

/** The least time between two questions for the same. */
const QUIET_MS = 500

/** `concerns` says whether an event is a reason to ask again. */
export function useResource<Body>(
  path: string | null,
  query: ApiQuery = {},
  concerns?: (event: ApiEvent) => boolean,
): LoadedResource<Body> {
  const [loaded, setLoaded] = useState<LoadedResource<Body>>({ state: 'loading' })
  const key = `${path}?${JSON.stringify(query)}`
  useEffect(() => setLoaded({ state: 'loading' }), [key])
  useEffect(() => {
    if (path === null) return undefined
    const ending = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const ask = async () => {
      timer = undefined
      try {
        const body = await get<Body>(path, { query, signal: ending.signal })
        if (!ending.signal.aborted) setLoaded({ state: 'ready', body })
      } catch (error) {
        if (isAbort(error) || ending.signal.aborted) return
        const status = error instanceof ShownProblem ? error.status : 0
        // What was shown stays: the line at the top says that the watcher does not answer.
        setLoaded(before =>
          status === 0 && before.state === 'ready'
            ? before
            : { state: 'failed', status, reason: error instanceof Error ? error.message : String(error) },
        )
      }
    }
    void ask()
    const stop = onEvents(events => {
      if (concerns !== undefined && events.some(concerns)) timer ??= setTimeout(() => void ask(), QUIET_MS)
    })
    return () => {
      ending.abort()
      clearTimeout(timer)
      stop()
    }
  }, [key, openings.value])
  return loaded
}
