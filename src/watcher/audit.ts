/** Compares what the ledger holds with what the node itself finds unspent at our addresses. */
import type { Node } from '../../adapters/adapter.ts'
import type { AddressContext } from '../../machines/address.ts'
import type { CoinContext } from '../../machines/coin.ts'
import type { LiveMemory } from '../orchestrator/memory.ts'

export interface Audit {
  coins: number
  /** Base units, of the coins in blocks that no transaction in a block has spent. */
  total: string
  /** Spend keys that the node has and the ledger lacks, and the other way round, or with another amount. */
  missing: string[]
  surplus: string[]
}

/** Coins that stand in a block and are not spent in one: key to amount. */
function unspentCoins(memory: LiveMemory, chain: string): Map<string, string> {
  const coins = memory.list('coin', chain).map(instance => instance.context as unknown as CoinContext)
  return new Map(
    coins.filter(({ place, spent }) => place !== null && spent === null).map(({ key, amount }) => [key, amount]),
  )
}

/** Null where the node cannot say. Both sides must stand at the same block: the caller follows nothing meanwhile. */
export async function auditCoins(memory: LiveMemory, chain: string, node: Node): Promise<Audit | null> {
  const addresses = memory.list('address', chain).map(({ context }) => (context as unknown as AddressContext).address)
  const found = await node.unspent(addresses)
  if (found === null) return null
  const ours = unspentCoins(memory, chain)
  const theirs = new Map(found.map(({ key, amount }) => [key, amount]))
  const differing = (a: Map<string, string>, b: Map<string, string>) =>
    [...a].filter(([key, amount]) => b.get(key) !== amount)
  return {
    coins: ours.size,
    total: String([...ours.values()].reduce((sum, amount) => sum + BigInt(amount), 0n)),
    missing: differing(theirs, ours).map(([key]) => key),
    surplus: differing(ours, theirs).map(([key]) => key),
  }
}
