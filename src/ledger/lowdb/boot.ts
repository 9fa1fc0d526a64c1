/**
 * A start: HEAD.json, the checkpoint, the segments behind it. Repairs only what a crash explains (a torn tail, a file that
 * HEAD.json does not know yet, a missing index); refuses everything else, because defaults in place of lost data pay twice.
 */
import { join } from 'node:path'
import { rewriteStart } from '../../file.ts'
import type { Commit } from '../../kernel/entry.ts'
import { boundary, corruptStore } from '../../kernel/fault.ts'
import { upgradeCommit, type Upgrade } from '../../kernel/migration.ts'
import type { Disk } from '../../kernel/ports.ts'
import type { FoundLedger, Opening } from '../engine.ts'
import { firstHash, type ChainedCommit } from '../record.ts'
import { emptyState, replay, type State } from '../state.ts'
import { readCheckpoint, type Checkpoint, type Mark } from './checkpoint.ts'
import { CHECKPOINT, HEAD, JOURNAL, checkpointFile, indexFile, journalFile } from './files.ts'
import { readHead, writeHead, type Head, type HeadSegment } from './head.ts'
import { addEndings, noEndings, type Endings } from './endings.ts'
import { arePositionsOf, writePositions, type Marks } from './positions.ts'
import { readJournal, readSegment, refuseWrongEnd, type SegmentEnd } from './segment.ts'

/** Where a ledger stands. */
export interface LedgerPlace {
  disk: Disk
  /** Where the ledger is or is to be; its own, made when missing. */
  directory: string
}

/** What the engine needs of the outside world. */
export type LowdbPorts = LedgerPlace & Opening['ports']

/** What a start has found on disk. */
export interface Booted {
  head: Head
  /** The end of the journal. */
  mark: Mark
  /** Of the segment that is appended to. */
  marks: Marks
  endings: Endings
  replayedBytes: number
  opened: FoundLedger
  cut: Cut | null
}

/** The torn tail that a crash left and that this start cut off. What stood there was never acknowledged. */
export interface Cut {
  file: string
  offset: number
  bytes: number
}

/** As in `Opening`. */
export interface Booting {
  upgrade: Upgrade
  isIndexed: boolean
  ledgerId: string | null
}

/** Throws corruptStore, naming file and byte, and what `upgrade` throws. What it answers is durable. */
export async function boot(ports: LowdbPorts, booting: Booting): Promise<Booted> {
  const { upgrade, isIndexed, ledgerId } = booting
  const { disk, directory } = ports
  const found = await readHead(disk, directory)
  const head = found === null ? await create(ports, ledgerId) : await goOnUnder(ports, found, ledgerId)
  // A process that was killed may have left HEAD.json renamed but not synced: nothing may build on it before it is.
  await disk.syncDirectory(directory)
  await refuseUnknown(disk, directory, head)
  const checkpoint = head.checkpoint && (await readCheckpoint(disk, directory, head.checkpoint))
  const state = stateAt(checkpoint, upgrade)
  await checkArchived(disk, directory, head)
  const take = (commit: Commit) => replay(state, upgradeCommit(commit, upgrade))
  const { end, endings, replayedBytes } = await replaySegments(ports, head, checkpoint, { take, upgrade, isIndexed })
  if (end.seq < (checkpoint?.seen ?? 0)) {
    const path = join(directory, journalFile(head.segments.at(-1)!.first))
    throw corruptStore(
      `${path}: byte ${end.marks.bytes}: ends at seq ${end.seq}, though the checkpoint has seen ${checkpoint!.seen}`,
    )
  }
  const cut = await settleTail(disk, directory, head, end)
  await removeOldCheckpoints(disk, directory, head)
  const { at, heights } = state
  const mark: Mark = { seq: end.seq, hash: end.marks.hash, at, heights }
  const live = [...state.live.values()].sort((a, b) => a.seq - b.seq)
  const opened = { ledgerId: head.ledgerId, seq: end.seq, at, heights, live, created: found === null }
  return {
    head,
    mark,
    marks: end.marks,
    endings,
    replayedBytes,
    opened: { ...opened, reservations: [...state.reservations] },
    cut,
  }
}

