/**
 * The runs of one open ledger: which there are now, one more when a segment is closed, fewer when neighbours become one, and
 * made again from the segments where one is missing or damaged.
 */
import { join } from 'node:path'
import type { Upgrade } from '../../kernel/migration.ts'
import type { Log } from '../../kernel/ports.ts'
import { addEndings, noEndings, type Endings } from './endings.ts'
import type { FileCache } from './file-cache.ts'
import { INDEX, indexFile } from './files.ts'
import { writePositions, type Marks } from './positions.ts'
import { findRuns, isRun, mergeable, mergeRuns, writeRun, type ClosedSegment, type Run, type RunPlace } from './runs.ts'
import { readSegment, refuseWrongEnd } from './segment.ts'
import { Damaged } from './sorted.ts'

/** A line of progress for so many segments. */
const PROGRESS_SEGMENTS = 32

/** Where the indexes are, and what they are made again from. */
export interface IndexPlace extends RunPlace {
  upgrade: Upgrade
  log: Log
  /** Without an index there is no run. */
  isIndexed: boolean
}

/** The runs of an open ledger. */
export interface Indexes {
  /** Of closed segments, in order and without gaps; another array whenever they have changed. */
  runs(): readonly Run[]
  /** Of the segment that was closed last. Durable when it resolves. */
  add(segment: ClosedSegment, endings: Endings): Promise<void>
  /** Makes few of many; ends early when it is stopped. */
  tidy(): Promise<void>
  /** Makes a damaged file again, be it of positions or of endings; those who ask meanwhile share the work. */
  mend(path: string): Promise<void>
  stop(): void
}

class Stopped extends Error {}

/** All that an index of a segment is made from. Throws corruptStore where the segment does not end as it should. */
async function collect(
  { disk, directory, upgrade }: IndexPlace,
  segment: ClosedSegment,
): Promise<{ marks: Marks; endings: Endings }> {
  const { first, last, previous, hash } = segment
  const endings = noEndings()
  const reading = readSegment(disk, directory, { first, previous }, false)
  let offset = 0
  for (;;) {
    const { done, value } = await reading.next()
    if (done === true) {
      refuseWrongEnd(directory, segment, value, { first: last + 1, previous: hash })
      return { marks: value.marks, endings }
    }
    addEndings(endings, value.commit, value.record, offset, upgrade)
    offset += value.record.length + 1
  }
}

/** Those that are there, and those that are missing made again. */
async function openAll(place: IndexPlace, all: readonly ClosedSegment[]): Promise<Run[]> {
  const { disk, directory, log } = place
  const segments = place.isIndexed ? all : []
  await disk.makeDirectory(join(directory, INDEX))
  const { tiles, rest } = await findRuns(place, segments)
  for (const path of rest) await disk.remove(path)
  const missing = tiles.filter(tile => !isRun(tile)).length
  let made = 0
  const runs: Run[] = []
  for (const tile of tiles) {
    if (!isRun(tile) && made++ % PROGRESS_SEGMENTS === 0)
      log('info', 'the index of ended instances is made again', { segments: missing, done: made - 1 })
    runs.push(isRun(tile) ? tile : await writeRun(place, tile, (await collect(place, tile)).endings))
  }
  return runs
}

/** One a segment, in the place of one that covers these. */
async function remade(place: IndexPlace, segments: readonly ClosedSegment[], { sorted }: Run): Promise<Run[]> {
  const fresh: Run[] = []
  for (const segment of segments.filter(({ first, last }) => first >= sorted.first && last <= sorted.last))
    fresh.push(await writeRun(place, segment, (await collect(place, segment)).endings))
  return fresh
}

/**
 * Makes what is missing again, with progress in the log. Rejects as reading the segments does.
 * @param segments those that are closed now, in order
 */
export async function openIndexes(place: IndexPlace, segments: () => readonly ClosedSegment[]): Promise<Indexes> {
  let runs: readonly Run[] = await openAll(place, segments())
  let isStopped = false
  const mending = new Map<string, Promise<void>>()

  const replace = async (old: readonly Run[], fresh: readonly Run[]): Promise<void> => {
    const at = runs.indexOf(old[0]!)
    runs = runs.toSpliced(at, old.length, ...fresh)
    const kept = new Set(fresh.map(({ path }) => path))
    for (const { path } of old) {
      if (kept.has(path)) continue
      await place.files.drop(path)
      await place.disk.remove(path)
    }
  }
  const mend = async (path: string): Promise<void> => {
    const { directory, files, log } = place
    log('warn', 'a damaged index is made again from the journal', { path })
    const run = runs.find(each => each.path === path)
    if (run !== undefined) return replace([run], await remade(place, segments(), run))
    const segment = segments().find(({ first }) => join(directory, indexFile(first)) === path)
    // One that is not there any more was replaced meanwhile.
    if (segment === undefined) return
    await writePositions(place.disk, directory, segment, (await collect(place, segment)).marks)
    await files.drop(path)
  }
  const mendShared = (path: string): Promise<void> => {
    const running = mending.get(path) ?? mend(path).finally(() => mending.delete(path))
    mending.set(path, running)
    return running
  }
  /** What is stopped in the midst of a merge leaves a file that nobody knows by name. */
  const unlessStopped = <T>(value: T): T => {
    if (isStopped) throw new Stopped()
    return value
  }
  const tidy = async (): Promise<void> => {
    const use: FileCache['use'] = async (path, read) => unlessStopped(await place.files.use(path, read))
    const files: FileCache = { ...place.files, use }
    try {
      for (let at = mergeable(runs); at >= 0; at = mergeable(runs)) {
        const { run, old } = await mergeRuns({ ...place, files }, runs, at)
        // One of them may have been found damaged meanwhile, and is others now: this one is merged from what was read whole.
        if (old.every(each => runs.includes(each))) await replace(old, [run])
        else await place.disk.remove(run.path)
      }
    } catch (error) {
      if (error instanceof Damaged) return mendShared(error.path)
      if (!(error instanceof Stopped)) throw error
    }
  }
  return {
    runs: () => runs,
    async add(segment, endings) {
      if (place.isIndexed) runs = [...runs, await writeRun(place, segment, endings)]
    },
    tidy,
    mend: mendShared,
    stop() {
      isStopped = true
    },
  }
}
