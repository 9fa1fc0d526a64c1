/**
 * What has left memory, read from the journal's segments through their indexes. An entry or a line is checked against what
 * its index, or its chain, says of it, and every image brought up to its machine's present version before anything is asked of it.
 */
import type { Id, Kind } from '../../../machines/ids.ts'
import { firstThat } from '../../kernel/bisect.ts'
import type { Commit, Found, Instance, InstanceOf, Recorded } from '../../kernel/entry.ts'
import { corruptStore, invariant } from '../../kernel/fault.ts'
import { upgradeCommit, type Upgrade } from '../../kernel/migration.ts'
import type { Disk, File } from '../../kernel/ports.ts'
import { asBuffer, readLines } from '../../lines.ts'
import { READ_MAXIMUM, READ_MAXIMUM_BYTES, type Archive, type Query } from '../engine.ts'
import { BODY_AT, checkRecord, claimedHash, commitOf, type ChainedCommit } from '../record.ts'
import {
  idTerm,
  isAskedFor,
  queryTerm,
  readPointed,
  returnedTerm,
  type Endings,
  type Pointer,
  type Term,
} from './endings.ts'
import type { FileCache } from './file-cache.ts'
import type { Locate } from './positions.ts'
import { pointersIn, type Run } from './runs.ts'
import { Damaged } from './sorted.ts'

/** A segment as of one moment. */
export interface Segment {
  path: string
  first: number
  last: number
  /** The hash of the last line before it. */
  previous: string
  /** How far it may be read: the durable bytes of the active one; null for a closed one. */
  bytes: number | null
  locate: Locate
}

/** What an archive reads from. `segments`: oldest first, as they stand when asked. */
export interface Archived {
  disk: Disk
  directory: string
  files: FileCache
  segments: () => { closed: readonly Segment[]; active: Segment }
  /** Of closed segments whose endings are in files; another array when they have changed. */
  runs: () => readonly Run[]
  /** Of the segments behind them. */
  inMemory: () => readonly Endings[]
  isIndexed: boolean
  /** Makes a damaged index again. */
  mend: (path: string) => Promise<void>
  upgrade: Upgrade
  /** What is known of a run: read once, since a person lets things come back, now and then. */
  returns: WeakMap<Run, Returns>
}

/** When something that had ended came back to life last. */
type Returns = ReadonlyMap<Id, number>

/** How often an index is made again for one answer; more often than that the disk cannot be read. */
const MEND_MAXIMUM = 3
/** Entries that stand so near to each other are read in one go, and at most so much at a time. */
const NEAR_BYTES = 4 * 1024
const TOGETHER_BYTES = 1024 * 1024

/** Reads files only, through their indexes: it holds no instance. */
export function openArchive(place: Omit<Archived, 'returns'>): Archive {
  const archived: Archived = { ...place, returns: new WeakMap() }
  const entryOf = (seq: number): Promise<Recorded | null> => readEntry(archived, seq)
  /** An answer without an index would say that there is nothing. */
  const indexed = <T>(ask: (archived: Archived) => Promise<T>): Promise<T> => {
    if (!archived.isIndexed)
      throw invariant('not-indexed', `${archived.directory} is no ledger that is looked up by id`)
    return answered(archived, () => ask(archived))
  }
  return {
    read: async <I extends Id>(id: I) => (await indexed(each => readEnded(each, id))) as Found<I> | null,
    list: async <K extends Kind>(query: Query<K>) => (await indexed(each => listEnded(each, query))) as InstanceOf<K>[],
    entries: (after, limit) => answered(archived, () => readEntries(archived, after, bounded(limit))),
    history: (seq, limit) => answered(archived, () => readHistory(archived.directory, entryOf, seq, bounded(limit))),
    commits: (from = 1) => commitsFrom(archived, from),
  }
}

const bounded = (limit: number): number => Math.max(0, Math.min(limit, READ_MAXIMUM))

/** Asks again where an index was damaged, once it is made again, and where runs have become one while they were read. */
async function answered<T>(archived: Archived, ask: () => Promise<T>): Promise<T> {
  for (let mended = 0; ;) {
    const runs = archived.runs()
    try {
      return await ask()
    } catch (error) {
      const isReplaced = archived.runs() !== runs
      if (!isReplaced && !(error instanceof Damaged)) throw error
      if (!isReplaced && error instanceof Damaged) {
        if (mended++ >= MEND_MAXIMUM) throw corruptStore(`${error.path}: byte 0: damaged, again and again`)
        await archived.mend(error.path)
      }
    }
  }
}

