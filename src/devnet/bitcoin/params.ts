/** The parameters of RPCs, with litecoind's complaints about them: `rpc/util.cpp`, `univalue`. */
import { Transaction } from 'bitcoinjs-lib'
import { toSatoshi } from '../../../adapters/bitcoin/rpc.ts'

export const MISC_ERROR = -1
export const TYPE_ERROR = -3
export const INVALID_ADDRESS_OR_KEY = -5
export const INVALID_PARAMETER = -8
export const DESERIALIZATION_ERROR = -22
export const TRANSACTION_ERROR = -25
export const TRANSACTION_REJECTED = -26
export const ALREADY_IN_CHAIN = -27
export const METHOD_NOT_FOUND = -32601
export const INTERNAL_ERROR = -32603
export const PARSE_ERROR = -32700

/** An error that the node answers; anything else that is thrown is a defect. */
export class RpcFailure extends Error {
  readonly code: number
  readonly status: number | undefined

  constructor(code: number, message: string, status?: number) {
    super(message)
    this.code = code
    this.status = status
  }
}

const HASH_CHARACTERS = 64
const DECODE_FAILED = 'TX decode failed. Make sure the tx has at least one input.'
const DEFAULT_MAXIMUM_FEE_RATE = '0.10'

export function text(value: unknown): string {
  if (typeof value !== 'string') throw new RpcFailure(MISC_ERROR, 'JSON value is not a string as expected')
  return value
}

export function boolean(value: unknown): boolean {
  if (typeof value !== 'boolean') throw new RpcFailure(MISC_ERROR, 'JSON value is not a boolean as expected')
  return value
}

export function integer(value: unknown): number {
  if (!Number.isSafeInteger(value)) throw new RpcFailure(MISC_ERROR, 'JSON value is not an integer as expected')
  return value as number
}

export function hash(value: unknown, name: string): string {
  const given = text(value)
  if (given.length !== HASH_CHARACTERS)
    throw new RpcFailure(
      INVALID_PARAMETER,
      `${name} must be of length ${HASH_CHARACTERS} (not ${given.length}, for '${given}')`,
    )
  if (!/^[0-9a-fA-F]*$/.test(given))
    throw new RpcFailure(INVALID_PARAMETER, `${name} must be hexadecimal string (not '${given}')`)
  return given.toLowerCase()
}

/** `true`, `1` and nothing at all are what callers write for a default of 1. */
export function verbosity(value: unknown, fallback: number): number {
  if (value === undefined || value === null) return fallback
  return typeof value === 'boolean' ? Number(value) : integer(value)
}

export function transaction(value: unknown): Transaction {
  const hex = text(value)
  try {
    if (!/^(?:[0-9a-fA-F]{2})+$/.test(hex)) throw new Error('not hexadecimal')
    return Transaction.fromHex(hex)
  } catch {
    throw new RpcFailure(DESERIALIZATION_ERROR, DECODE_FAILED)
  }
}

/** sat/kvB; null for any. */
export function maximumFeeRate(value: unknown): bigint | null {
  try {
    const rate = toSatoshi(value ?? DEFAULT_MAXIMUM_FEE_RATE)
    return rate === 0n ? null : rate
  } catch {
    throw new RpcFailure(TYPE_ERROR, 'Invalid amount')
  }
}
