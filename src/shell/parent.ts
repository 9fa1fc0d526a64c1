import { setTimeout as sleep } from 'node:timers/promises'

const LOOK_MS = 500

/**
 * Resolves when the npm that runs us as a script is gone: killed, it cannot tell us. Never for whoever was started by hand,
 * whose shell may go before he does.
 */
export async function npmIsGone(): Promise<void> {
  if (process.env['npm_lifecycle_event'] === undefined) return new Promise(() => {})
  const parent = process.ppid
  while (process.ppid === parent) await sleep(LOOK_MS, undefined, { ref: false })
}
