/** Amounts with their units, as the chains that are shown name them. */
import { chains } from './live.ts'
import { inUnits } from './words.ts'

/** How many decimals an asset has, or null where no chain that is shown has it. */
export function decimalsOf(chain: string, asset: string): number | null {
  const balances = chains.value.find(one => one.chain === chain)?.balances ?? []
  return balances.find(balance => balance.asset === asset)?.decimals ?? null
}

/** With its unit; in base units where the decimals are not known. */
export function amountOf(chain: string, asset: string, amount: string): string {
  const decimals = decimalsOf(chain, asset)
  return decimals === null ? `${amount} base units of ${asset}` : `${inUnits(amount, decimals)} ${asset}`
}
