/** A signature as transactions carry it: DER in its one form (BIP-66), and the sighash type in one byte. */
import { SIGHASH_ALL } from './sighash.ts'

/** From r and s, 32 bytes each and neither zero. */
export function derOf(signature: Uint8Array): Uint8Array {
  const r = integer(signature.subarray(0, 32))
  const s = integer(signature.subarray(32, 64))
  return Uint8Array.of(0x30, r.length + s.length, ...r, ...s, SIGHASH_ALL)
}

/** Without leading zeros, but one where the first bit would say that the number is negative. */
function integer(bytes: Uint8Array): number[] {
  const first = bytes.findIndex(byte => byte !== 0)
  const digits = [...bytes.subarray(first)]
  if (digits[0]! >= 0x80) digits.unshift(0)
  return [0x02, digits.length, ...digits]
}
