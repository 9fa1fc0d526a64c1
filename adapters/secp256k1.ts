/**
 * Keys on secp256k1 from one seed (BIP-32): one branch, whose children are the addresses, index 0 being the treasury.
 * Signatures are deterministic (RFC 6979) with a low S.
 */
import { createHmac } from 'node:crypto'
import { sha256 } from '@noble/hashes/sha2.js'
import { HDKey } from '@scure/bip32'
import * as secp256k1 from 'tiny-secp256k1'
import type { Derived, Payload } from './adapter.ts'
import { invariant } from '../src/kernel/fault.ts'
import { createKnown, FIRST_HARDENED } from './known.ts'
import { areValidTogether, type Made } from './batch-verification.ts'

const DIGEST_BYTES = 32

/** What one seed's addresses share: four hardened and plain steps, about a millisecond each. */
interface Branch {
  /** Read once: HDKey answers a copy each time. */
  publicKey: Uint8Array
  privateKey: Uint8Array
  chainCode: Uint8Array
  know: (index: number) => Known
}

type PublicBranch = Pick<Branch, 'publicKey' | 'chainCode'>

interface Known {
  derived: Derived
  /** What its key has more than the branch's: public, as the key is. */
  tweak: Uint8Array
  /** Uncompressed: to verify with the short form takes a square root more each time. */
  point: Uint8Array
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** What a family makes of the branch. */
export interface KeyRules {
  /** Of the branch, `m/…`: an index stands behind it. */
  path: string
  /** The canonical address of an uncompressed public key (65 bytes). */
  addressOf: (point: Uint8Array) => string
}

/** A signature that has been verified: r and s, 64 bytes, and which R it was made with (0 to 3). */
export type VerifiedSignature = Pick<Made, 'signature' | 'recoveryId'>

/** Derives the keys of one branch and signs with them. `seed` is the BIP-39 seed. */
export interface KeyBranch {
  /** The same object every time: not to be changed. */
  derive: (seed: Uint8Array, index: number) => Derived
  /** Of one transaction; each payload with the index of its address's key. */
  sign: (seed: Uint8Array, payloads: readonly { index: number; payload: Payload }[]) => VerifiedSignature[]
}

/**
 * Knows the keys of one branch. Throws an invariant fault `crypto-backend` where the backend cannot be trusted (S6);
 * deriving throws `bad-index` for an index that BIP-32 does not have, signing `bad-payload` for another's payload and
 * `bad-signature` for what does not verify.
 */
export function createKeyBranch({ path, addressOf }: KeyRules): KeyBranch {
  checkBackend()
  const branches = new WeakMap<Uint8Array, Branch>()

  const branchOf = (seed: Uint8Array): Branch => {
    const opened = branches.get(seed)
    if (opened !== undefined) return opened
    const root = HDKey.fromMasterSeed(seed)
    const key = root.derive(path)
    const { publicKey, privateKey, chainCode } = key
    if (publicKey === null || privateKey === null || chainCode === null)
      throw invariant('no-branch', `no keys at ${path}`)
    const keys = { publicKey, privateKey, chainCode }
    const branch = { ...keys, know: createKnown(index => make(keys, index)) }
    root.wipePrivateData()
    key.wipePrivateData()
    branches.set(seed, branch)
    return branch
  }

  const make = (branch: PublicBranch, index: number): Known => {
    const tweak = tweakOf(branch, index)
    const point = publicChild(branch, tweak, index)
    const publicKey = hex(secp256k1.pointCompress(point, true))
    const derived = { index, address: addressOf(point), dataField: null, publicKey, path: `${path}/${index}` }
    return { derived, tweak, point }
  }

  const derive: KeyBranch['derive'] = (seed, index) => branchOf(seed).know(index).derived

  const sign: KeyBranch['sign'] = (seed, payloads) => {
    const branch = branchOf(seed)
    const made = payloads.map(({ index, payload }) => {
      const { derived, tweak, point } = branch.know(index)
      checkPayload(payload, derived.address)
      return { ...signWith(branch, tweak, payload.bytes), point }
    })
    checkSignatures(branch.publicKey, made)
    return made.map(({ signature, recoveryId }) => ({ signature, recoveryId }))
  }

  return { derive, sign }
}

/** BIP-32, the left half of the HMAC: what a child's key has more than its branch's. It follows from public data. */
function tweakOf({ publicKey, chainCode }: PublicBranch, index: number): Uint8Array {
  if (!Number.isInteger(index) || index < 0 || index >= FIRST_HARDENED)
    throw invariant('bad-index', `no index ${index}`)
  const position = Buffer.alloc(4)
  position.writeUInt32BE(index)
  const digest = createHmac('sha512', chainCode).update(publicKey).update(position).digest()
  return new Uint8Array(digest.subarray(0, 32))
}

/** CKDpub, uncompressed, with the WASM point addition. An index whose tweak is out of range (chance 2^-127) does not exist. */
function publicChild({ publicKey }: PublicBranch, tweak: Uint8Array, index: number): Uint8Array {
  const child = secp256k1.pointAddScalar(publicKey, tweak, false)
  if (child === null) throw invariant('bad-index', `index ${index} has no key`)
  return child
}

/** CKDpriv. Deriving the child's public key with it, as HDKey does, would cost more than the signature. */
function signWith({ privateKey }: Branch, tweak: Uint8Array, digest: Uint8Array): Made {
  const child = secp256k1.privateAdd(privateKey, tweak)
  if (child === null) throw invariant('bad-index', 'an index without a key')
  try {
    return { digest, tweak, ...secp256k1.signRecoverable(digest, child) }
  } finally {
    child.fill(0)
  }
}

/**
 * Never let a signature out that does not verify: a fault while it was made (a flipped bit, a glitch) can give the key
 * away to whoever has another signature over the same digest.
 */
function checkSignatures(branch: Uint8Array, made: readonly (Made & { point: Uint8Array })[]): void {
  if (areValidTogether(branch, made)) return
  for (const [n, { digest, signature, point }] of made.entries()) {
    if (!secp256k1.verify(digest, point, signature, true))
      throw invariant('bad-signature', `signature ${n} does not verify: it stays here`)
  }
}

/** The key of one address never signs for another. */
function checkPayload({ algorithm, bytes, address }: Payload, own: string): void {
  if (algorithm !== 'secp256k1' || bytes.length !== DIGEST_BYTES) {
    throw invariant('bad-payload', `${algorithm} over ${bytes.length} bytes is not for this family`)
  }
  if (address !== own) throw invariant('bad-payload', `a payload for ${address} was given to the key of ${own}`)
}

/** RFC 6979 on secp256k1: key 1, "Satoshi Nakamoto" under SHA-256; a vector known since 2013. */
const KNOWN_MESSAGE = 'Satoshi Nakamoto'
const KNOWN_SIGNATURE =
  '934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8' +
  '2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5'

/** Signs and verifies a known answer; throws an invariant fault `crypto-backend` when the backend gives another (S6). */
export function checkBackend(backend: Pick<typeof secp256k1, 'sign' | 'verify' | 'pointFromScalar'> = secp256k1): void {
  const key = new Uint8Array(32)
  key[31] = 1
  const digest = sha256(new TextEncoder().encode(KNOWN_MESSAGE))
  const signature = backend.sign(digest, key)
  const publicKey = backend.pointFromScalar(key, true)
  const isVerified = publicKey !== null && backend.verify(digest, publicKey, signature)
  const isForgeable =
    publicKey !== null &&
    backend.verify(
      digest.map(byte => byte ^ 1),
      publicKey,
      signature,
    )
  if (hex(signature) !== KNOWN_SIGNATURE || !isVerified || isForgeable) {
    throw invariant(
      'crypto-backend',
      'the secp256k1 backend does not give the known answer; nothing may be signed with it',
    )
  }
}
