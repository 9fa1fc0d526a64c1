/**
 * One commit, one line of JSON: `{"hash":"<64 hex>","commit":<body>}`. The hash is SHA-256 over the hash of the line
 * before (its 64 hex characters) and the body's bytes as they stand in the file, so that a line that was changed, removed,
 * inserted or moved breaks the chain.
 */
import { createHash } from 'node:crypto'
import type { File } from '../kernel/ports.ts'
import type { Commit } from '../kernel/entry.ts'

const OPENING = /^\{"hash":"([0-9a-f]{64})","commit":$/
const MARK = Buffer.from('{"hash":"')
/** Where the body starts; also as many bytes as tell a line's own hash. */
export const BODY_AT = MARK.length + 64 + '","commit":'.length

/** A commit that does not fit is a defect of the caller: blocks are applied in slices. */
export const LINE_MAXIMUM_BYTES = 256 * 1024 * 1024
/** Reading one line must not cost a whole chunk: chunks begin small and double. */
const CHUNK_FIRST_BYTES = 8 * 1024
const CHUNK_MAXIMUM_BYTES = 1024 * 1024

/** The hash before the first line binds the journal to its ledger. */
export const firstHash = (ledgerId: string): string =>
  createHash('sha256').update(`lockkeeper-ledger-v1:${ledgerId}`).digest('hex')

const chained = (previous: string, body: Uint8Array): string =>
  createHash('sha256').update(previous).update(body).digest('hex')

/** The line of a commit, newline included. */
export function encodeLine(previous: string, commit: Commit): { hash: string; bytes: Buffer } {
  const body = Buffer.from(JSON.stringify(commit))
  const hash = chained(previous, body)
  return { hash, bytes: Buffer.concat([Buffer.from(`{"hash":"${hash}","commit":`), body, Buffer.from('}\n')]) }
}

/** The hash that a line claims for itself, or null where no line opens. Needs only the first `BODY_AT` bytes. */
export const claimedHash = (bytes: Buffer): string | null =>
  OPENING.exec(bytes.toString('latin1', 0, BODY_AT))?.[1] ?? null

/** A line's own hash, or what is wrong with it. `bytes` without the newline. */
export function checkLine(bytes: Buffer, previous: string): { hash: string } | { problem: string } {
  const hash = claimedHash(bytes)
  if (hash === null || bytes.at(-1) !== 0x7d) return { problem: 'this is not a commit' }
  if (chained(previous, bytes.subarray(BODY_AT, -1)) !== hash)
    return { problem: 'the hash does not match: this line, or the one before it, was changed, moved or removed' }
  return { hash }
}

/** The commit of a line whose hash has been checked. */
export const commitOf = (bytes: Buffer): Commit =>
  JSON.parse(bytes.toString('utf8', BODY_AT, bytes.length - 1)) as Commit

/** Whether anywhere in these bytes a whole line begins that reaches to their end: a newline before it may be damaged. */
export function holdsCommit(bytes: Buffer): boolean {
  for (let at = bytes.indexOf(MARK); at >= 0; at = bytes.indexOf(MARK, at + 1)) {
    const candidate = bytes.subarray(at)
    if (claimedHash(candidate) !== null && isCommit(candidate)) return true
  }
  return false
}

function isCommit(candidate: Buffer): boolean {
  try {
    return Array.isArray(commitOf(candidate).entries)
  } catch {
    return false
  }
}

/** Where the entries' numbers do not go on from `seq`, what is wrong; else null. */
export function gapAfter(seq: number, commit: Commit): string | null {
  if (!Array.isArray(commit.entries) || commit.entries.length === 0) return 'a commit without entries'
  const wrong = commit.entries.findIndex((entry, n) => entry.seq !== seq + 1 + n || entry.image.seq !== entry.seq)
  return wrong < 0 ? null : `seq ${seq + 1 + wrong} expected, ${commit.entries[wrong]!.seq} found`
}

export interface Line {
  /** In the file. */
  offset: number
  /** Without the newline. */
  bytes: Buffer
  /** False for what follows the last newline. */
  complete: boolean
}

/** The lines from `offset` (where one starts) up to `end`, a chunk's worth at a time: a file need not fit into memory. */
export async function* readLines(file: File, offset: number, end: number): AsyncGenerator<Line[]> {
  let open: Buffer[] = []
  let openBytes = 0
  let chunkBytes = CHUNK_FIRST_BYTES
  for (let at = offset; at < end;) {
    const chunk = asBuffer(await file.read(at, Math.min(chunkBytes, end - at)))
    chunkBytes = Math.min(2 * chunkBytes, CHUNK_MAXIMUM_BYTES)
    if (chunk.length === 0) break
    at += chunk.length
    const lines: Line[] = []
    let start = 0
    for (let stop = chunk.indexOf(10); stop >= 0; stop = chunk.indexOf(10, start)) {
      const rest = chunk.subarray(start, stop)
      const bytes = openBytes > 0 ? Buffer.concat([...open, rest]) : rest
      lines.push({ offset, bytes, complete: true })
      offset += bytes.length + 1
      start = stop + 1
      open = []
      openBytes = 0
    }
    open.push(chunk.subarray(start))
    openBytes += chunk.length - start
    yield lines
    if (openBytes > LINE_MAXIMUM_BYTES) break
  }
  if (openBytes > 0) yield [{ offset, bytes: Buffer.concat(open), complete: false }]
}

export const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
