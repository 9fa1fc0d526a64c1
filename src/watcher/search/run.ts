/**
 * A sorted file of index entries. It is written once and never changed; the first entry of each block is kept in memory, so
 * that finding the entries that begin with a text reads one block, or a few that follow each other.
 */
import { firstThat } from '../../kernel/bisect.ts'
import type { Disk, File } from '../../kernel/ports.ts'
import { ENTRY_BYTES, SAME_BYTES, type IndexEntry } from './terms.ts'

const BLOCK_ENTRIES = 128
const BLOCK_BYTES = BLOCK_ENTRIES * ENTRY_BYTES
/** Written and merged in pieces of so many blocks, between which other work has its turn. */
const PIECE_BLOCKS = 16
/** Of the trailer: how many entries there are. */
const COUNT_BYTES = 6

export interface SearchRun {
  name: string
  count: number
  /** The first entry of each block. */
  fences: readonly IndexEntry[]
  file: File
}

const split = (bytes: Uint8Array): IndexEntry[] => {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  return Array.from({ length: Math.floor(text.length / ENTRY_BYTES) }, (_, n) =>
    text.slice(n * ENTRY_BYTES, (n + 1) * ENTRY_BYTES),
  )
}

/** A slice of a long text keeps the whole text alive; a copy does not. */
const copied = (entry: IndexEntry): IndexEntry => Buffer.from(entry, 'latin1').toString('latin1')

const joined = (entries: readonly IndexEntry[]): Buffer => Buffer.from(entries.join(''), 'latin1')

/** Sorted entries, without repetitions, in pieces. Durable when it resolves; a file that is left unfinished is named nowhere. */
export async function writeSearchRun(
  disk: Disk,
  path: string,
  name: string,
  pieces: AsyncIterable<IndexEntry[]>,
): Promise<SearchRun> {
  const file = await disk.open(path, { create: true })
  await file.truncate(0)
  const fences: IndexEntry[] = []
  let count = 0
  let rest: IndexEntry[] = []
  const write = async (entries: IndexEntry[]) => {
    for (let n = 0; n < entries.length; n += BLOCK_ENTRIES) fences.push(copied(entries[n]!))
    count += entries.length
    if (entries.length > 0) await file.append(joined(entries))
  }
  for await (const piece of pieces) {
    const all = rest.concat(piece)
    const whole = all.length - (all.length % BLOCK_ENTRIES)
    await write(all.slice(0, whole))
    rest = all.slice(whole)
  }
  await write(rest)
  const trailer = Buffer.alloc(COUNT_BYTES)
  trailer.writeUIntBE(count, 0, COUNT_BYTES)
  await file.append(Buffer.concat([joined(fences), trailer]))
  await file.sync()
  return { name, count, fences, file }
}

/** Null for a file that is not whole. */
export async function openRun(disk: Disk, path: string, name: string): Promise<SearchRun | null> {
  if (!(await disk.exists(path))) return null
  const file = await disk.open(path, { create: false })
  const size = await file.size()
  const count =
    size < COUNT_BYTES ? 0 : Buffer.from(await file.read(size - COUNT_BYTES, COUNT_BYTES)).readUIntBE(0, COUNT_BYTES)
  const blocks = Math.ceil(count / BLOCK_ENTRIES)
  const isWhole = size === (count + blocks) * ENTRY_BYTES + COUNT_BYTES
  if (isWhole) return { name, count, fences: split(await file.read(count * ENTRY_BYTES, blocks * ENTRY_BYTES)), file }
  await file.close()
  return null
}

async function readBlocks({ file, count }: SearchRun, first: number, blocks: number): Promise<IndexEntry[]> {
  const start = first * BLOCK_BYTES
  return split(await file.read(start, Math.min(blocks * BLOCK_BYTES, count * ENTRY_BYTES - start)))
}

/** At most `limit` of the entries that begin with `start`, in order. */
export async function entriesFrom(run: SearchRun, start: string, limit: number): Promise<IndexEntry[]> {
  const found: IndexEntry[] = []
  const first = firstThat(run.fences.length, n => run.fences[n]! >= start) - 1
  for (let block = Math.max(0, first); block < run.fences.length; block++) {
    const entries = await readBlocks(run, block, 1)
    for (const entry of entries) {
      if (entry < start) continue
      if (!entry.startsWith(start) || found.length === limit) return found
      found.push(entry)
    }
  }
  return found
}

async function* entriesOf(run: SearchRun): AsyncGenerator<IndexEntry[]> {
  for (let block = 0; block < run.fences.length; block += PIECE_BLOCKS) yield readBlocks(run, block, PIECE_BLOCKS)
}

interface Head {
  pieces: AsyncGenerator<IndexEntry[]>
  entries: IndexEntry[]
  at: number
}

async function refill(head: Head): Promise<boolean> {
  while (head.at >= head.entries.length) {
    const next = await head.pieces.next()
    if (next.done === true) return false
    Object.assign(head, { entries: next.value, at: 0 })
  }
  return true
}

/** Every entry of the runs in order; of those that say the same, the one with the latest line, which sorts last. */
export async function* merged(runs: readonly SearchRun[]): AsyncGenerator<IndexEntry[]> {
  let heads: Head[] = runs.map(run => ({ pieces: entriesOf(run), entries: [], at: 0 }))
  let last: IndexEntry | null = null
  let piece: IndexEntry[] = []
  for (;;) {
    const filled = await Promise.all(heads.map(async head => ((await refill(head)) ? head : null)))
    heads = filled.filter(head => head !== null)
    if (heads.length === 0) break
    // Until the first of them has to be read on, everything is at hand.
    while (heads.every(({ at, entries }) => at < entries.length)) {
      const least = heads.reduce((a, b) => (b.entries[b.at]! < a.entries[a.at]! ? b : a))
      const entry = least.entries[least.at++]!
      if (last !== null && !isSame(last, entry)) piece.push(last)
      last = entry
    }
    if (piece.length > 0) yield piece
    piece = []
  }
  if (last !== null) yield [last]
}

export const isSame = (a: IndexEntry, b: IndexEntry): boolean => a.slice(0, SAME_BYTES) === b.slice(0, SAME_BYTES)
