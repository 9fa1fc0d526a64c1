/**
 * What an instance can be found by: its name, addresses, references, transaction ids and block hashes, read off its context
 * by field name, so that every kind and every family is treated alike.
 */
import { createHash } from 'node:crypto'
import type { Place } from '../../../machines/vocabulary.ts'
import { kindOf, nameOf } from '../../kernel/step.ts'
import type { Instance } from '../../kernel/entry.ts'

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

/** In their normal form, each once; none that another one begins with. */
export function termsOf(instance: Instance | undefined): string[] {
  if (instance === undefined) return []
  const context = instance.context as unknown as Findable
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
  const terms = [...new Set(texts)].slice(0, MAXIMUM_TERMS)
  return terms.filter(term => !terms.some(other => other !== term && other.startsWith(term)))
}

/** What a person most likely looks for stands first; a kind that is not named here stands behind. */
const ORDER: readonly string[] = ['withdrawal', 'deposit', 'transfer', 'address', 'chain', 'account', 'attempt', 'coin']

/**
 * A record of the index: one string of 32 characters, one byte each, so that sorting and comparing records is comparing
 * strings. A term's first 16 bytes; 4 bytes of the term's SHA-256; the kind's rank; 5 bytes of the id's SHA-256; the seq
 * of an entry of that instance, big-endian.
 */
export type Entry = string

const HEAD_BYTES = 16
const TERM_HASH_BYTES = 4
const ID_HASH_BYTES = 5
const SEQ_BYTES = 6
export const ENTRY_BYTES = HEAD_BYTES + TERM_HASH_BYTES + 1 + ID_HASH_BYTES + SEQ_BYTES
/** Two entries that are equal up to here say the same of the same instance; the later seq counts. */
export const SAME_BYTES = ENTRY_BYTES - SEQ_BYTES

const digest = (text: string, bytes: number): string =>
  createHash('sha256').update(text).digest().toString('latin1', 0, bytes)
const headOf = (term: string): string => Buffer.from(term).toString('latin1', 0, HEAD_BYTES)

function seqText(seq: number): string {
  const bytes = Buffer.alloc(SEQ_BYTES)
  bytes.writeUIntBE(seq, 0, SEQ_BYTES)
  return bytes.toString('latin1')
}

export function entryOf(term: string, { id, seq }: Instance): Entry {
  const rank = ORDER.indexOf(kindOf(id))
  const rankText = String.fromCharCode(rank < 0 ? ORDER.length : rank)
  const start = headOf(term).padEnd(HEAD_BYTES, '\0') + digest(term, TERM_HASH_BYTES)
  return start + rankText + digest(id, ID_HASH_BYTES) + seqText(seq)
}

export const seqOf = (entry: Entry): number => Buffer.from(entry.slice(SAME_BYTES), 'latin1').readUIntBE(0, SEQ_BYTES)
export const instanceOf = (entry: Entry): string => entry.slice(SAME_BYTES - ID_HASH_BYTES, SAME_BYTES)

/** Entries of exactly this term begin with it. */
export const exactly = (term: string): string => headOf(term).padEnd(HEAD_BYTES, '\0') + digest(term, TERM_HASH_BYTES)
/** Entries of terms that begin with this text begin with it. */
export const beginning = (term: string): string => headOf(term)
