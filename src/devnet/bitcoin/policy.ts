/** What litecoind 0.21 relays, and in which words it refuses the rest: `policy.cpp` and `tx_check.cpp`. */
import type { Transaction } from 'bitcoinjs-lib'
import { dustOf } from '../../../adapters/bitcoin/address.ts'
import type { Network } from '../../../adapters/bitcoin/network.ts'
import { scriptKindOf } from '../../../adapters/bitcoin/script.ts'
import { inputKey } from './coins.ts'

/** Core's `-minrelaytxfee`. */
export const MINIMUM_RELAY_SAT_PER_KVB = 1000n
/** Core's `-incrementalrelayfee`: what a replacement pays more. */
export const INCREMENTAL_SAT_PER_KVB = 1000n
/** Core's `-limitancestorcount` and `-limitdescendantcount`. */
export const CHAIN_LIMIT = 25
/** BIP-125, rule 5. */
export const REPLACED_MAXIMUM = 100
/** BIP-125: a sequence up to this one says that the transaction may be replaced. */
export const REPLACEABLE_SEQUENCE = 0xffff_fffd

const VERSION_MAXIMUM = 2
const WEIGHT_MAXIMUM = 400_000
const STRIPPED_MINIMUM_BYTES = 82
const DATA_SCRIPT_MAXIMUM_BYTES = 83
const OP_RETURN = 0x6a
const LOCK_TIME_THRESHOLD = 500_000_000
const FINAL_SEQUENCE = 0xffff_ffff

/** `reason` is what testmempoolaccept says; sendrawtransaction adds `detail`. */
export interface RelayRefusal {
  reason: string
  detail: string
}

/** A refusal in the daemon's words. */
export const refuse = (reason: string, detail = ''): RelayRefusal => ({ reason, detail })

/** Rounded down, as the daemon does. */
export const feeAt = (satPerKvB: bigint, vsize: number): bigint => (satPerKvB * BigInt(vsize)) / 1000n
/** BIP-125: one input that says so is enough. */
export const isReplaceable = (transaction: Transaction): boolean =>
  transaction.ins.some(input => input.sequence <= REPLACEABLE_SEQUENCE)

/** What no block may hold. */
export function malformation(transaction: Transaction, maximumSat: bigint): string | null {
  if (transaction.ins.length === 0) return 'bad-txns-vin-empty'
  if (transaction.outs.length === 0) return 'bad-txns-vout-empty'
  let sumSat = 0n
  for (const { value } of transaction.outs) {
    if (value > maximumSat) return 'bad-txns-vout-toolarge'
    sumSat += value
  }
  if (sumSat > maximumSat) return 'bad-txns-txouttotal-toolarge'
  if (new Set(transaction.ins.map(inputKey)).size < transaction.ins.length) return 'bad-txns-inputs-duplicate'
  return transaction.isCoinbase() ? 'coinbase' : null
}

/** What blocks may hold, and the node does not relay. */
export function nonstandard(transaction: Transaction, network: Network): string | null {
  if (transaction.version > VERSION_MAXIMUM || transaction.version < 1) return 'version'
  if (transaction.weight() > WEIGHT_MAXIMUM) return 'tx-size'
  const data = transaction.outs.filter(({ script }) => script[0] === OP_RETURN)
  for (const { script, value } of transaction.outs) {
    if (!isStandardScript(script)) return 'scriptpubkey'
    if (script[0] !== OP_RETURN && value < dustOf(script, network)) return 'dust'
  }
  if (data.length > 1) return 'multi-op-return'
  return transaction.byteLength(false) < STRIPPED_MINIMUM_BYTES ? 'tx-size-small' : null
}

function isStandardScript(script: Uint8Array): boolean {
  if (script[0] === OP_RETURN) return script.length <= DATA_SCRIPT_MAXIMUM_BYTES
  return scriptKindOf(script, 0, script.length) !== null
}

/** Whether the lock time has come for a block at this height, after this median time. */
export function isFinal(transaction: Transaction, height: number, medianTime: number): boolean {
  const { locktime } = transaction
  if (locktime < (locktime < LOCK_TIME_THRESHOLD ? height : medianTime)) return true
  return transaction.ins.every(input => input.sequence === FINAL_SEQUENCE)
}
