/** Compares what the ledger holds with what the node itself counts at our addresses. */
import type { Node } from '../../adapters/adapter.ts'
import type { Place } from '../../machines/vocabulary.ts'
import { firstThatAsync } from '../kernel/bisect.ts'
import type { LiveMemory } from '../orchestrator/memory.ts'
import { chainContext } from '../orchestrator/orchestrator.ts'
import type { ChainPolicy } from '../orchestrator/policy.ts'

export interface Audit {
  /** How many things were counted (where a chain keeps coins: those). */
  count: number
  /** Their sum, base units. */
  total: string
  /** Names of what the node has and the ledger lacks, and the other way round, or with another amount. */
  missing: string[]
  surplus: string[]
}

/** Whether memory can still say how things stood at this block: it is on our chain, and nothing spent since is forgotten. */
function isRemembered(memory: LiveMemory, chain: string, at: Place): boolean {
  const { blocks, height, final } = chainContext(memory, chain)!
  return blocks.some(({ hash }) => hash === at.hash) && height - at.height < final
}

/**
 * The chain may go on meanwhile: what is compared is how things stood at the block at which the node counted.
 * Null where the node cannot count; `moved` where memory does not stand there yet or no more: ask again.
 */
export async function audit(
  memory: LiveMemory,
  { name: chain, book }: ChainPolicy,
  node: Node,
): Promise<Audit | 'moved' | null> {
  const addresses = memory.list('address', chain).map(({ context }) => context.address)
  const counted = await node.count(addresses)
  if (counted === null) return null
  if (!isRemembered(memory, chain, counted.at)) return 'moved'
  const ours = book.counted(memory, chain, counted.at)
  const theirs = new Map(counted.holdings.map(({ key, amount }) => [key, amount]))
  const differing = (a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>) =>
    [...a].filter(([key, amount]) => b.get(key) !== amount).map(([key]) => key)
  return {
    count: ours.size,
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
