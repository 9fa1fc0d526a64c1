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

/** One way out of a state: the event, and what must hold. */
export interface Cause {
  event: string
  guard: string | null
}

export interface Box {
  x: number
  y: number
  width: number
  height: number
}

export interface ChartState {
  name: string
  description: string
  /** What it owes to the outside world, or null. */
  task: string | null
  /** What is not in the ledger yet. */
  isBirth: boolean
  isEnd: boolean
  parts: { name: string; description: string }[]
  /** Events that change it without leaving it. */
  stays: string[]
  box: Box
}

export interface ChartEdge {
  from: string
  to: string
  causes: Cause[]
  /** An SVG path from border to border. */
  path: string
  /** Around the point (x, y). */
  label: { x: number; y: number; width: number; height: number; lines: string[] }
}

/** A machine as it is drawn; made from its definition when the page is built. */
export interface Chart {
  id: string
  width: number
  height: number
  states: ChartState[]
  edges: ChartEdge[]
  /** Ways that lead from every state and are not drawn. */
  hidden: { from: string; to: string; causes: Cause[] }[]
}
