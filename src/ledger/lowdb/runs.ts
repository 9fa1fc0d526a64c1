/**
 * The endings of closed segments, in sorted files: first one a segment, then four neighbours become one, and four of those
 * again. So there are few of them however long the history is, each is written a few times only, and an id or a page of a
 * list is found with a read or two of each. A file that is missing or damaged is made again from the segments: an index
 * that is not there is no answer.
 *
 *     record    term (5 bytes), seq (6), offset (6), bytes (4), CRC-32 (4)
 */
import { join } from 'node:path'
import { withFile } from '../../file.ts'
import type { Disk } from '../../kernel/ports.ts'
import type { Endings, Pointer, Term } from './endings.ts'
import { TERM_BYTES } from './endings.ts'
import type { FileCache } from './file-cache.ts'
import { INDEX, runFile } from './files.ts'
import { firstBlock, makerOf, readBlock, readFences, readHeader, writeSorted, type Sorted } from './sorted.ts'

const SEQ_BYTES = 6
const OFFSET_BYTES = 6
const LENGTH_BYTES = 4
const KEY_BYTES = TERM_BYTES + SEQ_BYTES
const WIDTH = KEY_BYTES + OFFSET_BYTES + LENGTH_BYTES + 4
const PIECE_RECORDS = 2048
const FANOUT = 4
const NAME = /^(\d+)-(\d+)\.run$/

/** What is told of a closed segment by those around it. */
export interface ClosedSegment {
  first: number
  last: number
  /** Of the last line before it, and of its own last line. */
  previous: string
  hash: string
}

/** One file, open for reading. */
export interface Run {
  path: string
  sorted: Sorted
  /** How many segments it covers. */
  segments: number
  /** Kept in memory: a few bytes for every 256 records. */
  fences: Buffer
}

/** The words of the rules by which terms are made: the versions of the machines count, because states have names. */
export const runMaker = (versions: string): string => makerOf(`endings 3 ${versions}`)

function writeRecord(into: Buffer, at: number, term: Term, { seq, offset, bytes, crc }: Pointer): void {
  into.writeUIntBE(term, at, TERM_BYTES)
  into.writeUIntBE(seq, at + TERM_BYTES, SEQ_BYTES)
  into.writeUIntBE(offset, at + KEY_BYTES, OFFSET_BYTES)
  into.writeUInt32BE(bytes, at + KEY_BYTES + OFFSET_BYTES)
  into.writeUInt32BE(crc, at + KEY_BYTES + OFFSET_BYTES + LENGTH_BYTES)
}

const pointerAt = (block: Buffer, at: number): Pointer => ({
  seq: block.readUIntBE(at + TERM_BYTES, SEQ_BYTES),
  offset: block.readUIntBE(at + KEY_BYTES, OFFSET_BYTES),
  bytes: block.readUInt32BE(at + KEY_BYTES + OFFSET_BYTES),
  crc: block.readUInt32BE(at + KEY_BYTES + OFFSET_BYTES + LENGTH_BYTES),
})

function* recordsOf({ pointers, byTerm }: Endings): Generator<Buffer> {
  let piece = Buffer.alloc(PIECE_RECORDS * WIDTH)
  let at = 0
  for (const term of Float64Array.from(byTerm.keys()).sort())
    for (const number of byTerm.get(term)!) {
      writeRecord(piece, at, term, pointers[number]!)
      at += WIDTH
      if (at < piece.length) continue
      yield piece
      piece = Buffer.alloc(PIECE_RECORDS * WIDTH)
      at = 0
    }
  yield piece.subarray(0, at)
}

const countOf = ({ byTerm }: Endings): number => [...byTerm.values()].reduce((sum, { length }) => sum + length, 0)

/** Where runs are kept, and by which rules they are made. */
export interface RunPlace {
  disk: Disk
  directory: string
  files: FileCache
  maker: string
}

async function write(
  { disk, directory, files, maker }: RunPlace,
  { first, last, hash }: Omit<ClosedSegment, 'previous'>,
  count: number,
  segments: number,
  pieces: AsyncIterable<Buffer> | Iterable<Buffer>,
): Promise<Run> {
  const path = join(directory, runFile(first, last))
  const sorted: Sorted = { width: WIDTH, key: KEY_BYTES, count, first, last, bytes: 0, hash, maker }
  await files.drop(path)
  await writeSorted(disk, path, sorted, pieces)
  const fences = await files.use(path, file => readFences(file, path, sorted))
  return { path, sorted, segments, fences }
}

/** Durable when it resolves. */
export const writeRun = (place: RunPlace, segment: ClosedSegment, endings: Endings): Promise<Run> =>
  write(place, segment, countOf(endings), 1, recordsOf(endings))

/** Those under the term with a seq above `after`, in order, a block's worth at a time. Throws Damaged. */
export async function* pointersIn(files: FileCache, run: Run, term: Term, after: number): AsyncGenerator<Pointer[]> {
  const { sorted, fences } = run
  if (sorted.count === 0 || sorted.last <= after) return
  const target = Buffer.alloc(KEY_BYTES)
  target.writeUIntBE(term, 0, TERM_BYTES)
  target.writeUIntBE(after + 1, TERM_BYTES, SEQ_BYTES)
  const first = firstBlock(fences, KEY_BYTES, target)
  for (let n = first; n < fences.length / KEY_BYTES; n++) {
    // What stands behind the last of this term need not be read.
    if (n > first && fences.readUIntBE(n * KEY_BYTES, TERM_BYTES) > term) return
    const block = await blockOf(files, run, n)
    if (block === null) return
    yield pointersOf(block, term, after)
  }
}

