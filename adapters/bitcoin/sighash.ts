/**
 * The digests that are signed, SIGHASH_ALL only. BIP-143 for P2WPKH, with the three hashes over the whole transaction
 * made once however many inputs there are.
 */
import { concatBytes } from '@noble/hashes/utils.js'
import type { Transaction } from 'bitcoinjs-lib'
import { hash256 } from './hash.ts'
import { outpointBytes } from './outpoint.ts'
import { scriptFor } from './script.ts'

/** The only sighash type that we sign: all inputs, all outputs. */
export const SIGHASH_ALL = 1

/** An input's outpoint, as displayed, with what it spends. */
export interface Spent {
  txid: string
  vout: number
  amountSat: bigint
  /** The public key's hash. */
  program: Uint8Array
}

/** BIP-143: one digest an input, in their order. `spent` stands in the order of the transaction's inputs. */
export function witnessDigests(transaction: Transaction, spent: readonly Spent[]): Uint8Array[] {
  const outpoints = spent.map(({ txid, vout }) => outpointBytes(txid, vout))
  const sequences = transaction.ins.map(input => uint32(input.sequence))
  const hashPrevouts = hash256(concatBytes(...outpoints))
  const hashSequence = hash256(concatBytes(...sequences))
  const hashOutputs = hash256(concatBytes(...transaction.outs.map(serializedOutput)))
  const head = concatBytes(uint32(transaction.version), hashPrevouts, hashSequence)
  const tail = concatBytes(hashOutputs, uint32(transaction.locktime), uint32(SIGHASH_ALL))
  const codeLength = Uint8Array.of(25)
  return spent.map(({ amountSat, program }, n) => {
    const code = scriptFor('p2pkh', program)
    return hash256(concatBytes(head, outpoints[n]!, codeLength, code, uint64(amountSat), sequences[n]!, tail))
  })
}

/** The original scheme, for P2PKH on chains without segwit: each input hashes the whole transaction. */
export function classicDigests(transaction: Transaction, spent: readonly Spent[]): Uint8Array[] {
  return spent.map(({ program }, n) =>
    Uint8Array.from(transaction.hashForSignature(n, scriptFor('p2pkh', program), SIGHASH_ALL)),
  )
}

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value, true)
  return bytes
}

function uint64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, value, true)
  return bytes
}

/** Scripts that have an address are all shorter than 253 bytes: their length is one byte. */
const serializedOutput = ({ value, script }: { value: bigint; script: Uint8Array }): Uint8Array =>
  concatBytes(uint64(value), Uint8Array.of(script.length), script)
