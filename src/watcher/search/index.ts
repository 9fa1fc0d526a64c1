/**
 * Finds instances by id, address, reference, transaction id and block hash, live ones and those that have ended long ago. A
 * projection of the journal, kept in sorted files of its own beside it: it follows what is durable, can always be made again,
 * and nothing but the search depends on it. Where it fails it says so, and money moves on.
 */
import type { Id } from '../../../machines/ids.ts'
import { operating, reasonOf } from '../../kernel/fault.ts'
import type { Instance } from '../../kernel/entry.ts'
import type { Clock, Log } from '../../kernel/ports.ts'
import type { Archive } from '../../ledger/engine.ts'
import type { LiveMemory } from '../../orchestrator/memory.ts'
import {
  closeIndex,
  closeRetired,
  collect,
  flushIfFull,
  openSearchIndex,
  takeOver,
  type Index,
  type SearchPlace,
} from './files.ts'
import { hitOf, readHit, type Hit } from './hits.ts'
import { beginning, exactly, instanceOf, isWholeTerm, normalise, offsetOf, termsOf, type IndexEntry } from './terms.ts'

export interface SearchOptions extends SearchPlace {
  clock: Clock
  log: Log
  memory: LiveMemory
  archive: Archive
  chains: readonly string[]
  durableSeq: () => number
}

export interface Search {
  /**
   * At most `limit` instances that have this text as a term, then those with a term that begins with it; in the states that
   * they are in now. Rejects with operating `not-indexed` while the index is being made, and where it could not be.
   */
  find(text: string, limit: number): Promise<Hit[]>
  /** How many instances have ended in a state, by `kind|chain|state`; null while the index is being made. */
  endedCounts(): ReadonlyMap<string, number> | null
  /** Takes over what has become durable. */
  follow(): void
  stop(): Promise<void>
}

const ARCHIVE_PAGE = 1000
/** Images taken over in one turn, and the pause after it in which others have theirs. */
const TURN = 200
const PAUSE_MS = 5
/** Of entries whose term begins as the text does, and has to be looked at to know how it goes on. */
const MAXIMUM_CANDIDATES = 200

interface Change {
  before: Instance | undefined
  after: Instance
}

interface State extends SearchOptions {
  /** Null until what an earlier process has left is taken up. */
  index: Index | null
  /** Changes of memory since it is followed; null before. */
  queue: Change[] | null
  isReady: boolean
  isStopped: boolean
  failure: string | null
}

const pause = ({ clock }: State): Promise<void> => new Promise(resolve => void clock.wake(PAUSE_MS, resolve))

/** Reads the journal up to a seq, which is durable or about to be. */
async function catchUp(state: State, index: Index, until: number): Promise<void> {
  while (index.covered < until && !state.isStopped) {
    for (const { entry } of await state.archive.entries(index.covered, ARCHIVE_PAGE))
      if (entry.seq <= until) takeOver(index, undefined, entry.image)
    await flushIfFull(index)
    // Also where the page was empty: what was asked for is in memory and not durable yet.
    await pause(state)
  }
}

async function takeTurn(state: State, index: Index, queue: Change[]): Promise<void> {
  const durable = state.durableSeq()
  const waiting = queue.findIndex(({ after }) => after.seq > durable)
  const taken = queue.splice(0, Math.min(TURN, waiting < 0 ? queue.length : waiting))
  for (const { before, after } of taken) if (after.seq > index.covered) takeOver(index, before, after)
  await flushIfFull(index)
}

/** Until nothing is waiting that is durable. */
async function followQueue(state: State): Promise<void> {
  const { index, queue } = state
  while (index !== null && queue !== null && queue.length > 0 && !state.isStopped) {
    const before = queue.length
    await takeTurn(state, index, queue)
    if (queue.length === before) return
    await pause(state)
  }
}

