/**
 * Ed25519 with blake2b-512 in the place of SHA-512 (RFC 8032 otherwise), and its keys from a seed (SLIP-0010, BIP-44).
 * https://docs.nano.org/protocol-design/signing-hashing-and-key-derivation/
 */
import { createHmac } from 'node:crypto'
import { eddsa } from '@noble/curves/abstract/edwards.js'
import { ed25519 } from '@noble/curves/ed25519.js'
import { bytesToNumberLE, concatBytes, numberToBytesLE } from '@noble/curves/utils.js'
import { blake2b } from '@noble/hashes/blake2.js'

const KEY_BYTES = 32

/** RFC 8032, 5.1.5. */
function clamp(bytes: Uint8Array): Uint8Array {
  bytes[0]! &= 248
  bytes[31]! &= 127
  bytes[31]! |= 64
  return bytes
}

const scheme = eddsa(ed25519.Point, blake2b, { adjustScalarBytes: clamp })

/** 32 bytes each. */
export const publicKeyFor = (secretKey: Uint8Array): Uint8Array => scheme.getPublicKey(secretKey)

/** Deterministic, 64 bytes. */
export const sign = (message: Uint8Array, secretKey: Uint8Array): Uint8Array => scheme.sign(message, secretKey)

const { Fn } = ed25519.Point
const scalarOf = (bytes: Uint8Array): bigint => Fn.create(bytesToNumberLE(bytes))

/**
 * The same signature in another way (RFC 8032, 5.1.6): from a public key that is known, in half the time. It is equal to what `sign` makes
 * only where secret, public key and every step of both are right.
 */
export function signKnown(message: Uint8Array, secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array {
  const expanded = blake2b(secretKey)
  const secret = scalarOf(clamp(expanded.slice(0, KEY_BYTES)))
  const nonce = scalarOf(blake2b(concatBytes(expanded.subarray(KEY_BYTES), message)))
  expanded.fill(0)
  const commitment = ed25519.Point.BASE.multiply(nonce).toBytes()
  const challenge = scalarOf(blake2b(concatBytes(commitment, publicKey, message)))
  return concatBytes(commitment, numberToBytesLE(Fn.add(nonce, Fn.mul(challenge, secret)), KEY_BYTES))
}

/** False for anything malformed too. */
export function verify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean {
  try {
    return scheme.verify(signature, message, publicKey)
  } catch {
    return false
  }
}

const HARDENED = 0x8000_0000
const PURPOSE = 44

interface Node {
  key: Uint8Array
  chainCode: Uint8Array
}

const nodeOf = (digest: Buffer): Node => ({
  key: Uint8Array.from(digest.subarray(0, KEY_BYTES)),
  chainCode: Uint8Array.from(digest.subarray(KEY_BYTES)),
})

/** SLIP-0010 knows hardened children only for this curve. */
function childOf({ key, chainCode }: Node, index: number): Node {
  const position = Buffer.alloc(4)
  position.writeUInt32BE(index + HARDENED)
  const hmac = createHmac('sha512', chainCode).update(Uint8Array.of(0)).update(key).update(position)
  return nodeOf(hmac.digest())
}

/** `m/44'/<coin type>'`, from which each account's key is one step. `seed` is the BIP-39 seed, 64 bytes. */
export function branchOf(seed: Uint8Array, coinType: number): Node {
  const root = nodeOf(createHmac('sha512', 'ed25519 seed').update(seed).digest())
  const purpose = childOf(root, PURPOSE)
  const branch = childOf(purpose, coinType)
  for (const { key, chainCode } of [root, purpose]) {
    key.fill(0)
    chainCode.fill(0)
  }
  return branch
}

/** The secret key of an account, 32 bytes: the caller wipes it. `index` below 2^31. */
export function secretKeyAt(branch: Node, index: number): Uint8Array {
  const { key, chainCode } = childOf(branch, index)
  chainCode.fill(0)
  return key
}
