/** The parameters of RPCs, with litecoind's complaints about them: `rpc/util.cpp`, `univalue`. */
import { Transaction } from 'bitcoinjs-lib'
import { toSatoshi } from '../../../adapters/bitcoin/rpc.ts'

/** `RPC_MISC_ERROR`. */
export const MISC_ERROR = -1
/** `RPC_TYPE_ERROR`. */
export const TYPE_ERROR = -3
/** `RPC_INVALID_ADDRESS_OR_KEY`: also for a transaction or block that is not there. */
export const INVALID_ADDRESS_OR_KEY = -5
/** `RPC_INVALID_PARAMETER`. */
export const INVALID_PARAMETER = -8
/** `RPC_DESERIALIZATION_ERROR`. */
export const DESERIALIZATION_ERROR = -22
/** `RPC_VERIFY_ERROR`: missing or spent inputs among others. */
export const TRANSACTION_ERROR = -25
/** `RPC_VERIFY_REJECTED`: by rules of blocks or of the memory pool. */
export const TRANSACTION_REJECTED = -26
/** `RPC_VERIFY_ALREADY_IN_CHAIN`. */
export const ALREADY_IN_CHAIN = -27
/** JSON-RPC 2.0. */
export const METHOD_NOT_FOUND = -32601
/** JSON-RPC 2.0. */
export const INTERNAL_ERROR = -32603
/** JSON-RPC 2.0. */
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

/** Throws an RpcFailure for anything but a string. */
export function text(value: unknown): string {
  if (typeof value !== 'string') throw new RpcFailure(MISC_ERROR, 'JSON value is not a string as expected')
  return value
}

/** Throws an RpcFailure for anything but a boolean. */
export function boolean(value: unknown): boolean {
  if (typeof value !== 'boolean') throw new RpcFailure(MISC_ERROR, 'JSON value is not a boolean as expected')
  return value
}

/** Throws an RpcFailure for anything but an integer. */
export function integer(value: unknown): number {
  if (!Number.isSafeInteger(value)) throw new RpcFailure(MISC_ERROR, 'JSON value is not an integer as expected')
  return value as number
}

/** 64 hexadecimal digits, in lower case. `name`: the parameter's, for the complaint. */
export function hashParam(value: unknown, name: string): string {
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

/** From hex. Throws an RpcFailure for what cannot be decoded. */
export function rawTransaction(value: unknown): Transaction {
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
