/**
 * Keys and addresses of the Bitcoin family from one seed (BIP-32): BIP-84 P2WPKH where the network has segwit, BIP-44
 * P2PKH elsewhere; the first account's external chain, index 0 being the treasury. Signatures are deterministic
 * (RFC 6979) with R ground low as Bitcoin Core does, so that the same template is signed with the same bytes for ever.
 */
import { createHmac } from 'node:crypto'
import { ripemd160 } from '@noble/hashes/legacy.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { HDKey } from '@scure/bip32'
import { ECPairFactory } from 'ecpair'
import * as secp256k1 from 'tiny-secp256k1'
import type { Deriver, Payload } from '../adapter.ts'
import { invariant } from '../fault.ts'
import { addressOf } from './address.ts'
import type { Network } from './network.ts'
import { scriptFor } from './script.ts'

/** BIP-32: from here on an index means hardened derivation. */
const FIRST_HARDENED = 0x8000_0000
const SIGHASH_BYTES = 32

interface KeyPairs {
  fromPrivateKey(key: Uint8Array): { sign(hash: Uint8Array, lowR: boolean): Uint8Array }
}

// ecpair's own declarations do not resolve from an ES module; this is the part of them that is used.
const createKeyPairs = ECPairFactory as unknown as (backend: typeof secp256k1) => KeyPairs

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const hash160 = (bytes: Uint8Array): Uint8Array => ripemd160(sha256(bytes))

/**
 * Knows the keys of one network. Throws an invariant fault `crypto-backend` where the backend cannot be trusted (S6);
 * deriving throws `bad-index` for an index that BIP-32 does not have, signing `bad-payload` for another's payload.
 */
export function createDeriver(network: Network): Deriver {
  checkBackend()
  const keyPairs = createKeyPairs(secp256k1)
  const path = `m/${network.segwit ? 84 : 44}'/${network.coinType}'/0'/0`
  // Four hardened and plain steps that every address shares; about a millisecond each.
  const branches = new WeakMap<Uint8Array, HDKey>()

  const branchOf = (seed: Uint8Array): HDKey => {
    const known = branches.get(seed)
    if (known !== undefined) return known
    const root = HDKey.fromMasterSeed(seed)
    const branch = root.derive(path)
    root.wipePrivateData()
    branches.set(seed, branch)
    return branch
  }

  const derive: Deriver['derive'] = (seed, index) => {
    const publicKey = publicChild(branchOf(seed), index)
    const address = addressOf(scriptFor(network.segwit ? 'p2wpkh' : 'p2pkh', hash160(publicKey)), network)
    if (address === null) throw invariant('no-address', `no address at ${path}/${index}`)
    return { index, address, dataField: null, publicKey: hex(publicKey), path: `${path}/${index}` }
  }

  const sign: Deriver['sign'] = (seed, index, payload) => {
    checkPayload(payload, derive(seed, index).address)
    const child = branchOf(seed).deriveChild(index)
    try {
      return Uint8Array.from(keyPairs.fromPrivateKey(child.privateKey!).sign(payload.bytes, true))
    } finally {
      child.wipePrivateData()
    }
  }

  return { derive, sign }
}

/**
 * BIP-32's CKDpub, with the WASM point addition: four times as fast as deriving the private child, and a pool has many.
 * An index whose tweak is out of range (chance 2^-127) does not exist.
 */
function publicChild(branch: HDKey, index: number): Uint8Array {
  if (!Number.isInteger(index) || index < 0 || index >= FIRST_HARDENED)
    throw invariant('bad-index', `no index ${index}`)
  const position = Buffer.alloc(4)
  position.writeUInt32BE(index)
  const digest = createHmac('sha512', branch.chainCode!).update(branch.publicKey!).update(position).digest()
  const child = secp256k1.pointAddScalar(branch.publicKey!, digest.subarray(0, 32), true)
  if (child === null) throw invariant('bad-index', `index ${index} has no key`)
  return child
}

/** The key of one address never signs for another. */
function checkPayload({ algorithm, bytes, address }: Payload, own: string): void {
  if (algorithm !== 'secp256k1' || bytes.length !== SIGHASH_BYTES) {
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
