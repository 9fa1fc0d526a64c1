/**
 * A watcher that has run for long: very many instances, nearly all of them ended, in very many segments. What it costs to
 * keep, to start, to commit and to read, and that none of it grows with the history.
 */
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { Low } from 'lowdb'
import { JSONFile } from 'lowdb/node'
import { addressOf } from '../../adapters/bitcoin/address.ts'
import { networkOf } from '../../adapters/bitcoin/network.ts'
import { scriptFor } from '../../adapters/bitcoin/script.ts'
import { createWatch } from '../../adapters/bitcoin/watch.ts'
import { depositId, type IdOf } from '../../machines/ids.ts'
import { upgradeOf, versionsOf } from '../../src/kernel/migration.ts'
import type { Commit, Entry, Instance, InstanceOf } from '../../src/kernel/entry.ts'
import { lowdbEngine, type LowdbLedger } from '../../src/ledger/lowdb/engine.ts'
import { watcherMachines } from '../../src/orchestrator/machines.ts'
import { createPorts } from '../../src/shell/ports.ts'
import { createStore } from '../../src/watcher/store.ts'
import { benchRow, collectGarbage, medianOf, timedAsync, type BenchRow, type Progress } from './measure.ts'
import { AT, CHAIN, confirmDeposits, hashOf, inFolder, openChain, openWorld, type World } from './world.ts'

export interface LargeSizes {
  /** In all, and of those live. */
  instances: number
  live: number
  segments: number
  /** Watched scripts. */
  scripts: number
  /** How often each kind of read is asked, and how many commits are measured. */
  reads: number
  commits: number
  /** Instances in the ledger that is compared with, and in the file that plain lowdb rewrites. */
  small: number
  plain: number
  plainWrites: number
}

const PER_COMMIT = 50
const PAGE = 100
const FEED_PAGE = 1000
const ADDRESSES = 100
const COMMITS_AT_ONCE = 200

/** The same deposit under another id, as it is at this seq. */
const deposit = (like: InstanceOf<'deposit'>, n: number, seq: number, ended: boolean): InstanceOf<'deposit'> => {
  const transactionId = hashOf(0x70000000 + n)
  const value = ended ? 'final' : 'confirmed'
  const inputs = [`${CHAIN}:${hashOf(0x60000000 + n)}:0` as const]
  const context = { ...like.context, transactionId, reference: `customer-${n % 10_000}`, inputs }
  return { ...like, id: depositOf(n), value, context, seq, entered: seq, ended, revision: ended ? 2 : 1 }
}

const depositOf = (n: number): IdOf<'deposit'> => depositId(`${CHAIN}:${hashOf(0x70000000 + n)}:0`)

/** A commit that brings these deposits, and one in which they end. */
function* history(like: InstanceOf<'deposit'>, first: number, count: number, seq: number, ends: boolean) {
  const heights = { [CHAIN]: 100 }
  for (const ended of ends ? [false, true] : [false]) {
    const entries = Array.from({ length: count }, (_, i): Entry => {
      const image: Instance = deposit(like, first + i, ++seq, ended)
      const prev = ended ? seq - count : null
      const from = ended ? 'confirmed' : null
      return { seq, prev, event: 'height.reached', from, to: image.value, image }
    })
    yield { at: AT, heights, entries, reserve: [], release: [] } satisfies Commit
  }
}

async function modelDeposit(): Promise<InstanceOf<'deposit'>> {
  return inFolder(async directory => {
    const world = await openWorld(directory)
    await openChain(world, 1)
    const [id] = await confirmDeposits(world, 1, 1)
    const found = world.orchestrator.memory.get(id!)!
    await world.close()
    return found
  })
}

const openEmpty = (directory: string, live: ReadonlyMap<string, Instance>): Promise<LowdbLedger> => {
  const memory = { live: () => live.values(), reservations: () => [] }
  const ports = createPorts('error')
  return lowdbEngine(ports.disk, directory).open({
    ...{ ports, memory, upgrade: upgradeOf(watcherMachines), versions: versionsOf(watcherMachines) },
  })
}

