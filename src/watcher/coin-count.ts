/** Compares what the ledger holds with what the node itself finds unspent at our addresses. */
import type { Node } from '../../adapters/adapter.ts'
import type { CoinContext } from '../../machines/coin.ts'
import type { Place } from '../../machines/vocabulary.ts'
import { transactionFacet } from '../orchestrator/facets.ts'
import type { LiveMemory } from '../orchestrator/memory.ts'
import { chainContext } from '../orchestrator/orchestrator.ts'

export interface Audit {
  coins: number
  /** Base units, of the coins in blocks that no transaction in a block has spent. */
  total: string
  /** Spend keys that the node has and the ledger lacks, and the other way round, or with another amount. */
  missing: string[]
  surplus: string[]
  /** Spent in a block, though no block that was read has paid them: they were paid before the first one that was. */
  earlier: string[]
  /** Inputs of transfers under way that no block has paid: paid before, or by what a reorganisation took back. */
  unseen: string[]
}

const coinsOf = (memory: LiveMemory, chain: string): CoinContext[] =>
  memory.list('coin', chain).map(instance => instance.context)

/** Coins that stood in a block and were not spent in one, as of this block: key to amount. */
function unspentAt(coins: readonly CoinContext[], { height }: Place): Map<string, string> {
  const isThere = (place: Place | null | undefined) => place !== null && place !== undefined && place.height <= height
  return new Map(
    coins
      .filter(({ place, spent }) => isThere(place) && !isThere(spent?.place))
      .map(({ key, amount }) => [key, amount]),
  )
}

/** Whether memory can still say how things stood at this block: it is on our chain, and nothing spent since is forgotten. */
function isRemembered(memory: LiveMemory, chain: string, at: Place): boolean {
  const { blocks, height, final } = chainContext(memory, chain)!
  return blocks.some(({ hash }) => hash === at.hash) && height - at.height < final
}

/** Inputs whose payment was in no block, though none of our own transactions under way is to make it. */
function unpaid(memory: LiveMemory, chain: string): CoinContext[] {
  const isOurs = ({ transactionId }: CoinContext) => memory.find(transactionFacet(chain, transactionId)).length > 0
  return coinsOf(memory, chain).filter(coin => coin.place === null && coin.holder !== null && !isOurs(coin))
}

/**
 * The chain may go on meanwhile: what is compared is how things stood at the block at which the node counted.
 * Null where the node cannot count; `moved` where memory does not stand there yet or no more: ask again.
 */
export async function auditCoins(memory: LiveMemory, chain: string, node: Node): Promise<Audit | 'moved' | null> {
  const addresses = memory.list('address', chain).map(({ context }) => context.address)
  const counted = await node.unspent(addresses)
  if (counted === null) return null
  if (!isRemembered(memory, chain, counted.at)) return 'moved'
  const ours = unspentAt(coinsOf(memory, chain), counted.at)
  const theirs = new Map(counted.coins.map(({ key, amount }) => [key, amount]))
  const differing = (a: Map<string, string>, b: Map<string, string>) =>
    [...a].filter(([key, amount]) => b.get(key) !== amount).map(([key]) => key)
  const lost = unpaid(memory, chain)
  return {
    coins: ours.size,
    total: String([...ours.values()].reduce((sum, amount) => sum + BigInt(amount), 0n)),
    missing: differing(theirs, ours),
    surplus: differing(ours, theirs),
    earlier: lost.filter(({ spent }) => spent !== null).map(({ key }) => key),
    unseen: lost.filter(({ spent }) => spent === null).map(({ key }) => key),
  }
}

/** Block times may be two hours ahead of the clock. */
const CLOCK_TOLERANCE_MS = 2 * 3_600_000

/**
 * Whether addresses were made before the first block that a ledger from `height` on reads: what was paid to them in
 * between is not in it.
 */
export async function isOlderThan(memory: LiveMemory, chain: string, node: Node, height: number): Promise<boolean> {
  const { time } = await node.base(height)
  const made = memory.list('address', chain).map(({ context }) => context.createdAt)
  return made.some(createdAt => Date.parse(createdAt) < time * 1000 - CLOCK_TOLERANCE_MS)
}
