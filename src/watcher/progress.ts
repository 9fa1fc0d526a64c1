/** Catching up with a node takes hours on a large chain: the log says how far it is. */
import type { Clock, Log } from '../kernel/ports.ts'

export interface Progress {
  /** A block has been applied. */
  applied(height: number, nodeHeight: number): void
}

const SAY_MS = 10_000
const MILLISECONDS_PER_SECOND = 1000
/** Fewer blocks than these are no news. */
const WORTH_SAYING = 100

export function createProgress(chain: string, clock: Clock, log: Log): Progress {
  let began: { height: number; at: number } | null = null
  let saidAt = 0

  function say(height: number, nodeHeight: number, { height: from, at }: { height: number; at: number }): void {
    saidAt = clock.monotonic()
    const perSecond = (height - from) / Math.max((saidAt - at) / MILLISECONDS_PER_SECOND, 0.001)
    const rest =
      perSecond === 0
        ? {}
        : { perSecond: Math.round(perSecond), secondsLeft: Math.round((nodeHeight - height) / perSecond) }
    log('info', 'catching up', { chain, height, nodeHeight, ...rest })
  }

  return {
    applied(height, nodeHeight) {
      if (height >= nodeHeight) {
        if (began !== null && height - began.height >= WORTH_SAYING)
          log('info', 'caught up', { chain, height, blocks: height - began.height })
        began = null
        return
      }
      if (began === null) {
        began = { height, at: clock.monotonic() }
        if (nodeHeight - height >= WORTH_SAYING) say(height, nodeHeight, began)
        else saidAt = clock.monotonic()
      } else if (clock.monotonic() - saidAt >= SAY_MS) say(height, nodeHeight, began)
    },
  }
}