const recorded = ({ at, heights }: Commit, entry: Commit['entries'][number]): Recorded => ({ at, heights, entry })

async function readEntries(archived: Archived, after: number, wanted: number): Promise<Recorded[]> {
  const found: Recorded[] = []
  if (wanted === 0) return found
  let bytes = 0
  for await (const { commit, record } of commitsFrom(archived, after + 1)) {
    for (const entry of commit.entries) {
      if (entry.seq <= after) continue
      found.push(recorded(commit, entry))
      bytes += record.length / commit.entries.length
      if (found.length >= wanted || bytes >= READ_MAXIMUM_BYTES) return found
    }
  }
  return found
}

async function readHistory(
  directory: string,
  entryOf: (seq: number) => Promise<Recorded | null>,
  seq: number,
  wanted: number,
): Promise<Recorded[]> {
  const found: Recorded[] = []
  for (let at: number | null = seq; at !== null && found.length < wanted;) {
    const transition: Recorded | null = await entryOf(at)
    if (!transition && found.length > 0)
      throw corruptStore(`${directory}: seq ${at} is missing, though a later entry names it`)
    if (!transition) return found
    const { prev } = transition.entry
    if (prev !== null && prev >= at) throw invariant('history', `seq ${at} names a later one before it`)
    found.push(transition)
    at = prev
  }
  return found.reverse()
}

async function readEntry(archived: Archived, seq: number): Promise<Recorded | null> {
  for await (const { commit } of commitsFrom(archived, seq))
    for (const entry of commit.entries) if (entry.seq === seq) return recorded(commit, entry)
  return null
}

/** The endings under a term with a seq above `after`, in order, some at a time. */
async function* pointersOf({ files, runs, inMemory }: Archived, term: Term, after: number): AsyncGenerator<Pointer[]> {
  // Both are taken at once: what is in memory now is in a run later.
  const [inFiles, others] = [runs(), inMemory()]
  for (const run of inFiles) if (run.sorted.last > after) yield* pointersIn(files, run, term, after)
  for (const { pointers, byTerm } of others) {
    const numbers = byTerm.get(term) ?? []
    const first = firstThat(numbers.length, n => pointers[numbers[n]!]!.seq > after)
    for (let n = first; n < numbers.length; n += READ_MAXIMUM)
      yield numbers.slice(n, n + READ_MAXIMUM).map(number => pointers[number]!)
  }
}

/** The newest that has this id: all runs are asked at once. */
async function readEnded(archived: Archived, id: Id): Promise<Instance | null> {
  const { files, runs, inMemory } = archived
  const term = idTerm(id)
  const others = inMemory().flatMap(({ pointers, byTerm }) => (byTerm.get(term) ?? []).map(number => pointers[number]!))
  const inFiles = await Promise.all(runs().map(run => allIn(files, run, term)))
  for (const pointer of [...inFiles.flat(), ...others].sort((a, b) => b.seq - a.seq)) {
    const [image] = await readImages(archived, [pointer])
    if (image!.id === id) return (await returned(archived))(image!) ? null : image!
  }
  return null
}

/** By run, oldest first, and at last of what is in memory. */
async function returnsOf(archived: Archived): Promise<Returns[]> {
  const { files, runs, inMemory, returns } = archived
  const others = inMemory().flatMap(({ pointers, byTerm }) =>
    (byTerm.get(returnedTerm()) ?? []).map(number => pointers[number]!),
  )
  const found: Returns[] = []
  for (const run of runs()) {
    const known = returns.get(run) ?? (await readReturns(archived, await allIn(files, run, returnedTerm())))
    returns.set(run, known)
    found.push(known)
  }
  return [...found, await readReturns(archived, others)].filter(({ size }) => size > 0)
}

async function readReturns(archived: Archived, pointers: readonly Pointer[]): Promise<Returns> {
  const found = new Map<Id, number>()
  for (let at = 0; at < pointers.length;) {
    const some = together(pointers, at, READ_MAXIMUM)
    for (const { id, seq } of await readImages(archived, some)) found.set(id, seq)
    at += some.length
  }
  return found
}

/** Whether what ended so was live again later: then it is not an end, and where it has ended anew stands behind it. */
async function returned(archived: Archived): Promise<(image: Instance) => boolean> {
  const all = await returnsOf(archived)
  return ({ id, seq }) => all.some(returns => (returns.get(id) ?? 0) > seq)
}

