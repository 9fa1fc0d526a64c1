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
import { boot, createSegment, removeOldCheckpoints, type Booted, type LowdbPorts, type LedgerPlace } from './boot.ts'
import { writeCheckpoint, type Mark } from './checkpoint.ts'
import { addEndings, noEndings, type Endings } from './endings.ts'
import { fileCache, type FileCache } from './file-cache.ts'
import { HEAD, LOCK, indexFile, journalFile } from './files.ts'
import { readHead, writeHead, type Head } from './head.ts'
import { openIndexes, type Indexes } from './indexes.ts'
import { addMark, emptyMarks, locateInFile, locateInMemory, writePositions, type Marks } from './positions.ts'
import { runMaker, type ClosedSegment } from './runs.ts'

/** Commits that wait for the disk: when this many do, the disk has stopped, and memory must not be filled up. */
const WAITING_MAXIMUM_COMMITS = 200_000
/** A group is appended in pieces of this size, so that no buffer grows with the group. */
const PIECE_BYTES = 4 * 1024 * 1024
/** What the next start may have to replay: when this much stands behind the last checkpoint, another one is taken. */
const CHECKPOINT_BYTES = 64 * 1024 * 1024
const NEWLINE = Buffer.from('\n')

/** Everything that a running journal knows. */
export interface RunningJournal
  extends LowdbPorts, Pick<Booted, 'opened' | 'cut'>, Pick<Opening, 'memory' | 'upgrade'> {
  isIndexed: boolean
  unlock: () => Promise<void>
  head: Head
  file: File
  /** The durable end. */
  mark: Mark
  /** Of the active segment, durable lines only. */
  marks: Marks
  endings: Endings
  /** The segment that was closed last, until its indexes are in files. */
  closing: { first: number; marks: Marks; endings: Endings } | null
  /** Files that are read. */
  files: FileCache
  indexes: Indexes
  /** What stood there when it was last known to be ours. */
  place: PlaceIdentity
  /** Of closed segments, as long as `head` and `closing` are the same. */
  closed: { of: Head; closing: RunningJournal['closing']; segments: Segment[] } | null
  replayBytes: number
  /** Of the last commit handed to append. */
  appendedSeq: number
}

/** With the lowdb store that holds its end, and a checkpoint for who does not want to wait for the next one. */
export interface LowdbJournal extends Journal {
  store: RunningJournal
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
  { upgrade, versions, memory, ledgerId, isIndexed = true }: Opening,
  unlock: () => Promise<void>,
): Adapter<Commit[]> & { store: () => RunningJournal } {
  let store: RunningJournal | null = null
  const opened = (): RunningJournal => {
    if (!store) throw invariant('journal-unread', 'The journal is read before it is written')
    return store
  }
  return {
    store: opened,
    async read() {
      const { replayedBytes, ...booted } = await boot(ports, { upgrade, isIndexed, ledgerId: ledgerId ?? null })
      const files = fileCache(ports.disk)
      const indexPlace = { ...ports, files, maker: runMaker(versions), upgrade, isIndexed }
      const indexes = await openIndexes(indexPlace, () => closedSegments(store?.head ?? booted.head))
      const file = await openActive(ports, booted.head)
      const place = await identityOfPlace(ports)
      const ends = { place, closing: null, closed: null, replayBytes: replayedBytes, appendedSeq: booted.mark.seq }
      store = { ...ports, memory, upgrade, isIndexed, unlock, file, files, indexes, ...booted, ...ends }
      return []
    },
    write: waiting => writeGroup(opened(), waiting),
  }
}

interface PlaceIdentity {
  directory: string | null
  lock: string | null
  head: string | null
}

const identityOfPlace = async ({ disk, directory }: LedgerPlace): Promise<PlaceIdentity> => ({
  directory: await disk.identity(directory),
  lock: await disk.identity(join(directory, LOCK)),
  head: await disk.identity(join(directory, HEAD)),
})

/** HEAD.json is replaced by our own checkpoints: another file there is read before anything is thought of it. */
async function checkPlace(store: RunningJournal): Promise<string | null> {
  const { disk, directory, place, head } = store
  const now = await identityOfPlace(store)
  if (now.directory !== place.directory || now.lock !== place.lock)
    return `${directory} is not the directory any more that this process has opened`
  if (now.head === place.head) return null
  const found = await readHead(disk, directory)
  if (found === null) return `${join(directory, HEAD)} is gone`
  if (found.ledgerId !== head.ledgerId)
    return `${directory} holds the ledger ${found.ledgerId} now, and this process has opened ${head.ledgerId}`
  place.head = now.head
  return null
}

const openActive = (ports: LowdbPorts, head: Head): Promise<File> =>
  ports.disk.open(join(ports.directory, journalFile(head.segments.at(-1)!.first)), { create: false, append: true })

