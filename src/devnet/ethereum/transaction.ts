/**
 * Signed transactions of all kinds: legacy (EIP-155), EIP-2930, EIP-1559, EIP-4844 and EIP-7702, decoded strictly and with
 * their sender recovered. Written from the EIPs with nothing of the libraries that the watcher and the signer use.
 */
import { keccak_256 } from '@noble/hashes/sha3.js'
import * as secp256k1 from 'tiny-secp256k1'
import {
  ADDRESS_BYTES,
  bytesOfHex,
  hashOfBytes,
  hexOf,
  joined,
  minimalBytes,
  NOTHING,
  paddedBytes,
  WORD_BYTES,
  wordOf,
} from './bytes.ts'
import { decodeRlp, encodeRlp, rlpBytes, rlpList, rlpNumber, type Rlp } from './rlp.ts'

/** An entry of EIP-2930's access list. */
export interface AccessEntry {
  address: string
  slots: bigint[]
}

/** EIP-7702. `authority` is null where the signature is none. */
export interface SignedAuthorization extends Signature {
  chainId: bigint
  address: string
  nonce: bigint
  authority: string | null
}

interface Signature {
  yParity: number
  r: bigint
  s: bigint
}

/** What is signed. Fees are wei per gas; a legacy transaction's price is both of its fees. */
export interface UnsignedTransaction {
  type: number
  /** Null for a legacy transaction that any chain would take. */
  chainId: bigint | null
  nonce: bigint
  maxFeePerGas: bigint
  maxPriorityFeePerGas: bigint
  gasLimit: bigint
  /** Null creates a contract. */
  to: string | null
  value: bigint
  data: Uint8Array
  accessList: readonly AccessEntry[]
  authorizations: readonly SignedAuthorization[]
  maxFeePerBlobGas: bigint
  blobHashes: readonly string[]
}

export interface SignedTransaction extends UnsignedTransaction, Signature {
  from: string
  hash: string
  raw: Uint8Array
}

const LEGACY = 0
const ACCESS_LIST = 1
const DYNAMIC_FEE = 2
const BLOB = 3
const SET_CODE = 4
/** EIP-7702. */
const MAGIC = 5
const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
const FIRST_TYPED_END = 0x7f
const U64 = 64
/** No transaction may have it: EIP-2681. */
export const NONCE_MAXIMUM = (1n << 64n) - 1n

/** The account of a public key, uncompressed. */
const addressOfKey = (key: Uint8Array): string =>
  hexOf(keccak_256(key.subarray(1)).subarray(WORD_BYTES - ADDRESS_BYTES))

/** The account of a secret key. */
export const addressOfSecret = (secret: Uint8Array): string => addressOfKey(secp256k1.pointFromScalar(secret, false)!)

/** The address at which an account's transaction creates a contract. */
export const createdAddress = (sender: string, nonce: bigint): string =>
  hexOf(keccak_256(encodeRlp([bytesOfHex(sender), minimalBytes(nonce)])).subarray(WORD_BYTES - ADDRESS_BYTES))

const toBytes = (to: string | null): Uint8Array => (to === null ? NOTHING : bytesOfHex(to))
const listedRlp = (list: readonly AccessEntry[]): Rlp =>
  list.map(({ address, slots }) => [bytesOfHex(address), slots.map(slot => paddedBytes(slot))])
const authorizationRlp = (list: readonly SignedAuthorization[]): Rlp =>
  list.map(({ chainId, address, nonce, yParity, r, s }) => [
    minimalBytes(chainId),
    bytesOfHex(address),
    minimalBytes(nonce),
    ...signatureRlp({ yParity, r, s }),
  ])
const signatureRlp = ({ yParity, r, s }: Signature): Rlp[] => [
  minimalBytes(BigInt(yParity)),
  minimalBytes(r),
  minimalBytes(s),
]

/** Of a typed transaction, without its signature. */
function fieldsOf(transaction: UnsignedTransaction): Rlp[] {
  const { type, chainId, nonce, maxFeePerGas, maxPriorityFeePerGas, gasLimit, to, value, data } = transaction
  const fees = type === ACCESS_LIST ? [maxFeePerGas] : [maxPriorityFeePerGas, maxFeePerGas]
  const fields = [
    ...[chainId!, nonce, ...fees, gasLimit].map(minimalBytes),
    ...[toBytes(to), minimalBytes(value), data],
    listedRlp(transaction.accessList),
  ]
  if (type === BLOB) fields.push(minimalBytes(transaction.maxFeePerBlobGas), transaction.blobHashes.map(bytesOfHex))
  if (type === SET_CODE) fields.push(authorizationRlp(transaction.authorizations))
  return fields
}

