/** What a withdrawal would cost now: by the rates that a plan takes, and the size that a plan has. */
import type { Quote } from '../adapter.ts'
import { feeSat } from './coins.ts'
import type { RateFacts } from './funds.ts'
import type { Network } from './network.ts'
import { cappedAt, ratesMilli } from './planner.ts'
import { transactionWeight } from './size.ts'

/** A few coins are spent as often as one; a quote that is too low is paid by us. */
const INPUTS = 2
/** The longest script that is paid in practice (P2TR, P2WSH: 34 bytes), and change to ourselves, which is no longer. */
const SCRIPT_BYTES = 34
const SCRIPTS = [new Uint8Array(SCRIPT_BYTES), new Uint8Array(SCRIPT_BYTES)]
const MILLI = 1000

/** As many blocks as a withdrawal may wait, by priority; `target` is the configured one. */
export const quotedTargets = (target: number) => ({ low: Math.min(6 * target, 1008), normal: target, high: 1 })

export interface QuotedChain {
  asset: string
  network: Network
  maximumRate: number
}

/** `facts`: what a plan would be given, by priority. An estimate for later may be the higher one: patience never costs more. */
export function quoteOf(
  { asset, network, maximumRate }: QuotedChain,
  facts: Record<'low' | 'normal' | 'high', RateFacts>,
): Quote {
  const milliOf = (given: RateFacts) => ratesMilli(given, network, maximumRate)
  const normal = milliOf(facts.normal)
  const lower = milliOf(facts.low).rateMilli
  const higher = milliOf(facts.high).rateMilli
  const inUnit = (milli: bigint) => Number(milli) / MILLI
  const fee = feeSat(transactionWeight(INPUTS, SCRIPTS, network), normal)
  return {
    unit: 'sat/vB',
    rates: {
      low: inUnit(lower < normal.rateMilli ? lower : normal.rateMilli),
      normal: inUnit(normal.rateMilli),
      high: inUnit(higher > normal.rateMilli ? higher : normal.rateMilli),
    },
    withdrawal: { [asset]: fee.toString() },
    reason: cappedAt(facts.normal, maximumRate),
  }
}
