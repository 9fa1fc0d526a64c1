/** Blocks at a steady pace, from the network's own clock. */
import type { Clock } from '../kernel/ports.ts'
import { pause } from './pause.ts'

export const BLOCK_MS = 2500

export interface Pace {
  /** Runs while no block comes. One at a time. */
  held<Result>(action: () => Promise<Result>): Promise<Result>
  /** Rejects with what `mine` rejected with. */
  failed: Promise<never>
  stop(): void
}

/** @param mine one block; false when there is to be no further one */
export function keepPace(clock: Clock, mine: () => Promise<boolean>): Pace {
  let isStopped = false
  let last: Promise<unknown> = Promise.resolve()
  const held = <Result>(action: () => Promise<Result>): Promise<Result> => {
    const done = last.then(action)
    last = done.catch(() => undefined)
    return done
  }
  async function run(): Promise<never> {
    do await pause(clock, BLOCK_MS)
    while (!isStopped && (await held(async () => isStopped || (await mine()))))
    return new Promise(() => {})
  }
  const failed = run()
  failed.catch(() => undefined)
  return { held, failed, stop: () => void (isStopped = true) }
}
