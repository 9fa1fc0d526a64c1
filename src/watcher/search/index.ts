/**
 * Finds instances by id, address, reference, transaction id and block hash, live ones and those that have ended long ago. A
 * projection of the journal, kept in sorted files of its own beside it: it follows what is durable, can always be made again,
 * and nothing but the search depends on it. Where it fails it says so, and money moves on.
 */
import { join } from 'node:path'
import { z } from 'zod'
import type { Id } from '../../../machines/vocabulary.ts'
import { readWhole } from '../../file.ts'
import { operating, reasonOf } from '../../kernel/fault.ts'
import type { Instance } from '../../kernel/entry.ts'
import type { Clock, Disk, File, Log } from '../../kernel/ports.ts'
import { kindOf } from '../../kernel/step.ts'
import type { Archive } from '../../ledger/engine.ts'
import { replaceFile } from '../../ledger/files.ts'
import { chainOf, stateOf, type LiveMemory } from '../../orchestrator/memory.ts'
import { entriesFrom, isSame, merged, openRun, writeRun, type Run } from './run.ts'
import { beginning, entryOf, exactly, instanceOf, normalise, SAME_BYTES, seqOf, termsOf, type Entry } from './terms.ts'

export interface SearchOptions {
  disk: Disk
  clock: Clock
  log: Log
  /** Its own, made where it is missing. */
  directory: string
  ledgerId: string
  memory: LiveMemory
  archive: Archive
  chains: readonly string[]
  durableSeq: () => number
}

/** How many instances have ended in a state, by `kind|chain|state`. */
export type EndedCounts = ReadonlyMap<string, number>

export interface Search {
  /**
   * At most `limit` instances that have this text as a term, then those with a term that begins with it; as they are now.
   * Rejects with operating `not-indexed` while the index is being made, and where it could not be.
   */
  find(text: string, limit: number): Promise<Instance[]>
  /** Null while the index is being made. */
  endedCounts(): EndedCounts | null
  /** Takes over what has become durable. */
  follow(): void
  stop(): Promise<void>
}

/** Entries that are kept in memory until they are worth a file: a crash costs reading so much of the journal again. */
const FRESH_MAXIMUM = 8192
/** So many runs of about the same size become one; so there are few of them, and each entry is written a few times. */
const FANOUT = 4
const ARCHIVE_PAGE = 500
/** Images taken over in one turn, and the pause after it in which others have theirs. */
const TURN = 200
const PAUSE_MS = 5
/** Of entries whose term begins as the text does, and has to be looked at to know how it goes on. */
const MAXIMUM_CANDIDATES = 200
const MANIFEST = 'INDEX.json'
const MANIFEST_MAXIMUM_BYTES = 1024 * 1024
const FORMAT = 1

const manifestSchema = z.strictObject({
  format: z.literal(FORMAT),
  ledgerId: z.string(),
  /** Every entry up to this one is in the runs. */
  seq: z.int(),
  /** Number of the next run. */
  next: z.int(),
  runs: z.array(z.string()),
  ended: z.record(z.string(), z.int()),
})

type Manifest = z.output<typeof manifestSchema>

interface Change {
  before: Instance | undefined
  after: Instance
}

interface State extends SearchOptions {
  /** The oldest first. */
  runs: Run[]
  next: number
  /** By what they say, so that a later one takes the place of an earlier one. */
  fresh: Map<string, Entry>
  /** What is being written into a run. */
  writing: Entry[]
  ended: Map<string, number>
  /** The last entry taken over. */
  covered: number
  /** Changes of memory since it is followed; null before. */
  queue: Change[] | null
  /** Searches under way: a file that they may read stays open. */
  readers: number
  retired: File[]
  isReady: boolean
  isStopped: boolean
  failure: string | null
}

const pathIn = ({ directory }: SearchOptions, name: string): string => join(directory, name)

async function readManifest({ disk, directory, ledgerId, durableSeq }: SearchOptions): Promise<Manifest | null> {
  const path = join(directory, MANIFEST)
  if (!(await disk.exists(path))) return null
  const text = new TextDecoder().decode(await readWhole(disk, path, MANIFEST_MAXIMUM_BYTES))
  const manifest = manifestSchema.safeParse(JSON.parse(text))
  if (!manifest.success || manifest.data.ledgerId !== ledgerId || manifest.data.seq > durableSeq()) return null
  return manifest.data
}

