/** What of its chain the node shows: up to where it lags, what it has pruned, and which block a name names. */
import { headOf, isCanonical, stateAfter, type EthereumChain, type KnownBlock } from './chain.ts'
import type { Flavour } from './flavours.ts'
import type { EthereumFaults } from './node-faults.ts'
import { CODES, JsonRpcFailure, type BlockName } from './parameters.ts'
import type { TransactionPool } from './pool.ts'
import type { WorldState } from './state.ts'

/** What the methods work on; node.ts makes it. */
export interface EthereumNodeState {
  chain: EthereumChain
  pool: TransactionPool
  flavour: Flavour
  faults: EthereumFaults
  /** How many blocks stand above `safe` and `finalized`. */
  finality: { safe: number; finalized: number }
  limits: LogLimits
}

export interface LogLimits {
  /** Of a range; null for none. */
  blocks: number | null
  logs: number
}

/** The latest block that the node knows of. */
export function shownHead({ chain, faults }: EthereumNodeState): KnownBlock {
  const number = Math.max(0, headOf(chain).header.number - faults.lagBlocks)
  return chain.canonical[number]!
}

/** A node that lags does not know the blocks above. */
export function isShown(node: EthereumNodeState, block: KnownBlock): boolean {
  return !isCanonical(node.chain, block) || block.header.number <= shownHead(node).header.number
}

/** Whether transactions and receipts of the block can be found by their hash. */
export function isIndexed(node: EthereumNodeState, block: KnownBlock): boolean {
  return block.header.number <= shownHead(node).header.number - node.faults.unindexedBlocks
}

export function refusePruned({ faults }: EthereumNodeState, block: KnownBlock): void {
  if (block.header.number > 0 && block.header.number <= faults.prunedNumber)
    throw new JsonRpcFailure(CODES.pruned, 'pruned history unavailable')
}

function blockByTag(node: EthereumNodeState, tag: string): KnownBlock | null {
  const { chain, faults, finality, flavour } = node
  const head = shownHead(node)
  if (tag === 'earliest') return chain.canonical[0]!
  if (tag !== 'safe' && tag !== 'finalized') return head
  const said = faults.tags.get(tag)
  const hash = said === undefined ? chain.canonical[Math.max(0, head.header.number - finality[tag])]!.hash : said
  if (hash !== null) return chain.known.get(hash)!
  const refusal = flavour.absentTag(tag)
  if (refusal !== null) throw new JsonRpcFailure(refusal.code, refusal.message)
  return null
}

/** Null where there is none yet. */
export function blockNamed(node: EthereumNodeState, name: BlockName): KnownBlock | null {
  const { chain } = node
  if ('tag' in name) return blockByTag(node, name.tag)
  if ('number' in name) {
    const block = chain.canonical[name.number]
    return block !== undefined && isShown(node, block) ? block : null
  }
  const block = chain.known.get(name.hash)
  return block !== undefined && isShown(node, block) ? block : null
}

/** Runs in the state after the block. Throws in geth's words where there is no such block, or no such state any more. */
export function inState<Result>(
  node: EthereumNodeState,
  name: BlockName,
  run: (state: WorldState, block: KnownBlock) => Result,
): Result {
  const { chain, faults } = node
  const block = blockNamed(node, name)
  if (block === null) {
    const message = 'hash' in name ? 'header for hash not found' : 'header not found'
    throw new JsonRpcFailure(CODES.server, message)
  }
  if ('hash' in name && name.isCanonicalOnly && !isCanonical(chain, block))
    throw new JsonRpcFailure(CODES.server, 'hash is not currently canonical')
  const depth = shownHead(node).header.number - block.header.number
  if (!isCanonical(chain, block) || (faults.stateBlocks !== null && depth >= faults.stateBlocks)) {
    const { stateRoot } = block.header
    throw new JsonRpcFailure(
      CODES.server,
      `missing trie node ${stateRoot.slice(2)} (path ) state ${stateRoot} is not available, not found`,
    )
  }
  return stateAfter(chain, block, state => run(state, block))
}
