/** The family's hashes, and the reversed hexadecimal in which their identifiers are displayed. */
import { ripemd160 } from '@noble/hashes/legacy.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'

export const hash256 = (bytes: Uint8Array): Uint8Array => sha256(sha256(bytes))
export const hash160 = (bytes: Uint8Array): Uint8Array => ripemd160(sha256(bytes))

export const displayOf = (hash: Uint8Array): string => bytesToHex(Uint8Array.from(hash).reverse())
export const fromDisplay = (hex: string): Uint8Array => hexToBytes(hex).reverse()