/** Takes up what an earlier process has left, as far as it is whole and of this ledger; else begins anew. */
async function open(state: State): Promise<void> {
  const { disk, directory } = state
  await disk.makeDirectory(directory)
  const manifest = await readManifest(state).catch(() => null)
  const runs = await Promise.all((manifest?.runs ?? []).map(name => openRun(disk, pathIn(state, name), name)))
  const whole = runs.filter(run => run !== null)
  const isUsable = manifest !== null && whole.length === runs.length
  if (isUsable) Object.assign(state, { runs: whole, next: manifest.next, covered: manifest.seq })
  else await Promise.all(whole.map(({ file }) => file.close()))
  if (isUsable) state.ended = new Map(Object.entries(manifest.ended))
  const kept = new Set([MANIFEST, ...state.runs.map(({ name }) => name)])
  for (const name of await disk.list(directory)) if (!kept.has(name)) await disk.remove(pathIn(state, name))
}

const writeManifest = (
  state: State,
  runs: readonly Run[],
  seq: number,
  ended: Record<string, number>,
): Promise<void> => {
  const names = runs.map(({ name }) => name)
  const manifest: Manifest = { format: FORMAT, ledgerId: state.ledgerId, seq, next: state.next, runs: names, ended }
  return replaceFile(state.disk, pathIn(state, MANIFEST), file => file.append(Buffer.from(JSON.stringify(manifest))))
}

function takeOver(state: State, { before, after }: Change): void {
  // The image in which it ended is what is shown of it later: so all its entries lead there.
  const known = after.ended ? [] : termsOf(before)
  for (const term of termsOf(after)) {
    if (known.includes(term)) continue
    const entry = entryOf(term, after)
    state.fresh.set(entry.slice(0, SAME_BYTES), entry)
  }
  if (after.ended) {
    const key = `${kindOf(after.id)}|${chainOf(after)}|${stateOf(after)}`
    state.ended.set(key, (state.ended.get(key) ?? 0) + 1)
  }
  state.covered = after.seq
}

const pause = ({ clock }: State): Promise<void> => new Promise(resolve => void clock.wake(PAUSE_MS, resolve))

async function* once(entries: Entry[]): AsyncGenerator<Entry[]> {
  yield entries
}

/** A long merge ends with the process; its file is named nowhere. */
async function* whileRunning(state: State, pieces: AsyncIterable<Entry[]>): AsyncGenerator<Entry[]> {
  for await (const piece of pieces) {
    if (state.isStopped) throw operating('stopping', 'the watcher is stopping')
    yield piece
  }
}

async function closeRetired(state: State): Promise<void> {
  if (state.readers > 0) return
  await Promise.all(state.retired.splice(0).map(file => file.close()))
}

async function addRun(state: State, replaced: readonly Run[], pieces: AsyncIterable<Entry[]>): Promise<Run[]> {
  const name = `${state.next++}.run`
  const run = await writeRun(state.disk, pathIn(state, name), name, pieces)
  return [...state.runs.filter(one => !replaced.includes(one)), run]
}

/** The newest runs, where they are of about the same size. */
function mergeable(runs: readonly Run[]): readonly Run[] {
  const newest = runs.slice(-FANOUT)
  const counts = newest.map(({ count }) => count)
  return newest.length === FANOUT && Math.max(...counts) < FANOUT * Math.min(...counts) ? newest : []
}

/** What is fresh becomes a run, and runs become fewer. The manifest changes last: before, nothing has happened. */
async function flush(state: State): Promise<void> {
  const seq = state.covered
  const ended = Object.fromEntries(state.ended)
  state.writing = [...state.fresh.values()].sort()
  state.fresh = new Map()
  const runs = await addRun(state, [], once(state.writing))
  await state.disk.syncDirectory(state.directory)
  await writeManifest(state, runs, seq, ended)
  Object.assign(state, { runs, writing: [] })
  for (let old = mergeable(state.runs); old.length > 0; old = mergeable(state.runs)) {
    const fewer = await addRun(state, old, whileRunning(state, merged(old)))
    await state.disk.syncDirectory(state.directory)
    await writeManifest(state, fewer, seq, ended)
    state.runs = fewer
    state.retired.push(...old.map(({ file }) => file))
    await closeRetired(state)
    for (const { name } of old) await state.disk.remove(pathIn(state, name))
  }
}

async function flushIfFull(state: State): Promise<void> {
  if (state.fresh.size >= FRESH_MAXIMUM) await flush(state)
}

/** Reads the journal up to a seq, which is durable or about to be. */
async function catchUp(state: State, until: number): Promise<void> {
  while (state.covered < until && !state.isStopped) {
    const page = await state.archive.entries(state.covered, ARCHIVE_PAGE)
    for (const { entry } of page) if (entry.seq <= until) takeOver(state, { before: undefined, after: entry.image })
    await flushIfFull(state)
    // Also where the page is empty: what was asked for is in memory and not durable yet.
    await pause(state)
  }
}

async function takeTurn(state: State, queue: Change[]): Promise<void> {
  const durable = state.durableSeq()
  const waiting = queue.findIndex(({ after }) => after.seq > durable)
  const taken = queue.splice(0, Math.min(TURN, waiting < 0 ? queue.length : waiting))
  for (const change of taken) if (change.after.seq > state.covered) takeOver(state, change)
  await flushIfFull(state)
}