function legacyFields({ nonce, maxFeePerGas, gasLimit, to, value, data }: UnsignedTransaction): Rlp[] {
  return [...[nonce, maxFeePerGas, gasLimit].map(minimalBytes), toBytes(to), minimalBytes(value), data]
}

function digestOf(transaction: UnsignedTransaction): Uint8Array {
  if (transaction.type !== LEGACY)
    return keccak_256(joined(Uint8Array.of(transaction.type), encodeRlp(fieldsOf(transaction))))
  const { chainId } = transaction
  const replay = chainId === null ? [] : [minimalBytes(chainId), NOTHING, NOTHING]
  return keccak_256(encodeRlp([...legacyFields(transaction), ...replay]))
}

function encoded(transaction: UnsignedTransaction, signature: Signature): Uint8Array {
  if (transaction.type !== LEGACY)
    return joined(Uint8Array.of(transaction.type), encodeRlp([...fieldsOf(transaction), ...signatureRlp(signature)]))
  const { chainId } = transaction
  const v = BigInt(signature.yParity) + (chainId === null ? 27n : 35n + 2n * chainId)
  const [, r, s] = signatureRlp(signature)
  return encodeRlp([...legacyFields(transaction), minimalBytes(v), r!, s!])
}

/** Whoever signed, or null. A high s is no signature: EIP-2. */
function recover(digest: Uint8Array, { yParity, r, s }: Signature): string | null {
  if (yParity > 1 || r <= 0n || r >= CURVE_ORDER || s <= 0n || s > CURVE_ORDER / 2n) return null
  const key = secp256k1.recover(digest, joined(paddedBytes(r), paddedBytes(s)), yParity === 0 ? 0 : 1, false)
  return key === null ? null : addressOfKey(key)
}

function signDigest(digest: Uint8Array, secret: Uint8Array): Signature {
  const { signature, recoveryId } = secp256k1.signRecoverable(digest, secret)
  return {
    yParity: recoveryId,
    r: wordOf(signature.subarray(0, WORD_BYTES)),
    s: wordOf(signature.subarray(WORD_BYTES)),
  }
}

/** With a key of 32 bytes. */
export function signTransaction(unsigned: UnsignedTransaction, secret: Uint8Array): SignedTransaction {
  const signature = signDigest(digestOf(unsigned), secret)
  const raw = encoded(unsigned, signature)
  return { ...unsigned, ...signature, from: addressOfSecret(secret), hash: hashOfBytes(raw), raw }
}

const authorizationDigest = (chainId: bigint, address: string, nonce: bigint): Uint8Array =>
  keccak_256(joined(Uint8Array.of(MAGIC), encodeRlp([minimalBytes(chainId), bytesOfHex(address), minimalBytes(nonce)])))

/** EIP-7702: the key's account delegates to the contract at `address`; the zero address takes the delegation back. */
export function signAuthorization(
  chainId: bigint,
  address: string,
  nonce: bigint,
  secret: Uint8Array,
): SignedAuthorization {
  const signature = signDigest(authorizationDigest(chainId, address, nonce), secret)
  return { chainId, address, nonce, ...signature, authority: addressOfSecret(secret) }
}

function addressField(value: Rlp | undefined): string {
  return hexOf(rlpBytes(value, ADDRESS_BYTES))
}

function destinationField(value: Rlp | undefined): string | null {
  const bytes = rlpBytes(value)
  return bytes.length === 0 ? null : addressField(bytes)
}

const accessField = (value: Rlp | undefined): AccessEntry[] =>
  rlpList(value).map(entry => {
    const [address, slots] = rlpList(entry, 2)
    return { address: addressField(address), slots: rlpList(slots).map(slot => wordOf(rlpBytes(slot, WORD_BYTES))) }
  })

const authorizationField = (value: Rlp | undefined): SignedAuthorization[] =>
  rlpList(value).map(item => {
    const fields = rlpList(item, 6)
    const [chainId, nonce] = [rlpNumber(fields[0]), rlpNumber(fields[2], U64)]
    const address = addressField(fields[1])
    const signature = signatureFields([rlpNumber(fields[3], 8), fields[4], fields[5]])
    return {
      ...{ chainId, address, nonce, ...signature },
      authority: recover(authorizationDigest(chainId, address, nonce), signature),
    }
  })

