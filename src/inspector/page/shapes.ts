/** What the API answers, from the schemas that describe it: the page cannot expect another shape than the watcher has. */
import type { z } from 'zod'
import type {
  addressSchema,
  chainSchema,
  depositSchema,
  eventsSchema,
  overviewSchema,
  searchSchema,
  transferSchema,
  withdrawalSchema,
} from '../../watcher/schemas.ts'

export type ApiChain = z.output<typeof chainSchema>
export type ApiOverview = z.output<typeof overviewSchema>
export type ShownAddress = z.output<typeof addressSchema>
export type ApiDeposit = z.output<typeof depositSchema>
export type ApiWithdrawal = z.output<typeof withdrawalSchema>
export type ShownTransfer = z.output<typeof transferSchema>
export type Attempt = NonNullable<ShownTransfer['attempts']>[number]
export type HistoryRow = NonNullable<ApiDeposit['history']>[number]
export type Feed = z.output<typeof eventsSchema>
/** What the page reads of its data it looks for by name. */
export type ApiEvent = Omit<Feed['events'][number], 'data'> & { data: Record<string, unknown> }
export type ApiHit = z.output<typeof searchSchema>['items'][number]

export interface ApiPage<Item> {
  items: Item[]
  next: number | null
}

export type Readiness = Pick<ApiOverview['readiness'], 'ready' | 'problems'>
