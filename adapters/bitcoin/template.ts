/**
 * A template of the family: `{ network, psbt, publicKeys }`. The PSBT (BIP-174, version 0) carries the whole previous
 * transaction of every input, so that amounts and owners are proven by hashes and by nobody's word; `publicKeys` are
 * the inputs' keys in their order, each proven by its hash in the script that it unlocks.
 *
 * Whatever Lockkeeper would not write itself is refused: other versions, lock times, sequences, sighash types, scripts,
 * or fields.
 */
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { Psbt, Transaction } from 'bitcoinjs-lib'
import { z } from 'zod'
import type { Json } from '../../machines/vocabulary.ts'
import { boundary, reasonOf } from '../fault.ts'
import { addressOf } from './address.ts'
import { displayOf, hash160 } from './hash.ts'
import type { Network } from './network.ts'
import { kindOf, payloadOf } from './script.ts'
import type { Spent } from './sighash.ts'
import { SIGHASH_ALL } from './sighash.ts'
import type { Cursor } from './transaction.ts'
import { createSpan, outputsOf, skim, strippedOf, txidOf } from './transaction.ts'

export const VERSION = 2
/** Signals BIP-125 and, being above the BIP-68 range, no relative lock time. */
export const SEQUENCE = 0xffff_fffd
/** Of the PSBT's text. The signer's requests are bounded at 16 MiB. */
const MAXIMUM_PSBT_LENGTH = 14 * 1024 * 1024

const INPUT_FIELDS = new Set(['nonWitnessUtxo', 'witnessUtxo', 'sighashType'])

export interface DraftInput extends Spent {
  /** Canonical. */
  address: string
  publicKey: Uint8Array
  /** The transaction that paid it, without witness. */
  previous: Uint8Array
}

export interface DraftOutput {
  address: string
  script: Uint8Array
  amountSat: bigint
}

/** A template as understood. */
export interface Draft {
  transaction: Transaction
  inputs: DraftInput[]
  outputs: DraftOutput[]
  feeSat: bigint
}

const shape = z.strictObject({
  network: z.string(),
  psbt: z.string().max(MAXIMUM_PSBT_LENGTH),
  publicKeys: z.array(z.string().regex(/^0[23][0-9a-f]{64}$/)).min(1),
})

const refused = (reason: string) => boundary('invalid-template', reason)

/** What a new template spends: `raw` is the previous transaction, hex. */
export interface TemplateInput {
  txid: string
  vout: number
  raw: string
  publicKey: string
}

export function writeTemplate(
  inputs: readonly TemplateInput[],
  outputs: readonly { script: Uint8Array; amountSat: bigint }[],
  network: Network,
): Json {
  const psbt = new Psbt()
  psbt.setVersion(VERSION)
  psbt.setLocktime(0)
  for (const { txid, vout, raw } of inputs)
    psbt.addInput({ hash: txid, index: vout, sequence: SEQUENCE, nonWitnessUtxo: withoutWitness(hexToBytes(raw)) })
  for (const { script, amountSat } of outputs) psbt.addOutput({ script, value: amountSat })
  return { network: network.name, psbt: psbt.toBase64(), publicKeys: inputs.map(input => input.publicKey) }
}

/** Boundary fault `invalid-template` with the reason where anything in it is not understood. */
export function readTemplate(template: Json, network: Network): Draft {
  const parsed = shape.safeParse(template)
  if (!parsed.success) throw refused(`not of the form {network, psbt, publicKeys}: ${z.prettifyError(parsed.error)}`)
  if (parsed.data.network !== network.name) throw refused(`for ${parsed.data.network}, not for ${network.name}`)
  const psbt = decoded(() => Psbt.fromBase64(parsed.data.psbt))
  if (psbt.toBase64() !== parsed.data.psbt) throw refused('the PSBT is not in its canonical form')
  const transaction = decoded(() => Transaction.fromBuffer(psbt.data.getTransaction()))
  checkFields(psbt, transaction)
  const { publicKeys } = parsed.data
  if (publicKeys.length !== transaction.ins.length) throw refused('not one public key an input')
  const inputs = transaction.ins.map((input, n) => {
    const data = psbt.data.inputs[n]!
    return readInput(
      { ...input, witnessUtxo: data.witnessUtxo, previous: data.nonWitnessUtxo },
      publicKeys[n]!,
      network,
    )
  })
  const outputs = transaction.outs.map(({ script, value }) => readOutput(script, value, network))
  return { transaction, inputs, outputs, feeSat: feeOf(inputs, outputs, network) }
}

