/**
 * Addresses of the family: a prefix, 52 characters for the public key, 8 for its checksum.
 * https://docs.nano.org/integration-guides/the-basics/#account-public-address
 */
import { blake2b } from '@noble/hashes/blake2.js'
import { bytesToNumberBE, numberToBytesBE } from '@noble/curves/utils.js'
import { boundary } from '../../src/kernel/fault.ts'
import type { Network } from './network.ts'

/** Without the characters that look like others. */
const ALPHABET = '13456789abcdefghijkmnopqrstuwxyz'
const KEY_BYTES = 32
const KEY_CHARACTERS = 52
const CHECKSUM_BYTES = 5
const CHECKSUM_CHARACTERS = 8
/** Five bits a character, the first four of the key's being zero. */
const BITS = 5n

function encode(bytes: Uint8Array, characters: number): string {
  let rest = bytesToNumberBE(bytes)
  let text = ''
  for (let n = 0; n < characters; n++) {
    text = ALPHABET[Number(rest & 31n)]! + text
    rest >>= BITS
  }
  return text
}

const checksumOf = (publicKey: Uint8Array): string =>
  encode(blake2b(publicKey, { dkLen: CHECKSUM_BYTES }).reverse(), CHECKSUM_CHARACTERS)

/** In the network's canonical prefix. `publicKey`: 32 bytes. */
export function addressOf(publicKey: Uint8Array, network: Network): string {
  return `${network.prefixes[0]}_${encode(publicKey, KEY_CHARACTERS)}${checksumOf(publicKey)}`
}

/** A block names the same few addresses again and again; so many are kept of each network. */
const READ_MAXIMUM = 256
const read = new WeakMap<Network, Map<string, Uint8Array>>()

/** The public key, 32 bytes, the caller's own copy. Throws a boundary fault `invalid-address` that says what is wrong. */
export function accountKeyOf(address: string, network: Network): Uint8Array {
  const known = read.get(network) ?? new Map<string, Uint8Array>()
  read.set(network, known)
  const publicKey = known.get(address) ?? decode(address, network)
  if (known.size >= READ_MAXIMUM) known.clear()
  known.set(address, publicKey)
  return publicKey.slice()
}

function decode(address: string, network: Network): Uint8Array {
  const refused = (what: string) => boundary('invalid-address', `${address.slice(0, 80)}: ${what}`)
  const underscore = address.indexOf('_')
  if (!network.prefixes.includes(address.slice(0, Math.max(underscore, 0))))
    throw refused(
      `addresses of ${network.name} begin with ${network.prefixes.map(prefix => `${prefix}_`).join(' or ')}`,
    )
  const text = address.slice(underscore + 1)
  if (text.length !== KEY_CHARACTERS + CHECKSUM_CHARACTERS)
    throw refused(`${KEY_CHARACTERS + CHECKSUM_CHARACTERS} characters have to follow the underscore`)
  let value = 0n
  for (const character of text.slice(0, KEY_CHARACTERS)) {
    const digit = ALPHABET.indexOf(character)
    if (digit === -1) throw refused(`${character} is no character of an address`)
    value = (value << BITS) | BigInt(digit)
  }
  if (value >> BigInt(8 * KEY_BYTES) !== 0n) throw refused('it begins with another character than 1 or 3')
  const publicKey = numberToBytesBE(value, KEY_BYTES)
  if (checksumOf(publicKey) !== text.slice(KEY_CHARACTERS)) throw refused('its checksum is wrong')
  return publicKey
}

/** The one form in which equal addresses are equal strings (N8: `xrb_` is `nano_`). Throws as `publicKeyOf` does. */
export const canonical = (address: string, network: Network): string =>
  addressOf(accountKeyOf(address, network), network)
