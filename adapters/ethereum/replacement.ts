/**
 * A further attempt of a transfer, on the same nonce: both of its fees grow by what nodes want before they put it in the place of the
 * one that they have (E11), and what it does stays. Or it does nothing: where no payment of it may be made any more, the nonce is
 * consumed by nothing that is sent to the account itself, so that what was signed can never be mined (E10).
 */
import type { PlanFacts, Planner, Replacement, ReplacementOrder, Unreplaceable } from '../adapter.ts'
import type { GasFees } from './build.ts'
import type { AccountFunds } from './funds.ts'
import { CAPPED } from './gas.ts'
import type { GasFacts } from './gathering.ts'
import type { Network } from './network.ts'
import { spendable, writtenSpend } from './spending.ts'
import { DEAR, isWorth } from './sweeps.ts'
import { readTemplate, type Draft, type DraftPayment } from './template.ts'

/** Wei per gas: never more than this. */
export interface ReplacementOptions {
  chain: string
  network: Network
  cap: bigint
}

const TENTHS = 10n
const RAISED_TENTHS = 11n

const most = (a: bigint, b: bigint): bigint => (a > b ? a : b)
const least = (a: bigint, b: bigint): bigint => (a < b ? a : b)

/** What nodes want of a replacement: a tenth more (geth, reth, erigon, Nethermind and Besu alike), and something where a tenth is nothing. */
export const raised = (fee: bigint): bigint => most(fee + 1n, (fee * RAISED_TENTHS + TENTHS - 1n) / TENTHS)

const no = (kind: Unreplaceable['kind'], reason: string): Unreplaceable => ({ kind, reason })

const GONE = 'nothing of it may be mined any more: there is nothing to replace'
const OTHERWISE = 'an earlier attempt does something else: wait until one of them is mined'
const SHORT = 'the account does not hold what a higher fee may cost: fund it'
const LIMITED =
  "a higher fee would be over what the signer's policy allows (maximumFeeRate, maximumFee, perTransaction or perDay): raise that, or wait"
const capped = (cap: bigint): string =>
  `a higher fee would be over fees.maximumFeePerGas (${cap} wei): raise it and restart the watcher, or wait`
const tooLow = (fee: bigint): string =>
  `nodes would not take it for one of the earlier: from ${fee} wei per gas on they would`
const CONSUMED = 'its nonce is consumed by a block that is not followed yet: which transaction did that shows there'
const BEHIND =
  'it pays what is paid now, and waits for the account’s transaction before it: that one is to be mined first'

/** What the family's planner answers for a replacement and for a cancellation. */
export const createReplacing = (options: ReplacementOptions): Required<Pick<Planner, 'replace' | 'cancel'>> => ({
  replace: (order, funds: AccountFunds, facts: PlanFacts | null) =>
    replacementOf(options, order, funds, facts as GasFacts | null, false),
  cancel: (order, funds: AccountFunds, facts: PlanFacts | null) =>
    replacementOf(options, order, funds, facts as GasFacts | null, true),
})

interface Setting extends ReplacementOptions {
  order: ReplacementOrder
  funds: AccountFunds
  facts: GasFacts | null
  /** Oldest first. */
  earlier: readonly Draft[]
  /** The last of them. */
  latest: Draft
}

/** `facts` null where the node was not asked: then what it would say is not looked at. Pure. */
export function replacementOf(
  options: ReplacementOptions,
  order: ReplacementOrder,
  funds: AccountFunds,
  facts: GasFacts | null,
  isCancelling: boolean,
): Replacement | Unreplaceable {
  const earlier = order.earlier.map(({ template }) => readTemplate(template, options.network))
  const latest = earlier.at(-1)
  if (latest === undefined) return no('bound', GONE)
  const setting = { ...options, order, funds, facts, earlier, latest }
  if (!isCancelling && !earlier.every(draft => doesSame(setting, draft))) return no('bound', OTHERWISE)
  if (isConsumed(setting)) return no('bound', CONSUMED)
  if (isBehind(setting)) return no('bound', BEHIND)
  const fees = feesOf(setting)
  if ('kind' in fees) return fees
  const payment = isCancelling
    ? { to: order.source.address, asset: options.network.asset, amount: 0n }
    : paymentOf(setting, fees)
  if ('kind' in payment) return payment
  return isAffordable(setting, payment, fees) ? written(setting, payment, fees) : no('funds', SHORT)
}

/** Each of its withdrawals is paid by itself, and what moves our own money goes where it went: of a sweep the amount shrinks by the fee. */
function doesSame({ order, latest, network }: Setting, { payment, transfer }: Draft): boolean {
  if (transfer.nonce !== latest.transfer.nonce || payment.to !== latest.payment.to) return false
  if (payment.asset !== latest.payment.asset) return false
  if (isShrinking(order, payment, network)) return true
  if (payment.amount !== latest.payment.amount || payment.amount === 0n) return false
  return order.payments.every(({ asset, amount }) => asset === payment.asset && BigInt(amount) === payment.amount)
}

