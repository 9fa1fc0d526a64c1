/** EVM chains, as the watcher needs them. */
import { z } from 'zod'
import { boundary } from '../../src/kernel/fault.ts'
import type { AssetPolicy } from '../book.ts'
import type { OpenWatching } from '../family.ts'
import { createBook } from './book.ts'
import { networkOf } from './network.ts'
import { createEthereumNode } from './node.ts'
import { createPlanner } from './planner.ts'
import { createSignable } from './signable.ts'
import { createWatch } from './watch.ts'

/** Of the native asset of every chain of the family. */
const NATIVE_DECIMALS = 18

/** Between two blocks, where everybody knows: elsewhere a chain that stands still is not told from one that is slow. */
const BLOCK_SECONDS: ReadonlyMap<number, number> = new Map([
  [1, 12],
  [10, 2],
  [8453, 2],
  [11_155_111, 12],
])

const amount = z.string().transform(BigInt)
/** The family's part of the configuration, which has been checked as that was read. */
const ownShape = z.object({
  confirmations: z.object({ credit: z.union([z.literal('finalized'), z.number()]) }),
  tokens: z.array(
    z.object({ asset: z.string(), contract: z.string(), decimals: z.number(), minimumDeposit: z.string() }),
  ),
  sweep: z.object({ minimum: amount, tokens: z.record(z.string(), amount) }),
  internalTransfers: z.enum(['auto', 'off']),
  fees: z.object({ maximumFeePerGas: amount }),
})

/** The watcher's half of the family. Boundary fault `configuration` for what is no chain of it. */
export const watchEthereum: OpenWatching = (configured, { request, log }) => {
  const { chain, asset, minimumDeposit, node, own } = configured
  const parsed = ownShape.safeParse(own)
  if (!parsed.success) throw boundary('configuration', `chains.${chain}: ${z.prettifyError(parsed.error)}`)
  const { confirmations, tokens, sweep: gathered, internalTransfers, fees } = parsed.data
  const network = networkOf(chain, { network: configured.network, asset, tokens })
  const watch = createWatch()
  const sweep = { [asset]: gathered.minimum, ...gathered.tokens }
  const followsFinalized = confirmations.credit === 'finalized'
  const assets: Record<string, AssetPolicy> = { [asset]: { minimumDeposit, decimals: NATIVE_DECIMALS } }
  for (const token of tokens) assets[token.asset] = { minimumDeposit: token.minimumDeposit, decimals: token.decimals }
  return {
    watch,
    node: createEthereumNode({
      ...{ chain, network, watch, request, node, followsFinalized, fees, sweep, log },
      seesInternal: internalTransfers !== 'off',
    }),
    planner: createPlanner(chain, network, sweep, fees.maximumFeePerGas),
    book: createBook(network, watch),
    signable: createSignable(chain, network),
    // What is final comes many blocks at a time.
    blockSeconds: followsFinalized ? null : (BLOCK_SECONDS.get(network.chainId) ?? null),
    assets,
  }
}
