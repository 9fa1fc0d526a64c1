/** The root of a Merkle Patricia trie, the yellow paper's appendix D: how a header commits to its lists. */
import { keccak_256 } from '@noble/hashes/sha3.js'
import { hexOf, joined, minimalBytes, NOTHING, WORD_BYTES } from './bytes.ts'
import { encodeRlp, type Rlp } from './rlp.ts'

interface Leaf {
  nibbles: readonly number[]
  value: Uint8Array
}

const CHILDREN = 16
const ODD = 1
const IS_LEAF = 2

/** The root of no list. */
export const EMPTY_ROOT = hexOf(keccak_256(encodeRlp(NOTHING)))

const nibblesOf = (key: Uint8Array): number[] => [...key].flatMap(byte => [byte >> 4, byte & 15])

/** Hex-prefix encoding. */
function compact(nibbles: readonly number[], isLeaf: boolean): Uint8Array {
  const flag = (isLeaf ? IS_LEAF : 0) + (nibbles.length % 2 === 0 ? 0 : ODD)
  const all = nibbles.length % 2 === 0 ? [flag, 0, ...nibbles] : [flag, ...nibbles]
  return Uint8Array.from({ length: all.length / 2 }, (_, n) => all[2 * n]! * 16 + all[2 * n + 1]!)
}

/** What a parent holds of a node: itself when it is small, else its hash. */
function reference(node: Rlp): Rlp {
  const bytes = encodeRlp(node)
  return bytes.length < WORD_BYTES ? node : keccak_256(bytes)
}

function sharedLength(leaves: readonly Leaf[], from: number): number {
  const [first, ...others] = leaves
  let length = from
  while (
    length < first!.nibbles.length &&
    others.every(({ nibbles }) => length < nibbles.length && nibbles[length] === first!.nibbles[length])
  )
    length++
  return length - from
}

function nodeOf(leaves: readonly Leaf[], depth: number): Rlp {
  const [only] = leaves
  if (leaves.length === 1) return [compact(only!.nibbles.slice(depth), true), only!.value]
  const shared = sharedLength(leaves, depth)
  if (shared > 0) {
    const below = reference(nodeOf(leaves, depth + shared))
    return [compact(only!.nibbles.slice(depth, depth + shared), false), below]
  }
  const children = Array.from({ length: CHILDREN }, (_, nibble) => {
    const under = leaves.filter(({ nibbles }) => nibbles[depth] === nibble)
    return under.length === 0 ? NOTHING : reference(nodeOf(under, depth + 1))
  })
  return [...children, leaves.find(({ nibbles }) => nibbles.length === depth)?.value ?? NOTHING]
}

/** Of values by their position: transactions, receipts, withdrawals. */
export function listRoot(values: readonly Uint8Array[]): string {
  if (values.length === 0) return EMPTY_ROOT
  const leaves = values.map((value, index) => ({ nibbles: nibblesOf(encodeRlp(minimalBytes(BigInt(index)))), value }))
  return hexOf(keccak_256(encodeRlp(nodeOf(leaves, 0))))
}

/** Both filters in one. */
export const mergedBlooms = (a: Uint8Array, b: Uint8Array): Uint8Array => a.map((byte, n) => byte | b[n]!)

const BLOOM_BYTES = 256
const BLOOM_MASK = 2047

/** The yellow paper's filter over addresses and topics: three bits each. */
export function bloomOf(logs: readonly { address: Uint8Array; topics: readonly Uint8Array[] }[]): Uint8Array {
  const bloom = new Uint8Array(BLOOM_BYTES)
  for (const item of logs.flatMap(({ address, topics }) => [address, ...topics])) {
    const hash = keccak_256(item)
    for (const at of [0, 2, 4]) {
      const bit = ((hash[at]! << 8) | hash[at + 1]!) & BLOOM_MASK
      bloom[BLOOM_BYTES - 1 - (bit >> 3)]! |= 1 << (bit & 7)
    }
  }
  return bloom
}

/** Of no log. */
export const EMPTY_BLOOM = joined(new Uint8Array(BLOOM_BYTES))
