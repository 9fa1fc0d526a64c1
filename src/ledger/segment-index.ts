/**
 * Where things are in one segment of the journal: in memory while it is appended to, in `journal/<first>.index` once it is
 * closed. The file can always be made again from the segment. All numbers big-endian:
 *
 *     header     magic (8 bytes), commits (8), ended (8), bytes of the segment (8), hash of its last line (32)
 *     commits    seq of the first entry (8), offset of the line (8)            by seq
 *     ended      first 8 bytes of the SHA-256 of the id (8), seq (8)           by key, then seq
 *     trailer    SHA-256 of all before (32)
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { Id } from '../../machines/vocabulary.ts'
import type { Disk, File } from '../../adapters/ports.ts'
import type { Commit } from './entry.ts'
import { indexFile, replaceFile, withFile } from './files.ts'
import { asBuffer } from './line.ts'

const MAGIC = 'LKINDEX1'
const HEADER_BYTES = 64
const RECORD_BYTES = 16
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
  bytes: number
  hash: string
}

export const emptyMarks = (previous: string): Marks => ({
  seqs: [],
  offsets: [],
  ended: new Map(),
  bytes: 0,
  hash: previous,
})

export function addMark(marks: Marks, commit: Commit, lineBytes: number, hash: string): void {
  marks.seqs.push(commit.entries[0]!.seq)
  marks.offsets.push(marks.bytes)
  for (const { image } of commit.entries) if (image.ended) marks.ended.set(image.id, image.seq)
  marks.bytes += lineBytes
  marks.hash = hash
}

/** The number of the last record that is not above, given how to read one; -1 when all are. */
async function lastNotAbove(count: number, isAbove: (n: number) => boolean | Promise<boolean>): Promise<number> {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (await isAbove(middle)) high = middle
    else low = middle + 1
  }
  return low - 1
}

export const memoryIndex = (marks: Marks): SegmentIndex => ({
  async locate(seq) {
    const n = await lastNotAbove(marks.seqs.length, at => marks.seqs[at]! > seq)
    return { offset: marks.offsets[n]!, before: n > 0 ? marks.offsets[n - 1]! : null }
  },
  async endings(id) {
    const seq = marks.ended.get(id)
    return seq === undefined ? [] : [seq]
  },
})

const keyOf = (id: Id): Buffer => createHash('sha256').update(id).digest().subarray(0, 8)

const readNumber = (bytes: Buffer, offset: number): number => bytes.readUIntBE(offset + 2, 6)
const writeNumber = (bytes: Buffer, value: number, offset: number): number => bytes.writeUIntBE(value, offset + 2, 6)

function encode(marks: Marks): Buffer {
  const ended = [...marks.ended].map(([id, seq]) => ({ key: keyOf(id), seq }))
  ended.sort((a, b) => a.key.compare(b.key) || a.seq - b.seq)
  const bytes = Buffer.alloc(HEADER_BYTES + RECORD_BYTES * (marks.seqs.length + ended.length) + TRAILER_BYTES)
  bytes.write(MAGIC, 'latin1')
  writeNumber(bytes, marks.seqs.length, 8)
  writeNumber(bytes, ended.length, 16)
  writeNumber(bytes, marks.bytes, 24)
  bytes.write(marks.hash, 32, 'hex')
  let at = HEADER_BYTES
  marks.seqs.forEach((seq, n) => {
    writeNumber(bytes, seq, at)
    writeNumber(bytes, marks.offsets[n]!, at + 8)
    at += RECORD_BYTES
  })
  for (const { key, seq } of ended) {
    key.copy(bytes, at)
    writeNumber(bytes, seq, at + 8)
    at += RECORD_BYTES
  }
  createHash('sha256').update(bytes.subarray(0, at)).digest().copy(bytes, at)
  return bytes
}

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
    commits: readNumber(header, 8),
    ended: readNumber(header, 16),
    bytes: readNumber(header, 24),
    hash: header.toString('hex', 32, 64),
  }
}

export const fileIndex = (disk: Disk, path: string): SegmentIndex => ({
  locate: seq =>
    withFile(disk, path, async file => {
      const { commits } = await readHeader(file)
      const record = (n: number) => readRecord(file, HEADER_BYTES, n)
      const n = await lastNotAbove(commits, async at => readNumber(await record(at), 0) > seq)
      const before = n > 0 ? readNumber(await record(n - 1), 8) : null
      return { offset: readNumber(await record(n), 8), before }
    }),
  endings: id =>
    withFile(disk, path, async file => {
      const { commits, ended } = await readHeader(file)
      const key = keyOf(id)
      const record = (n: number) => readRecord(file, HEADER_BYTES + RECORD_BYTES * commits, n)
      const seqs: number[] = []
      let n = await lastNotAbove(ended, async at => (await record(at)).subarray(0, 8).compare(key) > 0)
      for (; n >= 0; n--) {
        const found = await record(n)
        if (!found.subarray(0, 8).equals(key)) break
        seqs.push(readNumber(found, 8))
      }
      return seqs
    }),
})

const readRecord = async (file: File, start: number, n: number): Promise<Buffer> =>
  asBuffer(await file.read(start + RECORD_BYTES * n, RECORD_BYTES))