function stateAt(checkpoint: Checkpoint | null, upgrade: Upgrade): State {
  if (checkpoint === null) return emptyState()
  const { live, reservations, at, heights } = checkpoint
  for (const [id, image] of live) {
    const upgraded = upgrade(image)
    if (upgraded !== image) live.set(id, upgraded)
  }
  return { live, reservations, at, heights }
}

/** A ledger that holds nothing may take another id: its first hash follows from it, and nobody has seen any hash of it. */
async function goOnUnder({ disk, directory }: LedgerPlace, head: Head, ledgerId: string | null): Promise<Head> {
  if (ledgerId === null || head.ledgerId === ledgerId) return head
  const commits = readJournal(disk, directory, head.segments)
  const { done } = await commits.next()
  await commits.return(undefined)
  if (done !== true)
    throw boundary('other-ledger', `${directory} holds the ledger ${head.ledgerId}, and cannot become ${ledgerId}`)
  const renamed = firstHead(ledgerId)
  await writeHead(disk, directory, renamed)
  return renamed
}

const firstHead = (ledgerId: string): Head => ({
  format: 1,
  ledgerId,
  checkpoint: null,
  segments: [{ first: 1, previous: firstHash(ledgerId), bytes: null }],
})

/**
 * The first segment, empty, comes before HEAD.json, and nothing is appended before HEAD.json is durable: so a directory
 * without HEAD.json is one in which nothing was ever committed exactly if its journal holds no byte.
 */
async function create({ disk, directory, random }: LowdbPorts, id: string | null): Promise<Head> {
  await refuseOrphans(disk, directory)
  await disk.makeDirectory(join(directory, JOURNAL))
  await disk.makeDirectory(join(directory, CHECKPOINT))
  await createSegment(disk, directory, 1)
  const head = firstHead(id ?? Buffer.from(random.bytes(16)).toString('hex'))
  await writeHead(disk, directory, head)
  return head
}

/** An empty file whose name is durable. */
export async function createSegment(disk: Disk, directory: string, first: number): Promise<void> {
  const file = await disk.open(join(directory, journalFile(first)), { create: true })
  await file.sync()
  await file.close()
  await disk.syncDirectory(join(directory, JOURNAL))
}

/** Throws corruptStore for a directory that holds commits and has lost its HEAD.json. */
export async function refuseOrphans(disk: Disk, directory: string): Promise<void> {
  const orphans = (await disk.list(join(directory, CHECKPOINT))).map(name => join(CHECKPOINT, name))
  for (const name of await disk.list(join(directory, JOURNAL)))
    if ((await disk.size(join(directory, JOURNAL, name))) > 0) orphans.push(join(JOURNAL, name))
  if (orphans.length > 0)
    throw corruptStore(
      `${join(directory, HEAD)}: byte 0: missing, though ${orphans[0]!} is there: restore it, or the whole directory`,
    )
}

/** Files that HEAD.json does not name: an empty segment or an unfinished copy is what a crash leaves; commits are not. */
async function refuseUnknown(disk: Disk, directory: string, head: Head): Promise<void> {
  const segments = new Set(head.segments.map(({ first }) => journalFile(first)))
  for (const name of await disk.list(join(directory, JOURNAL))) {
    const path = join(directory, JOURNAL, name)
    if (name.endsWith('.tmp')) await disk.remove(path)
    if (!name.endsWith('.jsonl') || segments.has(join(JOURNAL, name))) continue
    if ((await disk.size(path)) > 0)
      throw corruptStore(
        `${path}: byte 0: holds commits that HEAD.json does not know: HEAD.json is older than the journal`,
      )
    await disk.remove(path)
  }
}

/** Looked at together: each costs a few calls of the disk, and there may be thousands. */
const SEGMENTS_AT_ONCE = 16

/**
 * Segments that the checkpoint covers are not read, but must be there in full, with a file of positions; whether that is
 * as it should be is seen when it is used.
 */
