/**
 * Brings what deposit accounts hold to the treasury. One transfer of an account at a time: gas from the treasury first, where it lacks
 * it for a token, and the token when that gas is beyond any reorg (E12); what is left is dust, which is counted and not chased. What
 * would fail is not begun (E26).
 */
import type { Order, Plan, Upkeep } from '../adapter.ts'
import type { GasFees } from './build.ts'
import type { AccountFunds } from './funds.ts'
import { CAPPED, gasLimitOf } from './gas.ts'
import type { Estimate, GasFacts, SweepFacts, SweepMinimums } from './gathering.ts'
import type { Network } from './network.ts'
import { behind, CROWDED, freeNonce, HUNGRY, MOVED, spendable, writtenSpend, type Spender } from './spending.ts'

/** Nothing is to be done. */
export const NO_SWEEP: Upkeep = { plan: null, again: null, reason: null }

/** What stands in the way may pass: prices, a pause of the token's. */
const AGAIN_MS = 10 * 60_000
const MOVED_AGAIN_MS = 1000
/** What the treasury is busy with, or lacks, or the signer has not said: that passes sooner. */
const TREASURY_AGAIN_MS = 30_000
/** A fee above one part in so many of what it moves waits for better times. */
const WORTH = 10n
/** What is given for gas is a little more than what it may cost, because prices move until it is used. */
const GIFT_PERCENT = 150n
const PERCENT = 100n

export const DEAR = 'what it holds is not worth the gas to gather it at the present price'
const POOR = 'the treasury does not hold the gas for it'

/** What is moved against what that may cost, wei. */
export const isWorth = (value: bigint, fee: bigint): boolean => value >= fee * WORTH

export interface SweepTerms {
  chain: string
  network: Network
  sweep: SweepMinimums
  order: Omit<Order, 'payments'>
  funds: AccountFunds
  facts: GasFacts
}

const waits = (reason: string, again = AGAIN_MS): Upkeep => ({ plan: null, again, reason })

/** Either more urgent than nothing: a plan first, then a reason to wait. */
const firstOf = (found: readonly Upkeep[]): Upkeep =>
  found.find(({ plan }) => plan !== null) ?? found.find(({ again }) => again !== null) ?? NO_SWEEP

export function planSweep(terms: SweepTerms): Upkeep {
  const { network, sweep, funds, facts } = terms
  const swept = facts.sweep
  if (!funds.standsOn(facts.tip)) return waits(MOVED, MOVED_AGAIN_MS)
  if (swept === null || funds.isBusy()) return NO_SWEEP
  if (facts.fees === null) return waits(CAPPED)
  const asked = { ...terms, fees: facts.fees, swept, spender: sourceOf(terms) }
  const tokens = Object.keys(sweep).filter(asset => asset !== network.asset)
  return firstOf([...tokens.map(asset => sweepToken(asked, asset)), sweepEther(asked)])
}

type Asked = SweepTerms & { fees: GasFees; swept: SweepFacts; spender: Spender }

const sourceOf = ({ chain, network, order, funds, facts }: SweepTerms): Spender => ({
  ...{ chain, network, account: order.source.address, funds, state: facts.source, facts },
})

/** What is deep enough to be moved, and there at the block. */
function amountOf({ funds, spender }: Asked, asset: string): bigint {
  const confirmed = funds.confirmed()[asset] ?? 0n
  const there = spendable(spender)[asset] ?? 0n
  return confirmed < there ? confirmed : there
}

interface Cost {
  gasLimit: bigint
  /** The most that it can be. */
  fee: bigint
}

function costOf({ fees, facts }: Asked, estimate: Estimate | undefined): Cost | string | null {
  if (estimate === undefined) return null
  if ('refused' in estimate) return estimate.refused
  const gasLimit = gasLimitOf(estimate.gas)
  return gasLimit === null ? HUNGRY : { gasLimit, fee: gasLimit * fees.maximumFeePerGas + facts.l1Fee }
}

function planned(
  { order, fees, spender }: Asked,
  planned: { asset: string; amount: bigint; gasLimit: bigint },
): Upkeep {
  const nonce = freeNonce(spender)
  if (nonce === null) return waits(CROWDED)
  const written = writtenSpend(spender, { ...planned, nonce: Number(nonce), to: order.treasury, fees })
  const plan: Plan = { ...written, purpose: 'sweep', source: order.source.index, paid: [], passed: [] }
  return { plan, again: null, reason: null }
}

function sweepEther(asked: Asked): Upkeep {
  const { network, sweep, swept } = asked
  const minimum = sweep[network.asset]
  const amount = amountOf(asked, network.asset)
  if (minimum === undefined || amount === 0n || amount < minimum) return NO_SWEEP
  const cost = costOf(asked, swept.estimates[network.asset])
  if (cost === null) return NO_SWEEP
  if (typeof cost === 'string') return waits(cost)
  const value = amount - cost.fee
  if (!isWorth(value, cost.fee)) return waits(DEAR)
  return planned(asked, { asset: network.asset, amount: value, gasLimit: cost.gasLimit })
}

function sweepToken(asked: Asked, asset: string): Upkeep {
  const { network, sweep, swept, funds, spender } = asked
  const amount = amountOf(asked, asset)
  if (amount === 0n || amount < (sweep[asset] ?? 0n)) return NO_SWEEP
  const cost = costOf(asked, swept.estimates[asset])
  if (cost === null) return NO_SWEEP
  if (typeof cost === 'string') return waits(cost)
  const settled = funds.settled()[network.asset] ?? 0n
  const there = spendable(spender)[network.asset] ?? 0n
  const gas = settled < there ? settled : there
  if (gas >= cost.fee) return planned(asked, { asset, amount, gasLimit: cost.gasLimit })
  return there >= cost.fee ? NO_SWEEP : giveGas(asked, (cost.fee * GIFT_PERCENT) / PERCENT - there)
}

/** From the treasury, on the treasury's nonce. */
function giveGas(asked: Asked, amount: bigint): Upkeep {
  const { chain, network, order, funds, facts, fees, swept } = asked
  const cost = costOf(asked, swept.funding)
  if (cost === null || typeof cost === 'string') return waits(cost ?? POOR, TREASURY_AGAIN_MS)
  const limit = order.limits[network.asset]?.funding
  if (limit === undefined) return waits(UNTOLD, TREASURY_AGAIN_MS)
  if (amount > BigInt(limit)) return waits(UNALLOWED)
  const treasury = funds.treasury()
  const spender: Spender = {
    ...{ chain, network, account: order.treasury, funds: treasury, state: swept.treasury, facts },
  }
  const held = treasury.heldUnsigned()
  if (held !== null) return waits(behind(held), TREASURY_AGAIN_MS)
  const nonce = freeNonce(spender)
  if (nonce === null) return waits(CROWDED, TREASURY_AGAIN_MS)
  if ((spendable(spender)[network.asset] ?? 0n) < amount + cost.fee) return waits(POOR, TREASURY_AGAIN_MS)
  const to = order.source.address
  const written = writtenSpend(spender, {
    ...{ nonce: Number(nonce), to, asset: network.asset, amount, gasLimit: cost.gasLimit, fees },
  })
  const plan: Plan = { ...written, purpose: 'funding', source: 0, paid: [], passed: [] }
  return { plan, again: null, reason: null }
}

const UNTOLD = 'the signer has not said yet what it gives for gas'
const UNALLOWED = 'it needs more gas than the signer gives to one of our addresses (policy.gasFunding in signer.yaml)'