const isShrinking = ({ purpose }: ReplacementOrder, { asset }: DraftPayment, network: Network): boolean =>
  purpose === 'sweep' && asset === network.asset

/** The ledger may be far behind the node's latest block, where it follows what is final. */
const isConsumed = ({ facts, latest: { transfer } }: Setting): boolean =>
  facts !== null && facts.source.latestNonce > transfer.nonce

/** Nothing is mined before what stands on the nonces before it: a higher fee helps only where it is below what is paid now. */
function isBehind({ order, facts, latest: { transfer } }: Setting): boolean {
  if (order.feeRate !== null || facts === null || facts.fees === null) return false
  if (transfer.nonce <= most(facts.source.nonce, facts.source.latestNonce)) return false
  const { maximumFeePerGas, priorityFeePerGas } = facts.fees
  return (
    transfer.maximumFeePerGas >= maximumFeePerGas && (transfer.priorityFeePerGas ?? 0n) >= (priorityFeePerGas ?? 0n)
  )
}

/** The most gas that one of them may have is enough for each: nothing costs less than nothing to oneself. */
const gasLimitOf = ({ earlier }: Setting): bigint => earlier.map(({ transfer }) => transfer.gasLimit).reduce(most)

/** Wei per gas; and whether it is the configuration that says so. */
function ceilingOf(setting: Setting): { fee: bigint; isOurs: boolean } {
  const { cap, order, facts } = setting
  const { maximumRate, maximumFee } = order
  const allowed = [
    ...(maximumRate === null ? [] : [BigInt(Math.floor(maximumRate))]),
    ...(maximumFee === null ? [] : [(BigInt(maximumFee) - (facts?.l1Fee ?? 0n)) / gasLimitOf(setting)]),
  ]
  const fee = allowed.reduce(least, cap)
  return { fee, isOurs: fee === cap }
}

/** What it offers, or why it cannot. A person wants exactly so much; by itself it is as much as is paid now, and enough. */
function feesOf(setting: Setting): GasFees | Unreplaceable {
  const { cap, order, facts, earlier } = setting
  if (order.feeRate === null && facts !== null && facts.fees === null) return no('cap', CAPPED)
  const enough = earlier.map(({ transfer }) => raised(transfer.maximumFeePerGas)).reduce(most)
  const asked = order.feeRate === null ? null : BigInt(Math.floor(order.feeRate))
  const { fee: ceiling, isOurs } = ceilingOf(setting)
  if (most(enough, asked ?? 0n) > ceiling) return no('cap', isOurs ? capped(cap) : LIMITED)
  if (asked !== null && asked < enough) return no('low', tooLow(enough))
  const maximumFeePerGas = asked ?? least(most(enough, facts?.fees?.maximumFeePerGas ?? 0n), ceiling)
  const tips = earlier.flatMap(({ transfer: { priorityFeePerGas } }) => priorityFeePerGas ?? [])
  if (tips.length === 0) return { maximumFeePerGas, priorityFeePerGas: null }
  const tip = most(tips.map(raised).reduce(most), facts?.fees?.priorityFeePerGas ?? 0n)
  return { maximumFeePerGas, priorityFeePerGas: least(tip, maximumFeePerGas) }
}

/** In wei, the most that it can be. */
const costOf = ({ transfer }: Draft): bigint => transfer.value + transfer.gasLimit * transfer.maximumFeePerGas

/** The same; a sweep leaves less of what it moves. */
function paymentOf(setting: Setting, { maximumFeePerGas }: GasFees): DraftPayment | Unreplaceable {
  const { order, network, earlier, latest } = setting
  if (!isShrinking(order, latest.payment, network)) return latest.payment
  const fee = gasLimitOf(setting) * maximumFeePerGas
  const amount = least(latest.payment.amount, earlier.map(costOf).reduce(most) - fee)
  if (amount <= 0n) return no('funds', SHORT)
  return order.feeRate === null && !isWorth(amount, fee) ? no('cap', DEAR) : { ...latest.payment, amount }
}

/** Beside what the dearest of them may cost, which is set aside already. */
function isAffordable(setting: Setting, { asset, amount }: DraftPayment, { maximumFeePerGas }: GasFees): boolean {
  const { chain, network, order, funds, facts, earlier } = setting
  if (facts === null) return true
  const value = asset === network.asset ? amount : 0n
  const more = value + gasLimitOf(setting) * maximumFeePerGas - earlier.map(costOf).reduce(most)
  const spender = { chain, network, account: order.source.address, funds, state: facts.source, facts }
  return more <= (spendable(spender)[network.asset] ?? 0n)
}

function written(setting: Setting, { to, asset, amount }: DraftPayment, fees: GasFees): Replacement {
  const { chain, network, order, facts, latest } = setting
  const spender = { chain, network, account: order.source.address, facts: { l1Fee: facts?.l1Fee ?? 0n } }
  const nonce = Number(latest.transfer.nonce)
  return writtenSpend(spender, { nonce, to, asset, amount, gasLimit: gasLimitOf(setting), fees })
}
