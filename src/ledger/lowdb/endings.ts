/**
 * The ended instances of one segment of the journal, by what they are asked for: their id, and the lists that they stand
 * in. A **term** is one such question; each ended instance stands under a few of them, with the place of its last entry in
 * the segment, so that it is read with one read and without looking at anything else.
 */
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { kindOf, type Id } from '../../../machines/ids.ts'
import type { EndingRevoked } from '../../../machines/vocabulary.ts'
import { chainOf, isKind, type Commit, type Entry, type Instance } from '../../kernel/entry.ts'
import type { Upgrade } from '../../kernel/migration.ts'
import type { Query } from '../engine.ts'
import { folded, isNamed, namesOf } from '../named.ts'
import { commitOf } from '../record.ts'

/** Where an ended instance's last entry stands. */
export interface Pointer {
  seq: number
  /** In its segment: of the entry, or of the whole line where the entry could not be told from it. */
  offset: number
  bytes: number
  /** CRC-32 of those bytes. */
  crc: number
}

/** What a term is stored as: the first bytes of its SHA-256, so the reader compares with what was asked for. */
export type Term = number
/** Of the hash. */
export const TERM_BYTES = 5

/** Of one segment. */
export interface Endings {
  pointers: Pointer[]
  /** Numbers of pointers, in their order. */
  byTerm: Map<Term, number[]>
}

/** Of a segment in which nothing has ended. */
export const noEndings = (): Endings => ({ pointers: [], byTerm: new Map() })

/** The one event that an instance hears once it has ended. */
const RETURNING: EndingRevoked['type'] = 'ending.revoked'

const digest = (text: string): Term => createHash('sha256').update(text).digest().readUIntBE(0, TERM_BYTES)

/** There are few lists, and each ended instance stands in some: their terms are kept. */
const LISTS_MAXIMUM = 4096
const lists = new Map<string, Term>()

function listTerm(text: string): Term {
  const known = lists.get(text)
  if (known !== undefined) return known
  if (lists.size >= LISTS_MAXIMUM) lists.clear()
  const term = digest(text)
  lists.set(text, term)
  return term
}

/** Under which an ended instance is found by its id. */
export const idTerm = (id: Id): Term => digest(`id|${id}`)

/** Under which the entries stand by which something that had ended has come back to life. */
export const returnedTerm = (): Term => listTerm('returned')

/** The narrowest list that a query can be answered from. */
export function queryTerm({ kind, chain, state, reference, transactionId, address }: Query): Term {
  if (transactionId !== undefined) return digest(`transaction|${kind}|${folded(transactionId)}`)
  if (reference !== undefined) return digest(`reference|${kind}|${reference}`)
  if (address !== undefined) return digest(`address|${kind}|${folded(address)}`)
  return listTerm(`list|${kind}|${chain ?? ''}|${state ?? ''}`)
}

function nameTerms(image: Instance): Term[] {
  const kind = kindOf(image.id)
  const { reference, transactionId, address } = namesOf(image)
  const texts = [
    reference === null ? null : `reference|${kind}|${reference}`,
    transactionId === null ? null : `transaction|${kind}|${folded(transactionId)}`,
    address === null ? null : `address|${kind}|${folded(address)}`,
  ]
  return texts.filter(text => text !== null).map(digest)
}

/** `a.b` stands in the lists of `a` and of `a.b`. */
function termsOf(image: Instance): Term[] {
  if (!image.ended) return [returnedTerm()]
  const kind = kindOf(image.id)
  const words = image.value.split('.')
  const states = ['', ...words.map((_, n) => words.slice(0, n + 1).join('.'))]
  const terms = states.flatMap(state => ['', chainOf(image)].map(chain => listTerm(`list|${kind}|${chain}|${state}`)))
  return [idTerm(image.id), ...terms, ...nameTerms(image)]
}

/** Whether the query is about this image: a term is short, and a query may be narrower than any. */
export function isAskedFor(image: Instance, query: Query): boolean {
  const { kind, chain, state } = query
  if (!isKind(image, kind) || !isNamed(image, query)) return false
  if (chain !== undefined && chainOf(image) !== chain) return false
  return state === undefined || image.value === state || image.value.startsWith(`${state}.`)
}

/**
 * Where the entries stand in their line. It looks for how an entry begins, which no text within one can look like (its
 * quotes are escaped). Null where they are not found one behind the other: then the line is pointed at as a whole.
 */
function entriesIn(
  record: Buffer,
  { entries }: Commit,
  wanted: readonly number[],
): { at: number; end: number }[] | null {
  const startOf = (n: number, from: number): number =>
    record.indexOf(`{"seq":${entries[n]!.seq},"prev":`, from, 'latin1')
  const found: { at: number; end: number }[] = []
  let from = 0
  for (const n of wanted) {
    const at = startOf(n, from)
    const next =
      n + 1 < entries.length ? startOf(n + 1, at + 1) : record.lastIndexOf('],"reserve":', undefined, 'latin1') + 1
    if (at < 0 || next <= at + 1) return null
    const end = next - 1
    found.push({ at, end })
    from = end
  }
  return found
}

/** `record` is the commit's line, without its newline, and `offset` where it stands in the segment. */
export function addEndings(endings: Endings, commit: Commit, record: Buffer, offset: number, upgrade: Upgrade): void {
  const wanted = commit.entries.flatMap(({ image, event }, n) => (image.ended || event === RETURNING ? [n] : []))
  if (wanted.length === 0) return
  const places = entriesIn(record, commit, wanted)
  for (const [n, index] of wanted.entries()) {
    const { at, end } = places?.[n] ?? { at: 0, end: record.length }
    const { image } = commit.entries[index]!
    const bytes = record.subarray(at, end)
    const pointer = { seq: image.seq, offset: offset + at, bytes: bytes.length, crc: crc32(bytes) }
    const number = endings.pointers.push(pointer) - 1
    for (const term of termsOf(upgrade(image))) {
      const known = endings.byTerm.get(term)
      if (known === undefined) endings.byTerm.set(term, [number])
      else known.push(number)
    }
  }
}

/** Null where the bytes are not those that the pointer was made for, or do not hold the entry. */
export function readPointed(bytes: Buffer, { seq, crc }: Pointer): Instance | null {
  if (crc32(bytes) !== crc) return null
  const isLine = bytes.toString('latin1', 0, 8) === '{"hash":'
  const entries = isLine ? commitOf(bytes).entries : [JSON.parse(bytes.toString('utf8')) as Entry]
  return entries.find(entry => entry.seq === seq)?.image ?? null
}
