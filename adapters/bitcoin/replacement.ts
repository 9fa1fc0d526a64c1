/**
 * A further attempt of a transfer, by BIP-125: it spends every input of every earlier attempt, and further confirmed coins where the
 * change does not suffice; makes the same payments; and pays so much more that nodes which have any of the earlier ones take it.
 */
import { bytesToHex } from '@noble/hashes/utils.js'
import type { Amount } from '../../machines/vocabulary.ts'
import type { Replacement, ReplacementOrder, Unreplaceable } from '../adapter.ts'
import { dustOf, scriptOf } from './address.ts'
import { feeSat, maximumFeeSat, MAXIMUM_INPUTS, poolOf, type Aim, type Choice, type Coin } from './coins.ts'
import type { CoinFunds, Evicted, RateFacts } from './funds.ts'
import type { Network } from './network.ts'
import { aimedPayment, milli, writtenPlan } from './planner.ts'
import { MAXIMUM_WEIGHT, NO_OUTPUTS, transactionWeight, virtualBytes, weightOf, withOutput } from './size.ts'
import { readTemplate, type Draft, type DraftInput } from './template.ts'

const MILLI = 1000n
/** Transactions that one replacement may drive out: BIP-125, rule 5. */
const MAXIMUM_EVICTED = 100
/** By itself a fee grows by a tenth at least, as on account chains (E11): with less one would be replaced for ever. */
const RAISE_MILLI = 1100n
/** Signed, a transaction is a little smaller than it can be, and its rate a little higher: so much a rate must be above another to be above it for sure. */
const CLEAR_MILLI = 1010n

/** Never more than these, in sat/vB and satoshi. */
export interface ReplacementOptions {
  chain: string
  network: Network
  maximumRate: number
}

/** An earlier attempt, read. */
interface Earlier {
  draft: Draft
  feeSat: bigint
  rateMilli: bigint
}

const ceil = (dividend: bigint, divisor: bigint): bigint => (dividend + divisor - 1n) / divisor
const most = (...values: bigint[]): bigint => values.reduce((a, b) => (a > b ? a : b), 0n)
const least = (a: bigint, b: bigint): bigint => (a < b ? a : b)

const no = (kind: Unreplaceable['kind'], reason: string): Unreplaceable => ({ kind, reason })

const BUILT_ON = (by: string) =>
  `its change is spent already by the transfer ${by}, which would be undone with it: have that one replaced, and its fee pays for both`
const MALLEABLE =
  'on a chain without segwit its attempts could not be told apart: wait, or look for a miner who takes it'
const OTHERWISE = 'an earlier attempt does not make these payments alone: wait until it is mined'
const CROWDED = 'too many transactions of others stand on what it pays: wait until it is mined'
const SHORT = 'its change and the coins that could be added are not enough for a higher fee: fund the treasury'
const HEAVY = 'with a higher fee it would be larger than nodes relay: wait until it is mined'

const capped = (maximumRate: number): string =>
  `a higher fee would be over fees.maximumRate (${maximumRate} sat/vB): raise it and restart the watcher, or wait`
const LIMITED =
  "a higher fee would be over what the signer's policy allows (maximumFeeRate, maximumFee, perTransaction or perDay): raise that, or wait"
const tooLow = (milliRate: bigint): string =>
  `nodes would not take it for one of the earlier: from ${Number(milliRate) / Number(MILLI)} sat/vB on they would`

/** What the family's planner answers for a replacement, and for one that spends the same and brings all of it back. */
export const createReplacing = (options: ReplacementOptions) => ({
  replace: (order: ReplacementOrder, funds: CoinFunds, facts: RateFacts | null) =>
    replacementOf(options, order, funds, facts),
  cancel: (order: ReplacementOrder, funds: CoinFunds, facts: RateFacts | null) =>
    replacementOf(options, { ...order, payments: [] }, funds, facts, true),
})