const signatureFields = ([parity, r, s]: [bigint, Rlp | undefined, Rlp | undefined]): Signature => ({
  yParity: Number(parity),
  r: rlpNumber(r),
  s: rlpNumber(s),
})

function decodeLegacy(bytes: Uint8Array): [UnsignedTransaction, Signature] {
  const fields = rlpList(decodeRlp(bytes), 9)
  const v = rlpNumber(fields[6])
  const chainId = v === 27n || v === 28n ? null : (v - 35n) / 2n
  if (chainId !== null && v < 35n) throw new Error('invalid transaction v, r, s values')
  const price = rlpNumber(fields[1])
  const unsigned = {
    ...{ type: LEGACY, chainId, nonce: rlpNumber(fields[0], U64) },
    ...{ maxFeePerGas: price, maxPriorityFeePerGas: price, gasLimit: rlpNumber(fields[2], U64) },
    ...{ to: destinationField(fields[3]), value: rlpNumber(fields[4]), data: rlpBytes(fields[5]) },
    ...{ accessList: [], authorizations: [], maxFeePerBlobGas: 0n, blobHashes: [] },
  }
  const parity = chainId === null ? v - 27n : (v - 35n) % 2n
  return [unsigned, signatureFields([parity, fields[7], fields[8]])]
}

const FIELDS: Readonly<Record<number, number>> = { [ACCESS_LIST]: 11, [DYNAMIC_FEE]: 12, [BLOB]: 14, [SET_CODE]: 13 }

function decodeTyped(type: number, body: Uint8Array): [UnsignedTransaction, Signature] {
  const count = FIELDS[type]
  if (count === undefined) throw new Error('transaction type not supported')
  const fields = [...rlpList(decodeRlp(body), count)]
  const next = () => fields.shift()
  const [chainId, nonce] = [rlpNumber(next()), rlpNumber(next(), U64)]
  const tip = rlpNumber(next())
  const maxFeePerGas = type === ACCESS_LIST ? tip : rlpNumber(next())
  const unsigned = {
    ...{ type, chainId, nonce, maxFeePerGas, maxPriorityFeePerGas: tip, gasLimit: rlpNumber(next(), U64) },
    ...{ to: destinationField(next()), value: rlpNumber(next()), data: rlpBytes(next()) },
    accessList: accessField(next()),
    maxFeePerBlobGas: type === BLOB ? rlpNumber(next()) : 0n,
    blobHashes: type === BLOB ? rlpList(next()).map(hash => hexOf(rlpBytes(hash, WORD_BYTES))) : [],
    authorizations: type === SET_CODE ? authorizationField(next()) : [],
  }
  if (type >= BLOB && unsigned.to === null) throw new Error('rlp: input string too short for common.Address')
  return [unsigned, signatureFields([rlpNumber(fields[0], 8), fields[1], fields[2]])]
}

/** Throws with the reason, in geth's words where it has some, for whatever is not the one encoding of a signed transaction. */
export function decodeTransaction(raw: Uint8Array): SignedTransaction {
  const first = raw[0]
  if (first === undefined) throw new Error('typed transaction too short')
  const isTyped = first <= FIRST_TYPED_END
  const [unsigned, signature] = isTyped ? decodeTyped(first, raw.subarray(1)) : decodeLegacy(raw)
  // EIP-2681.
  if (unsigned.nonce === NONCE_MAXIMUM) throw new Error('nonce has max value')
  const from = recover(digestOf(unsigned), signature)
  if (from === null) throw new Error('invalid transaction v, r, s values')
  return { ...unsigned, ...signature, from, hash: hashOfBytes(raw), raw: Uint8Array.from(raw) }
}

const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b)

/** Wei per gas for the block's producer; negative where the transaction does not even pay the base fee. */
export const priorityFeeOf = (
  { maxFeePerGas, maxPriorityFeePerGas }: Pick<UnsignedTransaction, 'maxFeePerGas' | 'maxPriorityFeePerGas'>,
  baseFee: bigint,
): bigint => smaller(maxPriorityFeePerGas, maxFeePerGas - baseFee)

/** What a transaction must own before it runs. Wei. */
export const costOf = ({ value, gasLimit, maxFeePerGas }: UnsignedTransaction): bigint =>
  value + gasLimit * maxFeePerGas