function checkFields(psbt: Psbt, transaction: Transaction): void {
  const { globalMap, inputs, outputs } = psbt.data
  if (Object.keys(globalMap).some(key => key !== 'unsignedTx')) throw refused('unknown global fields in the PSBT')
  if (outputs.some(output => Object.keys(output).length > 0)) throw refused('unknown output fields in the PSBT')
  for (const input of inputs) {
    const unknown = Object.keys(input).filter(field => !INPUT_FIELDS.has(field))
    if (unknown.length > 0) throw refused(`unknown input fields in the PSBT: ${unknown.join(', ')}`)
    if ((input.sighashType ?? SIGHASH_ALL) !== SIGHASH_ALL) throw refused(`sighash type ${input.sighashType!}`)
  }
  if (transaction.version !== VERSION || transaction.locktime !== 0) throw refused('another version or lock time')
  if (transaction.ins.some(input => input.sequence !== SEQUENCE)) throw refused('another sequence number')
  if (transaction.ins.length === 0 || transaction.outs.length === 0) throw refused('no inputs or no outputs')
  const outpoints = transaction.ins.map(({ hash, index }) => `${bytesToHex(hash)}:${index}`)
  if (new Set(outpoints).size !== outpoints.length) throw refused('the same outpoint twice')
}

interface RawInput {
  hash: Uint8Array
  index: number
  previous: Uint8Array | undefined
  witnessUtxo: { script: Uint8Array; value: bigint } | undefined
}

function readInput(input: RawInput, publicKeyHex: string, network: Network): DraftInput {
  const txid = displayOf(input.hash)
  if (input.previous === undefined) throw refused(`the previous transaction ${txid} is missing`)
  const { script, amountSat } = outputAt(input.previous, txid, input.index)
  const { witnessUtxo } = input
  if (witnessUtxo && (witnessUtxo.value !== amountSat || bytesToHex(witnessUtxo.script) !== bytesToHex(script)))
    throw refused(`the PSBT contradicts ${txid}:${input.index}`)
  const kind = kindOf(script, 0, script.length)
  if (kind !== (network.segwit ? 'p2wpkh' : 'p2pkh')) throw refused(`${txid}:${input.index} is no coin of ours`)
  const program = Uint8Array.from(payloadOf(kind, script))
  const publicKey = hexToBytes(publicKeyHex)
  if (bytesToHex(hash160(publicKey)) !== bytesToHex(program))
    throw refused(`the public key is not that of ${txid}:${input.index}`)
  checkAmount(amountSat, network)
  const address = addressOf(script, network)!
  return { txid, vout: input.index, amountSat, program, publicKey, address, previous: input.previous }
}

/** Output `vout` of a previous transaction, proven by its hash. */
function outputAt(previous: Uint8Array, txid: string, vout: number): { script: Uint8Array; amountSat: bigint } {
  const span = createSpan()
  const cursor: Cursor = { bytes: previous, subject: 'transaction', at: 0 }
  decoded(() => {
    skim(cursor, span, null)
  })
  if (cursor.at !== previous.length || txidOf(previous, span) !== txid)
    throw refused(`the previous transaction is not ${txid}`)
  const output = outputsOf(previous, span)[vout]
  if (output === undefined) throw refused(`${txid} has no output ${vout}`)
  return {
    script: previous.subarray(output.scriptAt, output.scriptAt + output.scriptLength),
    amountSat: output.amountSat,
  }
}

function readOutput(script: Uint8Array, amountSat: bigint, network: Network): DraftOutput {
  const address = addressOf(script, network)
  if (address === null) throw refused(`an output without an address: ${bytesToHex(script).slice(0, 100)}`)
  checkAmount(amountSat, network)
  return { address, script, amountSat }
}

function checkAmount(amountSat: bigint, network: Network): void {
  if (amountSat <= 0n || amountSat > network.maximumSat) throw refused(`an amount of ${amountSat}`)
}

function feeOf(inputs: readonly DraftInput[], outputs: readonly DraftOutput[], network: Network): bigint {
  const spentSat = inputs.reduce((sum, input) => sum + input.amountSat, 0n)
  const paidSat = outputs.reduce((sum, output) => sum + output.amountSat, 0n)
  if (spentSat > network.maximumSat) throw refused(`inputs of ${spentSat} in all`)
  if (paidSat > spentSat) throw refused(`pays ${paidSat} and has ${spentSat}`)
  return spentSat - paidSat
}

function withoutWitness(raw: Uint8Array): Uint8Array {
  const span = createSpan()
  skim({ bytes: raw, subject: 'transaction', at: 0 }, span, null)
  return strippedOf(raw, span)
}

function decoded<Result>(decode: () => Result): Result {
  try {
    return decode()
  } catch (error) {
    throw refused(reasonOf(error))
  }
}
