/**
 * The signer's own Ed25519 key, with which it attests addresses and voids. It follows from the seed alone, so a signer that is
 * restored from its phrase is the same signer to every backend that has pinned the key.
 */
import { hkdf } from '@noble/hashes/hkdf.js'
import { sha512 } from '@noble/hashes/sha2.js'
import {
  attestationBytes,
  signerOf,
  spendingBytes,
  voidBytes,
  type AttestedAddress,
  type SpendingReceipt,
} from '../../canonical.ts'
import type { Authorisation } from '../../../machines/vocabulary.ts'
import type { MemoryBinding } from './binding.ts'
import { openKeystore, type KeystorePorts } from './keystore.ts'

/** HKDF (RFC 5869) with SHA-512, no salt. Never change it: backends pin the key that follows from it. */
const INFO = 'lockkeeper-identity-v1'
const KEY_BYTES = 32

/** What is signed with it names its purpose in its canonical JSON, so that no signature can pass for another. */
export interface IdentityKey {
  /** Base64 of the 32-byte public key. */
  key: string
  attest: (address: AttestedAddress) => Authorisation
  /** Both versions of the promise, by one key. */
  attestVoid: (receipt: SpendingReceipt) => Authorisation & { spendKeysSignature: string }
  /** Bytes made in this process, whose canonical JSON names a purpose of its own; never what somebody has sent. */
  sign: (bytes: Uint8Array) => Authorisation
}

/** The identity that follows from the BIP-39 seed (64 bytes). */
export function identityOf(seed: Uint8Array): IdentityKey {
  const secret = hkdf(sha512, seed, undefined, new TextEncoder().encode(INFO), KEY_BYTES)
  const signer = signerOf(secret)
  secret.fill(0)
  return {
    key: signer.key,
    attest: address => signer.sign(attestationBytes(address)),
    attestVoid: receipt => ({
      ...signer.sign(voidBytes(receipt)),
      spendKeysSignature: signer.sign(spendingBytes(receipt)).signature,
    }),
    sign: bytes => signer.sign(bytes),
  }
}

/** Of the keystore that the passphrase opens, and its memory; the seed is gone again. Rejects as `openKeystore` does. */
export async function identityIn(
  ports: Pick<KeystorePorts, 'disk' | 'derive'>,
  path: string,
  passphrase: string,
): Promise<{ identity: IdentityKey; binding: MemoryBinding }> {
  const { seed, binding } = await openKeystore(ports, path, passphrase)
  try {
    return { identity: identityOf(seed), binding }
  } finally {
    seed.fill(0)
  }
}
