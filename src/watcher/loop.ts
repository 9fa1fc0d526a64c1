/** A loop that waits between turns, can be woken early and stops. */
import type { Clock } from '../kernel/ports.ts'

export interface Loop {
  /** Ends the present wait. */
  wake(): void
  /** No further turn begins; resolves when the present one is over, or at once when it waits. */
  stop(): Promise<void>
}

/** `turn` answers how long to wait before the next one, 0 for at once; it handles its own errors. */
export function startLoop(clock: Clock, turn: () => Promise<number>): Loop {
  const state = { isStopped: false, isWoken: false, release: () => {} }

  const wait = (ms: number): Promise<void> =>
    new Promise(resolve => {
      const cancel = clock.wake(ms, resolve)
      state.release = () => {
        cancel()
        resolve()
      }
    })

  const run = async (): Promise<void> => {
    while (!state.isStopped) {
      const ms = await turn()
      if (ms > 0 && !state.isWoken) await wait(ms)
      state.isWoken = false
    }
  }
  const ended = run()
  const wake = () => {
    state.isWoken = true
    state.release()
  }
  return {
    wake,
    stop() {
      state.isStopped = true
      wake()
      return ended
    },
  }
}
