/** Recursive Length Prefix, the yellow paper's appendix B. Decoding is strict: one value has one encoding. */
import { hexOf, joined, minimalBytes, wordOf } from './bytes.ts'

/** Bytes, or a list of such. */
export type Rlp = Uint8Array | readonly Rlp[]

const SHORT_MAXIMUM = 55
const STRING = 0x80
const LIST = 0xc0
/** Deeper than anything that a chain encodes. */
const MAXIMUM_DEPTH = 16

function prefix(offset: number, length: number): Uint8Array {
  if (length <= SHORT_MAXIMUM) return Uint8Array.of(offset + length)
  const size = minimalBytes(BigInt(length))
  return Uint8Array.of(offset + SHORT_MAXIMUM + size.length, ...size)
}

/** The one encoding. */
export function encodeRlp(value: Rlp): Uint8Array {
  if (!(value instanceof Uint8Array)) {
    const body = joined(...value.map(encodeRlp))
    return joined(prefix(LIST, body.length), body)
  }
  if (value.length === 1 && value[0]! < STRING) return value
  return joined(prefix(STRING, value.length), value)
}

interface Item {
  value: Rlp
  end: number
}

function lengthAt(bytes: Uint8Array, at: number, size: number): number {
  if (at + size > bytes.length) throw new Error('rlp: value size exceeds available input length')
  const length = Number(wordOf(bytes.subarray(at, at + size)))
  if (bytes[at] === 0 || length <= SHORT_MAXIMUM) throw new Error('rlp: non-canonical size information')
  return length
}

function itemAt(bytes: Uint8Array, at: number, depth: number): Item {
  if (depth > MAXIMUM_DEPTH) throw new Error('rlp: too deep')
  const first = bytes[at]
  if (first === undefined) throw new Error('rlp: unexpected end')
  if (first < STRING) return { value: bytes.subarray(at, at + 1), end: at + 1 }
  const offset = first < LIST ? STRING : LIST
  const isShort = first - offset <= SHORT_MAXIMUM
  const size = isShort ? 0 : first - offset - SHORT_MAXIMUM
  const start = at + 1 + size
  const length = isShort ? first - offset : lengthAt(bytes, at + 1, size)
  if (start + length > bytes.length) throw new Error('rlp: value size exceeds available input length')
  const body = bytes.subarray(start, start + length)
  if (offset === LIST) return { value: itemsIn(body, depth + 1), end: start + length }
  if (length === 1 && body[0]! < STRING) throw new Error('rlp: non-canonical size information')
  return { value: body, end: start + length }
}

function itemsIn(body: Uint8Array, depth: number): Rlp[] {
  const items: Rlp[] = []
  for (let at = 0; at < body.length;) {
    const { value, end } = itemAt(body, at, depth)
    items.push(value)
    at = end
  }
  return items
}

/** Throws with the reason for bytes that are not the one encoding of one value. */
export function decodeRlp(bytes: Uint8Array): Rlp {
  const { value, end } = itemAt(bytes, 0, 0)
  if (end < bytes.length) throw new Error('rlp: trailing bytes')
  return value
}

/** Throws for anything but a list of so many. */
export function rlpList(value: Rlp | undefined, length?: number): readonly Rlp[] {
  if (value === undefined || value instanceof Uint8Array) throw new Error('rlp: expected List')
  if (length !== undefined && value.length < length) throw new Error('rlp: too few elements')
  if (length !== undefined && value.length > length) throw new Error('rlp: input list has too many elements')
  return value
}

/** Throws for anything but bytes, of this length where one is given. */
export function rlpBytes(value: Rlp | undefined, length?: number): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new Error('rlp: expected String')
  if (length !== undefined && value.length !== length) throw new Error(`rlp: expected ${length} bytes`)
  return value
}

/** Throws for anything but a number without leading zeros of at most so many bits. */
export function rlpNumber(value: Rlp | undefined, bits = 256): bigint {
  const bytes = rlpBytes(value)
  if (bytes[0] === 0) throw new Error('rlp: non-canonical integer (leading zero bytes)')
  if (bytes.length * 8 > bits) throw new Error(`rlp: ${hexOf(bytes)} exceeds ${bits} bits`)
  return wordOf(bytes)
}
