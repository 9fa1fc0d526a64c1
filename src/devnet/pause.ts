import type { Clock } from '../kernel/ports.ts'

export const pause = (clock: Pick<Clock, 'wake'>, ms: number): Promise<void> =>
  new Promise(resolve => void clock.wake(ms, resolve))
