/** The bitcoin family, as the watcher needs it. */
import { boundary } from '../../src/kernel/fault.ts'
import type { OpenWatching } from '../family.ts'
import { SENDABLE_RATE_SAT_PER_VB } from './broadcast.ts'
import { COIN_DECIMALS, networkOf } from './network.ts'
import { createBitcoinNode } from './node.ts'
import { createBook } from './book.ts'
import { createPlanner, type Consolidation } from './planner.ts'
import { createReplacing } from './replacement.ts'
import { coinsOf, createSignable } from './signable.ts'
import { createWatch } from './watch.ts'

interface Fees {
  target: number
  fallbackRate: number
  maximumRate: number
}

const isConsolidation = (given: unknown): given is Consolidation =>
  typeof given === 'object' && given !== null && 'above' in given && 'maximumRate' in given

const isFees = (fees: unknown): fees is Fees =>
  typeof fees === 'object' && fees !== null && 'target' in fees && 'fallbackRate' in fees && 'maximumRate' in fees

/** The watcher's half of the family. Boundary fault `configuration` for what the family cannot do. */
export const watchBitcoin: OpenWatching = (configured, { request, disk }) => {
  const { chain, network, asset, minimumDeposit, node, own } = configured
  const { watch: way, fees, consolidation } = own
  if (typeof network !== 'string') throw boundary('configuration', `chains.${chain}.network: must be a network's name`)
  if (!isFees(fees)) throw boundary('configuration', `chains.${chain}.fees: missing`)
  if (!isConsolidation(consolidation)) throw boundary('configuration', `chains.${chain}.consolidation: missing`)
  if (way === 'wallet')
    throw boundary('configuration', `chains.${chain}.watch: this version follows blocks only; say blocks`)
  const parameters = networkOf(network)
  const watch = createWatch(chain, parameters)
  // Planned at a higher rate, a transaction could be signed and not be sent.
  const sendable = { ...fees, maximumRate: Math.min(fees.maximumRate, SENDABLE_RATE_SAT_PER_VB) }
  return {
    watch,
    node: createBitcoinNode({ chain, asset, network: parameters, watch, request, disk, node, fees: sendable }),
    planner: {
      ...createPlanner(chain, parameters, { asset, maximumRate: sendable.maximumRate, consolidation }),
      ...createReplacing({ chain, network: parameters, maximumRate: sendable.maximumRate }),
    },
    book: createBook({
      coinsOf: template => coinsOf(chain, parameters, template),
      hasMalleableIds: !parameters.segwit,
      spendsUnconfirmedChange: parameters.segwit,
      consolidatesAbove: consolidation.above,
    }),
    signable: createSignable(chain, asset, parameters),
    blockSeconds: parameters.blockSeconds,
    assets: { [asset]: { minimumDeposit, decimals: COIN_DECIMALS } },
  }
}
