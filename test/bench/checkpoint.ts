/** How long a checkpoint takes, what commits wait for meanwhile, and how long a start takes behind it. */
import { performance } from 'node:perf_hooks'
import type { IdOf } from '../../machines/ids.ts'
import { benchRow, timedAsync, type BenchRow, type Progress } from './measure.ts'
import { AT, confirmDeposits, inFolder, openChain, openWorld, type World } from './world.ts'

export interface CheckpointSizes {
  /** Live instances, half of them deposits and half of them coins. */
  instances: number
}

const ADDRESSES = 100
/** Commits of one writer before the checkpoint begins, for comparison. */
const CALM_COMMITS = 500
/** At most so many deposits are acknowledged before and while the checkpoint is taken. */
const COMMITS_MAXIMUM = 50_000

/** Acknowledges one credit after the other while `isGoingOn`; answers how long each took to be durable. */
async function acknowledge(
  { orchestrator }: World,
  ids: IdOf<'deposit'>[],
  isGoingOn: () => boolean,
): Promise<number[]> {
  const latencies: number[] = []
  while (isGoingOn()) {
    const id = ids.pop()
    if (id === undefined || latencies.length >= COMMITS_MAXIMUM) break
    const startMs = performance.now()
    await orchestrator.dispatch({ type: 'credit.acknowledged', at: AT, data: { id } })
    latencies.push(performance.now() - startMs)
  }
  return latencies
}

const longest = (latencies: readonly number[]): number => latencies.reduce((a, b) => Math.max(a, b), 0)

interface Taken {
  checkpointMs: number
  calm: number[]
  during: number[]
}

async function takeCheckpoint(world: World, ids: IdOf<'deposit'>[]): Promise<Taken> {
  // Making the instances may have begun one by itself.
  await world.ledger.checkpoint()
  let calmLeft = CALM_COMMITS
  const calm = await acknowledge(world, ids, () => calmLeft-- > 0)
  let isTaken = false
  const checkpoint = timedAsync(() => world.ledger.checkpoint()).finally(() => {
    isTaken = true
  })
  const during = await acknowledge(world, ids, () => !isTaken)
  return { checkpointMs: await checkpoint, calm, during }
}

export const benchCheckpoint = ({ instances }: CheckpointSizes, progress: Progress): Promise<BenchRow[]> =>
  inFolder(async directory => {
    progress(`a checkpoint of ${instances.toLocaleString('en')} instances: making them`)
    const world = await openWorld(directory)
    await openChain(world, ADDRESSES)
    const ids = await confirmDeposits(world, instances / 2, ADDRESSES)
    progress('a checkpoint: taking it')
    const taken = await takeCheckpoint(world, ids)
    await world.close()
    progress('a start')
    const bootMs = await timedAsync(async () => (await openWorld(directory)).close())
    return rowsOf(instances, taken, bootMs)
  })

function rowsOf(instances: number, { checkpointMs, calm, during }: Taken, bootMs: number): BenchRow[] {
  const all = instances.toLocaleString('en')
  const before = longest(calm)
  return [
    benchRow(
      `seconds for a checkpoint of ${all} instances`,
      checkpointMs / 1000,
      null,
      `${during.length} commits meanwhile`,
    ),
    benchRow('longest commit during it, ms', longest(during), null, `${before.toFixed(1)} ms without a checkpoint`),
    benchRow(`seconds to open it again`, bootMs / 1000, null, `${(instances / bootMs).toFixed(0)} instances/ms`),
  ]
}
