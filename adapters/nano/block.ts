/**
 * State blocks: what they say, their hash, what they do. Nothing here asks a node, and `block_create` is not needed (N8).
 * https://docs.nano.org/integration-guides/the-basics/#blocks-specifications
 */
import { blake2b } from '@noble/hashes/blake2.js'
import { concatBytes, hexToBytes } from '@noble/hashes/utils.js'
import { numberToBytesBE } from '@noble/curves/utils.js'
import { z } from 'zod'
import { upperHex } from '../hex.ts'
import { accountKeyOf } from './address.ts'
import type { Network } from './network.ts'

/** 128 bits: no balance is larger (N4). */
const MAXIMUM_RAW = (1n << 128n) - 1n
const BALANCE_BYTES = 16
const HASH_BYTES = 32

/** `previous` of an account's first block. */
export const ZERO_HASH = '0'.repeat(2 * HASH_BYTES)

/** Blocks of the state type hash this before their content. */
const PREAMBLE = new Uint8Array(HASH_BYTES)
PREAMBLE[HASH_BYTES - 1] = 6

const ADDRESS_CHARACTERS = 70

/** 32 bytes as a node writes them. */
export const hash = z.string().regex(/^[0-9A-F]{64}$/, '64 hexadecimal digits in capitals')
const balance = z
  .string()
  .regex(/^(0|[1-9][0-9]{0,38})$/, { error: 'raw, in decimal digits', abort: true })
  .refine(text => BigInt(text) <= MAXIMUM_RAW, 'at most 2^128 - 1')

/** A state block without signature and work. `balance`: raw, after this block. */
export const stateBlock = z.strictObject({
  type: z.literal('state'),
  account: z.string().max(ADDRESS_CHARACTERS),
  previous: hash,
  representative: z.string().max(ADDRESS_CHARACTERS),
  balance,
  link: hash,
})

/** See `stateBlock`. */
export type StateBlock = z.infer<typeof stateBlock>

/** The block's name and what is signed: capitals, as nodes write it. Throws boundary `invalid-address`. */
export function hashOf(block: StateBlock, network: Network): string {
  const content = concatBytes(
    PREAMBLE,
    accountKeyOf(block.account, network),
    hexToBytes(block.previous),
    accountKeyOf(block.representative, network),
    numberToBytesBE(BigInt(block.balance), BALANCE_BYTES),
    hexToBytes(block.link),
  )
  return upperHex(blake2b(content, { dkLen: HASH_BYTES }))
}
