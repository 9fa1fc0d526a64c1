/**
 * What the signer's records are made of: of everything signed, voided and generated the little that decisions need, with
 * fingerprints in the place of names. A fact is taken in from its bytes and stored as its bytes, so that a start reads what
 * an earlier process had learned. Little-endian; whole numbers to 2^53 are doubles.
 */
import { createHash } from 'node:crypto'

/** Of a name: two names never share one, because nobody without the signer's seed can look for such a pair. */
export const KEY_BYTES = 12
/** Of a spend key, and of what an intent asks for. */
export const MARK_BYTES = 8
/** Of a position's hash. */
export const HASH_BYTES = 16

/** Fingerprints under a secret, so that no two names can be ground to one. */
export interface Fingerprints {
  key(kind: 'transfer' | 'withdrawal' | 'address', name: string): Uint8Array
  mark(kind: 'spend-key' | 'intent', text: string): Uint8Array
}

/** `secret`: 32 bytes that nobody else knows. */
export function createFingerprints(secret: Uint8Array): Fingerprints {
  const digest = (kind: string, text: string) => createHash('sha256').update(secret).update(`${kind}\0${text}`).digest()
  return {
    key: (kind, name) => digest(kind, name).subarray(0, KEY_BYTES),
    mark: (kind, text) => digest(kind, text).subarray(0, MARK_BYTES),
  }
}

/** An authorised intent that a signed attempt pays. */
export interface PaidIntent {
  withdrawal: Uint8Array
  round: number
  /** Of what may not change between rounds. */
  terms: Uint8Array
}

/** `chain` counts the `chain` facts, `asset` the `asset` facts, from 0. `seq`: of the transition; `at`: milliseconds since 1970 UTC. */
export type MemoryFact =
  | { kind: 'chain'; name: string }
  | { kind: 'asset'; name: string }
  | { kind: 'round'; withdrawal: Uint8Array; round: number }
  | SignedFact
  | { kind: 'voided'; chain: number; withdrawal: Uint8Array; round: number; seq: number }
  | { kind: 'position'; seq: number; hash: Uint8Array }
  | { kind: 'addresses'; chain: number; first: number; keys: Uint8Array }

/** What an attempt costs of a token: base units, at most 2^128 - 1. */
export interface TokenCost {
  asset: number
  cost: bigint
}

/** `cost`: of the native asset, as of a token; `marks`: of its spend keys, one behind the other; `isBinding`: they belong to the transfer. */
export interface SignedFact {
  kind: 'signed'
  chain: number
  transfer: Uint8Array
  n: number
  seq: number
  at: number
  cost: bigint
  tokens: TokenCost[]
  isBinding: boolean
  marks: Uint8Array
  intents: PaidIntent[]
}

const KINDS = ['chain', 'asset', 'round', 'signed', 'voided', 'position', 'addresses'] as const
const WORD_MASK = 0xffff_ffff_ffff_ffffn
/** Beyond any asset's supply. */
export const MAXIMUM_COST = (1n << 128n) - 1n

/** Writes one behind the other. */
function createWriter(bytes: number) {
  const buffer = Buffer.alloc(bytes)
  let at = 0
  return {
    byte: (value: number) => void (at = buffer.writeUInt8(value, at)),
    short: (value: number) => void (at = buffer.writeUInt16LE(value, at)),
    word: (value: number) => void (at = buffer.writeUInt32LE(value, at)),
    number: (value: number) => void (at = buffer.writeDoubleLE(value, at)),
    cost(value: bigint) {
      at = buffer.writeBigUInt64LE(value & WORD_MASK, at)
      at = buffer.writeBigUInt64LE(value >> 64n, at)
    },
    bytes(value: Uint8Array) {
      buffer.set(value, at)
      at += value.length
    },
    done: () => buffer.subarray(0, at),
  }
}

const FIXED_BYTES = 64
const INTENT_BYTES = KEY_BYTES + 8 + MARK_BYTES
const TOKEN_BYTES = 2 + 16

function sizeOf(fact: MemoryFact): number {
  if (fact.kind === 'signed') {
    const { marks, intents, tokens } = fact
    return FIXED_BYTES + marks.length + intents.length * INTENT_BYTES + tokens.length * TOKEN_BYTES
  }
  if (fact.kind === 'addresses') return FIXED_BYTES + fact.keys.length
  return FIXED_BYTES + (fact.kind === 'chain' || fact.kind === 'asset' ? Buffer.byteLength(fact.name) : 0)
}

