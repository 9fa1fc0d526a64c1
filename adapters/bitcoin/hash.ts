/** The family's hashes, and the reversed hexadecimal in which their identifiers are displayed. */
import { hash } from 'node:crypto'
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'

// OpenSSL's are twice as fast as JavaScript for an input's digest, and eight times for a large previous transaction.
const sha256 = (bytes: Uint8Array): Buffer => hash('sha256', bytes, 'buffer')
/** A Buffer compares and prints as something else than the same bytes. */
const plain = ({ buffer, byteOffset, length }: Buffer): Uint8Array => new Uint8Array(buffer, byteOffset, length)

/** SHA-256 twice: transaction and block ids, sighashes. */
export const hash256 = (bytes: Uint8Array): Uint8Array => plain(sha256(sha256(bytes)))
/** RIPEMD-160 of SHA-256: what P2PKH and P2WPKH pay to. */
export const hash160 = (bytes: Uint8Array): Uint8Array => plain(hash('ripemd160', sha256(bytes), 'buffer'))

/** 32 bytes as ids are shown: reversed, in hex. */
export const displayOf = (hash: Uint8Array): string => bytesToHex(Uint8Array.from(hash).reverse())
/** The inverse of `displayOf`. */
export const fromDisplay = (hex: string): Uint8Array => hexToBytes(hex).reverse()
