/**
 * A file of records of one width, sorted by their first bytes, written once and never changed: what the indexes of the
 * journal are kept in. It is read a block at a time, and each block is checked when it is read, so that a start need not
 * read it. Numbers in the header are big-endian doubles, exact to 2^53.
 *
 *     header    magic (8 bytes), record's width (8), its key's (8), records (8), first seq (8), last seq (8), bytes of the
 *               segment (8), hash of the last line (32), what it was made by (16), CRC-32 of all that (4)
 *     blocks    256 records each, the last one fewer, and their CRC-32 (4)
 *     fences    the key of each block's first record, and their CRC-32 (4)
 */
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { replaceFile } from '../../file.ts'
import { firstThat } from '../../kernel/bisect.ts'
import type { Disk, File } from '../../kernel/ports.ts'
import { asBuffer } from '../../lines.ts'

const MAGIC = 'LKSORT01'
const HASH_AT = 56
const MAKER_AT = 88
const MAKER_BYTES = 16
const HEADER_BYTES = MAKER_AT + MAKER_BYTES
const CRC_BYTES = 4
/** Read and checked together. */
export const BLOCK_RECORDS = 256
/** A large file is synced on the way, so that no commit waits for all of it. */
const SYNC_BYTES = 2 * 1024 * 1024

/** What a file holds, and of which part of the journal. */
export interface Sorted {
  width: number
  /** So many of a record's first bytes are what it is sorted by. */
  key: number
  count: number
  /** Seqs of the entries that it covers. */
  first: number
  last: number
  /** Of the segment, where it covers one; else 0. */
  bytes: number
  /** Of the last line that it covers. */
  hash: string
  /** A file that was made by other rules says so by another word: at most 32 hex characters. */
  maker: string
}

/** Thrown where a file is not as it was written: it is made again from the journal. */
export class Damaged extends Error {
  readonly path: string
  constructor(path: string) {
    super(`${path} is damaged`)
    this.path = path
  }
}

/** A short word for the rules that a file was made by. */
export const makerOf = (rules: string): string =>
  createHash('sha256')
    .update(rules)
    .digest('hex')
    .slice(0, 2 * MAKER_BYTES)

const blocksOf = ({ count }: Sorted): number => Math.ceil(count / BLOCK_RECORDS)
const blockBytes = ({ width }: Sorted): number => BLOCK_RECORDS * width + CRC_BYTES
const blockAt = (sorted: Sorted, n: number): number => HEADER_BYTES + CRC_BYTES + n * blockBytes(sorted)
const fencesAt = (sorted: Sorted): number =>
  HEADER_BYTES + CRC_BYTES + sorted.count * sorted.width + blocksOf(sorted) * CRC_BYTES
const bytesOf = (sorted: Sorted): number => fencesAt(sorted) + blocksOf(sorted) * sorted.key + CRC_BYTES

function withCrc(bytes: Buffer): Buffer {
  const crc = Buffer.alloc(CRC_BYTES)
  crc.writeUInt32BE(crc32(bytes))
  return Buffer.concat([bytes, crc])
}

function headerOf({ width, key, count, first, last, bytes, hash, maker }: Sorted): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  header.write(MAGIC, 'latin1')
  for (const [n, number] of [width, key, count, first, last, bytes].entries()) header.writeDoubleBE(number, 8 + 8 * n)
  header.write(hash, HASH_AT, 'hex')
  header.write(maker, MAKER_AT, 'hex')
  return withCrc(header)
}

/** `pieces`: all records in order, any number of them at a time. Durable, under its name, when it resolves. */
export async function writeSorted(
  disk: Disk,
  path: string,
  sorted: Sorted,
  pieces: AsyncIterable<Buffer> | Iterable<Buffer>,
): Promise<void> {
  const full = BLOCK_RECORDS * sorted.width
  await replaceFile(disk, path, async file => {
    const fences: Buffer[] = []
    let unsyncedBytes = 0
    let rest = Buffer.alloc(0)
    const write = async (records: Buffer) => {
      const out: Buffer[] = []
      for (let at = 0; at < records.length; at += full) {
        fences.push(Buffer.from(records.subarray(at, at + sorted.key)))
        out.push(withCrc(records.subarray(at, at + full)))
      }
      const bytes = Buffer.concat(out)
      if (bytes.length > 0) await file.append(bytes)
      unsyncedBytes += bytes.length
      if (unsyncedBytes < SYNC_BYTES) return
      unsyncedBytes = 0
      await file.sync()
    }
    await file.append(headerOf(sorted))
    for await (const piece of pieces) {
      const all = rest.length === 0 ? piece : Buffer.concat([rest, piece])
      const whole = all.length - (all.length % full)
      await write(all.subarray(0, whole))
      rest = Buffer.from(all.subarray(whole))
    }
    await write(rest)
    await file.append(withCrc(Buffer.concat(fences)))
  })
}

/** Null for a file that cannot be one, or that is not as long as it says. Its blocks are not looked at. */
export async function readHeader(file: File): Promise<Sorted | null> {
  const header = asBuffer(await file.read(0, HEADER_BYTES + CRC_BYTES))
  if (header.length < HEADER_BYTES + CRC_BYTES || header.toString('latin1', 0, 8) !== MAGIC) return null
  if (crc32(header.subarray(0, HEADER_BYTES)) !== header.readUInt32BE(HEADER_BYTES)) return null
  const number = (n: number): number => header.readDoubleBE(8 + 8 * n)
  const sorted: Sorted = {
    ...{ width: number(0), key: number(1), count: number(2), first: number(3), last: number(4), bytes: number(5) },
    hash: header.toString('hex', HASH_AT, MAKER_AT),
    maker: header.toString('hex', MAKER_AT, HEADER_BYTES),
  }
  return (await file.size()) === bytesOf(sorted) ? sorted : null
}

async function readChecked(file: File, path: string, offset: number, length: number): Promise<Buffer> {
  const bytes = asBuffer(await file.read(offset, length + CRC_BYTES))
  const isWhole = bytes.length === length + CRC_BYTES
  if (!isWhole || crc32(bytes.subarray(0, length)) !== bytes.readUInt32BE(length)) throw new Damaged(path)
  return bytes.subarray(0, length)
}

/** Keys of the blocks' first records, one after the other. Throws Damaged. */
export const readFences = (file: File, path: string, sorted: Sorted): Promise<Buffer> =>
  readChecked(file, path, fencesAt(sorted), blocksOf(sorted) * sorted.key)

/** The records of one block. Throws Damaged. */
export function readBlock(file: File, path: string, sorted: Sorted, n: number): Promise<Buffer> {
  const records = Math.min(BLOCK_RECORDS, sorted.count - n * BLOCK_RECORDS)
  return readChecked(file, path, blockAt(sorted, n), records * sorted.width)
}

/** The block in which the first record with a key of at least `target` stands, or the one before it. */
export function firstBlock(fences: Buffer, key: number, target: Buffer): number {
  const isReached = (n: number): boolean => fences.compare(target, 0, key, n * key, n * key + key) >= 0
  return Math.max(0, firstThat(fences.length / key, isReached) - 1)
}

/** Whether all of it is as it was written; reads all of it. */
export async function isSound(file: File, path: string): Promise<boolean> {
  const sorted = await readHeader(file)
  if (sorted === null) return false
  try {
    for (let n = 0; n < blocksOf(sorted); n++) await readBlock(file, path, sorted, n)
    await readFences(file, path, sorted)
    return true
  } catch (error) {
    if (error instanceof Damaged) return false
    throw error
  }
}
