/** Where the money is: sums over the live coins of a chain. */
import { stateOf, type InstanceOf } from '../kernel/entry.ts'
import { heightOf } from '../../machines/vocabulary.ts'
import type { LiveMemory } from '../orchestrator/memory.ts'
import type { ChainPolicy } from '../orchestrator/policy.ts'

export interface Balance {
  asset: string
  decimals: number
  /** In blocks, deep enough to be spent; includes `reserved`. */
  confirmed: string
  /** On its way in: unconfirmed, or not deep enough. */
  pending: string
  /** Of `confirmed`: bound to transfers that are not in a block. */
  reserved: string
}

interface Sums {
  confirmed: bigint
  pending: bigint
  reserved: bigint
}

/** A coin whose spend is in a block is gone, and one that cannot come as long as another transaction is in a block is not there. */
function add(sums: Sums, instance: InstanceOf<'coin'>, height: number): void {
  const { amount, spent, place, ripe, conflict } = instance.context
  if (spent !== null || conflict !== null) return
  const value = BigInt(amount)
  const isRipe = place !== null && height >= heightOf(place.height, ripe)
  if (isRipe) sums.confirmed += value
  else sums.pending += value
  if (isRipe && stateOf(instance) === 'reserved') sums.reserved += value
}

export function balancesOf(memory: LiveMemory, { name: chain, asset, decimals }: ChainPolicy): Balance[] {
  const sums: Sums = { confirmed: 0n, pending: 0n, reserved: 0n }
  for (const coin of memory.list('coin', chain)) add(sums, coin, memory.heights[chain] ?? -1)
  const amounts = {
    confirmed: String(sums.confirmed),
    pending: String(sums.pending),
    reserved: String(sums.reserved),
  }
  return [{ asset, decimals: decimals[asset]!, ...amounts }]
}