async function checkArchived(disk: Disk, directory: string, { checkpoint, segments }: Head): Promise<void> {
  const covered = checkpoint?.seq ?? 0
  const names = new Set((await disk.list(join(directory, JOURNAL))).map(name => join(JOURNAL, name)))
  const archived = segments.slice(0, -1).filter(({ first }) => first <= covered)
  for (let n = 0; n < archived.length; n += SEGMENTS_AT_ONCE) {
    const some = archived.slice(n, n + SEGMENTS_AT_ONCE)
    await Promise.all(some.map((segment, m) => checkSegment(disk, directory, names, segment, segments[n + m + 1]!)))
  }
}

async function checkSegment(
  disk: Disk,
  directory: string,
  names: ReadonlySet<string>,
  segment: HeadSegment,
  next: HeadSegment,
): Promise<void> {
  const file = journalFile(segment.first)
  const path = join(directory, file)
  if (!names.has(file)) throw corruptStore(`${path}: byte 0: missing, though HEAD.json names it`)
  if ((await disk.size(path)) === segment.bytes && names.has(indexFile(segment.first))) return
  const end = await readThrough(readSegment(disk, directory, segment, false), () => undefined)
  refuseWrongEnd(directory, segment, end, next)
  await writePositions(disk, directory, { first: segment.first, last: end.seq }, end.marks)
}

async function readThrough(
  reading: ReturnType<typeof readSegment>,
  visit: (commit: ChainedCommit, offset: number) => void,
): Promise<SegmentEnd> {
  for (let offset = 0; ;) {
    const { done, value } = await reading.next()
    if (done === true) return value
    visit(value, offset)
    offset += value.record.length + 1
  }
}

async function replaySegments(
  { disk, directory }: LedgerPlace,
  head: Head,
  checkpoint: Checkpoint | null,
  { take, upgrade, isIndexed }: { take: (commit: Commit) => void; upgrade: Upgrade; isIndexed: boolean },
): Promise<{ end: SegmentEnd; endings: Endings; replayedBytes: number }> {
  const covered = head.checkpoint?.seq ?? 0
  const behind = head.segments.find(({ first }) => first > covered)
  if (behind?.first !== covered + 1 || (checkpoint && checkpoint.hash !== behind.previous))
    throw corruptStore(`${join(directory, HEAD)}: byte 0: no segment follows the checkpoint at seq ${covered}`)
  let replayedBytes = 0
  for (const [n, segment] of head.segments.entries()) {
    if (segment.first <= covered) continue
    const next = head.segments[n + 1]
    const endings = noEndings()
    const end = await readThrough(readSegment(disk, directory, segment, !next), ({ commit, record }, offset) => {
      take(commit)
      if (isIndexed) addEndings(endings, commit, record, offset, upgrade)
    })
    replayedBytes += end.marks.bytes
    if (!next) return { end, endings, replayedBytes }
    refuseWrongEnd(directory, segment, end, next)
    const described = { bytes: end.marks.bytes, hash: end.marks.hash }
    if (!(await arePositionsOf(disk, join(directory, indexFile(segment.first)), described)))
      await writePositions(disk, directory, { first: segment.first, last: end.seq }, end.marks)
  }
  throw corruptStore(`${join(directory, HEAD)}: byte 0: names no segment`)
}

/** Makes the last segment's whole lines durable, whatever failed under the process before, and cuts a torn tail. */
async function settleTail(disk: Disk, directory: string, head: Head, end: SegmentEnd): Promise<Cut | null> {
  const path = join(directory, journalFile(head.segments.at(-1)!.first))
  const { bytes } = end.marks
  if (bytes + end.tornBytes > 0) await rewriteStart(disk, path, bytes)
  return end.tornBytes > 0 ? { file: path, offset: bytes, bytes: end.tornBytes } : null
}

/** Those that HEAD.json has left behind, or that were never finished. */
export async function removeOldCheckpoints(disk: Disk, directory: string, head: Head): Promise<void> {
  const current = head.checkpoint && checkpointFile(head.checkpoint.seq)
  for (const name of await disk.list(join(directory, CHECKPOINT)))
    if (join(CHECKPOINT, name) !== current) await disk.remove(join(directory, CHECKPOINT, name))
}
