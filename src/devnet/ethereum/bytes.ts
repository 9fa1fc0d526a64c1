/** Bytes as the chain hashes them, words as its machine counts, and both as JSON-RPC writes them. */
import { keccak_256 } from '@noble/hashes/sha3.js'

/** Of a word of the machine. */
export const WORD_BYTES = 32
/** Of an address. */
export const ADDRESS_BYTES = 20
/** No bytes. */
export const NOTHING = new Uint8Array()

/** `0x` and two digits a byte, in lower case. */
export const hexOf = (bytes: Uint8Array): string => `0x${Buffer.from(bytes).toString('hex')}`
/** Of `0x` and an even number of digits; whoever calls has checked that. */
export const bytesOfHex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.slice(2), 'hex'))
/** A number as JSON-RPC writes one: no leading zeros. */
export const quantity = (value: bigint | number): string => `0x${value.toString(16)}`
/** Big-endian; no bytes are zero. */
export const wordOf = (bytes: Uint8Array): bigint => (bytes.length === 0 ? 0n : BigInt(hexOf(bytes)))
/** Keccak-256 as hex. */
export const hashOfBytes = (bytes: Uint8Array): string => hexOf(keccak_256(bytes))

/** Big-endian, filled with zeros in front. */
export function paddedBytes(value: bigint, length = WORD_BYTES): Uint8Array {
  return Uint8Array.from(Buffer.from(value.toString(16).padStart(2 * length, '0'), 'hex'))
}

/** Big-endian without leading zeros, as RLP holds a number. */
export function minimalBytes(value: bigint): Uint8Array {
  if (value === 0n) return NOTHING
  const digits = value.toString(16)
  return Uint8Array.from(Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex'))
}

/** A word as 32 bytes of hex. */
export const hexWord = (value: bigint): string => `0x${value.toString(16).padStart(2 * WORD_BYTES, '0')}`
/** The address in a word: its last 20 bytes. */
export const addressIn = (word: bigint): string =>
  `0x${(word & ((1n << 160n) - 1n)).toString(16).padStart(2 * ADDRESS_BYTES, '0')}`

/** One after the other. */
export const joined = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(parts))
