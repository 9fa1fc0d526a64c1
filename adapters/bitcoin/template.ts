/**
 * A template of the family: `{ network, psbt, publicKeys }`. The PSBT (BIP-174, version 0) carries the whole previous
 * transaction of every input, so that amounts and owners are proven by hashes and by nobody's word; `publicKeys` are
 * the inputs' keys in their order, each proven by its hash in the script that it unlocks.
 *
 * Whatever Lockkeeper would not write itself is refused: other versions, lock times, sequences, sighash types, scripts,
 * or fields.
 */
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { Transaction } from 'bitcoinjs-lib'
import { z } from 'zod'
import type { Amount, Json, SpendKey } from '../../machines/vocabulary.ts'
import { boundary, reasonOf } from '../../src/kernel/fault.ts'
import { addressOf } from './address.ts'
import { displayOf, fromDisplay, hash160 } from './hash.ts'
import type { Network } from './network.ts'
import { MAXIMUM_PSBT_LENGTH, openPsbt, writePsbt, type PsbtInput } from './psbt.ts'
import { scriptKindOf, payloadOf } from './script.ts'
import type { Spent } from './sighash.ts'
import { MAXIMUM_WEIGHT, transactionWeight } from './size.ts'
import type { ByteCursor } from './transaction.ts'
import { AMOUNT_BYTES, createSpan, outputsOf, skim, strippedOf, txidOf } from './transaction.ts'

/** Of our transactions: BIP-68 knows relative lock times from 2 on, and we set none. */
export const TRANSACTION_VERSION = 2
/** Signals BIP-125 and, being above the BIP-68 range, no relative lock time. */
export const SEQUENCE = 0xffff_fffd

/** An input, with all that proves what it spends. */
export interface DraftInput extends Spent {
  /** Canonical. */
  address: string
  publicKey: Uint8Array
  /** The transaction that paid it, without witness. */
  previous: Uint8Array
}

/** An output whose script is an address. */
export interface DraftOutput {
  address: string
  script: Uint8Array
  amountSat: bigint
}

/** A coin that a template spends, as the template itself proves it. */
export interface TemplateCoin {
  key: SpendKey
  address: string
  publicKey: string
  amount: Amount
  transactionId: string
  output: number
  /** The transaction that paid it, without witness. Hex. */
  raw: string
  /** What that transaction spends. */
  inputs: SpendKey[]
}

/** A template as understood. */
export interface Draft {
  transaction: Transaction
  /** Its bytes. */
  unsigned: Uint8Array
  inputs: DraftInput[]
  outputs: DraftOutput[]
  feeSat: bigint
}

/** More do not fit into what nodes relay: an input takes 41 bytes at least, four weight units each. */
const MAXIMUM_INPUTS = Math.floor(MAXIMUM_WEIGHT / (41 * 4))
/** Of one previous transaction without its witness, as a PSBT carries it: its nodes relay no larger one. */
const MAXIMUM_PREVIOUS_BYTES = MAXIMUM_WEIGHT / 4

/** Whether the signer takes this transaction (hex) for a previous one. A coin of a larger one is left where it is. */
export const isCarriable = (raw: string): boolean =>
  raw.length <= 2 * MAXIMUM_PREVIOUS_BYTES || withoutWitness(hexToBytes(raw)).length <= MAXIMUM_PREVIOUS_BYTES

const shape = z.strictObject({
  network: z.string(),
  psbt: z.string().max(MAXIMUM_PSBT_LENGTH),
  publicKeys: z
    .custom<unknown[]>(keys => Array.isArray(keys) && keys.length <= MAXIMUM_INPUTS, `at most ${MAXIMUM_INPUTS}`)
    .pipe(z.array(z.string().regex(/^0[23][0-9a-f]{64}$/)).min(1)),
})

/** SIGHASH_ALL as a PSBT writes it. */
const ALL = '01000000'

const refused = (reason: string) => boundary('invalid-template', reason)

/** What a new template spends: `raw` is the previous transaction, hex. */
export interface TemplateInput {
  txid: string
  vout: number
  raw: string
  publicKey: string
}

/** A PSBT (BIP-174) with whole previous transactions. The order of inputs and outputs is kept. */
export function writeTemplate(
  inputs: readonly TemplateInput[],
  outputs: readonly { script: Uint8Array; amountSat: bigint }[],
  network: Network,
): Json {
  const transaction = new Transaction()
  transaction.version = TRANSACTION_VERSION
  for (const { txid, vout } of inputs) transaction.addInput(fromDisplay(txid), vout, SEQUENCE)
  for (const { script, amountSat } of outputs) transaction.addOutput(script, amountSat)
  const previous = inputs.map(({ raw }) => withoutWitness(hexToBytes(raw)))
  const psbt = writePsbt(transaction.toBuffer(), previous, outputs.length)
  return { network: network.name, psbt, publicKeys: inputs.map(input => input.publicKey) }
}

