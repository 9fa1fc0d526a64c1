/** What the whole system is worth on a real node, one table; `run.ts` is the command. */
import type { BenchRow, Progress } from '../../bench/measure.ts'
import { measureBurst, type BurstSizes } from './burst.ts'
import { measureCatchingUp, type CatchingUpSizes } from './catching-up.ts'
import { measureDiscovering, type DiscoveringSizes } from './discovering.ts'
import { measureManyOutputs, type ManyOutputsSizes } from './many-outputs.ts'

export interface NodeSizes {
  discovering: DiscoveringSizes
  burst: BurstSizes
  catchingUp: CatchingUpSizes
  manyOutputs: ManyOutputsSizes
}

export const NODE_SIZES: NodeSizes = {
  discovering: { addresses: 20_000, blocks: 200 },
  burst: { withdrawals: 1000, singles: 10 },
  catchingUp: { blocks: 5000 },
  manyOutputs: { outputs: 3000, transactions: 4 },
}

/** Each on a node of its own. */
export const PARTS: Readonly<Record<string, (sizes: NodeSizes, progress: Progress) => Promise<BenchRow[]>>> = {
  discovering: ({ discovering }, progress) => measureDiscovering(discovering, progress),
  burst: ({ burst }, progress) => measureBurst(burst, progress),
  'catching-up': ({ catchingUp }, progress) => measureCatchingUp(catchingUp, progress),
  'many-outputs': ({ manyOutputs }, progress) => measureManyOutputs(manyOutputs, progress),
}
