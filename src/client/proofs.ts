/** What a backend signs, and what it believes: the signer's signatures, by the key that it has pinned, and nobody else's word. */
import { createPublicKey, verify } from 'node:crypto'
import {
  attestationBytes,
  bytesOf,
  intentBytes,
  spendingBytes,
  voidBytes,
  type AttestedAddress,
  type ByteSigner,
} from '../canonical.ts'
import type { Intent } from '../../machines/vocabulary.ts'
import type { Receipt, Signature, Wish } from './types.ts'

const KEY_BYTES = 32
const SIGNATURE_BYTES = 64

/** Whether the pinned key (base64) has signed this (RFC 8032). Whose key it is has been decided by whoever pinned it. */
function isBy(wallet: string, signature: string, bytes: Uint8Array): boolean {
  const [key, given] = [bytesOf(wallet, KEY_BYTES), bytesOf(signature, SIGNATURE_BYTES)]
  if (key === null || given === null) return false
  const x = Buffer.from(key).toString('base64url')
  return verify(null, bytes, createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' }), given)
}

/** Whether the signer vouches that an address is its own: nobody may be shown another. */
export const isAttested = (address: AttestedAddress & { attestation: Signature }, wallet: string): boolean =>
  address.attestation.key === wallet && isBy(wallet, address.attestation.signature, attestationBytes(address))

/** Whether the signer has signed the receipt, in both versions of the promise as far as it gives them. */
export function isReceipt(receipt: Receipt, wallet: string): boolean {
  const { key, signature, spendKeys, spendKeysSignature } = receipt
  if (key !== wallet || !isBy(wallet, signature, voidBytes(receipt))) return false
  if (spendKeys === undefined && spendKeysSignature === undefined) return true
  if (spendKeys === undefined || spendKeysSignature === undefined) return false
  return isBy(wallet, spendKeysSignature, spendingBytes({ ...receipt, spendKeys }))
}

/** For the highest round that was ever authorised: nothing was signed, nothing ever will be. Then, and only then, refund. */
export function isRefundable(
  receipt: Receipt,
  { id, chain, round }: Pick<Intent, 'id' | 'chain' | 'round'>,
  wallet: string,
): boolean {
  const isAboutIt = receipt.id === id && receipt.chain === chain && receipt.round >= round
  return isAboutIt && receipt.signed.length === 0 && !receipt.spendKeys?.length && isReceipt(receipt, wallet)
}

/** The intent with all its members; what is not said is null. */
export const intentOf = (wish: Wish): Intent => ({
  ...{ id: wish.id, chain: wish.chain, asset: wish.asset, to: wish.to, amount: wish.amount },
  ...{ dataField: wish.dataField ?? null, expiresAt: wish.expiresAt ?? null },
  ...{ round: wish.round ?? 1, memory: wish.memory ?? null },
})

/** The body that asks for a withdrawal: the intent, and our signature over it, which is worth nothing to any other wallet. */
export function requestOf(wish: Wish, key: ByteSigner, wallet: string): object {
  const { id: _, ...asked } = intentOf(wish)
  const note = wish.note === undefined ? {} : { note: wish.note }
  return { ...asked, ...note, authorisations: [key.sign(intentBytes(intentOf(wish), wallet))] }
}