/** Boundary fault `invalid-template` with the reason where anything in it is not understood. */
export function readTemplate(template: Json, network: Network): Draft {
  const parsed = shape.safeParse(template)
  if (!parsed.success) throw refused(`not of the form {network, psbt, publicKeys}: ${z.prettifyError(parsed.error)}`)
  if (parsed.data.network !== network.name) throw refused(`for ${parsed.data.network}, not for ${network.name}`)
  const psbt = decoded(() => openPsbt(parsed.data.psbt))
  const { unsigned } = psbt
  const transaction = decoded(() => Transaction.fromBuffer(unsigned))
  checkTransaction(transaction, unsigned)
  const { publicKeys } = parsed.data
  if (publicKeys.length !== transaction.ins.length) throw refused('not one public key an input')
  const fields = decoded(() => psbt.read(transaction.ins.length, transaction.outs.length))
  const inputs = transaction.ins.map((input, n) => readInput(input, fields[n]!, publicKeys[n]!, network))
  const outputs = transaction.outs.map(({ script, value }) => readOutput(script, value, network))
  const scripts = outputs.map(({ script }) => script)
  if (transactionWeight(inputs.length, scripts, network) > MAXIMUM_WEIGHT) throw refused('larger than nodes relay')
  return { transaction, unsigned, inputs, outputs, feeSat: feeOf(inputs, outputs, network) }
}

function checkTransaction(transaction: Transaction, unsigned: Uint8Array): void {
  const { version, locktime, ins, outs } = transaction
  if (version !== TRANSACTION_VERSION || locktime !== 0) throw refused('another version or lock time')
  if (ins.some(input => input.sequence !== SEQUENCE)) throw refused('another sequence number')
  if (ins.length === 0 || outs.length === 0) throw refused('no inputs or no outputs')
  if (ins.some(input => input.script.length > 0) || transaction.hasWitnesses()) throw refused('signed already')
  if (Buffer.compare(transaction.toBuffer(), unsigned) !== 0) throw refused('the PSBT is not in its canonical form')
  const outpoints = ins.map(({ hash, index }) => `${bytesToHex(hash)}:${index}`)
  if (new Set(outpoints).size !== outpoints.length) throw refused('the same outpoint twice')
}

function readInput(
  { hash, index }: { hash: Uint8Array; index: number },
  { previous, witnessUtxo, sighashType }: PsbtInput,
  publicKeyHex: string,
  network: Network,
): DraftInput {
  const txid = displayOf(hash)
  if (previous === undefined) throw refused(`the previous transaction ${txid} is missing`)
  if (previous.length > MAXIMUM_PREVIOUS_BYTES)
    throw refused(`the previous transaction ${txid} is larger than nodes relay`)
  if (sighashType !== undefined && bytesToHex(sighashType) !== ALL) throw refused('another sighash type than ALL')
  const { script, amountSat, bytes } = outputAt(previous, txid, index)
  if (witnessUtxo !== undefined && Buffer.compare(witnessUtxo, bytes) !== 0)
    throw refused(`the PSBT contradicts ${txid}:${index}`)
  const kind = scriptKindOf(script, 0, script.length)
  if (kind !== (network.segwit ? 'p2wpkh' : 'p2pkh')) throw refused(`${txid}:${index} is no coin of ours`)
  const program = Uint8Array.from(payloadOf(kind, script))
  const publicKey = hexToBytes(publicKeyHex)
  if (Buffer.compare(hash160(publicKey), program) !== 0) throw refused(`the public key is not that of ${txid}:${index}`)
  checkAmount(amountSat, network)
  const address = addressOf(script, network)!
  return { txid, vout: index, amountSat, program, publicKey, address, previous }
}

interface Spendable {
  script: Uint8Array
  amountSat: bigint
  /** Both as they stand in the transaction. */
  bytes: Uint8Array
}

/** Output `vout` of a previous transaction, proven by its hash. */
function outputAt(previous: Uint8Array, txid: string, vout: number): Spendable {
  const span = createSpan()
  const cursor: ByteCursor = { bytes: previous, subject: 'transaction', at: 0 }
  decoded(() => {
    skim(cursor, span, null)
  })
  if (cursor.at !== previous.length || txidOf(previous, span) !== txid)
    throw refused(`the previous transaction is not ${txid}`)
  const output = outputsOf(previous, span)[vout]
  if (output === undefined) throw refused(`${txid} has no output ${vout}`)
  const { amountSat, scriptAt, scriptLength } = output
  const script = previous.subarray(scriptAt, scriptAt + scriptLength)
  // Scripts of ours have a length of one byte; of others the comparison fails, and so does their kind.
  return { script, amountSat, bytes: previous.subarray(scriptAt - 1 - AMOUNT_BYTES, scriptAt + scriptLength) }
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
