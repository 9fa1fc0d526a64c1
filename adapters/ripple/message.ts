/**
 * Signed messages that prove control of an account, as ripple-keypairs signs them: the first half of the SHA-512 of a text. The text
 * begins with its purpose: what transactions hash begins with other bytes.
 */
import * as secp256k1 from 'tiny-secp256k1'
import type { Proofs } from '../adapter.ts'
import { upperHex } from '../hex.ts'
import { accountOf } from './address.ts'
import { sha512Half } from './hash.ts'

const FORMAT = 'lockkeeper-xrpl-v1'
const PURPOSE = 'lockkeeper: control of an account\n'
/** The compressed key, and r and s. */
const PROOF = /^(0[23][0-9A-F]{64}):([0-9A-F]{128})$/

const digestOf = (challenge: string): Uint8Array => sha512Half(new TextEncoder().encode(PURPOSE + challenge))

/** The same on every network: no account is on two of them. */
export const proveRipple = (): Proofs => ({
  payload: (address, challenge) => ({ index: 0, address, algorithm: 'secp256k1', bytes: digestOf(challenge) }),
  write: (_address, _challenge, { signature, publicKey }) => ({
    format: FORMAT,
    signature: `${upperHex(publicKey)}:${upperHex(signature)}`,
  }),
  holds({ address, format, signature }, challenge) {
    const [, key, proof] = PROOF.exec(signature) ?? []
    if (format !== FORMAT || key === undefined || proof === undefined) return false
    const publicKey = Uint8Array.from(Buffer.from(key, 'hex'))
    if (!secp256k1.isPoint(publicKey) || accountOf(publicKey) !== address) return false
    return secp256k1.verify(digestOf(challenge), publicKey, Uint8Array.from(Buffer.from(proof, 'hex')))
  },
})
