/**
 * A WebAssembly module that searches for work, written here instruction by instruction, so that there is no binary without its source.
 * Work is a number whose blake2b hash of 8 bytes, together with the block's root, is large enough.
 * https://docs.nano.org/integration-guides/work-generation/ · RFC 7693 · https://webassembly.github.io/spec/core/binary/
 *
 * It exports `search(root0, root1, root2, root3, start, threshold, count)`, all 64 bits: the first of `count` numbers from `start` that is
 * worth `threshold`, or 0. The root's words are little-endian.
 */

/** RFC 7693, 2.6. */
const IV = [
  0x6a09e667f3bcc908n,
  0xbb67ae8584caa73bn,
  0x3c6ef372fe94f82bn,
  0xa54ff53a5f1d36f1n,
  0x510e527fade682d1n,
  0x9b05688c2b3e6c1fn,
  0x1f83d9abfb41bd6bn,
  0x5be0cd19137e2179n,
] as const

/** RFC 7693, 2.7: which words of the message each round takes, two at each of its eight mixings. */
const SIGMA = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
  [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
  [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
  [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
  [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
  [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
  [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
  [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
  [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
  [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
] as const
const ROUNDS = 12

/** The state's four words of each mixing: columns, then diagonals. */
const MIXINGS = [
  [0, 4, 8, 12],
  [1, 5, 9, 13],
  [2, 6, 10, 14],
  [3, 7, 11, 15],
  [0, 5, 10, 15],
  [1, 6, 11, 12],
  [2, 7, 8, 13],
  [3, 4, 9, 14],
] as const

/** Digest of 8 bytes, no key, no tree. */
const PARAMETERS = 0x0101_0008n
const HASHED_BYTES = 40n
const ALL_BITS = (1n << 64n) - 1n

/** `v`: the initial state of the only block. */
const STATE: readonly bigint[] = [...IV, ...IV].map((word, n) => {
  if (n === 0) return word ^ PARAMETERS
  if (n === 12) return word ^ HASHED_BYTES
  return n === 14 ? word ^ ALL_BITS : word
})

const I64 = 0x7e
const OP = {
  loop: 0x03,
  if: 0x04,
  end: 0x0b,
  brIf: 0x0d,
  return: 0x0f,
  get: 0x20,
  set: 0x21,
  tee: 0x22,
  constant: 0x42,
}
const I64_OP = { notEqual: 0x52, atLeast: 0x5a, add: 0x7c, xor: 0x85, rotateRight: 0x8a }
const NO_RESULT = 0x40

/** Parameters come first among the locals: the root's words, then these, then the state. */
const ROOT_WORDS = 4
const START = 4
const THRESHOLD = 5
const COUNT = 6
const PARAMETER_COUNT = 7
const STATE_START = PARAMETER_COUNT
const LOCAL_COUNT = 16

function unsigned(value: number): number[] {
  const bytes = []
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return [...bytes, rest]
    bytes.push((rest & 0x7f) | 0x80)
  }
}

function signed(value: bigint): number[] {
  const bytes = []
  for (let rest = BigInt.asIntN(64, value); ; rest >>= 7n) {
    const low = Number(rest & 0x7fn)
    const isLast = (rest >> 7n === 0n && low < 0x40) || (rest >> 7n === -1n && low >= 0x40)
    if (isLast) return [...bytes, low]
    bytes.push(low | 0x80)
  }
}

const get = (local: number): number[] => [OP.get, ...unsigned(local)]
const set = (local: number): number[] => [OP.set, ...unsigned(local)]
const constant = (value: bigint): number[] => [OP.constant, ...signed(value)]
const v = (word: number): number => STATE_START + word

/** Word 0 of the message is the number that is tried, words 1 to 4 the root; the others are zero and need not be added. */
function addWord(word: number): number[] {
  if (word > ROOT_WORDS) return []
  return [...get(word === 0 ? START : word - 1), I64_OP.add]
}

const add = (to: number, from: number, word?: number): number[] => [
  ...get(v(to)),
  ...get(v(from)),
  I64_OP.add,
  ...(word === undefined ? [] : addWord(word)),
  ...set(v(to)),
]
const rotate = (word: number, by: number, bits: bigint): number[] => [
  ...get(v(word)),
  ...get(v(by)),
  I64_OP.xor,
  ...constant(bits),
  I64_OP.rotateRight,
  ...set(v(word)),
]

/** RFC 7693, 3.1: the function G. */
const mixing = ([a, b, c, d]: (typeof MIXINGS)[number], x: number, y: number): number[] => [
  ...[...add(a, b, x), ...rotate(d, a, 32n), ...add(c, d), ...rotate(b, c, 24n)],
  ...[...add(a, b, y), ...rotate(d, a, 16n), ...add(c, d), ...rotate(b, c, 63n)],
]

function compression(): number[] {
  const code = STATE.flatMap((word, n) => [...constant(word), ...set(v(n))])
  for (let round = 0; round < ROUNDS; round++) {
    const words = SIGMA[round % SIGMA.length]!
    for (const [n, words4] of MIXINGS.entries()) code.push(...mixing(words4, words[2 * n]!, words[2 * n + 1]!))
  }
  return code
}

/** `count` becomes the number behind the last one. */
const searching = (): number[] => [
  ...[...get(START), ...get(COUNT), I64_OP.add, ...set(COUNT)],
  ...[OP.loop, NO_RESULT],
  ...compression(),
  ...[...constant(STATE[0]!), ...get(v(0)), I64_OP.xor, ...get(v(8)), I64_OP.xor],
  ...[...get(THRESHOLD), I64_OP.atLeast, OP.if, NO_RESULT, ...get(START), OP.return, OP.end],
  ...[...get(START), ...constant(1n), I64_OP.add, OP.tee, ...unsigned(START), ...get(COUNT), I64_OP.notEqual],
  ...[OP.brIf, 0, OP.end, ...constant(0n), OP.end],
]

const sized = (bytes: readonly number[]): number[] => [...unsigned(bytes.length), ...bytes]
const section = (id: number, content: readonly number[]): number[] => [id, ...sized(content)]
const text = (name: string): number[] => sized([...new TextEncoder().encode(name)])

const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]
const FUNCTION_TYPE = 0x60
const SECTION = { types: 1, functions: 3, exports: 7, code: 10 }

/** The module's bytes, about 13 KB. Imports nothing and has no memory. */
export function workModule(): Uint8Array {
  const parameters = Array.from({ length: PARAMETER_COUNT }, () => I64)
  const locals = [1, ...unsigned(LOCAL_COUNT), I64]
  return Uint8Array.from([
    ...HEADER,
    ...section(SECTION.types, [1, FUNCTION_TYPE, ...sized(parameters), 1, I64]),
    ...section(SECTION.functions, [1, 0]),
    ...section(SECTION.exports, [1, ...text('search'), 0, 0]),
    ...section(SECTION.code, [1, ...sized([...locals, ...searching()])]),
  ])
}
