/**
 * A raw transaction, walked once over its bytes without making objects: only one that touches us is read again and
 * hashed (block.ts). Formats: the classic one, BIP-144 (marker 0, flag 1), and Litecoin's MWEB (flag 8, LIP-0002).
 */
import { bytesToHex, concatBytes } from '@noble/hashes/utils.js'
import { invariant } from '../../src/kernel/fault.ts'
import { displayOf, hash256 } from './hash.ts'
import { OUTPOINT_BYTES } from './outpoint.ts'

/** Where we stand in the bytes. `subject` names them in the fault. */
export interface ByteCursor {
  readonly bytes: Uint8Array
  readonly subject: 'block' | 'transaction' | 'template'
  at: number
}

/** What a walk asks of every output script and every outpoint: see BitcoinWatch. */
export interface Matcher {
  pays: (bytes: Uint8Array, start: number, length: number) => number
  spends: (bytes: Uint8Array, offset: number) => number
}

/** Offsets of one transaction's parts; one object serves a whole block. `touched`: the matcher knew something in it. */
export interface Span {
  start: number
  end: number
  flags: number
  /** The number of inputs, and the place where it is written. */
  inputs: number
  bodyAt: number
  /** The first input, the number of outputs, the first output. */
  inputsAt: number
  outputs: number
  outputsAt: number
  /** Behind the outputs: witness, MWEB part, lock time. */
  witnessAt: number
  witnessEnd: number
  lockTimeAt: number
  touched: boolean
}

/** BIP-144. */
export const WITNESS_FLAG = 1
/** LIP-0002. */
export const MWEB_FLAG = 8
const LOCK_TIME_BYTES = 4
/** Of an output's amount, little-endian satoshi. */
export const AMOUNT_BYTES = 8

/** One for a whole block: `skim` writes over it. */
export const createSpan = (): Span => ({
  start: 0,
  end: 0,
  flags: 0,
  inputs: 0,
  bodyAt: 0,
  inputsAt: 0,
  outputs: 0,
  outputsAt: 0,
  witnessAt: 0,
  witnessEnd: 0,
  lockTimeAt: 0,
  touched: false,
})

/** Invariant fault: a chain that cannot be read stops; nothing is ever skipped (B13). */
export const unreadable = (cursor: ByteCursor, reason: string) =>
  invariant(`unreadable-${cursor.subject}`, `${reason} at byte ${cursor.at} of ${cursor.bytes.length}`)

/** Invariant fault of `unreadable` where fewer bytes are left. */
export function skip(cursor: ByteCursor, length: number): void {
  if (cursor.at + length > cursor.bytes.length) throw unreadable(cursor, `${length} bytes are missing`)
  cursor.at += length
}

/** Core's CompactSize; only the shortest form of a number is valid, as in Core. */
export function compactSize(cursor: ByteCursor): number {
  const { bytes, at } = cursor
  if (at >= bytes.length) throw unreadable(cursor, 'a length is missing')
  const first = bytes[at]!
  if (first < 0xfd) {
    cursor.at = at + 1
    return first
  }
  return longSize(cursor, first)
}

function longSize(cursor: ByteCursor, first: number): number {
  const length = first === 0xfd ? 2 : first === 0xfe ? 4 : 8
  const from = cursor.at + 1
  skip(cursor, 1 + length)
  let value = 0
  for (let i = length - 1; i >= 0; i--) value = value * 256 + cursor.bytes[from + i]!
  const least = length === 2 ? 0xfd : length === 4 ? 0x1_0000 : 0x1_0000_0000
  if (value < least || value > Number.MAX_SAFE_INTEGER) throw unreadable(cursor, 'a length is not in its shortest form')
  return value
}

/** Walks one transaction; every loop ends because each turn consumes bytes or throws. */
export function skim(cursor: ByteCursor, span: Span, matcher: Matcher | null): void {
  span.start = cursor.at
  span.touched = false
  skip(cursor, 4)
  span.flags = flagsOf(cursor)
  span.bodyAt = cursor.at
  span.inputs = compactSize(cursor)
  skimInputs(cursor, span, matcher)
  span.outputs = compactSize(cursor)
  skimOutputs(cursor, span, matcher)
  span.witnessAt = cursor.at
  if ((span.flags & WITNESS_FLAG) !== 0) skimWitness(cursor, span.inputs)
  span.witnessEnd = cursor.at
  if ((span.flags & MWEB_FLAG) !== 0) skimMweb(cursor)
  else if (span.inputs === 0) throw unreadable(cursor, 'a transaction without inputs')
  span.lockTimeAt = cursor.at
  skip(cursor, LOCK_TIME_BYTES)
  span.end = cursor.at
}