/** `facts` null where the node was not asked: then only what a person wants is judged by what is known here. Pure. */
export function replacementOf(
  { chain, network, maximumRate }: ReplacementOptions,
  order: ReplacementOrder,
  funds: CoinFunds,
  facts: RateFacts | null,
  isCancelling = false,
): Replacement | Unreplaceable {
  if (!network.segwit) return no('bound', MALLEABLE)
  for (const { transactionId } of order.earlier) {
    const by = transactionId === null ? null : funds.builtOn(transactionId)
    if (by !== null) return no('bound', BUILT_ON(by))
  }
  const earlier = order.earlier.map(({ template }) => read(readTemplate(template, network), network))
  const bill = billOf(order, earlier, network, maximumRate, facts)
  if (!isCancelling && earlier.some(({ draft }) => !paysThese(draft, bill.aim))) return no('bound', OTHERWISE)
  if ((evictedBy(order, facts)?.count ?? 0) > MAXIMUM_EVICTED) return no('bound', CROWDED)
  if (order.feeRate !== null && order.feeRate > maximumRate) return no('cap', capped(maximumRate))
  if (order.feeRate !== null && order.feeRate > (order.maximumRate ?? Infinity)) return no('cap', LIMITED)
  const beneath = funds.beneath(earlier.flatMap(({ draft }) => draft.inputs.map(each => keyOf(chain, each))))
  const choice = chosen({ ...bill, beneath }, keptCoins(chain, earlier), funds)
  if ('kind' in choice) return choice
  const { template, spendKeys, fee } = writtenPlan(chain, bill.aim, choice)
  return { template, spendKeys, fee }
}

const keyOf = (chain: string, { txid, vout }: DraftInput): string => `${chain}:${txid}:${vout}`

function read(draft: Draft, network: Network): Earlier {
  const scripts = draft.outputs.map(({ script }) => script)
  const vbytes = BigInt(virtualBytes(transactionWeight(draft.inputs.length, scripts, network)))
  return { draft, feeSat: draft.feeSat, rateMilli: ceil(draft.feeSat * MILLI, vbytes) }
}

const outputText = (script: Uint8Array, amountSat: bigint): string => `${bytesToHex(script)}=${amountSat}`

/** The payments, and nothing beside them but what goes to the treasury. */
function paysThese({ outputs }: Draft, { payments, changeScript }: Aim): boolean {
  const rest = outputs.map(({ script, amountSat }) => outputText(script, amountSat))
  for (const { script, amountSat } of payments) {
    const at = rest.indexOf(outputText(script, amountSat))
    if (at < 0) return false
    rest.splice(at, 1)
  }
  return rest.every(text => text.startsWith(`${bytesToHex(changeScript)}=`))
}

/** Every input of every earlier attempt, once. */
function keptCoins(chain: string, earlier: readonly Earlier[]): Coin[] {
  const inputs = new Map(earlier.flatMap(({ draft }) => draft.inputs.map(each => [keyOf(chain, each), each] as const)))
  return [...inputs].map(([key, { address, publicKey, amountSat, previous }]) => {
    const raw = bytesToHex(previous)
    const fund = { key, index: 0, address, publicKey: bytesToHex(publicKey), amount: String(amountSat) }
    return { fund: { ...fund, raw: () => raw, final: false, ancestors: 0 }, amountSat, raw }
  })
}

/** Of the attempt that the node has: what would go with it. */
function evictedBy({ earlier }: ReplacementOrder, facts: RateFacts | null): Evicted | null {
  const found = earlier.flatMap(({ transactionId }) =>
    transactionId === null ? [] : (facts?.evicted?.[transactionId] ?? []),
  )
  return found.length === 0 ? null : found.reduce((a, b) => (a.feeSat > b.feeSat ? a : b))
}

/** What it pays, and by what its fee is measured. */
interface Bill {
  aim: Aim
  earlier: readonly Earlier[]
  /** A person wants exactly the aim's rate; else it is as high as may be, up to it. */
  isAsked: boolean
  /** Of all that a node would drop for it. */
  evictedSat: bigint
  /** A node's, for each virtual byte of a replacement. */
  incrementMilli: bigint
  maximumFee: Amount | null
  /** What it stands on and is in no block: a miner takes all of it or nothing. */
  beneath: { vbytes: number; feeSat: bigint }
  maximumRate: number
}

function billOf(
  order: ReplacementOrder,
  earlier: readonly Earlier[],
  network: Network,
  maximumRate: number,
  facts: RateFacts | null,
): Omit<Bill, 'beneath'> {
  const { treasury, payments, feeRate, maximumFee } = order
  const changeScript = scriptOf(treasury, network)
  const maximumRateMilli = milli(Math.min(maximumRate, order.maximumRate ?? maximumRate))
  const raisedMilli = ceil(most(...earlier.map(({ rateMilli }) => rateMilli)) * RAISE_MILLI, MILLI)
  const floorMilli = milli(Math.max(facts?.floorRate ?? 0, network.fees.minimumRate))
  const rateMilli =
    feeRate !== null ? milli(feeRate) : most(facts === null ? 0n : milli(facts.feeRate), raisedMilli, floorMilli)
  const aim: Aim = {
    payments: payments.map(payment => aimedPayment(payment, network)),
    changeScript,
    leastChangeSat: dustOf(changeScript, network),
    rateMilli: least(rateMilli, maximumRateMilli),
    maximumRateMilli,
    network,
  }
  const evictedSat = evictedBy(order, facts)?.feeSat ?? 0n
  const incrementMilli = milli(network.fees.minimumRate)
  return { aim, earlier, isAsked: feeRate !== null, evictedSat, incrementMilli, maximumFee, maximumRate }
}