async function allIn(files: FileCache, run: Run, term: Term): Promise<Pointer[]> {
  const found: Pointer[] = []
  for await (const pointers of pointersIn(files, run, term, 0)) found.push(...pointers)
  return found
}

async function listEnded(archived: Archived, query: Query): Promise<Instance[]> {
  const wanted = bounded(query.limit)
  const found: Instance[] = []
  let bytes = 0
  if (wanted === 0) return found
  const isBack = await returned(archived)
  for await (const pointers of pointersOf(archived, queryTerm(query), query.after))
    for (let at = 0; at < pointers.length;) {
      const some = together(pointers, at, wanted - found.length)
      for (const [n, image] of (await readImages(archived, some)).entries()) {
        bytes += some[n]!.bytes
        if (isAskedFor(image, query) && !isBack(image)) found.push(image)
      }
      if (found.length >= wanted || (bytes >= READ_MAXIMUM_BYTES && found.length > 0)) return found
      at += some.length
    }
  return found
}

/** The next of them, as many as are wanted and not too large together, but one at least. */
function together(pointers: readonly Pointer[], at: number, wanted: number): Pointer[] {
  let bytes = 0
  let end = at
  while (end < pointers.length && end - at < wanted && (end === at || bytes < TOGETHER_BYTES))
    bytes += pointers[end++]!.bytes
  return pointers.slice(at, end)
}

interface Group {
  segment: Segment
  pointers: Pointer[]
  start: number
  end: number
}

/** The images that they lead to, brought up, in the same order. Throws corruptStore where the bytes are others. */
async function readImages(archived: Archived, pointers: readonly Pointer[]): Promise<Instance[]> {
  const groups: Group[] = []
  const { closed, active } = archived.segments()
  for (const pointer of pointers) {
    const { seq, offset, bytes } = pointer
    const segment = closed[firstThat(closed.length, n => closed[n]!.last >= seq)] ?? active
    const last = groups.at(-1)
    const isNear =
      last?.segment === segment &&
      offset >= last.start &&
      offset - last.end <= NEAR_BYTES &&
      offset - last.start < TOGETHER_BYTES
    if (isNear) {
      last.pointers.push(pointer)
      last.end = Math.max(last.end, offset + bytes)
    } else groups.push({ segment, pointers: [pointer], start: offset, end: offset + bytes })
  }
  return (await Promise.all(groups.map(group => readGroup(archived, group)))).flat()
}

async function readGroup({ files, upgrade }: Archived, { segment, pointers, start, end }: Group): Promise<Instance[]> {
  const read = await files.use(segment.path, async file => asBuffer(await file.read(start, end - start)))
  return pointers.map(pointer => {
    const at = pointer.offset - start
    const image = readPointed(read.subarray(at, at + pointer.bytes), pointer)
    if (image === null) throw corruptStore(`${segment.path}: byte ${pointer.offset}: not what was written there`)
    return upgrade(image)
  })
}

/** The durable commits from the one that holds `seq` on. */
async function* commitsFrom(archived: Archived, seq: number): AsyncGenerator<ChainedCommit> {
  const { closed, active } = archived.segments()
  for (let n = firstThat(closed.length, at => closed[at]!.last >= seq); n <= closed.length; n++) {
    const segment = closed[n] ?? active
    if (segment.last < seq || segment.last < segment.first) continue
    yield* commitsIn(archived, segment, Math.max(seq, segment.first))
  }
}

async function* commitsIn({ disk, upgrade }: Archived, segment: Segment, seq: number): AsyncGenerator<ChainedCommit> {
  const { path } = segment
  const position = seq === segment.first ? { offset: 0, before: null } : await segment.locate(seq)
  const file = await disk.open(path, { create: false })
  try {
    let previous = position.before === null ? segment.previous : await hashAt(file, path, position.before)
    for await (const lines of readLines(file, position.offset, segment.bytes ?? (await file.size())))
      for (const { offset, bytes, complete } of lines) {
        const checked = complete ? checkRecord(bytes, previous) : { problem: 'an incomplete line' }
        if ('problem' in checked) throw corruptStore(`${path}: byte ${offset}: ${checked.problem}`)
        previous = checked.hash
        yield { commit: upgradeCommit(commitOf(bytes), upgrade), hash: previous, record: bytes }
      }
  } finally {
    await file.close()
  }
}

async function hashAt(file: File, path: string, offset: number): Promise<string> {
  const hash = claimedHash(asBuffer(await file.read(offset, BODY_AT)))
  if (hash === null) throw corruptStore(`${path}: byte ${offset}: this is not a commit`)
  return hash
}
