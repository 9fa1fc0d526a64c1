/** The index's own files: a few sorted runs of entries, the lines they lead to, and a manifest that names what is whole. */
import { join } from 'node:path'
import { z } from 'zod'
import { readWhole, replaceFile } from '../../file.ts'
import { operating } from '../../kernel/fault.ts'
import type { Disk, File } from '../../kernel/ports.ts'
import { kindOf } from '../../../machines/ids.ts'
import { chainOf, stateOf, type Instance } from '../../kernel/entry.ts'
import { addHit, openHits, writeHits, type HitLog } from './hits.ts'
import { entriesFrom, isSame, merged, openRun, writeSearchRun, type SearchRun } from './run.ts'
import { entryOf, SAME_BYTES, termsOf, type IndexEntry } from './terms.ts'

/** Entries that are kept in memory until they are worth a file: a crash costs reading so much of the journal again. */
const FRESH_MAXIMUM = 8192
/** So many runs of about the same size become one; so there are few of them, and each entry is written a few times. */
const FANOUT = 4
const MANIFEST = 'INDEX.json'
const HITS = 'hits.jsonl'
const MANIFEST_MAXIMUM_BYTES = 1024 * 1024
const FORMAT = 1

const manifestSchema = z.strictObject({
  format: z.literal(FORMAT),
  ledgerId: z.string(),
  /** Every entry of the ledger up to this one is in the runs. */
  seq: z.int(),
  /** So much of the file of hits is named by the runs. */
  hits: z.int(),
  /** Number of the next run. */
  next: z.int(),
  runs: z.array(z.string()),
  ended: z.record(z.string(), z.int()),
})

type Manifest = z.output<typeof manifestSchema>

export interface SearchPlace {
  disk: Disk
  /** Its own, made where it is missing. */
  directory: string
  ledgerId: string
}

export interface Index extends SearchPlace {
  hits: HitLog
  /** The oldest first. */
  runs: SearchRun[]
  /** Number of the next run. */
  next: number
  /** The last entry of the ledger that was taken over. */
  covered: number
  /** How many instances have ended in a state, by `kind|chain|state`. */
  ended: Map<string, number>
  /** By what they say, so that a later one takes the place of an earlier one. */
  fresh: Map<string, IndexEntry>
  /** What is being written into a run. */
  writing: IndexEntry[]
  /** Searches under way: a file that they may read stays open. */
  readers: number
  retired: File[]
  isStopped: boolean
}

async function readManifest({ disk, directory, ledgerId }: SearchPlace, durable: number): Promise<Manifest | null> {
  const path = join(directory, MANIFEST)
  if (!(await disk.exists(path))) return null
  const text = new TextDecoder().decode(await readWhole(disk, path, MANIFEST_MAXIMUM_BYTES))
  const manifest = manifestSchema.safeParse(JSON.parse(text))
  if (!manifest.success || manifest.data.ledgerId !== ledgerId || manifest.data.seq > durable) return null
  return manifest.data
}

/** What an earlier process has left, where it is whole and of this ledger, which ends at `durable`; else an empty index. */
export async function openSearchIndex(place: SearchPlace, durable: number): Promise<Index> {
  const { disk, directory } = place
  await disk.makeDirectory(directory)
  const manifest = await readManifest(place, durable).catch(() => null)
  const found = await Promise.all((manifest?.runs ?? []).map(name => openRun(disk, join(directory, name), name)))
  const whole = found.filter(run => run !== null)
  const file = await disk.open(join(directory, HITS), { create: true })
  const isUsable = manifest !== null && whole.length === found.length && (await file.size()) >= manifest.hits
  if (!isUsable) await Promise.all(whole.map(run => run.file.close()))
  const runs = isUsable ? whole : []
  const kept = new Set([MANIFEST, HITS, ...runs.map(({ name }) => name)])
  for (const name of await disk.list(directory)) if (!kept.has(name)) await disk.remove(join(directory, name))
  return {
    ...place,
    hits: await openHits(file, isUsable ? manifest.hits : 0),
    runs,
    next: isUsable ? manifest.next : 0,
    covered: isUsable ? manifest.seq : 0,
    ended: new Map(Object.entries(isUsable ? manifest.ended : {})),
    fresh: new Map(),
    writing: [],
    readers: 0,
    retired: [],
    isStopped: false,
  }
}

