/** Compares what the ledger holds with what the node itself finds unspent at our addresses. */
import type { Node } from '../../adapters/adapter.ts'
import type { CoinContext } from '../../machines/coin.ts'
import type { Place } from '../../machines/vocabulary.ts'
import { transactionFacet } from '../orchestrator/facets.ts'
import { READ_MAXIMUM, type Archive } from '../ledger/engine.ts'
import { firstThatAsync } from '../kernel/bisect.ts'
import type { LiveMemory } from '../orchestrator/memory.ts'
import { chainContext } from '../orchestrator/orchestrator.ts'

export interface Audit {
  coins: number
  /** Base units, of the coins in blocks that no transaction in a block has spent. */
  total: string
  /** Spend keys that the node has and the ledger lacks, and the other way round, or with another amount. */
  missing: string[]
  surplus: string[]
}

/** Inputs whose payment no block that was read has made: the ledger begins too high, or a reorganisation took it back. */
export interface Unexplained {
  /** Spent in a block: paid before the first that was read. */
  earlier: string[]
  /** Of transfers under way: paid before, or by what a reorganisation took back. */
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

/** Coins that have ended and of which no block that was read shows the payment. */
async function endedUnpaid(archive: Archive, chain: string): Promise<CoinContext[]> {
  const found: CoinContext[] = []
  for (let after = 0; ;) {
    const page = await archive.list({ kind: 'coin', chain, state: 'spent', after, limit: READ_MAXIMUM })
    found.push(...page.map(({ context }) => context).filter(({ place }) => place === null))
    const last = page.at(-1)
    if (last === undefined) return found
    after = last.seq
  }
}

/** What none of our own transactions under way is to pay either. Reads all that has ended. */
export async function unexplainedCoins(memory: LiveMemory, archive: Archive, chain: string): Promise<Unexplained> {
  const isOurs = ({ transactionId }: CoinContext) => memory.find(transactionFacet(chain, transactionId)).length > 0
  const live = coinsOf(memory, chain).filter(coin => coin.place === null && coin.holder !== null && !isOurs(coin))
  const ended = await endedUnpaid(archive, chain)
  const keysOf = (coins: CoinContext[]) => coins.map(({ key }) => key)
  return {
    earlier: keysOf([...live.filter(({ spent }) => spent !== null), ...ended]),
    unseen: keysOf(live.filter(({ spent }) => spent === null)),
  }
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
  return {
    coins: ours.size,
    total: String([...ours.values()].reduce((sum, amount) => sum + BigInt(amount), 0n)),
    missing: differing(theirs, ours),
    surplus: differing(ours, theirs),
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

/**
 * The highest block, up to this height, from which a ledger surely reads all that was paid to its addresses: the one below
 * was found before any of them was made. 1 where there is none.
 */
export async function beginningOf(memory: LiveMemory, chain: string, node: Node, height: number): Promise<number> {
  const made = memory.list('address', chain).map(({ context }) => Date.parse(context.createdAt))
  const safe = made.reduce((oldest, createdAt) => Math.min(oldest, createdAt), Infinity) - CLOCK_TOLERANCE_MS
  const isTooHigh = async (n: number) => (await node.base(n + 1)).time * 1000 > safe
  return Math.max(1, await firstThatAsync(height, isTooHigh))
}