/** Takes all that waits; nothing counts as durable, for readers either, before the one sync at the end. */
async function writeGroup(store: RunningJournal, waiting: Commit[]): Promise<void> {
  const group = waiting.splice(0)
  const written: { commit: Commit; record: Buffer; hash: string }[] = []
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
    written.push({ commit, record: encoded.record, hash })
    pieces.push(encoded.record, NEWLINE)
    pieceBytes += bytes
    if (pieceBytes >= PIECE_BYTES) await append()
  }
  if (pieceBytes > 0) await append()
  await store.file.sync()
  for (const { commit, record, hash } of written) {
    const bytes = record.length + NEWLINE.length
    if (store.isIndexed) addEndings(store.endings, commit, record, store.marks.bytes, store.upgrade)
    addMark(store.marks, commit, bytes, hash)
    store.replayBytes += bytes
    store.mark = { seq: lastSeqOf(commit), hash, at: commit.at, heights: commit.heights }
  }
}

/** Every segment but the one that is appended to. */
const closedSegments = ({ segments }: Head): ClosedSegment[] =>
  segments.slice(0, -1).map(({ first, previous }, n) => {
    const next = segments[n + 1]!
    return { first, last: next.first - 1, previous, hash: next.previous }
  })

function closedOf(store: RunningJournal): Segment[] {
  const { head, closing, directory, files } = store
  if (store.closed?.of === head && store.closed.closing === closing) return store.closed.segments
  const segments = closedSegments(head).map(({ first, last, previous, hash }, n): Segment => {
    const marks = closing?.first === first ? closing.marks : null
    const described = { bytes: head.segments[n]!.bytes!, hash }
    const locate = marks ? locateInMemory(marks) : locateInFile(files, join(directory, indexFile(first)), described)
    return { first, last, previous, path: join(directory, journalFile(first)), bytes: null, locate }
  })
  store.closed = { of: head, closing, segments }
  return segments
}

/** The journal as the archive may read it now: the closed segments, and the one that is appended to. */
export function segmentsOf(store: RunningJournal): { closed: readonly Segment[]; active: Segment } {
  const { head, mark, marks, directory } = store
  const { first, previous } = head.segments.at(-1)!
  const path = join(directory, journalFile(first))
  const active = { first, previous, path, last: mark.seq, bytes: marks.bytes, locate: locateInMemory(marks) }
  return { closed: closedOf(store), active }
}

function runJournal(store: RunningJournal, low: Low<Commit[]>): LowdbJournal {
  const turns = takeTurns(store)
  const { inTurn, fail, failure } = turns
  let group: Promise<void> | null = null
  let running: Promise<void> | null = null
  let isClosing = false

  /** A second call while one runs answers the first one's promise. */
  const checkpoint = (): Promise<void> =>
    (running ??= takeCheckpoint(store, { inTurn, flush })
      .then(() => store.indexes.tidy())
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
    check: () => checkPlace(store),
    position: () => ({ sequence: store.mark.seq, hash: store.mark.hash }),
    checkpoint,
    async close() {
      isClosing = true
      store.indexes.stop()
      await running?.catch(() => undefined)
      await flush().catch(() => undefined)
      turns.end()
      await store.file.close()
      await store.files.close()
      await store.unlock()
    },
  }
}

/** One job at a time, in order. Whatever fails ends everything: a failed sync is never tried again. */
function takeTurns(store: RunningJournal) {
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
async function takeCheckpoint(store: RunningJournal, { inTurn, flush }: Turns): Promise<void> {
  const { disk, directory, memory } = store
  const mark = await inTurn(() => roll(store))
  if (mark.seq === (store.head.checkpoint?.seq ?? 0)) return
  await indexClosing(store)
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

/** From here on the indexes of the segment that was closed are in files. */
async function indexClosing(store: RunningJournal): Promise<void> {
  const { disk, directory, closing, head, indexes } = store
  if (closing === null) return
  const segment = closedSegments(head).find(({ first }) => first === closing.first)!
  await writePositions(disk, directory, segment, closing.marks)
  await indexes.add(segment, closing.endings)
  store.closing = null
}

/**
 * Closes the active segment, if anything is in it, and opens the next: an empty file with a durable name, then HEAD.json,
 * and only then commits go there. Answers where the closed one ends.
 */
async function roll(store: RunningJournal): Promise<Mark> {
  const { disk, directory, mark, marks, endings } = store
  if (marks.seqs.length === 0) return mark
  const first = mark.seq + 1
  const closed = store.head.segments.at(-1)!.first
  await createSegment(disk, directory, first)
  const before = store.head.segments.map((segment, n, all) =>
    n === all.length - 1 ? { ...segment, bytes: marks.bytes } : segment,
  )
  const head: Head = { ...store.head, segments: [...before, { first, previous: mark.hash, bytes: null }] }
  await writeHead(disk, directory, head)
  const file = await openActive(store, head)
  await store.file.close()
  const closing = { first: closed, marks, endings }
  Object.assign(store, { head, file, marks: emptyMarks(mark.hash), endings: noEndings(), closing, replayBytes: 0 })
  return mark
}
