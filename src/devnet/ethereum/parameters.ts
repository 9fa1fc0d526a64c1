/** The parameters of ethereum's RPCs, with geth's complaints about them. */
import { z } from 'zod'
import { ADDRESS_BYTES, bytesOfHex, NOTHING, WORD_BYTES } from './bytes.ts'

/** JSON-RPC 2.0, EIP-1474 and what nodes add. */
export const CODES = {
  parse: -32_700,
  invalidRequest: -32_600,
  missingMethod: -32_601,
  invalidParams: -32_602,
  server: -32_000,
  limit: -32_005,
  reverted: 3,
  pruned: 4444,
}

/** An error that the node answers; anything else that is thrown is a defect. */
export class JsonRpcFailure extends Error {
  readonly code: number
  readonly data: string | undefined

  constructor(code: number, message: string, data?: string) {
    super(message)
    this.code = code
    this.data = data
  }
}

const invalid = (message: string): JsonRpcFailure => new JsonRpcFailure(CODES.invalidParams, message)

function given(args: readonly unknown[], at: number): unknown {
  if (args[at] === undefined) throw invalid(`missing value for required argument ${at}`)
  return args[at]
}

function hexText(value: unknown, at: number, type: string): string {
  if (typeof value !== 'string')
    throw invalid(`invalid argument ${at}: json: cannot unmarshal non-string into Go value of type ${type}`)
  if (!value.startsWith('0x'))
    throw invalid(
      `invalid argument ${at}: json: cannot unmarshal hex string without 0x prefix into Go value of type ${type}`,
    )
  return value.toLowerCase()
}

function fixedHex(value: unknown, at: number, type: string, bytes: number): string {
  const hex = hexText(value, at, type)
  if (hex.length !== 2 + 2 * bytes)
    throw invalid(`invalid argument ${at}: hex string has length ${hex.length - 2}, want ${2 * bytes} for ${type}`)
  if (!/^0x[0-9a-f]*$/.test(hex))
    throw invalid(`invalid argument ${at}: json: cannot unmarshal invalid hex string into Go value of type ${type}`)
  return hex
}

/** In lower case. */
export const addressArgument = (args: readonly unknown[], at: number): string =>
  fixedHex(given(args, at), at, 'common.Address', ADDRESS_BYTES)

/** In lower case. */
export const hashArgument = (args: readonly unknown[], at: number): string =>
  fixedHex(given(args, at), at, 'common.Hash', WORD_BYTES)

export function bytesArgument(args: readonly unknown[], at: number): Uint8Array {
  const hex = hexText(given(args, at), at, 'hexutil.Bytes')
  if (hex.length % 2 !== 0)
    throw invalid(
      `invalid argument ${at}: json: cannot unmarshal hex string of odd length into Go value of type hexutil.Bytes`,
    )
  if (!/^0x[0-9a-f]*$/.test(hex))
    throw invalid(
      `invalid argument ${at}: json: cannot unmarshal invalid hex string into Go value of type hexutil.Bytes`,
    )
  return bytesOfHex(hex)
}

export const flagArgument = (args: readonly unknown[], at: number): boolean => args[at] === true

/** A block as it is named: by a tag, by its number, or by its hash. */
export type BlockName = { tag: string } | { number: number } | { hash: string; isCanonicalOnly: boolean }

const TAGS = ['latest', 'pending', 'earliest', 'safe', 'finalized']
const HASH_CHARACTERS = 2 + 2 * WORD_BYTES

function namedByText(text: string, at: number): BlockName {
  if (TAGS.includes(text)) return { tag: text }
  if (text.length === HASH_CHARACTERS)
    return { hash: fixedHex(text, at, 'common.Hash', WORD_BYTES), isCanonicalOnly: false }
  if (!/^0x(0|[1-9a-fA-F][0-9a-fA-F]*)$/.test(text)) {
    const problem = text.startsWith('0x') ? 'hex number with leading zero digits' : 'hex string without 0x prefix'
    throw invalid(`invalid argument ${at}: ${problem}`)
  }
  return { number: Number(text) }
}

const blockObject = z.object({
  blockHash: z.string().optional(),
  blockNumber: z.string().optional(),
  requireCanonical: z.boolean().optional(),
})

