/**
 * The default engine: lowdb, with an adapter of ours. `low.data` holds the commits that are not written yet, `low.read()` is
 * the start, and `low.write()` is the commit: what is unwritten is appended in one go, one sync for the whole group, and
 * only then it resolves. lowdb's own file adapter rewrites the whole file each time and never syncs.
 */
import { join } from 'node:path'
import { Low, type Adapter } from 'lowdb'
import type { Id } from '../../machines/ids.ts'
import type { SpendKey } from '../../machines/vocabulary.ts'
import { invariant, operating, reasonOf, unknownOutcome, type Fault } from '../kernel/fault.ts'
import type { Disk, File, Log, Random } from '../kernel/ports.ts'
import { openArchive, type Segment } from './archive.ts'
import { boot, createSegment, removeOldCheckpoints, type Booted } from './boot.ts'
import { writeCheckpoint, type Mark } from './checkpoint.ts'
import type { Journal, Ledger } from './engine.ts'
import type { Commit, Instance } from '../kernel/entry.ts'
import { LOCK, indexFile, journalFile } from './files.ts'
import { writeHead, type Head } from './head.ts'
import { LINE_MAXIMUM_BYTES, encodeLine, gapAfter } from './line.ts'
import { addMark, emptyMarks, fileIndex, memoryIndex, writeIndex, type Marks } from './segment-index.ts'

export interface LedgerPorts {
  disk: Disk
  /** Where the ledger is or is to be; its own, made when missing. */
  directory: string
  random: Random
  log: Log
  abort(reason: string): void
}

/** Commits that wait for the disk: when this many do, the disk has stopped, and memory must not be filled up. */
const WAITING_MAXIMUM_COMMITS = 200_000
/** A group is appended in pieces of this size, so that no buffer grows with the group. */
const PIECE_BYTES = 4 * 1024 * 1024

/** Everything that a running journal knows. */
interface Store extends LedgerPorts {
  unlock: () => Promise<void>
  head: Head
  file: File
  /** The durable end. */
  mark: Mark
  /** Of the active segment, durable lines only. */
  marks: Marks
  /** The segment that was closed last, until its index is in a file. */
  closing: { first: number; marks: Marks } | null
  replayBytes: number
  /** Of the last commit handed to append. */
  appendedSeq: number
  opened: Booted['opened']
}

/**
 * Opens the ledger, or makes a new one. Rejects with operating `locked` when another process holds it, and with corruptStore,
 * naming file and byte, when what is there cannot be trusted.
 */
export async function openLedger(ports: LedgerPorts): Promise<Ledger> {
  await ports.disk.makeDirectory(ports.directory)
  const unlock = await ports.disk.lock(join(ports.directory, LOCK))
  try {
    const adapter = journalAdapter(ports, unlock)
    const low = new Low<Commit[]>(adapter, [])
    await low.read()
    const store = adapter.store()
    if (store.opened.cut) ports.log('warn', 'cut a torn tail off the journal', { ...store.opened.cut })
    const archive = openArchive(ports.disk, ports.directory, () => segmentsOf(store))
    return { journal: runJournal(store, low), archive, opened: store.opened }
  } catch (error) {
    await unlock()
    throw error
  }
}

function journalAdapter(ports: LedgerPorts, unlock: () => Promise<void>): Adapter<Commit[]> & { store: () => Store } {
  let store: Store | null = null
  const opened = (): Store => {
    if (!store) throw invariant('journal-unread', 'The journal is read before it is written')
    return store
  }
  return {
    store: opened,
    async read() {
      const booted = await boot(ports.disk, ports.directory, ports.random)
      const { head, mark, marks, replayedBytes } = booted
      const file = await openActive(ports, head)
      const ends = { mark, marks, closing: null, replayBytes: replayedBytes, appendedSeq: mark.seq }
      store = { ...ports, unlock, head, file, ...ends, opened: booted.opened }
      return []
    },
    write: waiting => writeGroup(opened(), waiting),
  }
}

const openActive = (ports: LedgerPorts, head: Head): Promise<File> =>
  ports.disk.open(join(ports.directory, journalFile(head.segments.at(-1)!.first)), { create: false })

/** Takes all that waits; nothing counts as durable, for readers either, before the one sync at the end. */
async function writeGroup(store: Store, waiting: Commit[]): Promise<void> {
  const group = waiting.splice(0)
  const written: { commit: Commit; bytes: number; hash: string }[] = []
  let { hash } = store.mark
  let pieces: Buffer[] = []
  let pieceBytes = 0
  const append = async () => {
    const piece = Buffer.concat(pieces)
    pieces = []
    pieceBytes = 0
    await store.file.append(piece)
  }
  for (const commit of group) {
    const line = encodeLine(hash, commit)
    if (line.bytes.length > LINE_MAXIMUM_BYTES)
      throw invariant('commit-too-large', `A commit of ${line.bytes.length} bytes`)
    hash = line.hash
    written.push({ commit, bytes: line.bytes.length, hash })
    pieces.push(line.bytes)
    pieceBytes += line.bytes.length
    if (pieceBytes >= PIECE_BYTES) await append()
  }
  if (pieceBytes > 0) await append()
  await store.file.sync()
  for (const { commit, bytes, hash } of written) {
    addMark(store.marks, commit, bytes, hash)
    store.replayBytes += bytes
    store.mark = { seq: commit.entries.at(-1)!.seq, hash, at: commit.at, heights: commit.heights }
  }
}

