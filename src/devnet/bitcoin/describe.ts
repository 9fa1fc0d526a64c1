/** Blocks and transactions as litecoind 0.21 shows them in JSON. Amounts and other decimals keep their digits. */
import { script as scripts, type Transaction } from 'bitcoinjs-lib'
import { LosslessNumber } from 'lossless-json'
import { addressOf } from '../../../adapters/bitcoin/address.ts'
import { displayOf, hash256 } from '../../../adapters/bitcoin/hash.ts'
import type { Network } from '../../../adapters/bitcoin/network.ts'
import { fromSatoshi } from '../../../adapters/bitcoin/rpc.ts'
import { scriptKindOf, type ScriptKind } from '../../../adapters/bitcoin/script.ts'
import { bestOf, isActive, medianTime, type Chain, type StoredBlock } from './chain.ts'

/** As the daemon writes amounts: eight decimals. */
export const decimalOf = (satoshi: bigint): LosslessNumber => new LosslessNumber(fromSatoshi(satoshi))
/** Of every block of a regtest. */
export const DIFFICULTY = new LosslessNumber('4.656542373906925e-10')

const OP_RETURN = 0x6a
const HASH_CHARACTERS = 64
/** Every block of a regtest is worth two hashes. */
const WORK_PER_BLOCK = 2

const TYPES: Readonly<Record<ScriptKind, string>> = {
  p2pkh: 'pubkeyhash',
  p2sh: 'scripthash',
  p2wpkh: 'witness_v0_keyhash',
  p2wsh: 'witness_v0_scripthash',
  p2tr: 'witness_v1_taproot',
}

/** Of a chain of this height, 64 hexadecimal digits. */
export const chainWork = (height: number): string =>
  ((height + 1) * WORK_PER_BLOCK).toString(16).padStart(HASH_CHARACTERS, '0')

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

function asm(script: Uint8Array): string {
  try {
    return scripts.toASM(script).replace(/\bOP_(1?\d)\b/g, '$1')
  } catch {
    return '[error]'
  }
}

/** `scriptPubKey` of an output. */
export function describeScript(script: Uint8Array, network: Network): Record<string, unknown> {
  const shown = { asm: asm(script), hex: hexOf(script) }
  const kind = scriptKindOf(script, 0, script.length)
  if (kind === null) return { ...shown, type: script[0] === OP_RETURN ? 'nulldata' : 'nonstandard' }
  return { ...shown, reqSigs: 1, type: TYPES[kind], addresses: [addressOf(script, network)] }
}

function describeInput(transaction: Transaction, input: Transaction['ins'][number], network: Network): unknown {
  const witness = input.witness.length > 0 ? { txinwitness: input.witness.map(hexOf) } : {}
  const origin = transaction.isCoinbase()
    ? { coinbase: hexOf(input.script) }
    : {
        txid: displayOf(input.hash),
        vout: input.index,
        scriptSig: { asm: asm(input.script), hex: hexOf(input.script) },
      }
  return { ...(network.mweb ? { ismweb: false } : {}), ...origin, ...witness, sequence: input.sequence }
}

/** `getrawtransaction` with verbosity 1. */
export function describeTransaction(transaction: Transaction, network: Network): Record<string, unknown> {
  return {
    txid: transaction.getId(),
    // Over the whole: for a coinbase, bitcoinjs would answer what the witness commitment wants of it.
    hash: displayOf(hash256(transaction.toBuffer())),
    version: transaction.version,
    size: transaction.byteLength(),
    vsize: transaction.virtualSize(),
    weight: transaction.weight(),
    locktime: transaction.locktime,
    vin: transaction.ins.map(input => describeInput(transaction, input, network)),
    vout: transaction.outs.map(({ value, script }, n) => ({
      ...(network.mweb ? { ismweb: false } : {}),
      value: decimalOf(value),
      n,
      scriptPubKey: describeScript(script, network),
    })),
    hex: transaction.toHex(),
  }
}

/** −1 for a block that the node knows and does not stand on. */
export const confirmationsOf = (chain: Chain, block: StoredBlock): number =>
  isActive(chain, block) ? bestOf(chain).height - block.height + 1 : -1

function links(chain: Chain, stored: StoredBlock): Record<string, string> {
  const above = isActive(chain, stored) ? chain.active[stored.height + 1] : undefined
  return {
    ...(stored.height > 0 ? { previousblockhash: stored.parent } : {}),
    ...(above ? { nextblockhash: above.hash } : {}),
  }
}

/** `getblockheader`. */
export function describeHeader(chain: Chain, stored: StoredBlock): Record<string, unknown> {
  const { block, height, time } = stored
  return {
    hash: stored.hash,
    confirmations: confirmationsOf(chain, stored),
    height,
    version: block.version,
    versionHex: (block.version >>> 0).toString(16).padStart(8, '0'),
    merkleroot: displayOf(block.merkleRoot!),
    time,
    mediantime: medianTime(chain, stored),
    nonce: block.nonce,
    bits: block.bits.toString(16).padStart(8, '0'),
    difficulty: DIFFICULTY,
    chainwork: chainWork(height),
    nTx: block.transactions!.length,
    ...links(chain, stored),
  }
}

/** `getblock` with verbosity 1, or 2 with whole transactions. */
export function describeBlock(chain: Chain, stored: StoredBlock, network: Network, isWhole: boolean): unknown {
  const { block } = stored
  const { hash, confirmations, height, version, versionHex, merkleroot, ...rest } = describeHeader(chain, stored)
  const show = (transaction: Transaction) => (isWhole ? describeTransaction(transaction, network) : transaction.getId())
  return {
    hash,
    confirmations,
    strippedsize: block.byteLength(false, false),
    size: block.byteLength(false, true),
    weight: block.weight(),
    height,
    version,
    versionHex,
    merkleroot,
    tx: block.transactions!.map(show),
    ...rest,
  }
}
