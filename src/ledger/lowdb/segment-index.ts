/**
 * Where things are in one segment of the journal: in memory while it is appended to, in `journal/<first>.index` once it is
 * closed. The file can always be made again from the segment. Big-endian; numbers are doubles, and so exact to 2^53. The form
 * is one that typed arrays sort and copy: making it must not hold up commits.
 *
 *     header     magic (8 bytes), commits (8), ended (8), bytes of the segment (8), hash of its last line (32)
 *     commits    seq of the first entry (8), offset of the line (8)            by seq
 *     ended      first 4 bytes of the SHA-256 of the id, seq less the segment's first (4)
 *     trailer    SHA-256 of all before (32)
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { Id } from '../../../machines/ids.ts'
import type { Disk, File } from '../../kernel/ports.ts'
import type { Commit } from '../../kernel/entry.ts'
import { replaceFile, withFile } from '../../file.ts'
import { firstThat, firstThatAsync } from '../../kernel/bisect.ts'
import { asBuffer } from '../../lines.ts'
import { indexFile } from './files.ts'

const MAGIC = 'LKINDEX1'
const HEADER_BYTES = 64
const COMMIT_BYTES = 16
const ENDED_BYTES = 8
const TRAILER_BYTES = 32
const CHUNK_BYTES = 1024 * 1024

/** Where a commit's line starts, and where the line before it does (null for the first of the segment). */
export interface Position {
  offset: number
  before: number | null
}

/** Both forms of the index answer the same two questions. */
export interface SegmentIndex {
  /** The commit that holds this seq; the caller knows that the segment has it. */
  locate(seq: number): Promise<Position>
  /** Seqs of entries that may have ended the instance, newest first: keys are short, so the caller looks at the id. */
  endings(id: Id): Promise<number[]>
}

/** The index of a segment that is being written or read. `bytes` and `hash` are those of the whole lines so far. */
export interface Marks {
  seqs: number[]
  offsets: number[]
  ended: Map<Id, number>
  /** The key of each in `ended`, and its seq, as they came. */
  endings: { keys: number[]; seqs: number[] }
  bytes: number
  hash: string
}

/** Of a segment without a line. */
export const emptyMarks = (previous: string): Marks => ({
  seqs: [],
  offsets: [],
  ended: new Map(),
  endings: { keys: [], seqs: [] },
  bytes: 0,
  hash: previous,
})

/** Takes one more line in. */
export function addMark(marks: Marks, commit: Commit, lineBytes: number, hash: string): void {
  marks.seqs.push(commit.entries[0]!.seq)
  marks.offsets.push(marks.bytes)
  for (const { image } of commit.entries) {
    if (!image.ended) continue
    marks.ended.set(image.id, image.seq)
    marks.endings.keys.push(keyOf(image.id))
    marks.endings.seqs.push(image.seq)
  }
  marks.bytes += lineBytes
  marks.hash = hash
}

/** Of the segment that is being written. */
export const memoryIndex = (marks: Marks): SegmentIndex => ({
  async locate(seq) {
    const n = firstThat(marks.seqs.length, at => marks.seqs[at]! > seq) - 1
    return { offset: marks.offsets[n]!, before: n > 0 ? marks.offsets[n - 1]! : null }
  },
  async endings(id) {
    const seq = marks.ended.get(id)
    return seq === undefined ? [] : [seq]
  },
})

const keyOf = (id: Id): number => createHash('sha256').update(id).digest().readUInt32BE()

function encode(marks: Marks): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  header.write(MAGIC, 'latin1')
  header.writeDoubleBE(marks.seqs.length, 8)
  header.writeDoubleBE(marks.endings.seqs.length, 16)
  header.writeDoubleBE(marks.bytes, 24)
  header.write(marks.hash, 32, 'hex')
  const commits = new Float64Array(2 * marks.seqs.length)
  for (let n = 0; n < marks.seqs.length; n++) {
    commits[2 * n] = marks.seqs[n]!
    commits[2 * n + 1] = marks.offsets[n]!
  }
  const { keys, seqs } = marks.endings
  // Written as pairs of words, the lower one first, and sorted as one number each: a bigint apiece would be slow.
  const words = new Uint32Array(2 * keys.length)
  for (let n = 0; n < keys.length; n++) {
    words[2 * n] = seqs[n]! - marks.seqs[0]!
    words[2 * n + 1] = keys[n]!
  }
  const ended = new BigUint64Array(words.buffer)
  const body = Buffer.concat([header, bigEndian(commits), bigEndian(ended.sort())])
  return Buffer.concat([body, createHash('sha256').update(body).digest()])
}

