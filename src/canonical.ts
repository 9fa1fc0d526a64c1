/**
 * The exact bytes that are signed by the backend (withdrawal intents) and by the signer (address attestations), and how
 * they are signed; signatures.ts verifies. Signer, watcher, command line and client share this file, so they cannot disagree.
 */
import { createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { boundary } from './kernel/fault.ts'
import type { Authorisation, Intent } from '../machines/vocabulary.ts'

const KEY_BYTES = 32

/** A lone surrogate has no UTF-8 form; RFC 8785 section 3.2.2.2 demands an error rather than a substitute. */
function quote(text: string): string {
  if (/\p{Surrogate}/u.test(text))
    throw boundary('not-canonical', 'a string holds a lone surrogate, which no UTF-8 can express')
  return JSON.stringify(text)
}

/** RFC 8785 section 3.2.2.3 is ECMAScript's own number format; what JSON cannot say is an error. */
function digits(number: number): string {
  if (!Number.isFinite(number)) throw boundary('not-canonical', `${number} is not a JSON number`)
  return JSON.stringify(number)
}

type Signable = string | number | null | readonly string[]

function written(value: Signable): string {
  if (value === null) return 'null'
  if (typeof value === 'number') return digits(value)
  return typeof value === 'string' ? quote(value) : `[${value.map(quote).join(',')}]`
}

/**
 * RFC 8785 canonical JSON of a flat object, whose values may be lists of strings: members sorted by UTF-16 code units,
 * no white space. Throws a boundary fault `not-canonical` for what has no canonical form.
 */
export function canonicalJson(object: Readonly<Record<string, Signable>>): string {
  const entries = Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([name, value]) => `${quote(name)}:${written(value)}`).join(',')}}`
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

/**
 * What the backend signs to authorise a withdrawal. Strings are taken exactly as sent. `wallet`: the identity key (base64) of
 * the signer that shall pay; nobody sends it, each verifier puts in its own, so that no other wallet's intent verifies.
 */
export function intentBytes(intent: Intent, wallet: string): Uint8Array {
  const { amount, asset, chain, dataField, expiresAt, id, memory, round, to } = intent
  const purpose = 'lockkeeper-withdrawal-v2'
  return utf8(canonicalJson({ amount, asset, chain, dataField, expiresAt, id, memory, purpose, round, to, wallet }))
}

/** What an attestation speaks of. */
export interface AttestedAddress {
  chain: string
  address: string
  dataField: string | null
  index: number
}

/** What the signer's identity key signs to vouch that an address is its own. */
export function attestationBytes({ address, chain, dataField, index }: AttestedAddress): Uint8Array {
  return utf8(canonicalJson({ address, chain, dataField, index, purpose: 'lockkeeper-address-v1' }))
}

/** What a receipt speaks of: the bytes below are signed by the signer. */
export interface VoidReceipt {
  chain: string
  /** The withdrawal's. */
  id: string
  round: number
  /** Ids of the transactions signed for it before, of any round; a refund is safe when there are none. */
  signed: readonly string[]
}

/** What the signer's identity key signs to promise that nothing more is signed for a withdrawal up to this round. */
export function voidBytes({ chain, id, round, signed }: VoidReceipt): Uint8Array {
  return utf8(canonicalJson({ chain, id, purpose: 'lockkeeper-void-v1', round, signed }))
}

/** With what the transactions spend: on some networks a transaction can be mined under another id than the one that was signed. */
export interface SpendingReceipt extends VoidReceipt {
  /** Of all transactions in `signed`. Whatever spends one of them excludes the others, under any id. */
  spendKeys: readonly string[]
}

/** What the signer's identity key signs beside `voidBytes`: version 2 of the same promise, so that who knows version 1 goes on. */
export function spendingBytes({ chain, id, round, signed, spendKeys }: SpendingReceipt): Uint8Array {
  return utf8(canonicalJson({ chain, id, purpose: 'lockkeeper-void-v2', round, signed, spendKeys }))
}

/** Standard base64 of exactly `length` bytes, in its one spelling, or null. */
export function bytesOf(text: string, length: number): Uint8Array | null {
  const bytes = Buffer.from(text, 'base64')
  return bytes.length === length && bytes.toString('base64') === text ? new Uint8Array(bytes) : null
}

/** Standard base64 with padding (RFC 4648, 4). */
export const base64Of = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

/** The 32 bytes of a key in base64 (seed or public key). Throws a boundary fault `bad-key`. */
export function keyFrom(text: string): Uint8Array {
  const key = bytesOf(text.trim(), KEY_BYTES)
  if (key === null) throw boundary('bad-key', `a key is the base64 of ${KEY_BYTES} bytes`)
  return key
}

/** RFC 8410: what stands before the 32 bytes of an Ed25519 key in PKCS #8. */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex')

/** Signs with one key. */
export interface ByteSigner {
  /** Base64 of the 32-byte public key. */
  key: string
  sign(bytes: Uint8Array): Authorisation
}

/** Ed25519 (RFC 8032) by OpenSSL. `secret` is the 32-byte seed of the key. Made once by whoever signs often. */
export function signerOf(secret: Uint8Array): ByteSigner {
  const der = Buffer.concat([PKCS8_HEAD, secret])
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  der.fill(0)
  const key = base64Of(Buffer.from(createPublicKey(privateKey).export({ format: 'jwk' }).x!, 'base64url'))
  return { key, sign: bytes => ({ key, signature: base64Of(sign(null, bytes, privateKey)) }) }
}

/** The Ed25519 public key, 32 bytes, of a private one. */
export const publicKeyOf = (secret: Uint8Array): string => signerOf(secret).key

/** Ed25519 (RFC 8032), 64 bytes. */
export const signBytes = (secret: Uint8Array, bytes: Uint8Array): Authorisation => signerOf(secret).sign(bytes)
