/** What the watcher needs of each currency family. */
import type { Json } from '../machines/vocabulary.ts'
import type { Node, Planner, Signable, Watch } from './adapter.ts'
import { SENDABLE_RATE_SAT_PER_VB } from './bitcoin/broadcast.ts'
import { networkOf } from './bitcoin/network.ts'
import { createBitcoinNode } from './bitcoin/node.ts'
import { createPlanner } from './bitcoin/planner.ts'
import { createSignable } from './bitcoin/signable.ts'
import { createWatch } from './bitcoin/watch.ts'
import { boundary } from '../src/kernel/fault.ts'
import type { Disk, Request } from '../src/kernel/ports.ts'

export interface WatchingFamily {
  watch: Watch
  node: Node
  planner: Planner
  signable: Signable
  /** Between two blocks on average, or null where blocks are made at will. */
  blockSeconds: number | null
  /** False where a transaction's id can change before it confirms (B8). */
  segwit: boolean
}

/** A chain of the watcher's configuration, as far as a family reads it. */
export interface WatchedChain {
  family: string
  network: Json
  asset: string
  watch?: 'blocks' | 'wallet'
  node: { url: string; username?: string; password?: string; cookieFile?: string }
  fees?: { target: number; fallbackRate: number; maximumRate: number }
}

/** Throws a boundary fault `configuration` for what this version cannot do. */
export function watchingFamilyOf(
  chain: string,
  { family, network, asset, watch: way, node, fees }: WatchedChain,
  { request, disk }: { request: Request; disk: Disk },
): WatchingFamily {
  if (family !== 'bitcoin' || typeof network !== 'string' || fees === undefined)
    throw boundary('configuration', `chains.${chain}.family: this version cannot follow ${family}`)
  if (way === 'wallet')
    throw boundary('configuration', `chains.${chain}.watch: this version follows blocks only; say blocks`)
  const parameters = networkOf(network)
  const watch = createWatch(chain, parameters)
  // Planned at a higher rate, a transaction could be signed and not be sent.
  const sendable = { ...fees, maximumRate: Math.min(fees.maximumRate, SENDABLE_RATE_SAT_PER_VB) }
  return {
    watch,
    node: createBitcoinNode({ chain, asset, network: parameters, watch, request, disk, node, fees: sendable }),
    planner: createPlanner(chain, asset, parameters, sendable),
    signable: createSignable(chain, asset, parameters),
    blockSeconds: parameters.blockSeconds,
    segwit: parameters.segwit,
  }
}
