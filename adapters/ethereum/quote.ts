/** What a withdrawal would cost now, by the fees at which plans are made. */
import type { Quote } from '../adapter.ts'
import { CAPPED, feesAt, type GasPrices } from './gas.ts'
import type { Network } from './network.ts'

/** A plain payment (yellow paper, appendix G), and what `transfer` of most tokens stays below. */
const PAYMENT_GAS = 21_000n
const TOKEN_GAS = 65_000n
/** What those who cannot wait offer, as a factor of the tip. */
const URGENT = 3n

/** At most so much: what is left of the maximum fee comes back. `cap`: wei per gas. */
export function quoteOf(network: Network, prices: GasPrices, cap: bigint): Quote {
  const { baseFee, tip } = prices
  const price = (urgency: bigint) => feesAt(prices, cap, urgency)?.maximumFeePerGas ?? cap
  const normal = price(1n)
  const present = (baseFee ?? 0n) + tip
  const gas = [
    [network.asset, PAYMENT_GAS] as const,
    ...[...network.contractOf.keys()].map(asset => [asset, TOKEN_GAS] as const),
  ]
  return {
    unit: 'wei',
    rates: {
      low: Number(present < normal ? present : normal),
      normal: Number(normal),
      high: Number(price(URGENT)),
    },
    withdrawal: Object.fromEntries(gas.map(([asset, units]) => [asset, String(units * normal)])),
    reason: feesAt(prices, cap) === null ? CAPPED : null,
  }
}
