/**
 * The journal behind lowdb, with an adapter of ours. `low.data` holds the commits that are not written yet, `low.read()` is
 * the start, and `low.write()` is the commit: what is unwritten is appended in one go, one sync for the whole group, and
 * only then it resolves. lowdb's own file adapter rewrites the whole file each time and never syncs.
 */
import { join } from 'node:path'
import { Low, type Adapter } from 'lowdb'
import type { Commit } from '../../kernel/entry.ts'
import { invariant, operating, reasonOf, unknownOutcome, type Fault } from '../../kernel/fault.ts'
import type { File } from '../../kernel/ports.ts'
import { LINE_MAXIMUM_BYTES } from '../../lines.ts'
import type { Journal, Opening } from '../engine.ts'
import { encodeRecord, gapAfter, lastSeqOf } from '../record.ts'
import type { Segment } from './archive.ts'
import { boot, createSegment, removeOldCheckpoints, type Booted, type LowdbPorts } from './boot.ts'
import { writeCheckpoint, type Mark } from './checkpoint.ts'
import { indexFile, journalFile } from './files.ts'
import { writeHead, type Head } from './head.ts'
import { addMark, emptyMarks, fileIndex, memoryIndex, writeIndex, type Marks } from './segment-index.ts'

/** Commits that wait for the disk: when this many do, the disk has stopped, and memory must not be filled up. */
const WAITING_MAXIMUM_COMMITS = 200_000
/** A group is appended in pieces of this size, so that no buffer grows with the group. */
const PIECE_BYTES = 4 * 1024 * 1024
/** What the next start may have to replay: when this much stands behind the last checkpoint, another one is taken. */
const CHECKPOINT_BYTES = 64 * 1024 * 1024
const NEWLINE = Buffer.from('\n')

/** Everything that a running journal knows. */
interface Store extends LowdbPorts, Pick<Booted, 'opened' | 'cut'> {
  memory: Opening['memory']
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
}

/** With the lowdb store that holds its end, and a checkpoint for who does not want to wait for the next one. */
export interface LowdbJournal extends Journal {
  store: Store
  checkpoint(): Promise<void>
}

/** Starts from what the directory holds; `unlock` is called when the journal is closed. Throws as `boot` does. */
export async function openJournal(
  ports: LowdbPorts,
  opening: Opening,
  unlock: () => Promise<void>,
): Promise<LowdbJournal> {
  const adapter = journalAdapter(ports, opening, unlock)
  const low = new Low<Commit[]>(adapter, [])
  await low.read()
  return runJournal(adapter.store(), low)
}

function journalAdapter(
  ports: LowdbPorts,
  { upgrade, memory, ledgerId }: Opening,
  unlock: () => Promise<void>,
): Adapter<Commit[]> & { store: () => Store } {
  let store: Store | null = null
  const opened = (): Store => {
    if (!store) throw invariant('journal-unread', 'The journal is read before it is written')
    return store
  }
  return {
    store: opened,
    async read() {
      const { replayedBytes, ...booted } = await boot(ports, upgrade, ledgerId ?? null)
      const file = await openActive(ports, booted.head)
      const ends = { closing: null, replayBytes: replayedBytes, appendedSeq: booted.mark.seq }
      store = { ...ports, memory, unlock, file, ...booted, ...ends }
      return []
    },
    write: waiting => writeGroup(opened(), waiting),
  }
}

const openActive = (ports: LowdbPorts, head: Head): Promise<File> =>
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
    const encoded = encodeRecord(hash, commit)
    const bytes = encoded.record.length + NEWLINE.length
    if (bytes > LINE_MAXIMUM_BYTES) throw invariant('commit-too-large', `A commit of ${bytes} bytes`)
    hash = encoded.hash
    written.push({ commit, bytes, hash })
    pieces.push(encoded.record, NEWLINE)
    pieceBytes += bytes
    if (pieceBytes >= PIECE_BYTES) await append()
  }
  if (pieceBytes > 0) await append()
  await store.file.sync()
  for (const { commit, bytes, hash } of written) {
    addMark(store.marks, commit, bytes, hash)
    store.replayBytes += bytes
    store.mark = { seq: lastSeqOf(commit), hash, at: commit.at, heights: commit.heights }
  }
}

/** The journal as the archive may read it now. */
export function segmentsOf(store: Store): Segment[] {
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

function runJournal(store: Store, low: Low<Commit[]>): LowdbJournal {
  const turns = takeTurns(store)
  const { inTurn, fail, failure } = turns
  let group: Promise<void> | null = null
  let running: Promise<void> | null = null
  let isClosing = false

  /** A second call while one runs answers the first one's promise. */
  const checkpoint = (): Promise<void> =>
    (running ??= takeCheckpoint(store, { inTurn, flush })
      .catch((error: unknown) => {
        throw fail(error)
      })
      .finally(() => {
        running = null
      }))
  const checkpointIfLong = (): void => {
    if (store.replayBytes < CHECKPOINT_BYTES || isClosing || running) return
    checkpoint().catch((error: unknown) => store.log('error', 'checkpoint failed', { reason: reasonOf(error) }))
  }
  /** Resolves when all that was appended so far is durable. */
  const flush = (): Promise<void> => {
    if (low.data.length === 0) return inTurn(async () => undefined)
    group ??= inTurn(async () => {
      group = null
      await low.write()
      checkpointIfLong()
    })
    return group
  }
  const append = async (commit: Commit): Promise<void> => {
    const ended = failure()
    if (ended) throw ended
    const gap = gapAfter(store.appendedSeq, commit)
    if (gap !== null) throw invariant('sequence-gap', `A commit out of order: ${gap}`)
    if (low.data.length >= WAITING_MAXIMUM_COMMITS) throw fail(new Error(`${WAITING_MAXIMUM_COMMITS} commits wait`))
    store.appendedSeq = lastSeqOf(commit)
    low.data.push(commit)
    return flush()
  }
  return {
    store,
    append,
    position: () => ({ sequence: store.mark.seq, hash: store.mark.hash }),
    checkpoint,
    async close() {
      isClosing = true
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

/** Commits go on meanwhile; the memory is walked in slices between them. */
async function takeCheckpoint(store: Store, { inTurn, flush }: Turns): Promise<void> {
  const { disk, directory, memory } = store
  const mark = await inTurn(() => roll(store))
  if (mark.seq === (store.head.checkpoint?.seq ?? 0)) return
  if (store.closing) await writeIndex(disk, directory, store.closing.first, store.closing.marks)
  store.closing = null
  const { ledgerId } = store.head
  const walk = {
    ledgerId,
    mark,
    live: memory.live(),
    reservations: memory.reservations(),
    seen: () => store.appendedSeq,
  }
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
