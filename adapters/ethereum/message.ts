/**
 * Signed messages that prove control of an address (EIP-191, version 0x45, as wallets sign them): what is signed begins with
 * a byte with which no transaction begins.
 */
import { keccak_256 } from '@noble/hashes/sha3.js'
import { bytesToHex, concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import * as secp256k1 from 'tiny-secp256k1'
import type { Proofs } from '../adapter.ts'
import { addressOfPoint, canonical } from './address.ts'

const FORMAT = 'eip191'
/** r, s and v. */
const PROOF = /^0x([0-9a-f]{128})(1b|1c)$/
/** What stands before the parity in v. */
const V_BASE = 27

function digestOf(message: string): Uint8Array {
  const text = utf8ToBytes(message)
  return keccak_256(concatBytes(utf8ToBytes(`\u0019Ethereum Signed Message:\n${text.length}`), text))
}

/** The same on every chain. */
export const proveAccounts = (): Proofs => ({
  payload: (address, challenge) => ({ index: 0, address, algorithm: 'secp256k1', bytes: digestOf(challenge) }),
  write: (_address, _challenge, { signature }) => {
    const v = V_BASE + signature[64]!
    return { format: FORMAT, signature: `0x${bytesToHex(signature.subarray(0, 64))}${v.toString(16)}` }
  },
  holds({ address, format, signature }, challenge) {
    const match = PROOF.exec(signature)
    if (format !== FORMAT || match === null) return false
    try {
      const bytes = new Uint8Array(Buffer.from(match[1]!, 'hex'))
      const point = secp256k1.recover(digestOf(challenge), bytes, match[2] === '1c' ? 1 : 0, false)
      return point !== null && addressOfPoint(point) === canonical(address)
    } catch {
      return false // no address, or numbers that are no signature
    }
  },
})