async function begin(state: State): Promise<void> {
  const { durableSeq, memory, log } = state
  const index = await openSearchIndex(state, durableSeq())
  state.index = index
  const missing = durableSeq() - index.covered
  if (missing > ARCHIVE_PAGE)
    log('info', 'the search index reads the journal', { from: index.covered, entries: missing })
  await catchUp(state, index, durableSeq())
  // From here on memory tells; what it has told before is still read.
  state.queue = []
  await catchUp(state, index, memory.seq)
  state.isReady = true
}

/** What an entry leads to, as it is now. */
async function resolve({ memory, archive }: State, { hits }: Index, entry: IndexEntry): Promise<Hit | null> {
  const line = await readHit(hits, offsetOf(entry))
  if (line === null) return null
  const live = memory.get(line.id)
  if (live !== undefined) return hitOf(live)
  if (line.ended !== null) return line.ended
  // It has just ended, and its last line is not taken over yet.
  const ended = await archive.read(line.id)
  return ended === null ? null : hitOf(ended)
}

/** Whether an instance that entries of a longer text lead to has a term that does begin with it. */
async function begins({ memory, archive }: State, { id }: Hit, text: string): Promise<boolean> {
  const instance = memory.get(id) ?? (await archive.read(id)) ?? undefined
  return termsOf(instance).some(term => term.startsWith(text))
}

async function find(state: State, index: Index, text: string, limit: number): Promise<Hit[]> {
  const wanted = normalise(text, state.chains)
  if (wanted === '') return []
  const found = new Map<Id, Hit>()
  const seen = new Set<string>()
  const take = async (entries: IndexEntry[], isWanted: (hit: Hit) => Promise<boolean>) => {
    const fresh = entries.filter(entry => !seen.has(instanceOf(entry)))
    for (let n = 0; n < fresh.length && found.size < limit; n += limit) {
      const some = fresh.slice(n, n + limit)
      for (const entry of some) seen.add(instanceOf(entry))
      for (const hit of await Promise.all(some.map(entry => resolve(state, index, entry))))
        if (hit !== null && (await isWanted(hit))) found.set(hit.id, hit)
    }
  }
  await take(await collect(index, exactly(wanted), limit), async () => true)
  if (found.size >= limit) return [...found.values()]
  const isSure = isWholeTerm(wanted)
  const candidates = await collect(index, beginning(wanted), isSure ? 2 * limit : MAXIMUM_CANDIDATES)
  await take(candidates, async hit => isSure || begins(state, hit, wanted))
  return [...found.values()].slice(0, limit)
}

function usable({ failure, isReady, index, durableSeq }: State): Index {
  if (failure !== null) throw operating('not-indexed', `the search index cannot be used: ${failure}`)
  if (index !== null && isReady) return index
  const read = index?.covered ?? 0
  throw operating('not-indexed', `the search index has read ${read} of ${durableSeq()} entries: try again`)
}

async function findIn(state: State, text: string, limit: number): Promise<Hit[]> {
  const index = usable(state)
  index.readers++
  try {
    return await find(state, index, text, limit)
  } finally {
    index.readers--
    await closeRetired(index)
  }
}

export function startSearch(options: SearchOptions): Search {
  const state: State = { ...options, index: null, queue: null, isReady: false, isStopped: false, failure: null }
  options.memory.observe((before, after) => state.queue?.push({ before, after }))
  const fail = (error: unknown) => {
    if (state.isStopped) return
    Object.assign(state, { failure: reasonOf(error), queue: null })
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
    find: (text, limit) => findIn(state, text, limit),
    endedCounts: () => (state.isReady && state.failure === null ? (state.index?.ended ?? null) : null),
    follow() {
      isAsked = true
      if (isBusy || state.failure !== null) return
      isBusy = true
      work = run().catch(fail)
    },
    async stop() {
      state.isStopped = true
      if (state.index !== null) state.index.isStopped = true
      await work
      if (state.index !== null) await closeIndex(state.index)
    },
  }
}