/** In place. Lockkeeper runs on little-endian machines only, as Node's own builds for Linux but s390x do. */
const bigEndian = (numbers: Float64Array | BigUint64Array): Buffer => Buffer.from(numbers.buffer).swap64()

/** Durable before it is named. */
export const writeIndex = (disk: Disk, directory: string, first: number, marks: Marks): Promise<void> =>
  replaceFile(disk, join(directory, indexFile(first)), file => file.append(encode(marks)))

/** Whether the index file is whole and describes a segment of this length that ends in this hash. */
export async function isIndexOf(disk: Disk, path: string, segment: { bytes: number; hash: string }): Promise<boolean> {
  if (!(await disk.exists(path))) return false
  return withFile(disk, path, async file => {
    const bytes = await file.size()
    if (bytes < HEADER_BYTES + TRAILER_BYTES) return false
    const header = await readHeader(file)
    if (header.magic !== MAGIC || header.bytes !== segment.bytes || header.hash !== segment.hash) return false
    return isWhole(file, bytes - TRAILER_BYTES)
  })
}

async function isWhole(file: File, bodyBytes: number): Promise<boolean> {
  const hash = createHash('sha256')
  for (let at = 0; at < bodyBytes;) {
    const chunk = await file.read(at, Math.min(CHUNK_BYTES, bodyBytes - at))
    if (chunk.length === 0) return false
    hash.update(chunk)
    at += chunk.length
  }
  return hash.digest().equals(await file.read(bodyBytes, TRAILER_BYTES))
}

async function readHeader(file: File) {
  const header = asBuffer(await file.read(0, HEADER_BYTES))
  return {
    magic: header.toString('latin1', 0, 8),
    commits: header.readDoubleBE(8),
    ended: header.readDoubleBE(16),
    bytes: header.readDoubleBE(24),
    hash: header.toString('hex', 32, 64),
  }
}

async function readCommit(file: File, n: number): Promise<{ seq: number; offset: number }> {
  const record = asBuffer(await file.read(HEADER_BYTES + COMMIT_BYTES * n, COMMIT_BYTES))
  return { seq: record.readDoubleBE(0), offset: record.readDoubleBE(8) }
}

/** Of a closed segment, read where it is asked. */
export const fileIndex = (disk: Disk, path: string): SegmentIndex => ({
  locate: seq =>
    withFile(disk, path, async file => {
      const { commits } = await readHeader(file)
      const n = (await firstThatAsync(commits, async at => (await readCommit(file, at)).seq > seq)) - 1
      const before = n > 0 ? (await readCommit(file, n - 1)).offset : null
      return { offset: (await readCommit(file, n)).offset, before }
    }),
  endings: id => withFile(disk, path, file => endingsIn(file, keyOf(id))),
})

async function endingsIn(file: File, key: number): Promise<number[]> {
  const { commits, ended } = await readHeader(file)
  if (ended === 0) return []
  const first = (await readCommit(file, 0)).seq
  const record = async (n: number) =>
    asBuffer(await file.read(HEADER_BYTES + COMMIT_BYTES * commits + ENDED_BYTES * n, ENDED_BYTES))
  const seqs: number[] = []
  const behind = await firstThatAsync(ended, async at => (await record(at)).readUInt32BE(0) > key)
  for (let n = behind - 1; n >= 0; n--) {
    const found = await record(n)
    if (found.readUInt32BE(0) !== key) break
    seqs.push(first + found.readUInt32BE(4))
  }
  return seqs
}