/** Until nothing is waiting that is durable. */
async function followQueue(state: State): Promise<void> {
  const { queue } = state
  while (queue !== null && queue.length > 0 && !state.isStopped) {
    const before = queue.length
    await takeTurn(state, queue)
    if (queue.length === before) return
    await pause(state)
  }
}

async function begin(state: State): Promise<void> {
  const { durableSeq, log } = state
  await open(state)
  const missing = durableSeq() - state.covered
  if (missing > ARCHIVE_PAGE)
    log('info', 'the search index reads the journal', { from: state.covered, entries: missing })
  await catchUp(state, durableSeq())
  // From here on memory tells; what it has told before is still read.
  state.queue = []
  await catchUp(state, state.memory.seq)
  state.isReady = true
}

/** Entries that begin with this text, of all runs and of what is not in one yet; those that say the same once. */
async function collect(state: State, start: string, limit: number): Promise<Entry[]> {
  const inMemory = [...state.writing, ...state.fresh.values()].filter(entry => entry.startsWith(start))
  const found = await Promise.all(state.runs.map(run => entriesFrom(run, start, limit)))
  const all = [...found.flat(), ...inMemory].sort()
  return all.filter((entry, n) => n === all.length - 1 || !isSame(entry, all[n + 1]!)).slice(0, limit)
}

/** The instance that an entry speaks of, as it is now, where it does have such a term. */
async function resolve(state: State, entry: Entry, isWanted: (term: string) => boolean): Promise<Instance | null> {
  const [recorded] = await state.archive.entries(seqOf(entry) - 1, 1)
  const image = recorded?.entry.image
  if (image === undefined || !termsOf(image).some(isWanted)) return null
  return state.memory.get(image.id) ?? (image.ended ? image : await state.archive.read(image.id))
}

async function find(state: State, text: string, limit: number): Promise<Instance[]> {
  if (state.failure !== null) throw operating('not-indexed', `the search index cannot be used: ${state.failure}`)
  if (!state.isReady)
    throw operating(
      'not-indexed',
      `the search index has read ${state.covered} of ${state.durableSeq()} entries: try again`,
    )
  const wanted = normalise(text, state.chains)
  if (wanted === '') return []
  const found = new Map<Id, Instance>()
  const seen = new Set<string>()
  const take = async (entries: Entry[], isWanted: (term: string) => boolean) => {
    const fresh = entries.filter(entry => !seen.has(instanceOf(entry)))
    for (let n = 0; n < fresh.length && found.size < limit; n += limit) {
      const some = fresh.slice(n, n + limit)
      for (const entry of some) seen.add(instanceOf(entry))
      const instances = await Promise.all(some.map(entry => resolve(state, entry, isWanted)))
      for (const instance of instances) if (instance !== null) found.set(instance.id, instance)
    }
  }
  await take(await collect(state, exactly(wanted), limit), term => term === wanted)
  if (found.size < limit)
    await take(await collect(state, beginning(wanted), MAXIMUM_CANDIDATES), term => term.startsWith(wanted))
  return [...found.values()].slice(0, limit)
}

export function startSearch(options: SearchOptions): Search {
  const state: State = {
    ...options,
    runs: [],
    next: 0,
    fresh: new Map(),
    writing: [],
    ended: new Map(),
    covered: 0,
    queue: null,
    isReady: false,
    isStopped: false,
    failure: null,
    readers: 0,
    retired: [],
  }
  options.memory.observe((before, after) => state.queue?.push({ before, after }))
  const fail = (error: unknown) => {
    if (state.isStopped) return
    state.failure = reasonOf(error)
    state.queue = null
    options.log('error', 'the search index cannot be kept; nothing else depends on it', { reason: state.failure })
  }
  // Told that something is durable while it works, it looks once more.
  let isAsked = true
  let isBusy = true
  const run = async () => {
    if (!state.isReady) await begin(state)
    while (isAsked && !state.isStopped) {
      isAsked = false
      await followQueue(state)
    }
    isBusy = false
  }
  let work = run().catch(fail)
  return {
    async find(text, limit) {
      state.readers++
      try {
        return await find(state, text, limit)
      } finally {
        state.readers--
        await closeRetired(state)
      }
    },
    endedCounts: () => (state.isReady && state.failure === null ? state.ended : null),
    follow() {
      isAsked = true
      if (isBusy || state.failure !== null) return
      isBusy = true
      work = run().catch(fail)
    },
    async stop() {
      state.isStopped = true
      await work
      await Promise.all([...state.retired, ...state.runs.map(({ file }) => file)].map(file => file.close()))
    },
  }
}