/** Ended ones first, a segment at a time; then the live ones, which the last checkpoint holds. */
export async function fill(directory: string, sizes: LargeSizes, progress: Progress): Promise<number> {
  const like = await modelDeposit()
  const live = new Map<string, Instance>()
  const ledger = await openEmpty(directory, live)
  const { journal } = ledger
  const ended = sizes.instances - sizes.live
  const perSegment = Math.ceil(ended / sizes.segments)
  let seq = 0
  const append = async (first: number, count: number, ends: boolean) => {
    const waiting: Promise<void>[] = []
    for (let n = first; n < first + count; n += PER_COMMIT)
      for (const commit of history(like, n, Math.min(PER_COMMIT, first + count - n), seq, ends)) {
        waiting.push(journal.append(commit))
        seq += commit.entries.length
        if (!ends) for (const { image } of commit.entries) live.set(image.id, image)
        if (waiting.length >= COMMITS_AT_ONCE) await Promise.all(waiting.splice(0))
      }
    await Promise.all(waiting)
  }
  for (let first = 0; first < ended; first += perSegment) {
    await append(first, Math.min(perSegment, ended - first), true)
    await ledger.checkpoint()
    if ((first / perSegment) % 100 === 0) progress(`a large ledger: ${first.toLocaleString('en')} ended instances`)
  }
  await append(ended, sizes.live, false)
  await ledger.checkpoint()
  await journal.close()
  return seq
}

/** What a start has to read at least: the checkpoint and what stands behind it, line by line. */
export async function bareParseMs(directory: string): Promise<number> {
  const inFolderOf = async (name: string) =>
    (await readdir(join(directory, name)))
      .filter(file => file.endsWith('.jsonl'))
      .map(file => join(directory, name, file))
  const checkpoints = await inFolderOf('checkpoint')
  const journals = (await inFolderOf('journal')).sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).slice(-1)
  return timedAsync(async () => {
    for (const path of [...checkpoints, ...journals]) {
      const bytes = await readFile(path)
      for (let at = 0; at < bytes.length;) {
        const end = bytes.indexOf(10, at)
        JSON.parse(bytes.toString('utf8', at, end))
        at = end + 1
      }
    }
  })
}

interface Times {
  median: number
  high: number
  longest: number
}

function timesOf(all: number[]): Times {
  const sorted = all.toSorted((a, b) => a - b)
  return { median: medianOf(all), high: sorted[Math.floor(sorted.length * 0.99)]!, longest: sorted.at(-1)! }
}

async function times(count: number, run: (n: number) => Promise<unknown>): Promise<Times> {
  const all: number[] = []
  for (let n = 0; n < count; n++) all.push(await timedAsync(() => run(n)))
  return timesOf(all)
}

const figures = ({ median, high, longest }: Times): string =>
  `p50 ${median.toFixed(2)} ms, p99 ${high.toFixed(2)} ms, longest ${longest.toFixed(1)} ms`

/** Evenly spread over what there is. */
const spread = (n: number, count: number): number => Math.floor((n * 0.618_034 * count) % count)

async function benchReads({ ledger, orchestrator }: World, sizes: LargeSizes): Promise<BenchRow[]> {
  const { archive } = ledger
  const store = createStore(orchestrator, archive)
  const ended = sizes.instances - sizes.live
  const kind = 'deposit'
  const list = (n: number, state: string) =>
    store.list({ kind, chain: CHAIN, state, after: spread(n, 2 * ended), limit: PAGE })
  const page = await times(sizes.reads, n => list(n, 'final'))
  const live = await times(sizes.reads, n =>
    store.list({ kind, chain: CHAIN, state: 'confirmed', after: spread(n, 2 * ended), limit: PAGE }),
  )
  const reference = await times(sizes.reads, n =>
    store.list({ kind, reference: `customer-${spread(n, 10_000)}`, after: 0, limit: PAGE }),
  )
  const known = await times(sizes.reads, n => store.find(depositOf(spread(n, ended))))
  const unknown = await times(sizes.reads, n => store.find(depositId(`${CHAIN}:${hashOf(n)}:9`)))
  const feed = await times(sizes.reads, n => archive.entries(spread(n, 2 * ended), FEED_PAGE))
  const row = (name: string, all: Times, most: number | null) =>
    benchRow(name, all.median, most === null ? null : { most }, figures(all))
  return [
    row('page of 100 ended ones of a filtered list, ms', page, 5),
    row('page of 100 live ones of a filtered list, ms', live, 5),
    row('page of 100 of one reference, all over the history, ms', reference, 5),
    row('an ended id, ms', known, 1),
    row('an unknown id, ms', unknown, 1),
    row('page of 1,000 of the feed from an archived segment, ms', feed, 20),
  ]
}

async function commit(
  { orchestrator }: World,
  ids: IdOf<'deposit'>[],
  isGoingOn: (done: number) => boolean,
): Promise<number[]> {
  const all: number[] = []
  for (let id = ids.pop(); id !== undefined && isGoingOn(all.length); id = ids.pop()) {
    const startMs = performance.now()
    await orchestrator.dispatch({ type: 'credit.acknowledged', at: AT, data: { id } })
    all.push(performance.now() - startMs)
  }
  return all
}

const confirmed = ({ orchestrator }: World) =>
  orchestrator.memory.list('deposit', CHAIN, 'confirmed').map(({ id }) => id)

