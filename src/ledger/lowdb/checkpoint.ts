/**
 * What would be in memory after the journal up to `seq`, so that a start need not read all of it. Lines of JSON: a header,
 * the live instances, the reservations, and an end with the counts and the SHA-256 of all bytes before it. HEAD.json holds
 * the SHA-256 of the whole file.
 *
 * It is taken while commits go on. An instance that has moved on since `seq` is left out: the journal behind has its
 * whole image. Reservations carry no seq, so the walk may see some of later commits; replaying those commits ends in the
 * same set, and the caller makes them durable before HEAD.json names the checkpoint (`seen`).
 */
import { createHash } from 'node:crypto'
import { dirname, join } from 'node:path'
import type { Id } from '../../../machines/ids.ts'
import type { Json, SpendKey } from '../../../machines/vocabulary.ts'
import { corruptStore } from '../../kernel/fault.ts'
import type { Disk, File } from '../../kernel/ports.ts'
import type { Instance } from '../../kernel/entry.ts'
import { withFile } from '../../file.ts'
import { readLines } from '../../lines.ts'
import { checkpointFile } from './files.ts'

/** The durable end of the journal at which a checkpoint is taken. */
export interface Mark {
  seq: number
  /** Of the journal's last line. */
  hash: string
  at: number
  heights: Record<string, number>
}

/** State as of one mark, in a file of lines. */
export interface Checkpoint extends Mark {
  ledgerId: string
  live: Map<Id, Instance>
  reservations: Map<SpendKey, Id>
  /** The journal must reach at least this far. */
  seen: number
}

/** The last line: without it the file is not whole. */
export interface CheckpointEnd {
  instances: number
  reservations: number
  seen: number
}

/** Between two slices commits get their turn. */
const SLICE_LINES = 256
const SYNC_BYTES = 2 * 1024 * 1024

/** A checkpoint being written. */
export interface Walk {
  ledgerId: string
  mark: Mark
  live: Iterable<Instance>
  reservations: Iterable<[SpendKey, Id]>
  /** The last seq appended so far, asked when the walk is done. */
  seen: () => number
}

/** Answers the SHA-256 of the whole file, which HEAD.json is to hold. Durable when it resolves. */
export async function writeCheckpoint(disk: Disk, directory: string, walk: Walk): Promise<string> {
  const path = join(directory, checkpointFile(walk.mark.seq))
  const file = await disk.open(path, { create: true })
  try {
    await file.truncate(0)
    const end = await writeLines(file, walk)
    await file.sync()
    await disk.syncDirectory(dirname(path))
    return end
  } finally {
    await file.close()
  }
}

async function writeLines(file: File, walk: Walk): Promise<string> {
  const hash = createHash('sha256')
  const counts = { instances: 0, reservations: 0 }
  let unsyncedBytes = 0
  let slice = [JSON.stringify({ checkpoint: { ...walk.mark, ledgerId: walk.ledgerId } })]
  const flush = async () => {
    const bytes = Buffer.from(slice.join('\n') + '\n')
    slice = []
    hash.update(bytes)
    await file.append(bytes)
    unsyncedBytes += bytes.length
    if (unsyncedBytes < SYNC_BYTES) return
    unsyncedBytes = 0
    await file.sync()
  }
  await flush()
  for (const instance of walk.live) {
    if (instance.ended || instance.seq > walk.mark.seq) continue
    counts.instances++
    if (slice.push(JSON.stringify({ instance })) >= SLICE_LINES) await flush()
  }
  for (const reservation of walk.reservations) {
    counts.reservations++
    if (slice.push(JSON.stringify({ reservation })) >= SLICE_LINES) await flush()
  }
  if (slice.length > 0) await flush()
  const end: CheckpointEnd = { ...counts, seen: walk.seen() }
  const last = Buffer.from(JSON.stringify({ end, hash: hash.copy().digest('hex') }) + '\n')
  await file.append(last)
  return hash.update(last).digest('hex')
}

/** Throws corruptStore when anything in it is not as it was written. */
export async function readCheckpoint(
  disk: Disk,
  directory: string,
  named: { seq: number; hash: string },
): Promise<Checkpoint> {
  const path = join(directory, checkpointFile(named.seq))
  if (!(await disk.exists(path))) throw corruptStore(`${path}: byte 0: missing, though HEAD.json names it`)
  const reader = checkpointReader()
  await withFile(disk, path, async file => {
    for await (const lines of readLines(file, 0, await file.size()))
      for (const line of lines) {
        const problem = line.complete ? reader.read(line.bytes) : 'an incomplete line'
        if (problem !== null) throw corruptStore(`${path}: byte ${line.offset}: ${problem}`)
      }
  })
  const read = reader.finish(named.hash)
  if (typeof read === 'string') throw corruptStore(`${path}: byte 0: ${read}`)
  return read
}

interface CheckpointLine {
  checkpoint?: Mark & { ledgerId: string }
  instance?: Instance
  reservation?: [SpendKey, Id]
  end?: CheckpointEnd
  hash?: Json
}

function checkpointReader() {
  const hash = createHash('sha256')
  const live = new Map<Id, Instance>()
  const reservations = new Map<SpendKey, Id>()
  const counts = { instances: 0, reservations: 0 }
  let header: CheckpointLine['checkpoint']
  let end: CheckpointLine | undefined
  const read = (bytes: Buffer): string | null => {
    if (end) return 'a line behind the end'
    const line = parseLine(bytes)
    if (line === null) return 'this is not a line of a checkpoint'
    if (line.end && line.hash !== hash.copy().digest('hex')) return 'the hash does not match: it was changed'
    hash.update(bytes).update('\n')
    if (line.end) end = line
    if (line.checkpoint) header = line.checkpoint
    if (line.instance) {
      counts.instances++
      live.set(line.instance.id, line.instance)
    }
    if (line.reservation) {
      // A key that was released and reserved again during the walk comes twice; the later one holds.
      counts.reservations++
      reservations.set(...line.reservation)
    }
    return null
  }
  const finish = (expected: string): Checkpoint | string => {
    if (!header || !end?.end) return 'the end is missing'
    if (hash.digest('hex') !== expected) return 'the hash does not match what HEAD.json says'
    const { instances, reservations: reserved, seen } = end.end
    if (instances !== counts.instances || reserved !== counts.reservations) return 'the counts do not match'
    return { ...header, live, reservations, seen }
  }
  return { read, finish }
}

function parseLine(bytes: Buffer): CheckpointLine | null {
  try {
    return JSON.parse(bytes.toString('utf8')) as CheckpointLine
  } catch {
    return null
  }
}
