/** A process that serves until it is told to stop. */
export interface Running {
  /** Where it answers: `127.0.0.1:4100` or `unix:/path`. */
  address: string
  /** Reads anew what may change while it runs. Never rejects: what cannot be used changes nothing, and is in the log. */
  reload(): Promise<void>
  /** Takes no new work and finishes the commit in flight. */
  stop(): Promise<void>
}

/** The journal survives a kill at any instant, so an end that drags on is cut off in time for the promised five seconds. */
const MAXIMUM_STOP_MS = 4500

/**
 * Starts, reports, and resolves when SIGTERM or SIGINT has come and the end is reached. A signal during the start
 * stops right after it; one more signal ends at once. At SIGHUP it reads anew what may change, after the start also where
 * the signal came before.
 */
export async function runUntilSignal(start: () => Promise<Running>, ready: (address: string) => void): Promise<void> {
  let askedToStop = false
  const asked = new Promise<void>(resolve => {
    const hear = () => {
      if (askedToStop) process.exit(0)
      askedToStop = true
      setTimeout(() => process.exit(0), MAXIMUM_STOP_MS).unref()
      resolve()
    }
    process.on('SIGTERM', hear)
    process.on('SIGINT', hear)
  })
  const started = start()
  const reload = () => started.then(running => running.reload())
  // What keeps it from starting is told by the start.
  process.on('SIGHUP', () => void reload().catch(() => undefined))
  const running = await started
  ready(running.address)
  await asked
  await running.stop()
}
