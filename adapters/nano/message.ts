/**
 * Signed messages that prove control of an account. No form of them is common to wallets of the family; what is signed here is
 * the hash of a text that begins with its purpose, and no block hashes such a text.
 */
import { blake2b } from '@noble/hashes/blake2.js'
import type { Proofs } from '../adapter.ts'
import { upperHex } from '../hex.ts'
import { accountKeyOf } from './address.ts'
import { verify } from './ed25519.ts'
import { networkOf } from './network.ts'

const FORMAT = 'lockkeeper-nano-v1'
const PURPOSE = 'lockkeeper: control of an account\n'
const PROOF = /^[0-9A-F]{128}$/

const digestOf = (challenge: string): Uint8Array =>
  blake2b(new TextEncoder().encode(PURPOSE + challenge), { dkLen: 32 })

/** Of one network, by its name. Boundary fault `configuration` for another name. */
export function proveNano(name: string): Proofs {
  const network = networkOf(name)
  return {
    payload: (address, challenge) => ({ index: 0, address, algorithm: 'ed25519-blake2b', bytes: digestOf(challenge) }),
    write: (_address, _challenge, { signature }) => ({
      format: FORMAT,
      signature: upperHex(signature),
    }),
    holds({ address, format, signature }, challenge) {
      if (format !== FORMAT || !PROOF.test(signature)) return false
      try {
        return verify(Buffer.from(signature, 'hex'), digestOf(challenge), accountKeyOf(address, network))
      } catch {
        return false // no address
      }
    },
  }
}
