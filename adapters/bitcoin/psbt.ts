/**
 * Writes a PSBT (BIP-174, version 0), and reads it in that one form: the unsigned transaction, for each input
 * its previous transaction and perhaps what it spends and how it is signed, for outputs nothing; keys in rising order, and
 * every number and the base64 in their one spelling. Whatever else a PSBT may hold is refused, never passed over.
 */
import { boundary } from '../../src/kernel/fault.ts'
import { compactSize, skip, unreadable, type ByteCursor } from './transaction.ts'

/** Of the text. The signer's requests are bounded at 16 MiB. */
export const MAXIMUM_PSBT_LENGTH = 14 * 1024 * 1024
/** "psbt" and 0xff. */
const MAGIC = '70736274ff'
const UNSIGNED_TRANSACTION = 0x00
const PREVIOUS = 0x00
const WITNESS_UTXO = 0x01
const SIGHASH_TYPE = 0x03

/** Values as they stand in the bytes; undefined where the field is missing. */
export interface PsbtInput {
  /** A whole transaction. */
  previous: Uint8Array | undefined
  /** An amount and a script, as in a transaction. */
  witnessUtxo: Uint8Array | undefined
  /** A little-endian number of four bytes. */
  sighashType: Uint8Array | undefined
}

type Fields = ReadonlyMap<number, Uint8Array>
type Part = 'global' | 'input' | 'output'

const KNOWN: Record<Part, readonly number[]> = {
  global: [UNSIGNED_TRANSACTION],
  input: [PREVIOUS, WITNESS_UTXO, SIGHASH_TYPE],
  output: [],
}

/** As Bitcoin writes lengths. */
function sized(length: number): Buffer {
  if (length < 0xfd) return Buffer.from([length])
  const bytes = Buffer.alloc(length <= 0xffff ? 3 : 5)
  bytes[0] = length <= 0xffff ? 0xfd : 0xfe
  if (length <= 0xffff) bytes.writeUInt16LE(length, 1)
  else bytes.writeUInt32LE(length, 1)
  return bytes
}

const END = Uint8Array.of(0)
const fieldOf = (type: number, value: Uint8Array): Uint8Array[] => [Uint8Array.of(1, type), sized(value.length), value]

/**
 * In base64: an unsigned transaction and the whole previous transaction of each of its inputs, in their order. By hand, because there may be
 * five hundred of them, and libraries that parse each take as long as all the rest of a plan.
 */
export function writePsbt(unsigned: Uint8Array, previous: readonly Uint8Array[], outputs: number): string {
  const parts = [
    ...[Buffer.from(MAGIC, 'hex'), ...fieldOf(UNSIGNED_TRANSACTION, unsigned), END],
    ...previous.flatMap(raw => [...fieldOf(PREVIOUS, raw), END]),
    ...Array.from({ length: outputs }, () => END),
  ]
  return Buffer.concat(parts).toString('base64')
}

/** A PSBT whose inputs and outputs are still to be read: how many there are is in the unsigned transaction. */
export interface OpenedPsbt {
  unsigned: Uint8Array
  /** Throws as `openPsbt` does, also where anything follows. To be called once. */
  read: (inputs: number, outputs: number) => PsbtInput[]
}

/** Throws a boundary fault `invalid-template`, or an invariant fault `unreadable-template` where the bytes end early. */
export function openPsbt(text: string): OpenedPsbt {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.toString('base64') !== text) throw boundary('invalid-template', 'the PSBT is not in its canonical form')
  const cursor: ByteCursor = { bytes, subject: 'template', at: 0 }
  skip(cursor, MAGIC.length / 2)
  if (bytes.toString('hex', 0, cursor.at) !== MAGIC) throw boundary('invalid-template', 'this is no PSBT')
  const unsigned = readFields(cursor, 'global').get(UNSIGNED_TRANSACTION)
  if (unsigned === undefined) throw boundary('invalid-template', 'the PSBT holds no transaction')
  const read: OpenedPsbt['read'] = (inputs, outputs) => {
    const found = Array.from({ length: inputs }, () => inputOf(readFields(cursor, 'input')))
    for (let n = 0; n < outputs; n++) readFields(cursor, 'output')
    if (cursor.at !== bytes.length) throw unreadable(cursor, 'something follows the PSBT')
    return found
  }
  return { unsigned, read }
}

const inputOf = (fields: Fields): PsbtInput => ({
  previous: fields.get(PREVIOUS),
  witnessUtxo: fields.get(WITNESS_UTXO),
  sighashType: fields.get(SIGHASH_TYPE),
})

/** One map up to its end; every turn consumes bytes or throws. All keys that are known are one byte long. */
function readFields(cursor: ByteCursor, part: Part): Fields {
  const fields = new Map<number, Uint8Array>()
  let last = -1
  for (let keyBytes = compactSize(cursor); keyBytes > 0; keyBytes = compactSize(cursor)) {
    const keyAt = cursor.at
    skip(cursor, keyBytes)
    const type = cursor.bytes[keyAt]!
    if (keyBytes !== 1 || !KNOWN[part].includes(type))
      throw boundary('invalid-template', `unknown ${part} fields in the PSBT: ${type}`)
    if (type <= last) throw boundary('invalid-template', 'the PSBT is not in its canonical form')
    const length = compactSize(cursor)
    skip(cursor, length)
    fields.set(type, cursor.bytes.subarray(cursor.at - length, cursor.at))
    last = type
  }
  return fields
}
