/**
 * Where each commit's line stands in a segment of the journal: in memory while the segment is appended to, in
 * `journal/<first>.index` once it is closed. The file can always be made again from the segment.
 *
 *     record    seq of the commit's first entry (6 bytes), offset of its line (6)
 */
import { join } from 'node:path'
import { withFile } from '../../file.ts'
import { firstThat } from '../../kernel/bisect.ts'
import type { Commit } from '../../kernel/entry.ts'
import type { Disk } from '../../kernel/ports.ts'
import type { FileCache } from './file-cache.ts'
import { indexFile } from './files.ts'
import {
  Damaged,
  firstBlock,
  isSound,
  makerOf,
  readBlock,
  readFences,
  readHeader,
  writeSorted,
  type Sorted,
} from './sorted.ts'

const NUMBER_BYTES = 6
const WIDTH = 2 * NUMBER_BYTES
const MAKER = makerOf('positions 1')
/** Encoded at a time, between which others have their turn. */
const PIECE_RECORDS = 4096

/** Where a commit's line starts, and where the line before it does (null for the first of the segment). */
export interface Position {
  offset: number
  before: number | null
}

/** Of a segment that is being written or read. `bytes` and `hash` are those of the whole lines so far. */
export interface Marks {
  seqs: number[]
  offsets: number[]
  bytes: number
  hash: string
}

/** Of a segment without a line; `previous` is the hash of the last line before it. */
export const emptyMarks = (previous: string): Marks => ({ seqs: [], offsets: [], bytes: 0, hash: previous })

/** Takes one more line in; `lineBytes` with its newline. */
export function addMark(marks: Marks, commit: Commit, lineBytes: number, hash: string): void {
  marks.seqs.push(commit.entries[0]!.seq)
  marks.offsets.push(marks.bytes)
  marks.bytes += lineBytes
  marks.hash = hash
}

/** The commit that holds this seq; the caller knows that the segment has it. */
export type Locate = (seq: number) => Promise<Position>

/** Of the segment that is appended to, or was just closed. */
export const locateInMemory =
  ({ seqs, offsets }: Marks): Locate =>
  async seq => {
    const n = firstThat(seqs.length, at => seqs[at]! > seq) - 1
    return { offset: offsets[n]!, before: n > 0 ? offsets[n - 1]! : null }
  }

/** Of a closed segment; rejects with Damaged where its file is not as it was written. */
export const locateInFile =
  (files: FileCache, path: string, segment: Described): Locate =>
  seq =>
    files.use(path, async file => {
      const sorted = await readHeader(file)
      if (!arePositions(sorted, segment)) throw new Damaged(path)
      const target = Buffer.alloc(NUMBER_BYTES)
      target.writeUIntBE(seq + 1, 0, NUMBER_BYTES)
      const fences = await readFences(file, path, sorted)
      const n = firstBlock(fences, NUMBER_BYTES, target)
      const block = await readBlock(file, path, sorted, n)
      const numberAt = (record: number, at: number): number => block.readUIntBE(record * WIDTH + at, NUMBER_BYTES)
      const count = block.length / WIDTH
      const found = firstThat(count, record => numberAt(record, 0) > seq) - 1
      if (found < 0) throw new Damaged(path)
      const offset = numberAt(found, NUMBER_BYTES)
      if (found > 0) return { offset, before: numberAt(found - 1, NUMBER_BYTES) }
      if (n === 0) return { offset, before: null }
      const earlier = await readBlock(file, path, sorted, n - 1)
      return { offset, before: earlier.readUIntBE(earlier.length - NUMBER_BYTES, NUMBER_BYTES) }
    })

function* recordsOf({ seqs, offsets }: Marks): Generator<Buffer> {
  for (let start = 0; start < seqs.length; start += PIECE_RECORDS) {
    const count = Math.min(PIECE_RECORDS, seqs.length - start)
    const piece = Buffer.alloc(count * WIDTH)
    for (let n = 0; n < count; n++) {
      piece.writeUIntBE(seqs[start + n]!, n * WIDTH, NUMBER_BYTES)
      piece.writeUIntBE(offsets[start + n]!, n * WIDTH + NUMBER_BYTES, NUMBER_BYTES)
    }
    yield piece
  }
}

/** Of the segment that begins with `first` and ends with `last`. */
export function writePositions(
  disk: Disk,
  directory: string,
  { first, last }: { first: number; last: number },
  marks: Marks,
): Promise<void> {
  const { bytes, hash, seqs } = marks
  const sorted: Sorted = { width: WIDTH, key: NUMBER_BYTES, count: seqs.length, first, last, bytes, hash, maker: MAKER }
  return writeSorted(disk, join(directory, indexFile(first)), sorted, recordsOf(marks))
}

/** A segment, by what tells it from any other. */
export interface Described {
  bytes: number
  hash: string
}

const arePositions = (sorted: Sorted | null, { bytes, hash }: Described): sorted is Sorted =>
  sorted !== null && sorted.maker === MAKER && sorted.bytes === bytes && sorted.hash === hash

/** Whether the file describes a segment of this length that ends in this hash; its blocks are checked when they are read. */
export async function arePositionsOf(disk: Disk, path: string, segment: Described): Promise<boolean> {
  if (!(await disk.exists(path))) return false
  return arePositions(await withFile(disk, path, readHeader), segment)
}

/** The same, and that all of it is as it was written. */
export const areSoundPositionsOf = async (disk: Disk, path: string, segment: Described): Promise<boolean> =>
  (await arePositionsOf(disk, path, segment)) && withFile(disk, path, file => isSound(file, path))
