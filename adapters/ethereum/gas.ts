/**
 * What gas costs, and how much a transaction needs: the cap of the configuration is never exceeded, and chains without EIP-1559 have
 * one price. Pure. https://eips.ethereum.org/EIPS/eip-1559
 */
import type { GasFees } from './build.ts'
import { MAXIMUM_GAS } from './transaction.ts'

/** What a node says of the price of gas, wei. `baseFee`: of its latest block, null where the chain has none. */
export interface GasPrices {
  baseFee: bigint | null
  /** For the producer of the block; without a base fee the whole price. */
  tip: bigint
}

/** What prices grow to within six full blocks. */
const HEADROOM = 2n
/** The next block's base fee is at most so much above the latest one's, in eighths. */
const NEXT_EIGHTHS = 9n
const EIGHTHS = 8n

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b)

const nextBaseFee = (baseFee: bigint): bigint => (baseFee * NEXT_EIGHTHS) / EIGHTHS

/** Null where the cap, wei per gas, lies below what the next block takes. `urgency`: what is offered above the tip, as a factor. */
export function feesAt({ baseFee, tip }: GasPrices, cap: bigint, urgency = 1n): GasFees | null {
  if (baseFee === null)
    return tip > cap ? null : { maximumFeePerGas: least(tip * urgency, cap), priorityFeePerGas: null }
  if (nextBaseFee(baseFee) + tip > cap) return null
  const priorityFeePerGas = least(tip * urgency, cap - nextBaseFee(baseFee))
  return { maximumFeePerGas: least(HEADROOM * baseFee + priorityFeePerGas, cap), priorityFeePerGas }
}

/** Why nothing is planned at these prices. */
export const CAPPED = 'gas costs more than fees.maximumFeePerGas allows: raise it, or wait until prices fall'

/** Above an estimate: state moves between the estimate and the block. */
const MARGIN_PERCENT = 25n
const PERCENT = 100n

/** With a margin; null where no transaction may have so much (E13, EIP-7825). */
export function gasLimitOf(estimate: bigint): bigint | null {
  if (estimate > MAXIMUM_GAS) return null
  return least(estimate + (estimate * MARGIN_PERCENT) / PERCENT, MAXIMUM_GAS)
}
