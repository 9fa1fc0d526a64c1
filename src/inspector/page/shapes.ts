/** What the API answers, from the schemas that describe it: the page cannot expect another shape than the watcher has. */
import type { z } from 'zod'
import type {
  addressSchema,
  chainSchema,
  depositSchema,
  eventsSchema,
  searchSchema,
  transferSchema,
  withdrawalSchema,
} from '../../watcher/schemas.ts'

export type Chain = z.output<typeof chainSchema>
export type Address = z.output<typeof addressSchema>
export type Deposit = z.output<typeof depositSchema>
export type Withdrawal = z.output<typeof withdrawalSchema>
export type Transfer = z.output<typeof transferSchema>
export type Attempt = NonNullable<Transfer['attempts']>[number]
export type HistoryRow = NonNullable<Deposit['history']>[number]
export type Feed = z.output<typeof eventsSchema>
export type FeedEvent = Feed['events'][number]
export type Hit = z.output<typeof searchSchema>['items'][number]

export interface Page<Item> {
  items: Item[]
  next: number | null
}

export interface Readiness {
  ready: boolean
  problems: string[]
}
