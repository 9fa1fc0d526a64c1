/** Makes raw blocks and transactions for tests, with bitcoinjs-lib as the other implementation. */
import { Transaction } from 'bitcoinjs-lib'
import { concatBytes, hexToBytes } from '@noble/hashes/utils.js'
import { hash256 } from '../../../adapters/bitcoin/hash.ts'

export interface Out {
  script: Uint8Array
  amountSat: bigint
}

export interface In {
  txid: string
  vout: number
  witness?: Uint8Array[]
  scriptSig?: Uint8Array
}

export function transactionOf(inputs: readonly In[], outputs: readonly Out[]): Transaction {
  const transaction = new Transaction()
  transaction.version = 2
  for (const { txid, vout, witness, scriptSig } of inputs) {
    const n = transaction.addInput(hexToBytes(txid).reverse(), vout, 0xfffffffd, scriptSig ?? new Uint8Array())
    if (witness) transaction.setWitness(n, witness)
  }
  for (const { script, amountSat } of outputs) transaction.addOutput(script, amountSat)
  return transaction
}

export function coinbaseOf(outputs: readonly Out[], height = 1): Transaction {
  const transaction = new Transaction()
  transaction.version = 1
  const scriptSig = Uint8Array.of(0x04, height & 0xff, (height >> 8) & 0xff, 0, 0)
  transaction.addInput(new Uint8Array(32), 0xffffffff, 0xffffffff, scriptSig)
  for (const { script, amountSat } of outputs) transaction.addOutput(script, amountSat)
  return transaction
}

/** `version` 0x20000000 unless said; `auxpow` stands behind the header, `extension` behind the last transaction. */
export function blockOf(
  transactions: readonly Uint8Array[],
  options: { version?: number; auxpow?: Uint8Array; extension?: Uint8Array } = {},
): Uint8Array {
  return concatBytes(
    headerOf(options.version ?? 0x20000000),
    options.auxpow ?? new Uint8Array(),
    sizeOf(transactions.length),
    ...transactions,
    options.extension ?? new Uint8Array(),
  )
}

export function headerOf(version: number): Uint8Array {
  const header = new Uint8Array(80).fill(0x11)
  new DataView(header.buffer).setUint32(0, version, true)
  new DataView(header.buffer).setUint32(68, 1_700_000_000, true)
  return header
}

export function sizeOf(count: number): Uint8Array {
  return count < 0xfd ? Uint8Array.of(count) : Uint8Array.of(0xfd, count & 0xff, count >> 8)
}

/** A proof of merged mining: parent coinbase, parent hash, two branches with indexes, parent header. */
export function auxpowOf(branches: [number, number]): Uint8Array {
  const branch = (length: number) => concatBytes(sizeOf(length), new Uint8Array(32 * length).fill(7), new Uint8Array(4))
  const parentCoinbase = coinbaseOf([{ script: Uint8Array.of(0x51), amountSat: 1n }]).toBuffer()
  return concatBytes(parentCoinbase, new Uint8Array(32).fill(9), branch(branches[0]), branch(branches[1]), headerOf(4))
}

export function merkleRootOf(txids: readonly Uint8Array[]): Uint8Array {
  if (txids.length === 1) return txids[0]!
  const level: Uint8Array[] = []
  for (let i = 0; i < txids.length; i += 2) level.push(hash256(concatBytes(txids[i]!, txids[i + 1] ?? txids[i]!)))
  return merkleRootOf(level)
}

export const someTxid = (n: number): string => `f${n.toString(16).padStart(63, '0')}`
