/**
 * The history of a ledger as every engine keeps it and an export carries it: one record a commit,
 * `{"hash":"<64 hex>","commit":<body>}`. The hash is SHA-256 over the hash of the record before (its 64 hex characters) and
 * the body's bytes as they were written, so that a record that was changed, removed, inserted or moved breaks the chain;
 * and two engines that were told the same stand at the same hash.
 */
import { createHash } from 'node:crypto'
import type { MemoryPosition } from '../../machines/vocabulary.ts'
import type { Commit } from '../kernel/entry.ts'

const OPENING = /^\{"hash":"([0-9a-f]{64})","commit":$/
/** How every record begins. */
export const RECORD_MARK = Buffer.from('{"hash":"')
/** Where the body starts; also as many bytes as tell a record's own hash. */
export const BODY_AT = RECORD_MARK.length + 64 + '","commit":'.length

/** A commit with its place in the history. */
export interface ChainedCommit {
  commit: Commit
  /** Of its record: what a position shows once it is the last. */
  hash: string
  /** Its record, byte for byte as it was first written: JSON that is written anew need not be. */
  record: Buffer
}

/** The hash before the first record binds the history to its ledger. */
export const firstHash = (ledgerId: string): string =>
  createHash('sha256').update(`lockkeeper-ledger-v1:${ledgerId}`).digest('hex')

const chained = (previous: string, body: Uint8Array): string =>
  createHash('sha256').update(previous).update(body).digest('hex')

/** One line without its newline. `previous`: the hash of the record before it. */
export function encodeRecord(previous: string, commit: Commit): { hash: string; record: Buffer } {
  const body = Buffer.from(JSON.stringify(commit))
  const hash = chained(previous, body)
  return { hash, record: Buffer.concat([Buffer.from(`{"hash":"${hash}","commit":`), body, Buffer.from('}')]) }
}

/** The hash that a record claims for itself, or null where none opens. Needs only the first `BODY_AT` bytes. */
export const claimedHash = (bytes: Buffer): string | null =>
  OPENING.exec(bytes.toString('latin1', 0, BODY_AT))?.[1] ?? null

/** A record's own hash, or what is wrong with it. */
export function checkRecord(record: Buffer, previous: string): { hash: string } | { problem: string } {
  const hash = claimedHash(record)
  if (hash === null || record.at(-1) !== 0x7d) return { problem: 'this is not a commit' }
  if (chained(previous, record.subarray(BODY_AT, -1)) !== hash)
    return { problem: 'the hash does not match: this line, or the one before it, was changed, moved or removed' }
  return { hash }
}

/** The commit of a record whose hash has been checked. */
export const commitOf = (record: Buffer): Commit =>
  JSON.parse(record.toString('utf8', BODY_AT, record.length - 1)) as Commit

/** A commit is never empty. */
export const lastSeqOf = (commit: Commit): number => commit.entries.at(-1)!.seq

/** Where a history stands: reads all of it. Rejects as reading it does. */
export async function endOf(history: {
  ledgerId: string
  commits(): AsyncIterable<ChainedCommit>
}): Promise<MemoryPosition> {
  let end: MemoryPosition = { sequence: 0, hash: firstHash(history.ledgerId) }
  for await (const { commit, hash } of history.commits()) end = { sequence: lastSeqOf(commit), hash }
  return end
}

/** Where the entries' numbers do not go on from `seq`, what is wrong; else null. */
export function gapAfter(seq: number, commit: Commit): string | null {
  if (!Array.isArray(commit.entries) || commit.entries.length === 0) return 'a commit without entries'
  const wrong = commit.entries.findIndex((entry, n) => entry.seq !== seq + 1 + n || entry.image.seq !== entry.seq)
  return wrong < 0 ? null : `seq ${seq + 1 + wrong} expected, ${commit.entries[wrong]!.seq} found`
}
