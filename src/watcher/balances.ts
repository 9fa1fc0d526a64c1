/** Where the money is, as the API shows it. */
import type { AssetBalance } from '../../adapters/book.ts'
import type { LiveMemory } from '../orchestrator/memory.ts'
import type { ChainPolicy } from '../orchestrator/policy.ts'

export interface Balance extends AssetBalance {
  decimals: number
}

export const balancesOf = (memory: LiveMemory, policy: ChainPolicy): Balance[] =>
  policy.book.balances({ memory, policy }).map(({ asset, ...sums }) => ({
    asset,
    decimals: policy.assets[asset]!.decimals,
    ...sums,
  }))
