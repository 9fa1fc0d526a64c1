/**
 * What an instance can be found by: its name, addresses, references, transaction ids and block hashes, read off its context
 * by field name, so that every kind and every family is treated alike.
 */
import { createHash } from 'node:crypto'
import { kindOf, nameOf, type Id } from '../../../machines/ids.ts'
import type { Place } from '../../../machines/vocabulary.ts'
import { isKind, type Instance } from '../../kernel/entry.ts'
import { claim } from '../../kernel/untyped.ts'

/** Longer than any id, address or reference of any family. */
const MAXIMUM_TERM = 160
/** A bound on what one instance may bring: the signed transactions of a transfer are bounded elsewhere, and far below it. */
const MAXIMUM_TERMS = 64

interface Findable {
  chain: string
  address?: string
  to?: string
  reference?: string | null
  transactionId?: string | null
  signed?: string[]
  dead?: unknown[]
  place?: Place | null
  conflict?: Place | null
  spent?: { place: Place } | null
  blocks?: Place[]
}

/**
 * The one form in which equal things are equal strings: hex and bech32 are the same in either case, and a person does not
 * know. Names of the chain's own things begin with the chain, which tells nothing apart.
 */
export function normalise(text: string, chains: readonly string[]): string {
  const plain = text.trim().toLowerCase()
  const chain = chains.find(name => plain.startsWith(`${name.toLowerCase()}:`))
  return (chain === undefined ? plain : plain.slice(chain.length + 1)).slice(0, MAXIMUM_TERM)
}

/** In their normal form, each once. A transaction that pays us is found by what it pays. */
export function termsOf(instance: Instance | undefined): string[] {
  if (instance === undefined || isKind(instance, 'transaction')) return []
  const context = claim<Findable>(instance.context)
  const {
    chain,
    address,
    to,
    reference,
    transactionId,
    signed = [],
    dead = [],
    place,
    conflict,
    spent,
    blocks,
  } = context
  const hashes = [place?.hash, conflict?.hash, spent?.place.hash, blocks?.at(-1)?.hash]
  const all = [nameOf(instance.id), address, to, reference, transactionId, ...signed, ...dead, ...hashes]
  const texts = all
    .filter(text => typeof text === 'string' && text !== '')
    .map(text => normalise(text as string, [chain]))
  return [...new Set(texts)].slice(0, MAXIMUM_TERMS)
}

/** What a person most likely looks for stands first; a kind that is not named here stands behind. */
const ORDER: readonly string[] = ['withdrawal', 'deposit', 'transfer', 'address', 'chain', 'account', 'attempt', 'coin']

/**
 * A record of the index: one string of 32 characters, one byte each, so that sorting and comparing records is comparing
 * strings. A term's first 16 bytes; 4 bytes of the term's SHA-256; the kind's rank; 5 bytes of the id's SHA-256; where the
 * instance's line stands, big-endian.
 */
export type IndexEntry = string

const HEAD_BYTES = 16
const TERM_HASH_BYTES = 4
const ID_HASH_BYTES = 5
const OFFSET_BYTES = 6
export const ENTRY_BYTES = HEAD_BYTES + TERM_HASH_BYTES + 1 + ID_HASH_BYTES + OFFSET_BYTES
/** Two entries that are equal up to here say the same of the same instance; the later line counts. */
export const SAME_BYTES = ENTRY_BYTES - OFFSET_BYTES

const digest = (text: string, bytes: number): string =>
  createHash('sha256').update(text).digest().toString('latin1', 0, bytes)
const headOf = (term: string): string => Buffer.from(term).toString('latin1', 0, HEAD_BYTES)

function offsetText(offset: number): string {
  const bytes = Buffer.alloc(OFFSET_BYTES)
  bytes.writeUIntBE(offset, 0, OFFSET_BYTES)
  return bytes.toString('latin1')
}

/** `offset`: of the instance's line. */
export function entryOf(term: string, id: Id, offset: number): IndexEntry {
  const rank = ORDER.indexOf(kindOf(id))
  const rankText = String.fromCharCode(rank < 0 ? ORDER.length : rank)
  return exactly(term) + rankText + digest(id, ID_HASH_BYTES) + offsetText(offset)
}

export const offsetOf = (entry: IndexEntry): number =>
  Buffer.from(entry.slice(SAME_BYTES), 'latin1').readUIntBE(0, OFFSET_BYTES)
/** Equal for entries of the same instance. */
export const instanceOf = (entry: IndexEntry): string => entry.slice(SAME_BYTES - ID_HASH_BYTES, SAME_BYTES)

/** Entries of exactly this term begin with it. */
export const exactly = (term: string): string => headOf(term).padEnd(HEAD_BYTES, '\0') + digest(term, TERM_HASH_BYTES)
/** A text that is longer than what an entry holds of its term has to be compared with the term itself. */
export const isWholeTerm = (text: string): boolean => Buffer.byteLength(text) <= HEAD_BYTES
/** Entries of terms that begin with this text begin with it. */
export const beginning = (term: string): string => headOf(term)
