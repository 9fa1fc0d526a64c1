/**
 * A block as JSON (`getblock <hash> 2`), for nodes whose raw blocks we cannot read. It is written back into bytes in the
 * plain format and scanned like any other block, so both forms give equal facts, and the block's hash, which is computed
 * from those bytes, shows that the header was understood; every transaction's id shows the same of the transaction.
 */
import { concatBytes, hexToBytes } from '@noble/hashes/utils.js'
import { z } from 'zod'
import { scanBlock, type ScanContext, type ScannedBlock } from './block.ts'
import { displayOf, fromDisplay, hash256 } from './hash.ts'
import { toSatoshi } from './rpc.ts'
import { MWEB_FLAG, WITNESS_FLAG } from './transaction.ts'

const hex = z.string().regex(/^(?:[0-9a-f]{2})*$/)
const hash = z.string().regex(/^[0-9a-f]{64}$/)
const NO_HASH = '0'.repeat(64)
const NO_OUTPUT = 0xffff_ffff

const inputShape = z.object({
  coinbase: hex.optional(),
  txid: hash.optional(),
  vout: z.number().optional(),
  scriptSig: z.object({ hex }).optional(),
  txinwitness: z.array(hex).optional(),
  sequence: z.number().optional(),
  ismweb: z.boolean().optional(),
})
const outputShape = z.object({
  value: z.union([z.string(), z.number()]).optional(),
  scriptPubKey: z.object({ hex, type: z.string() }).optional(),
  ismweb: z.boolean().optional(),
})
const transactionShape = z.object({
  txid: hash,
  version: z.number(),
  locktime: z.number(),
  vin: z.array(inputShape),
  vout: z.array(outputShape),
})
const blockShape = z.object({
  hash,
  version: z.number(),
  previousblockhash: hash.optional(),
  merkleroot: hash,
  time: z.number(),
  bits: z.string().regex(/^[0-9a-f]{8}$/),
  nonce: z.number(),
  tx: z.array(transactionShape),
})

type JsonTransaction = z.infer<typeof transactionShape>
type JsonBlock = z.infer<typeof blockShape>

/** Facts of a block read as JSON, or null when it is not understood entirely. */
export function scanJsonBlock(value: unknown, context: ScanContext, height: number): ScannedBlock | null {
  const block = blockShape.safeParse(value)
  const bytes = block.success ? blockBytes(block.data, context.network.mweb) : null
  if (!block.success || bytes === null) return null
  // The proof of a parent chain is not written back: nothing of ours can be in it.
  const scanned = scanBlock(bytes, { ...context, network: { ...context.network, auxpow: false } }, height)
  return scanned.hash === block.data.hash ? scanned : null
}

function blockBytes(block: JsonBlock, hasMweb: boolean): Uint8Array | null {
  const last = block.tx.at(-1)
  const hogEx = hasMweb && block.tx.length > 1 && last && isHogEx(last) ? last : null
  const parts = [headerBytes(block), compactSizeBytes(block.tx.length)]
  for (const transaction of block.tx) {
    if (displayOf(hash256(transactionBytes(transaction, 0))) !== transaction.txid) return null
    const flags = (hasWitness(transaction) ? WITNESS_FLAG : 0) | (transaction === hogEx ? MWEB_FLAG : 0)
    parts.push(transactionBytes(transaction, flags))
  }
  // Behind a HogEx the format wants an extension block, of which nothing is read.
  if (hogEx) parts.push(Uint8Array.of(1, 0))
  return concatBytes(...parts)
}

const headerBytes = (block: JsonBlock): Uint8Array =>
  concatBytes(
    uint32(block.version),
    fromDisplay(block.previousblockhash ?? NO_HASH),
    fromDisplay(block.merkleroot),
    uint32(block.time),
    fromDisplay(block.bits),
    uint32(block.nonce),
  )

const isHogEx = ({ vout }: JsonTransaction): boolean => vout[0]?.scriptPubKey?.type === 'witness_mweb_hogaddr'
const hasWitness = ({ vin }: JsonTransaction): boolean => vin.some(input => (input.txinwitness?.length ?? 0) > 0)

/** BIP-144, without the parts that stand in the MWEB only. */
function transactionBytes(transaction: JsonTransaction, flags: number): Uint8Array {
  const inputs = transaction.vin.filter(input => input.ismweb !== true)
  const outputs = transaction.vout.filter(output => output.ismweb !== true)
  return concatBytes(
    uint32(transaction.version),
    flags === 0 ? new Uint8Array() : Uint8Array.of(0, flags),
    compactSizeBytes(inputs.length),
    ...inputs.map(inputBytes),
    compactSizeBytes(outputs.length),
    ...outputs.map(outputBytes),
    ...((flags & WITNESS_FLAG) === 0 ? [] : inputs.map(witnessBytes)),
    flags & MWEB_FLAG ? Uint8Array.of(0) : new Uint8Array(),
    uint32(transaction.locktime),
  )
}

const inputBytes = (input: z.infer<typeof inputShape>): Uint8Array =>
  concatBytes(
    fromDisplay(input.txid ?? NO_HASH),
    uint32(input.vout ?? NO_OUTPUT),
    sized(input.coinbase ?? input.scriptSig?.hex ?? ''),
    uint32(input.sequence ?? NO_OUTPUT),
  )

function witnessBytes({ txinwitness = [] }: z.infer<typeof inputShape>): Uint8Array {
  return concatBytes(compactSizeBytes(txinwitness.length), ...txinwitness.map(sized))
}

function outputBytes({ value = 0, scriptPubKey }: z.infer<typeof outputShape>): Uint8Array {
  const amount = new Uint8Array(8)
  new DataView(amount.buffer).setBigUint64(0, toSatoshi(value), true)
  return concatBytes(amount, sized(scriptPubKey?.hex ?? ''))
}

function sized(hexadecimal: string): Uint8Array {
  const bytes = hexToBytes(hexadecimal)
  return concatBytes(compactSizeBytes(bytes.length), bytes)
}

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value, true)
  return bytes
}

function compactSizeBytes(size: number): Uint8Array {
  if (size < 0xfd) return Uint8Array.of(size)
  return size <= 0xffff ? Uint8Array.of(0xfd, size & 0xff, size >> 8) : concatBytes(Uint8Array.of(0xfe), uint32(size))
}