/** Absent means the latest. */
export function blockArgument(args: readonly unknown[], at: number): BlockName {
  const value = args[at] ?? 'latest'
  if (typeof value === 'string') return namedByText(value, at)
  const parsed = blockObject.safeParse(value).data
  if (parsed?.blockHash !== undefined) {
    const hash = fixedHex(parsed.blockHash, at, 'common.Hash', WORD_BYTES)
    return { hash, isCanonicalOnly: parsed.requireCanonical === true }
  }
  if (parsed?.blockNumber !== undefined) return namedByText(parsed.blockNumber, at)
  throw invalid(`invalid argument ${at}: invalid block number or hash`)
}

const numberText = z.string().regex(/^0x[0-9a-fA-F]+$/)
const dataText = z.string().regex(/^0x([0-9a-fA-F]{2})*$/)
const addressText = z.string().regex(/^0x[0-9a-fA-F]{40}$/)
const callSchema = z.object({
  from: addressText.optional(),
  to: addressText.nullish(),
  gas: numberText.optional(),
  gasPrice: numberText.optional(),
  maxFeePerGas: numberText.optional(),
  maxPriorityFeePerGas: numberText.optional(),
  value: numberText.optional(),
  data: dataText.optional(),
  input: dataText.optional(),
})

/** What `eth_call` and `eth_estimateGas` are asked about. */
export interface CallArgument {
  from: string
  to: string | null
  gas: bigint | null
  price: bigint | null
  value: bigint
  data: Uint8Array
}

const ZERO_ADDRESS = `0x${'0'.repeat(40)}`
const numberIn = (text: string | undefined): bigint | null => (text === undefined ? null : BigInt(text))

export function callArgument(args: readonly unknown[], at: number): CallArgument {
  const parsed = callSchema.safeParse(given(args, at))
  if (!parsed.success) throw invalid(`invalid argument ${at}: ${parsed.error.issues[0]!.path.join('.')} is malformed`)
  const { from, to, gas, gasPrice, maxFeePerGas, value, data, input } = parsed.data
  if (data !== undefined && input !== undefined && data !== input)
    throw new JsonRpcFailure(
      CODES.server,
      'both "data" and "input" are set and not equal. Please use "input" to pass transaction call data',
    )
  const sent = input ?? data
  return {
    from: (from ?? ZERO_ADDRESS).toLowerCase(),
    to: to?.toLowerCase() ?? null,
    ...{ gas: numberIn(gas), price: numberIn(maxFeePerGas ?? gasPrice), value: numberIn(value) ?? 0n },
    data: sent === undefined ? NOTHING : bytesOfHex(sent.toLowerCase()),
  }
}

const oneOrMany = z.union([z.string(), z.array(z.string())]).nullish()
const filterSchema = z.object({
  blockHash: z.string().optional(),
  fromBlock: z.string().optional(),
  toBlock: z.string().optional(),
  address: oneOrMany,
  topics: z.array(oneOrMany).optional(),
})

export interface LogFilter {
  place: { hash: string } | { from: BlockName; to: BlockName }
  /** Null for any. */
  addresses: ReadonlySet<string> | null
  /** By position; null for any. */
  topics: (ReadonlySet<string> | null)[]
}

/** geth's limit on addresses, and on topics in one position. */
const CRITERIA_MAXIMUM = 1000

function setOf(value: string | string[] | null | undefined): ReadonlySet<string> | null {
  const list = typeof value === 'string' ? [value] : (value ?? [])
  if (list.length > CRITERIA_MAXIMUM) throw invalid('exceed max addresses or topics per search position')
  return list.length === 0 ? null : new Set(list.map(item => item.toLowerCase()))
}

export function filterArgument(args: readonly unknown[], at: number): LogFilter {
  const parsed = filterSchema.safeParse(given(args, at))
  if (!parsed.success) throw invalid(`invalid argument ${at}: ${parsed.error.issues[0]!.message}`)
  const { blockHash, fromBlock, toBlock, address, topics = [] } = parsed.data
  if (blockHash !== undefined && (fromBlock !== undefined || toBlock !== undefined))
    throw invalid(
      `invalid argument ${at}: cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other`,
    )
  if (topics.length > 4) throw invalid('exceed max topics')
  const place =
    blockHash === undefined
      ? { from: namedByText(fromBlock ?? 'latest', at), to: namedByText(toBlock ?? 'latest', at) }
      : { hash: fixedHex(blockHash, at, 'common.Hash', WORD_BYTES) }
  return { place, addresses: setOf(address), topics: topics.map(setOf) }
}
