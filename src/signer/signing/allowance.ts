/**
 * What may be asked for without the backend's word: so much at once, and so much in an hour. A total for a lifetime would end
 * a signer that is used; without a bound whoever has the watcher's token fills its memory.
 */
import { operating } from '../../kernel/fault.ts'
import type { Clock } from '../../kernel/ports.ts'

const HOUR_MS = 60 * 60 * 1000

/** As configured: what may come at once, and how much of it grows back within an hour. */
export interface Rate {
  headroom: number
  perHour: number
}

/** Begins full at each start. */
export interface Allowance {
  /** Takes so much of it; throws operating `over-rate`, saying when there will be enough, where there is not. */
  spend(amount: number): void
}

/** `key`: where it stands in signer.yaml. `things`: what is counted, for people. Measured on the clock that only goes forward. */
export function createAllowance(key: string, things: string, { headroom, perHour }: Rate, clock: Clock): Allowance {
  let left = headroom
  let at = clock.monotonic()
  return {
    spend(amount) {
      const now = clock.monotonic()
      left = Math.min(headroom, left + ((now - at) * perHour) / HOUR_MS)
      at = now
      if (amount <= left) {
        left -= amount
        return
      }
      const wait =
        amount > headroom ? 'never so many at once' : `try again in ${Math.ceil(((amount - left) * 3600) / perHour)} s`
      throw operating(
        'over-rate',
        `${amount} ${things}, and ${Math.floor(left)} are left: ${key} allows ${headroom} at once and ${perHour} an hour; ${wait}`,
      )
    },
  }
}