/** Of a ledger with few instances. */
const smallCommits = (sizes: LargeSizes): Promise<Times> =>
  inFolder(async directory => {
    const world = await openWorld(directory)
    await openChain(world, ADDRESSES)
    const ids = await confirmDeposits(world, Math.max(sizes.small / 2, sizes.commits), ADDRESSES)
    const all = await commit(world, ids, done => done < sizes.commits)
    await world.close()
    return timesOf(all)
  })

/** lowdb as it comes: the whole file for each change; synced, as ours is. */
const plainWriteMs = (sizes: LargeSizes, like: Instance): Promise<number> =>
  inFolder(async directory => {
    const path = join(directory, 'db.json')
    const instances = Array.from({ length: sizes.plain }, (_, n) => ({ ...like, id: `deposit/${n}` }))
    const low = new Low(new JSONFile<{ instances: unknown[] }>(path), { instances })
    const all: number[] = []
    const { disk } = createPorts('error')
    for (let n = 0; n < sizes.plainWrites; n++)
      all.push(
        await timedAsync(async () => {
          await low.write()
          const file = await disk.open(path, { create: false, append: true })
          await file.sync()
          await file.close()
        }),
      )
    return medianOf(all)
  })

const mebibytes = (bytes: number): string => `${Math.round(bytes / 1024 / 1024).toLocaleString('en')} MiB`

function memoryRow(name: string): BenchRow {
  collectGarbage()
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage()
  const parts = `heap ${mebibytes(heapUsed)}, buffers ${mebibytes(arrayBuffers)}, resident ${mebibytes(rss)}`
  return benchRow(name, rss / 1024 / 1024, null, parts)
}

function watchedRow(scripts: number): BenchRow {
  const watch = createWatch('c', networkOf('bitcoin'))
  const hash = Buffer.alloc(20)
  for (let n = 0; n < scripts; n++) {
    hash.writeDoubleBE(n)
    watch.addAddress(n, addressOf(scriptFor('p2pkh', hash), networkOf('bitcoin'))!)
  }
  const row = memoryRow(`MiB resident with ${scripts.toLocaleString('en')} watched scripts besides`)
  // It is used once more, so that it is not collected before.
  watch.addKey(`c:${hashOf(1)}:0`, 'coin')
  return row
}

export const benchLarge = (sizes: LargeSizes, progress: Progress): Promise<BenchRow[]> =>
  inFolder(async directory => {
    await fill(directory, sizes, progress)
    progress('a large ledger: starting')
    const parseMs = await bareParseMs(directory)
    const startMs = performance.now()
    const world = await openWorld(directory)
    const openMs = performance.now() - startMs
    const instances = sizes.instances.toLocaleString('en')
    const rows = [
      benchRow(
        `start with ${instances} instances / bare JSON.parse`,
        openMs / parseMs,
        { most: 2 },
        `${openMs.toFixed(0)} ms / ${parseMs.toFixed(0)} ms`,
      ),
      memoryRow(`MiB resident with ${instances} instances, ${sizes.live.toLocaleString('en')} of them live`),
    ]
    progress('a large ledger: reading')
    rows.push(...(await benchReads(world, sizes)))
    progress('a large ledger: committing')
    rows.push(...(await benchCommits(world, sizes)))
    await world.close()
    progress(`watching ${sizes.scripts.toLocaleString('en')} scripts`)
    return [...rows, watchedRow(sizes.scripts)]
  })

async function benchCommits(world: World, sizes: LargeSizes): Promise<BenchRow[]> {
  const ids = confirmed(world)
  const like = world.orchestrator.memory.get(ids[0]!)!
  const calm = timesOf(await commit(world, ids, done => done < sizes.commits))
  let isTaken = false
  const checkpoint = world.ledger.checkpoint().finally(() => (isTaken = true))
  const during = timesOf(await commit(world, ids, done => !isTaken || done === 0))
  await checkpoint
  const small = await smallCommits(sizes)
  const plainMs = await plainWriteMs(sizes, like)
  return [
    benchRow('longest commit during a checkpoint, ms', during.longest, { most: 100 }, figures(during)),
    benchRow(
      `a commit at ${sizes.instances.toLocaleString('en')} instances / at ${sizes.small.toLocaleString('en')}`,
      calm.median / small.median,
      { most: 1.3 },
      `${figures(calm)}; ${figures(small)}`,
    ),
    benchRow(
      `plain lowdb with fsync at ${sizes.plain.toLocaleString('en')} / a commit`,
      plainMs / calm.median,
      { least: 300 },
      `${plainMs.toFixed(0)} ms / ${calm.median.toFixed(2)} ms`,
    ),
  ]
}
