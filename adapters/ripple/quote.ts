/** What a withdrawal would cost now: one transaction each, at the price of the open ledger. */
import type { Quote } from '../adapter.ts'

/** Drops, in digits, as a server says them. */
export type Prices = Record<'base_fee' | 'minimum_fee' | 'open_ledger_fee', string>

/** The open ledger's price: what pays less waits in a queue, which is not for what must not be relayed when it fails (X18, X21). */
export const feeOf = ({ base_fee, minimum_fee, open_ledger_fee }: Prices): bigint =>
  [base_fee, minimum_fee, open_ledger_fee].map(BigInt).reduce((most, one) => (one > most ? one : most))

/** Why nothing is planned while the open ledger asks for more than may be paid, or null. Drops. */
export const overFeeCap = (fee: bigint, maximumFee: bigint): string | null =>
  fee > maximumFee
    ? `the open ledger costs more than fees.maximumFee (${maximumFee} drops): raise it, or wait until it is less full`
    : null

export function quoteOf(asset: string, prices: Prices, maximumFee: bigint): Quote {
  const now = feeOf(prices)
  const fee = now < maximumFee ? now : maximumFee
  const base = BigInt(prices.base_fee)
  const low = base < fee ? base : fee
  return {
    unit: 'drops',
    rates: { low: Number(low), normal: Number(fee), high: Number(fee) },
    withdrawal: { [asset]: fee.toString() },
    reason: overFeeCap(now, maximumFee),
  }
}
