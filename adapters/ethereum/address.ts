/** Addresses of EVM chains: 20 bytes, written in hexadecimal with the checksum of EIP-55 in the case of its letters. */
import { keccak_256 } from '@noble/hashes/sha3.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { boundary } from '../../src/kernel/fault.ts'

const FORM = /^0x[0-9a-fA-F]{40}$/
/** Of what was given as an address, so much is repeated. */
const MAXIMUM_SHOWN = 60

/** Nobody has its key: what goes there is burnt. */
export const ZERO_ADDRESS = `0x${'0'.repeat(40)}`

/** Of 40 hexadecimal digits in lower case, without `0x`. Source: EIP-55. */
export function checksummed(digits: string): string {
  const hash = bytesToHex(keccak_256(utf8ToBytes(digits)))
  return `0x${digits.replace(/[a-f]/g, (letter, n: number) => (Number.parseInt(hash[n]!, 16) >= 8 ? letter.toUpperCase() : letter))}`
}

/**
 * The one form in which equal destinations are equal strings: with its checksum. All lower and all upper case are taken;
 * mixed case with another checksum is a boundary fault `invalid-address`, as is what is no address (E14).
 */
export function canonical(address: string): string {
  const invalid = (why: string) =>
    boundary('invalid-address', `${address.slice(0, MAXIMUM_SHOWN)} is no address to pay to: ${why}`)
  if (!FORM.test(address)) throw invalid('an address is 0x and 40 hexadecimal digits')
  const digits = address.slice(2)
  const right = checksummed(digits.toLowerCase())
  const isPlain = digits === digits.toLowerCase() || digits === digits.toUpperCase()
  if (!isPlain && right !== address) throw invalid('its checksum (EIP-55) is wrong')
  return right
}

/** Of an uncompressed public key: 65 bytes, the first of them 4. */
export const addressOfPoint = (point: Uint8Array): string =>
  checksummed(bytesToHex(keccak_256(point.subarray(1))).slice(-40))