/** The flags behind a segwit marker, or 0 where there is no marker. */
function flagsOf(cursor: ByteCursor): number {
  const { bytes, at } = cursor
  if (bytes[at] !== 0) return 0
  const flags = bytes[at + 1] ?? 0
  if (flags === 0 || (flags & ~(WITNESS_FLAG | MWEB_FLAG)) !== 0) throw unreadable(cursor, `transaction flags ${flags}`)
  cursor.at = at + 2
  return flags
}

function skimInputs(cursor: ByteCursor, span: Span, matcher: Matcher | null): void {
  span.inputsAt = cursor.at
  for (let i = 0; i < span.inputs; i++) {
    const outpointAt = cursor.at
    skip(cursor, OUTPOINT_BYTES)
    skip(cursor, compactSize(cursor) + 4)
    if (matcher !== null && matcher.spends(cursor.bytes, outpointAt) !== 0) span.touched = true
  }
}

function skimOutputs(cursor: ByteCursor, span: Span, matcher: Matcher | null): void {
  span.outputsAt = cursor.at
  for (let i = 0; i < span.outputs; i++) {
    skip(cursor, AMOUNT_BYTES)
    const length = compactSize(cursor)
    const scriptAt = cursor.at
    skip(cursor, length)
    if (matcher !== null && matcher.pays(cursor.bytes, scriptAt, length) !== -1) span.touched = true
  }
}

function skimWitness(cursor: ByteCursor, inputs: number): void {
  for (let i = 0; i < inputs; i++) {
    const items = compactSize(cursor)
    for (let n = 0; n < items; n++) skip(cursor, compactSize(cursor))
  }
}

/**
 * Within a block only the HogEx carries the flag, and its MWEB part is always absent (a zero byte). A transaction of
 * the memory pool may carry one; it stands alone, so that all before the lock time is MWEB's and none of ours.
 */
function skimMweb(cursor: ByteCursor): void {
  const present = cursor.bytes[cursor.at]
  if (present === 0) return skip(cursor, 1)
  if (present !== 1 || cursor.subject === 'block') throw unreadable(cursor, 'an MWEB part that does not belong here')
  skip(cursor, cursor.bytes.length - LOCK_TIME_BYTES - cursor.at)
}

/** Without witness and MWEB part: what the transaction id is the hash of (BIP-141). */
export function strippedOf(bytes: Uint8Array, span: Span): Uint8Array {
  return concatBytes(
    bytes.subarray(span.start, span.start + 4),
    bytes.subarray(span.bodyAt, span.witnessAt),
    bytes.subarray(span.lockTimeAt, span.end),
  )
}

/** As displayed. */
export const txidOf = (bytes: Uint8Array, span: Span): string => displayOf(hash256(strippedOf(bytes, span)))

/** The whole transaction with its witness, without its MWEB part. Hex. */
export function rawOf(bytes: Uint8Array, span: Span): string {
  if ((span.flags & WITNESS_FLAG) === 0) return bytesToHex(strippedOf(bytes, span))
  return bytesToHex(
    concatBytes(
      bytes.subarray(span.start, span.start + 4),
      Uint8Array.of(0, WITNESS_FLAG),
      bytes.subarray(span.bodyAt, span.witnessEnd),
      bytes.subarray(span.lockTimeAt, span.end),
    ),
  )
}

/** Offsets of the outpoints that a skimmed transaction spends. */
export function outpointsOf(bytes: Uint8Array, span: Span): number[] {
  const cursor: ByteCursor = { bytes, subject: 'transaction', at: span.inputsAt }
  return Array.from({ length: span.inputs }, () => {
    const outpointAt = cursor.at
    skip(cursor, OUTPOINT_BYTES)
    skip(cursor, compactSize(cursor) + 4)
    return outpointAt
  })
}

/** An output by its place in the bytes. */
export interface OutputAt {
  amountSat: bigint
  scriptAt: number
  scriptLength: number
}

/** The outputs of a skimmed transaction, in order. */
export function outputsOf(bytes: Uint8Array, span: Span): OutputAt[] {
  const cursor: ByteCursor = { bytes, subject: 'transaction', at: span.outputsAt }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: span.outputs }, () => {
    const amountSat = view.getBigUint64(cursor.at, true)
    skip(cursor, AMOUNT_BYTES)
    const scriptLength = compactSize(cursor)
    const scriptAt = cursor.at
    skip(cursor, scriptLength)
    return { amountSat, scriptAt, scriptLength }
  })
}
