/** Builds blocks: a coinbase of its own for every block, so that equal contents never make equal blocks. */
import { Block, script as scripts, Transaction } from 'bitcoinjs-lib'
import { fromDisplay, hash256 } from '../../../adapters/bitcoin/hash.ts'
import { bestOf, medianTime, subsidyAt, type Chain } from './chain.ts'

export interface Candidate {
  transactions: readonly Transaction[]
  feesSat: bigint
  /** Of the coinbase. */
  script: Uint8Array
  nowMs: number
  /** Makes the coinbase unique: the node's tag and a counter. */
  extraNonce: Uint8Array
}

const VERSION = 0x20000000
const BITS = 0x207fffff
const HASH_BYTES = 32
const NO_OUTPUT = 0xffff_ffff
/** BIP-141: OP_RETURN, a push of 36 bytes, the commitment's header. */
const COMMITMENT_PREFIX = [0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed]

/** The last of an odd row is paired with itself. */
export function merkleRoot(hashes: readonly Uint8Array[]): Uint8Array {
  let row = [...hashes]
  while (row.length > 1) {
    const above: Uint8Array[] = []
    for (let i = 0; i < row.length; i += 2) above.push(hash256(Buffer.concat([row[i]!, row[i + 1] ?? row[i]!])))
    row = above
  }
  return row[0]!
}

function coinbaseOf(chain: Chain, candidate: Candidate, height: number, isSegwit: boolean): Transaction {
  const coinbase = new Transaction()
  coinbase.version = 2
  // BIP-34: the height comes first.
  const script = scripts.compile([scripts.number.encode(height), candidate.extraNonce])
  coinbase.addInput(new Uint8Array(HASH_BYTES), NO_OUTPUT, NO_OUTPUT, script)
  coinbase.addOutput(candidate.script, subsidyAt(chain, height) + candidate.feesSat)
  if (!isSegwit) return coinbase
  const reserved = new Uint8Array(HASH_BYTES)
  const hashes = [new Uint8Array(HASH_BYTES), ...candidate.transactions.map(transaction => transaction.getHash(true))]
  const commitment = hash256(Buffer.concat([merkleRoot(hashes), reserved]))
  coinbase.addOutput(Uint8Array.from([...COMMITMENT_PREFIX, ...commitment]), 0n)
  coinbase.setWitness(0, [reserved])
  return coinbase
}

/** A block on top of the chain's best one. */
export function assembleBlock(chain: Chain, candidate: Candidate, isSegwit: boolean): Block {
  const parent = bestOf(chain)
  const block = new Block()
  block.version = VERSION
  block.prevHash = fromDisplay(parent.hash)
  block.timestamp = Math.max(Math.floor(candidate.nowMs / 1000), medianTime(chain, parent) + 1)
  block.bits = BITS
  block.transactions = [coinbaseOf(chain, candidate, parent.height + 1, isSegwit), ...candidate.transactions]
  block.merkleRoot = merkleRoot(block.transactions.map(transaction => transaction.getHash()))
  const commitment = block.getWitnessCommit()
  if (commitment) block.witnessCommit = commitment
  return block
}
