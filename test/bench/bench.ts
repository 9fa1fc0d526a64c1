/**
 * The benchmark table: how near the real thing comes to the least that a disk, XState, a walk of a block and a scrypt cost.
 * Both sides of a ratio are measured in the same run. A figure that misses what is wanted is said, never a failure.
 */
import { benchCheckpoint, type CheckpointSizes } from './checkpoint.ts'
import { benchDurable, type DurableSizes } from './durable.ts'
import { benchLattice, type LatticeSizes } from './lattice.ts'
import type { BenchRow, Progress } from './measure.ts'
import { benchLarge, type LargeSizes } from './large.ts'
import { benchRemembered, type RememberedSizes } from './remembered.ts'
import { benchPlan, type PlanSizes } from './plan.ts'
import { benchPolls, type PollSizes } from './polls.ts'
import { benchScan, type ScanSizes } from './scan.ts'
import { benchSigner, type SignerSizes } from './signer.ts'
import { benchStart, type StartSizes } from './start.ts'
import { benchSteps, type StepSizes } from './steps.ts'
import { benchTurns, type TurnSizes } from './turns.ts'

export interface BenchSizes {
  durable: DurableSizes
  steps: StepSizes
  scan: ScanSizes
  checkpoint: CheckpointSizes
  signer: SignerSizes
  plan: PlanSizes
  remembered: RememberedSizes
  turns: TurnSizes
  polls: PollSizes
  start: StartSizes
  lattice: LatticeSizes
}

const SIZES: BenchSizes = {
  durable: { rounds: 9, steps: 400 },
  steps: { rounds: 9, deposits: 4000 },
  scan: { scripts: 1_000_000, keys: 200_000, rounds: 101 },
  checkpoint: { instances: 200_000 },
  signer: { warming: 12, rounds: 9, requests: 200, largeRequests: 5 },
  plan: { coins: 100_000, rounds: 5 },
  remembered: { signed: 20_000, voids: 20_000, addresses: 4_000 },
  turns: { coins: 50_000, withdrawals: 1000 },
  polls: { ids: 300_000, rounds: 9, blocks: 500 },
  start: { rounds: 9 },
  lattice: { blocks: 100, rounds: 9, accounts: 10_000 },
}

export async function bench(
  progress: Progress = line => process.stderr.write(`${line}\n`),
  sizes: BenchSizes = SIZES,
): Promise<BenchRow[]> {
  return [
    ...(await benchDurable(sizes.durable, progress)),
    ...benchSteps(sizes.steps, progress),
    ...benchScan(sizes.scan, progress),
    ...(await benchCheckpoint(sizes.checkpoint, progress)),
    ...(await benchSigner(sizes.signer, progress)),
    ...benchPlan(sizes.plan, progress),
    ...(await benchRemembered(sizes.remembered, progress)),
    ...(await benchTurns(sizes.turns, progress)),
    ...(await benchPolls(sizes.polls, progress)),
    ...(await benchStart(sizes.start, progress)),
    ...(await benchLattice(sizes.lattice, progress)),
  ]
}

const LARGE: LargeSizes = {
  ...{ instances: 1_000_000, live: 100_000, segments: 1000, scripts: 5_000_000 },
  ...{ reads: 300, commits: 2000, small: 1000, plain: 100_000, plainWrites: 3 },
}

const MUCH: RememberedSizes = { signed: 1_000_000, voids: 1_000_000, addresses: 200_000 }

/** What a long history costs, the watcher's and the signer's: minutes, and some gigabytes of the temporary directory. */
export const benchHistory = async (
  progress: Progress = line => process.stderr.write(`${line}\n`),
  sizes: LargeSizes = LARGE,
  remembered: RememberedSizes = MUCH,
): Promise<BenchRow[]> => [...(await benchLarge(sizes, progress)), ...(await benchRemembered(remembered, progress))]
