/**
 * What nodes answer, as far as it is read. Numbers and booleans come as text, and a map or a list that is empty as the text `""` (N9).
 * https://docs.nano.org/commands/rpc-protocol/
 */
import { z } from 'zod'
import { hash, stateBlock } from './block.ts'

/** At most 128 bits. */
const raw = z
  .string()
  .regex(/^[0-9]{1,39}$/)
  .transform(BigInt)
const count = z
  .string()
  .regex(/^[0-9]{1,15}$/)
  .transform(Number)
const flag = z.enum(['true', 'false', '1', '0']).transform(text => text === 'true' || text === '1')
const work = z.string().regex(/^[0-9a-f]{16}$/)

const EMPTY = z.literal('')
const mapOf = <Value extends z.ZodType>(value: Value) =>
  z.union([EMPTY.transform((): Record<string, z.output<Value>> => ({})), z.record(z.string(), value)])
const listOf = <Item extends z.ZodType>(item: Item) =>
  z.union([EMPTY.transform((): z.output<Item>[] => []), z.array(item)])
/** Why an account is left out of an answer about many. */
const errors = mapOf(z.string()).default({})

export const versionShape = z.object({ node_vendor: z.string(), network_identifier: hash })
export const blockCountShape = z.object({ count, cemented: count })
/** Of the network, as far as the node's peers tell it. `timestamp`: milliseconds. */
export const telemetryShape = z.object({ cemented_count: count, timestamp: count })

/** With `include_confirmed` and `representative`. */
export const accountInfoShape = z.object({
  frontier: hash,
  balance: raw,
  confirmed_frontier: hash,
  confirmed_height: count,
  confirmed_balance: raw,
  representative: z.string(),
})

/** Unopened accounts are not among `frontiers` but among `errors`. */
export const frontiersShape = z.object({ frontiers: mapOf(hash).default({}), errors })

export const balancesShape = z.object({ balances: mapOf(z.object({ balance: raw, receivable: raw })), errors })

/** With `source`. */
const receivable = z.object({ amount: raw, source: z.string() })
export const receivableShape = z.object({ blocks: mapOf(receivable) })
/** By account; those with nothing are left out. */
export const accountsReceivableShape = z.object({ blocks: mapOf(mapOf(receivable)) })

/** Other types than `state` are of the first years. */
const contents = z.union([
  z.object({ ...stateBlock.shape, signature: z.string(), work }),
  z.object({ type: z.literal('send'), destination: z.string() }),
  z.object({ type: z.enum(['open', 'receive', 'change']) }),
])

/** With `json_block`. `local_timestamp`: when this node has had it first, seconds since 1970; `amount` is missing where the node has pruned what tells it. */
export const blockInfoShape = z.object({
  block_account: z.string(),
  amount: raw.optional(),
  balance: raw,
  height: count,
  local_timestamp: count,
  confirmed: flag,
  contents,
  subtype: z.enum(['send', 'receive', 'change', 'epoch', 'open', 'unknown']).optional(),
})

/** With `include_not_found`. */
export const blocksInfoShape = z.object({ blocks: mapOf(blockInfoShape), blocks_not_found: listOf(hash).default([]) })

/** With `raw`. `account` is the other one, where there is another one. */
const historyEntry = z.object({
  ...{ hash, height: count, confirmed: flag },
  type: z.enum(['state', 'open', 'send', 'receive', 'change']),
  subtype: z.enum(['send', 'receive', 'change', 'epoch', 'open', 'unknown']).optional(),
  previous: hash.optional(),
  link: hash.optional(),
  account: z.string().optional(),
})
export const historyShape = z.object({ history: listOf(historyEntry) })

export const processedShape = z.object({ hash })
export const workShape = z.object({ work })

export type BlockInfo = z.output<typeof blockInfoShape>
export type HistoryEntry = z.output<typeof historyEntry>
