/** What the alarms need besides counts: who has waited longest, and what was lost of late. Asked anew when it may have changed. */
import { signal } from '@preact/signals'
import { countIn } from './counts.ts'
import { get } from './api.ts'
import type { Details } from './alarms.ts'
import { chains, counted, onEvents } from './live.ts'
import { newest } from './paging.ts'
import type { ApiDeposit, ApiPage, ApiWithdrawal } from './shapes.ts'

const DAY_MS = 86_400_000
const QUIET_MS = 3000
const LOST_SHOWN = 5

export const details = signal<Details>({ oldestQueued: {}, lost: [] })

/** Lists begin with what has not changed for longest. */
async function oldestQueued(chain: string): Promise<Details['oldestQueued'][string]> {
  if (countIn(counted.value.counts, 'withdrawal', 'queued', chain) === 0) return undefined
  const { items } = await get<ApiPage<ApiWithdrawal>>('/v1/withdrawals', {
    query: { chain, state: 'queued', limit: 1 },
  })
  const [first] = items
  return first === undefined ? undefined : { id: first.id, reason: first.reason, since: Date.parse(first.updatedAt) }
}

async function lostLately(): Promise<Details['lost']> {
  if (countIn(counted.value.counts, 'deposit', 'lost') === 0) return []
  const { items } = await newest<ApiDeposit>('/v1/deposits', { state: 'lost' }, LOST_SHOWN)
  const since = Date.now() - DAY_MS
  return items.filter(({ updatedAt }) => Date.parse(updatedAt) > since)
}

async function ask(): Promise<void> {
  const names = chains.value.map(({ chain }) => chain)
  const [queued, lost] = await Promise.all([Promise.all(names.map(oldestQueued)), lostLately()])
  details.value = { oldestQueued: Object.fromEntries(names.map((name, n) => [name, queued[n]])), lost }
}

/** Until it is called off. */
export function watchDetails(): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined
  // What cannot be asked now is asked at the next occasion; that the watcher is gone is said elsewhere.
  const soon = (ms: number) => {
    timer ??= setTimeout(() => {
      timer = undefined
      void ask().catch(() => undefined)
    }, ms)
  }
  soon(0)
  const stop = onEvents(events => {
    const isAffected = ({ kind, from, to }: { kind: string; from: string | null; to: string }) =>
      (kind === 'withdrawal' && [from, to].includes('queued')) || (kind === 'deposit' && to === 'lost')
    if (events.some(isAffected)) soon(QUIET_MS)
  })
  return () => {
    clearTimeout(timer)
    stop()
  }
}