/** The least that nodes take which have one of the earlier: BIP-125, rules 3 and 4, and a rate above each (Core's rule). */
function enoughSat(weight: number, { earlier, evictedSat, incrementMilli }: Bill): bigint {
  const vbytes = BigInt(virtualBytes(weight))
  const paidSat = most(evictedSat, ...earlier.map(each => each.feeSat))
  const rateMilli = most(...earlier.map(each => each.rateMilli))
  return most(paidSat + ceil(vbytes * incrementMilli, MILLI), ceil(vbytes * rateMilli * CLEAR_MILLI, MILLI * MILLI))
}

/** So that what it stands on is worth a miner's while too. */
function packageSat(weight: number, { aim, beneath }: Bill): bigint {
  const vbytes = BigInt(virtualBytes(weight) + beneath.vbytes)
  return ceil(vbytes * aim.rateMilli, MILLI) - beneath.feeSat
}

/** What a transaction of this weight pays, or why it cannot. */
function priceOf(weight: number, bill: Bill): bigint | Unreplaceable {
  const { aim, isAsked, maximumFee, maximumRate } = bill
  const enough = enoughSat(weight, bill)
  const wanted = most(feeSat(weight, aim), packageSat(weight, bill))
  const ceiling = maximumFeeSat(weight, aim)
  const limit = maximumFee === null ? ceiling : least(ceiling, BigInt(maximumFee))
  const isOver = isAsked ? most(enough, wanted) > limit : enough > limit
  const isOurs = limit === ceiling && aim.maximumRateMilli === milli(maximumRate)
  if (isOver) return no('cap', isOurs ? capped(maximumRate) : LIMITED)
  if (isAsked && wanted < enough) return no('low', tooLow(ceil(enough * MILLI, BigInt(virtualBytes(weight)))))
  return least(most(enough, wanted), limit)
}

/** With as few further coins as will do, final ones first. */
function chosen(bill: Bill, kept: readonly Coin[], funds: CoinFunds): Choice | Unreplaceable {
  const [final = [], confirmed = []] = poolOf(funds, bill.aim).tiers
  for (const further of [final, confirmed])
    for (let count = 0; count <= further.length; count++) {
      const settled = settle([...kept, ...further.slice(0, count)], bill)
      if (settled !== null) return settled
    }
  return no('funds', SHORT)
}

/** Null where these coins are not enough. */
function settle(coins: readonly Coin[], bill: Bill): Choice | Unreplaceable | null {
  const { payments, changeScript, leastChangeSat, network } = bill.aim
  const plain = payments.reduce((outputs, { script }) => withOutput(outputs, script), NO_OUTPUTS)
  const weight = weightOf(coins.length, withOutput(plain, changeScript), network)
  if (weight > MAXIMUM_WEIGHT || coins.length > MAXIMUM_INPUTS) return no('bound', HEAVY)
  const restSat = sumOf(coins) - sumOf(payments)
  const price = priceOf(weight, bill)
  if (typeof price !== 'bigint') return price
  if (restSat - price >= leastChangeSat) return { coins, feeSat: price, changeSat: restSat - price }
  if (payments.length === 0) return null
  // What is left is too little to be change, and goes to the fee where that may be so high.
  const plainWeight = weightOf(coins.length, plain, network)
  const plainPrice = priceOf(plainWeight, bill)
  const isEnough = typeof plainPrice === 'bigint' && restSat >= plainPrice
  return isEnough && isAffordable(plainWeight, restSat, bill) ? { coins, feeSat: restSat, changeSat: 0n } : null
}

const sumOf = (amounts: readonly { amountSat: bigint }[]): bigint =>
  amounts.reduce((sum, { amountSat }) => sum + amountSat, 0n)

const isAffordable = (weight: number, sat: bigint, { aim, maximumFee }: Bill): boolean =>
  sat <= maximumFeeSat(weight, aim) && (maximumFee === null || sat <= BigInt(maximumFee))