function segmentsOf(store: Store): Segment[] {
  const { segments } = store.head
  return segments.map(({ first, previous }, n): Segment => {
    const next = segments[n + 1]
    const path = join(store.directory, journalFile(first))
    const common = { first, previous, path }
    if (!next) return { ...common, last: store.mark.seq, bytes: store.marks.bytes, index: memoryIndex(store.marks) }
    const marks = store.closing?.first === first ? store.closing.marks : null
    const index = marks ? memoryIndex(marks) : fileIndex(store.disk, join(store.directory, indexFile(first)))
    return { ...common, last: next.first - 1, bytes: null, index }
  })
}

function runJournal(store: Store, low: Low<Commit[]>): Journal {
  const turns = takeTurns(store)
  const { inTurn, fail, failure } = turns
  let group: Promise<void> | null = null
  let running: Promise<void> | null = null

  /** Resolves when all that was appended so far is durable. */
  const flush = (): Promise<void> => {
    if (low.data.length === 0) return inTurn(async () => undefined)
    group ??= inTurn(() => {
      group = null
      return low.write()
    })
    return group
  }
  const append = async (commit: Commit): Promise<void> => {
    const ended = failure()
    if (ended) throw ended
    const gap = gapAfter(store.appendedSeq, commit)
    if (gap !== null) throw invariant('sequence-gap', `A commit out of order: ${gap}`)
    if (low.data.length >= WAITING_MAXIMUM_COMMITS) throw fail(new Error(`${WAITING_MAXIMUM_COMMITS} commits wait`))
    store.appendedSeq = commit.entries.at(-1)!.seq
    low.data.push(commit)
    return flush()
  }
  const checkpoint: Journal['checkpoint'] = (live, reservations) =>
    takeCheckpoint(store, { inTurn, flush }, live, reservations).catch((error: unknown) => {
      throw fail(error)
    })
  return {
    append,
    durableSeq: () => store.mark.seq,
    durableHash: () => store.mark.hash,
    bytesSinceCheckpoint: () => store.replayBytes,
    checkpoint: (live, reservations) =>
      (running ??= checkpoint(live, reservations).finally(() => {
        running = null
      })),
    async close() {
      await running?.catch(() => undefined)
      await flush().catch(() => undefined)
      turns.end()
      await store.file.close()
      await store.unlock()
    },
  }
}

/** One job at a time, in order. Whatever fails ends everything: a failed sync is never tried again. */
function takeTurns(store: Store) {
  let failure: Fault | null = null
  let turn: Promise<unknown> = Promise.resolve()
  const fail = (error: unknown): Fault => {
    if (failure) return failure
    failure = unknownOutcome(
      'disk-failed',
      `The ledger in ${store.directory} cannot be written: ${reasonOf(error)}`,
      error,
    )
    store.abort(failure.message)
    return failure
  }
  const inTurn = <T>(job: () => Promise<T>): Promise<T> => {
    const done = turn.then(async () => {
      if (failure) throw failure
      return job().catch((error: unknown) => {
        throw fail(error)
      })
    })
    turn = done.catch(() => undefined)
    return done
  }
  return {
    inTurn,
    fail,
    failure: () => failure,
    end() {
      failure ??= operating('closed', `The ledger in ${store.directory} is closed`)
    },
  }
}

interface Turns {
  inTurn: <T>(job: () => Promise<T>) => Promise<T>
  flush: () => Promise<void>
}

async function takeCheckpoint(
  store: Store,
  { inTurn, flush }: Turns,
  live: () => Iterable<Instance>,
  reservations: () => Iterable<[SpendKey, Id]>,
): Promise<void> {
  const { disk, directory } = store
  const mark = await inTurn(() => roll(store))
  if (mark.seq === (store.head.checkpoint?.seq ?? 0)) return
  if (store.closing) await writeIndex(disk, directory, store.closing.first, store.closing.marks)
  store.closing = null
  const { ledgerId } = store.head
  const walk = { ledgerId, mark, live: live(), reservations: reservations(), seen: () => store.appendedSeq }
  const hash = await writeCheckpoint(disk, directory, walk)
  await flush()
  store.head = { ...store.head, checkpoint: { seq: mark.seq, hash } }
  await writeHead(disk, directory, store.head)
  await removeOldCheckpoints(disk, directory, store.head)
}

/**
 * Closes the active segment, if anything is in it, and opens the next: an empty file with a durable name, then HEAD.json,
 * and only then commits go there. Answers where the closed one ends.
 */
async function roll(store: Store): Promise<Mark> {
  const { disk, directory, mark, marks } = store
  if (marks.seqs.length === 0) return mark
  const first = mark.seq + 1
  const closed = store.head.segments.at(-1)!.first
  await createSegment(disk, directory, first)
  const head: Head = { ...store.head, segments: [...store.head.segments, { first, previous: mark.hash }] }
  await writeHead(disk, directory, head)
  const file = await openActive(store, head)
  await store.file.close()
  Object.assign(store, { head, file, marks: emptyMarks(mark.hash), closing: { first: closed, marks }, replayBytes: 0 })
  return mark
}
