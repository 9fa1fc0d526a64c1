/** The family's hashes, and the reversed hexadecimal in which their identifiers are displayed. */
import { hash } from 'node:crypto'
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'

// OpenSSL's are twice as fast as JavaScript for an input's digest, and eight times for a large previous transaction.
const sha256 = (bytes: Uint8Array): Uint8Array => hash('sha256', bytes, 'buffer')
export const hash256 = (bytes: Uint8Array): Uint8Array => sha256(sha256(bytes))
export const hash160 = (bytes: Uint8Array): Uint8Array => hash('ripemd160', sha256(bytes), 'buffer')

export const displayOf = (hash: Uint8Array): string => bytesToHex(Uint8Array.from(hash).reverse())
export const fromDisplay = (hex: string): Uint8Array => hexToBytes(hex).reverse()
