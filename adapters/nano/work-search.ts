/** The search for work, by the module of work-module.ts, and the check of what anybody says is work. */
import { blake2b } from '@noble/hashes/blake2.js'
import { invariant } from '../../src/kernel/fault.ts'
import { workModule } from './work-module.ts'

/** What is used of it: Node's types do not declare it. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object
  Instance: new (module: object) => { exports: { search: (...given: bigint[]) => bigint } }
}

const ROOT_BYTES = 32
const WORD_BYTES = 8

/** 16 hexadecimal digits, as nodes write work and difficulties. */
export const workText = (work: bigint): string => work.toString(16).padStart(2 * WORD_BYTES, '0')

/** What it is worth for a block with this root: the previous block's hash, or the public key of an account without one (N3, N5). */
export function difficultyOf(root: Uint8Array, work: bigint): bigint {
  const hashed = Buffer.alloc(WORD_BYTES + ROOT_BYTES)
  hashed.writeBigUInt64LE(work)
  hashed.set(root, WORD_BYTES)
  return Buffer.from(blake2b(hashed, { dkLen: WORD_BYTES })).readBigUInt64LE()
}

/** Of a root, as the module takes it. */
export function wordsOf(root: Uint8Array): bigint[] {
  const bytes = Buffer.from(root)
  return Array.from({ length: ROOT_BYTES / WORD_BYTES }, (_, n) => bytes.readBigInt64LE(n * WORD_BYTES))
}

/** Tries `count` numbers from `start` on; null where none is worth `threshold`. */
export type WorkSearch = (root: Uint8Array, threshold: bigint, start: bigint, count: number) => bigint | null

const KNOWN_ROOT = '7F55A8A1C6C6A426241DCB9AD98C668478EFF9630F7B1EAE2CDB1DEC14BB9C8D'
/** Worth ffd7a0ba445d3493, as a node has answered. */
const KNOWN_WORK = 0x65755b35f8a60755n
const KNOWN_DIFFICULTY = 0xffd7a0ba445d3493n

/** In the calling thread, which it holds up. Invariant fault `crypto-backend` where a known answer is not given (S6). */
export function createSearch(): WorkSearch {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(workModule()))
  const search: WorkSearch = (root, threshold, start, count) => {
    const [a, b, c, d] = wordsOf(root)
    const found = exports.search(a!, b!, c!, d!, start, BigInt.asIntN(64, threshold), BigInt(count))
    return found === 0n ? null : BigInt.asUintN(64, found)
  }
  const root = Buffer.from(KNOWN_ROOT, 'hex')
  const isRight = search(root, KNOWN_DIFFICULTY, KNOWN_WORK, 1) === KNOWN_WORK
  if (!isRight || search(root, KNOWN_DIFFICULTY + 1n, KNOWN_WORK, 1) !== null)
    throw invariant('crypto-backend', 'the search for work does not give the known answer')
  return search
}
