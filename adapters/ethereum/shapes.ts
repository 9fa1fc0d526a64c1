/** What nodes answer, as far as it is read. https://ethereum.github.io/execution-apis */
import { z } from 'zod'

/** Of a bloom filter of logs. */
export const BLOOM_BYTES = 256

const hex = (bytes: number) => z.string().regex(new RegExp(`^0x[0-9a-f]{${bytes * 2}}$`))
const lower = z
  .string()
  .regex(/^0x[0-9a-fA-F]*$/)
  .transform(text => text.toLowerCase())

/** A number of at most 256 bits. */
export const quantityShape = z
  .string()
  .regex(/^0x[0-9a-fA-F]{1,64}$/)
  .transform(BigInt)
/** A number that fits a double: heights, times, positions. */
export const countShape = quantityShape
  .refine(value => value <= BigInt(Number.MAX_SAFE_INTEGER), 'is too large')
  .transform(Number)
/** A number as nodes are told it. */
export const toQuantity = (value: number | bigint): string => `0x${value.toString(16)}`
/** 32 bytes, lower case. */
export const hashShape = lower.pipe(hex(32))
/** 20 bytes, lower case: nodes differ in whether they write the checksum. */
export const addressShape = lower.pipe(hex(20))
/** Most of what a node says of a block: its digits are read where blooms are added up. */
const bloom = z.string().length(2 + 2 * BLOOM_BYTES)
/** Any bytes, lower case. */
export const bytes = lower.refine(text => text.length % 2 === 0, 'is no whole number of bytes')

/** EIP-7702: who lets which code decide over an account. */
const authorization = z.object({
  chainId: quantityShape,
  address: addressShape,
  nonce: quantityShape,
  yParity: quantityShape.optional(),
  r: quantityShape,
  s: quantityShape,
})

/** Unknown types have fields of their own, and may lack some of these (E9). */
const transaction = z.object({
  hash: hashShape,
  from: addressShape,
  to: addressShape.nullish(),
  value: quantityShape.default(0n),
  nonce: quantityShape.default(0n),
  type: countShape.default(0),
  /** The data of the call: read of our own transactions alone, and large in others'. */
  input: z.string().optional(),
  authorizationList: z.array(authorization).nullish(),
})

const header = {
  hash: hashShape,
  number: countShape,
  parentHash: hashShape,
  timestamp: countShape,
  baseFeePerGas: quantityShape.nullish(),
}

/** Without its transactions. */
export const headerShape = z.object(header)

/** With whole transactions. */
export const blockShape = z.object({
  ...header,
  logsBloom: bloom,
  transactions: z.array(transaction),
  /** Who gets what is paid above the base fee. */
  miner: addressShape.nullish(),
  /** EIP-4895, in gwei: ether that no transaction moves. */
  withdrawals: z.array(z.object({ index: countShape, address: addressShape, amount: quantityShape })).nullish(),
})

const log = z.object({ address: addressShape, topics: z.array(hashShape).max(4), data: bytes, logIndex: countShape })

/** A transaction's receipt. `status` is missing before Byzantium; `l1Fee` stands on rollups. */
export const receiptShape = z.object({
  transactionHash: hashShape,
  blockHash: hashShape,
  status: countShape.nullish(),
  gasUsed: quantityShape,
  effectiveGasPrice: quantityShape.default(0n),
  logs: z.array(log),
  logsBloom: bloom,
  l1Fee: quantityShape.nullish(),
})

/** One call within a transaction, as `callTracer` tells it. */
export interface Frame {
  type: string
  from: string
  to?: string | null | undefined
  value?: bigint | null | undefined
  error?: string | undefined
  calls?: Frame[] | undefined
}

const frameShape: z.ZodType<Frame> = z.lazy(() =>
  z.object({
    type: z.string(),
    from: addressShape,
    to: addressShape.nullish(),
    value: quantityShape.nullish(),
    error: z.string().optional(),
    calls: z.array(frameShape).optional(),
  }),
)

/** `debug_traceBlockByHash`. An element with `error` and without a result says that this one could not be traced (E17). */
export const tracesShape = z.array(
  z.union([
    z.object({ txHash: hashShape.optional(), result: frameShape }),
    z.object({ txHash: hashShape.optional(), error: z.string() }),
  ]),
)

export type HeaderAnswer = z.output<typeof headerShape>
export type BlockAnswer = z.output<typeof blockShape>
export type TransactionAnswer = BlockAnswer['transactions'][number]
export type Authorization = z.output<typeof authorization>
export type ReceiptAnswer = z.output<typeof receiptShape>
export type LogAnswer = ReceiptAnswer['logs'][number]
