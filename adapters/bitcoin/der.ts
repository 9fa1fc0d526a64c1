/** A signature as transactions carry it: DER in its one form (BIP-66), and the sighash type in one byte. */
import { SIGHASH_ALL } from './sighash.ts'

/** From r and s, 32 bytes each and neither zero. */
export function derOf(signature: Uint8Array): Uint8Array {
  const r = digitsOf(signature.subarray(0, 32))
  const s = digitsOf(signature.subarray(32, 64))
  const length = lengthOf(r) + lengthOf(s)
  const der = new Uint8Array(2 + length + 1)
  der[0] = 0x30
  der[1] = length
  writeInteger(der, 2, r)
  writeInteger(der, 2 + lengthOf(r), s)
  der[der.length - 1] = SIGHASH_ALL
  return der
}

/** Without leading zeros. */
const digitsOf = (scalar: Uint8Array): Uint8Array => scalar.subarray(scalar.findIndex(byte => byte !== 0))

/** One zero stands before a first bit that would say that the number is negative. */
const paddingOf = (digits: Uint8Array): number => (digits[0]! >= 0x80 ? 1 : 0)

/** With type and length. */
const lengthOf = (digits: Uint8Array): number => 2 + paddingOf(digits) + digits.length

function writeInteger(der: Uint8Array, at: number, digits: Uint8Array): void {
  der[at] = 0x02
  der[at + 1] = paddingOf(digits) + digits.length
  der.set(digits, at + 2 + paddingOf(digits))
}