/** As it is stored. */
export function encodeFact(fact: MemoryFact): Buffer {
  const writer = createWriter(sizeOf(fact))
  writer.byte(KINDS.indexOf(fact.kind))
  if (fact.kind === 'chain' || fact.kind === 'asset') {
    const name = Buffer.from(fact.name)
    writer.short(name.length)
    writer.bytes(name)
  } else if (fact.kind === 'round') {
    writer.bytes(fact.withdrawal)
    writer.number(fact.round)
  } else if (fact.kind === 'position') {
    writer.number(fact.seq)
    writer.bytes(fact.hash)
  } else if (fact.kind === 'voided') {
    writer.short(fact.chain)
    writer.bytes(fact.withdrawal)
    writer.number(fact.round)
    writer.number(fact.seq)
  } else if (fact.kind === 'addresses') {
    writer.short(fact.chain)
    writer.number(fact.first)
    writer.word(fact.keys.length / KEY_BYTES)
    writer.bytes(fact.keys)
  } else encodeSigned(writer, fact)
  return writer.done()
}

function encodeSigned(writer: ReturnType<typeof createWriter>, fact: SignedFact): void {
  writer.short(fact.chain)
  writer.bytes(fact.transfer)
  writer.short(fact.n)
  writer.number(fact.seq)
  writer.number(fact.at)
  writer.cost(fact.cost)
  writer.short(fact.tokens.length)
  for (const { asset, cost } of fact.tokens) {
    writer.short(asset)
    writer.cost(cost)
  }
  writer.byte(fact.isBinding ? 1 : 0)
  writer.word(fact.marks.length / MARK_BYTES)
  writer.bytes(fact.marks)
  writer.short(fact.intents.length)
  for (const { withdrawal, round, terms } of fact.intents) {
    writer.bytes(withdrawal)
    writer.number(round)
    writer.bytes(terms)
  }
}

/** Reads one behind the other; what it answers are views. */
function createReader(buffer: Buffer) {
  let at = 0
  const step = (bytes: number): number => (at += bytes) - bytes
  return {
    isAtEnd: () => at >= buffer.length,
    byte: () => buffer.readUInt8(step(1)),
    short: () => buffer.readUInt16LE(step(2)),
    word: () => buffer.readUInt32LE(step(4)),
    number: () => buffer.readDoubleLE(step(8)),
    cost(): bigint {
      const low = buffer.readBigUInt64LE(step(8))
      const high = buffer.readBigUInt64LE(step(8))
      return high === 0n ? low : low | (high << 64n)
    },
    bytes: (length: number): Uint8Array => {
      if (at + length > buffer.length) throw new RangeError('a fact is cut off')
      // Less than half the price of a view by Buffer, of which a start makes millions.
      return new Uint8Array(buffer.buffer, buffer.byteOffset + step(length), length)
    },
  }
}
type Reader = ReturnType<typeof createReader>

/** Facts one behind the other. Throws RangeError for what `encodeFact` has not made. */
export function* decodeFacts(bytes: Buffer): Generator<MemoryFact> {
  const reader = createReader(bytes)
  while (!reader.isAtEnd()) yield decodeFact(reader)
}

function decodeFact(reader: Reader): MemoryFact {
  const number = reader.byte()
  const kind = KINDS[number]
  if (kind === undefined) throw new RangeError(`${number} is no kind of fact`)
  switch (kind) {
    case 'chain':
    case 'asset':
      return { kind, name: Buffer.from(reader.bytes(reader.short())).toString() }
    case 'round':
      return { kind, withdrawal: reader.bytes(KEY_BYTES), round: reader.number() }
    case 'position':
      return { kind, seq: reader.number(), hash: reader.bytes(HASH_BYTES) }
    case 'voided': {
      const chain = reader.short()
      return { kind, chain, withdrawal: reader.bytes(KEY_BYTES), round: reader.number(), seq: reader.number() }
    }
    case 'addresses': {
      const [chain, first] = [reader.short(), reader.number()]
      return { kind, chain, first, keys: reader.bytes(reader.word() * KEY_BYTES) }
    }
    case 'signed':
      return decodeSigned(reader)
  }
}

/** A start makes millions: `Array.from` takes several times as long. */
function several<Value>(count: number, make: () => Value): Value[] {
  const values: Value[] = []
  for (let n = 0; n < count; n++) values.push(make())
  return values
}

function decodeSigned(reader: Reader): SignedFact {
  const chain = reader.short()
  const transfer = reader.bytes(KEY_BYTES)
  const n = reader.short()
  const seq = reader.number()
  const at = reader.number()
  const cost = reader.cost()
  const tokens = several(reader.short(), () => ({ asset: reader.short(), cost: reader.cost() }))
  const isBinding = reader.byte() === 1
  const marks = reader.bytes(reader.word() * MARK_BYTES)
  const intents = several(reader.short(), () => ({
    withdrawal: reader.bytes(KEY_BYTES),
    round: reader.number(),
    terms: reader.bytes(MARK_BYTES),
  }))
  return { kind: 'signed', chain, transfer, n, seq, at, cost, tokens, isBinding, marks, intents }
}
