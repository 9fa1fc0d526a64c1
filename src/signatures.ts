/** Ed25519 signatures as the watcher and the signer judge them: by keys that strangers name. */
import { createPublicKey, verify, type KeyObject } from 'node:crypto'
import { ed25519 } from '@noble/curves/ed25519.js'
import type { Authorisation } from '../machines/vocabulary.ts'
import { bytesOf } from './canonical.ts'

const KEY_BYTES = 32
const SIGNATURE_BYTES = 64

/** Of keys that were used before; a signer knows a few, and strangers' keys must not fill the memory. */
const MAXIMUM_KEYS = 1000
const keys = new Map<string, KeyObject | null>()

/** Null for what is no key: not on the curve, of small order, or written in a second way (RFC 8032 section 5.1.3). */
function publicKeyFrom(key: string): KeyObject | null {
  const known = keys.get(key)
  if (known !== undefined) return known
  const bytes = bytesOf(key, KEY_BYTES)
  const usable = bytes !== null && isSound(bytes) ? toKeyObject(bytes) : null
  if (keys.size >= MAXIMUM_KEYS) keys.clear()
  keys.set(key, usable)
  return usable
}

/** Whether a signature by this key (base64) could ever count. */
export const isVerifyingKey = (key: string): boolean => publicKeyFrom(key) !== null

function isSound(bytes: Uint8Array): boolean {
  try {
    return !ed25519.Point.fromBytes(bytes).isSmallOrder()
  } catch {
    return false
  }
}

const toKeyObject = (bytes: Uint8Array): KeyObject =>
  createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(bytes).toString('base64url') }, format: 'jwk' })

/**
 * Whether the signature is by the key that it names. Strict RFC 8032: no small-order keys, no second encodings. OpenSSL
 * verifies, ten times as fast as we could; it does not look at the key, so the key is looked at here, once.
 */
export function isSigned({ key, signature }: Authorisation, bytes: Uint8Array): boolean {
  const given = bytesOf(signature, SIGNATURE_BYTES)
  const publicKey = given === null ? null : publicKeyFrom(key)
  return given !== null && publicKey !== null && verify(null, bytes, publicKey, given)
}