/** `before` is undefined where it is not known, or where there was none. */
export function takeOver(index: Index, before: Instance | undefined, after: Instance): void {
  // What it ended in is told by a line of its own: so all its entries lead there.
  const known = after.ended ? [] : termsOf(before)
  const terms = termsOf(after).filter(term => !known.includes(term))
  const offset = terms.length === 0 ? 0 : addHit(index.hits, after)
  for (const term of terms) {
    const entry = entryOf(term, after.id, offset)
    index.fresh.set(entry.slice(0, SAME_BYTES), entry)
  }
  if (after.ended) {
    const key = `${kindOf(after.id)}|${chainOf(after)}|${stateOf(after)}`
    index.ended.set(key, (index.ended.get(key) ?? 0) + 1)
  }
  index.covered = after.seq
}

type Covered = Pick<Manifest, 'seq' | 'hits' | 'ended'>

function writeManifest(index: Index, runs: readonly SearchRun[], covered: Covered): Promise<void> {
  const { disk, directory, ledgerId, next } = index
  const manifest: Manifest = { format: FORMAT, ledgerId, next, runs: runs.map(({ name }) => name), ...covered }
  return replaceFile(disk, join(directory, MANIFEST), file => file.append(Buffer.from(JSON.stringify(manifest))))
}

async function* once(entries: IndexEntry[]): AsyncGenerator<IndexEntry[]> {
  yield entries
}

/** A long merge ends with the process; its file is named nowhere. */
async function* whileRunning(index: Index, pieces: AsyncIterable<IndexEntry[]>): AsyncGenerator<IndexEntry[]> {
  for await (const piece of pieces) {
    if (index.isStopped) throw operating('stopping', 'the watcher is stopping')
    yield piece
  }
}

async function addRun(
  index: Index,
  replaced: readonly SearchRun[],
  pieces: AsyncIterable<IndexEntry[]>,
): Promise<SearchRun[]> {
  const { disk, directory } = index
  const name = `${index.next++}.run`
  const run = await writeSearchRun(disk, join(directory, name), name, pieces)
  await disk.syncDirectory(directory)
  return [...index.runs.filter(one => !replaced.includes(one)), run]
}

/** The newest runs, where they are of about the same size. */
function mergeable(runs: readonly SearchRun[]): readonly SearchRun[] {
  const newest = runs.slice(-FANOUT)
  const counts = newest.map(({ count }) => count)
  return newest.length === FANOUT && Math.max(...counts) < FANOUT * Math.min(...counts) ? newest : []
}

/** What is fresh becomes a run, and runs become fewer. The manifest changes last: before, nothing has happened. */
async function flush(index: Index): Promise<void> {
  const [seq, ended] = [index.covered, Object.fromEntries(index.ended)]
  index.writing = [...index.fresh.values()].sort()
  index.fresh = new Map()
  const covered = { seq, ended, hits: await writeHits(index.hits) }
  const runs = await addRun(index, [], once(index.writing))
  await writeManifest(index, runs, covered)
  Object.assign(index, { runs, writing: [] })
  for (let old = mergeable(index.runs); old.length > 0; old = mergeable(index.runs)) {
    const fewer = await addRun(index, old, whileRunning(index, merged(old)))
    await writeManifest(index, fewer, covered)
    index.runs = fewer
    index.retired.push(...old.map(({ file }) => file))
    await closeRetired(index)
    for (const { name } of old) await index.disk.remove(join(index.directory, name))
  }
}

/** Nothing else may be taken over until it has resolved. */
export async function flushIfFull(index: Index): Promise<void> {
  if (index.fresh.size >= FRESH_MAXIMUM) await flush(index)
}

export async function closeRetired({ readers, retired }: Index): Promise<void> {
  if (readers === 0) await Promise.all(retired.splice(0).map(file => file.close()))
}

/** Entries that begin with this text, of all runs and of what is not in one yet; those that say the same once. */
export async function collect(index: Index, start: string, limit: number): Promise<IndexEntry[]> {
  const inMemory = [...index.writing, ...index.fresh.values()].filter(entry => entry.startsWith(start))
  const found = await Promise.all(index.runs.map(run => entriesFrom(run, start, limit)))
  const all = [...found.flat(), ...inMemory].sort()
  return all.filter((entry, n) => n === all.length - 1 || !isSame(entry, all[n + 1]!)).slice(0, limit)
}

export async function closeIndex({ hits, runs, retired }: Index): Promise<void> {
  await Promise.all([hits.file, ...retired, ...runs.map(({ file }) => file)].map(file => file.close()))
}