/** Null behind the last. Throws Damaged. */
const blockOf = (files: FileCache, { path, sorted, fences }: Run, n: number): Promise<Buffer | null> =>
  n < fences.length / KEY_BYTES ? files.use(path, file => readBlock(file, path, sorted, n)) : Promise.resolve(null)

function pointersOf(block: Buffer, term: Term, after: number): Pointer[] {
  const found: Pointer[] = []
  for (let at = 0; at < block.length; at += WIDTH) {
    const its = block.readUIntBE(at, TERM_BYTES)
    if (its > term) break
    if (its === term && block.readUIntBE(at + TERM_BYTES, SEQ_BYTES) > after) found.push(pointerAt(block, at))
  }
  return found
}

interface Head {
  /** The next block, or null behind the last. */
  next: () => Promise<Buffer | null>
  block: Buffer
  at: number
}

/** Of neighbours, the oldest first: of equal terms those of the older one come first, and so all are in order. */
async function* merged(place: RunPlace, runs: readonly Run[]): AsyncGenerator<Buffer> {
  const heads = runs.map((run): Head => {
    let n = 0
    return { next: () => blockOf(place.files, run, n++), block: Buffer.alloc(0), at: 0 }
  })
  let left = heads
  for (;;) {
    for (const head of left) {
      if (head.at < head.block.length) continue
      head.block = (await head.next()) ?? Buffer.alloc(0)
      head.at = 0
    }
    left = left.filter(({ block }) => block.length > 0)
    if (left.length === 0) return
    yield mergeBlocks(left)
  }
}

/** Until one of them has to be read on: until then everything is at hand. */
function mergeBlocks(heads: Head[]): Buffer {
  const piece = Buffer.allocUnsafe(heads.reduce((sum, { block, at }) => sum + block.length - at, 0))
  const terms = heads.map(({ block, at }) => block.readUIntBE(at, TERM_BYTES))
  let end = 0
  for (;;) {
    let least = 0
    for (let n = 1; n < terms.length; n++) if (terms[n]! < terms[least]!) least = n
    const head = heads[least]!
    head.block.copy(piece, end, head.at, head.at + WIDTH)
    end += WIDTH
    head.at += WIDTH
    if (head.at >= head.block.length) return piece.subarray(0, end)
    terms[least] = head.block.readUIntBE(head.at, TERM_BYTES)
  }
}

const levelOf = ({ segments }: Run): number => Math.floor(Math.log(segments) / Math.log(FANOUT) + 1e-9)

/** Where the next neighbours of one size begin that shall become one; -1 where there are none. */
export const mergeable = (runs: readonly Run[]): number =>
  runs.findIndex((run, n) => {
    const group = runs.slice(n, n + FANOUT)
    return group.length === FANOUT && group.every(other => levelOf(other) === levelOf(run))
  })

/** One in the place of the neighbours from `at` on. Durable when it resolves; the others are still there. */
export async function mergeRuns(place: RunPlace, runs: readonly Run[], at: number): Promise<{ run: Run; old: Run[] }> {
  const old = runs.slice(at, at + FANOUT)
  const count = old.reduce((sum, { sorted }) => sum + sorted.count, 0)
  const segments = old.reduce((sum, run) => sum + run.segments, 0)
  const range = { first: old[0]!.sorted.first, last: old.at(-1)!.sorted.last, hash: old.at(-1)!.sorted.hash }
  return { run: await write(place, range, count, segments, merged(place, old)), old }
}

/** Of these segments in their order, the runs that cover them, and null for each segment that none covers. */
export interface Tiling {
  tiles: (Run | ClosedSegment)[]
  /** Paths of files that are not needed, or are not what they should be. */
  rest: string[]
}

/** A run, or a segment that no run covers. */
export const isRun = (tile: Run | ClosedSegment): tile is Run => 'sorted' in tile

/** What is there of these segments' runs. The largest of those that begin with a segment is taken. Writes nothing. */
export async function findRuns(place: RunPlace, segments: readonly ClosedSegment[]): Promise<Tiling> {
  const { disk, directory } = place
  const names = await disk.list(join(directory, INDEX))
  const found = new Map<number, Run>()
  const positions = new Map(segments.map((segment, n) => [segment.first, n]))
  const ends = new Map(segments.map((segment, n) => [segment.last, n]))
  for (const name of names) {
    const [, first, last] = NAME.exec(name) ?? []
    const start = positions.get(Number(first))
    const end = ends.get(Number(last))
    if (start === undefined || end === undefined) continue
    const run = await openRun(place, join(directory, INDEX, name), end - start + 1, segments[end]!)
    const known = found.get(Number(first))
    if (run !== null && (known === undefined || known.segments < run.segments)) found.set(Number(first), run)
  }
  const tiles: (Run | ClosedSegment)[] = []
  for (let n = 0; n < segments.length;) {
    const tile = found.get(segments[n]!.first) ?? segments[n]!
    tiles.push(tile)
    n += isRun(tile) ? tile.segments : 1
  }
  const used = new Set(tiles.flatMap(tile => (isRun(tile) ? [tile.path] : [])))
  return { tiles, rest: names.map(name => join(directory, INDEX, name)).filter(path => !used.has(path)) }
}

async function openRun(place: RunPlace, path: string, segments: number, end: ClosedSegment): Promise<Run | null> {
  const { disk, maker } = place
  return withFile(disk, path, async file => {
    const sorted = await readHeader(file)
    const isIts = sorted !== null && sorted.maker === maker && sorted.hash === end.hash && sorted.last === end.last
    if (!isIts) return null
    const fences = await readFences(file, path, sorted).catch(() => null)
    return fences === null ? null : { path, sorted, segments, fences }
  })
}
