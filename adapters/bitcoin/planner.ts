/**
 * Plans one transaction: many payments, each with exactly the amount asked for, and what is left to the treasury. The
 * fee is paid by us. Pure and deterministic: inputs stand in the order of BIP-69, payments in the order asked, change
 * last.
 */
import type { Amount, Json } from '../../machines/vocabulary.ts'
import type { Limit, Order, PassedOver, Payment, Plan, Planner, Shortfall, Upkeep } from '../adapter.ts'
import { boundary, invariant, reasonOf } from '../../src/kernel/fault.ts'
import { dustOf, scriptOf } from './address.ts'
import type { CoinFunds, Fund, RateFacts } from './funds.ts'
import type { Aim, AimedPayment, Choice, CoinPool, Reach } from './coins.ts'
import { chooseCoins, feeSat, gatherCoins, maximumFeeSat, MAXIMUM_INPUTS, poolOf, reachOf } from './coins.ts'
import { destinationOf } from './destination.ts'
import type { Network } from './network.ts'
import { outpointOf } from './outpoint.ts'
import { MAXIMUM_WEIGHT, NO_OUTPUTS, transactionWeight, weightOf, withOutput, type Outputs } from './size.ts'
import { readTemplate, writeTemplate } from './template.ts'

export interface PlannerOptions {
  /** What the network moves, as the configuration calls it. */
  asset: string
  /** sat/vB, never exceeded. */
  maximumRate: number
  /** Absent: coins are gathered only where a payment takes more of them than one transaction can spend. */
  consolidation?: Consolidation
}

/** When many coins are made one though nothing waits for it: while that is cheap. */
export interface Consolidation {
  /** Up to so many coins are left as they are. */
  above: number
  /** sat/vB: at higher rates it is put off. */
  maximumRate: number
}

/** Faults: boundary `invalid-address` and `invalid-payment`, as payments are checked when asked for. */
export function createPlanner(chain: string, network: Network, options: PlannerOptions): Planner {
  return {
    destination: (to, dataField) => destinationOf(to, dataField, network),
    maximumPayment: network.maximumSat.toString(),
    minimumPayment: to => dustOf(scriptOf(to, network), network).toString(),
    plan: (order, funds: CoinFunds, facts: RateFacts) => planned(chain, network, options, order, funds, facts),
    upkeep: (order, funds: CoinFunds, facts: RateFacts, passed) => {
      const left = order.limits[options.asset]?.left ?? null
      const given = { chain, network, order, funds, facts, left }
      if (passed.some(({ kind }) => kind === 'upkeep')) return consolidated(given, options.maximumRate)
      return passed.length === 0 ? thinnedOut(given, options.consolidation ?? NEVER) : NO_UPKEEP
    },
  }
}

/** An order as far as the chain's one asset goes. */
type Asked = Omit<Order, 'limits'> & Limit

const NO_LIMIT: Limit = { perTransaction: null, left: null }
const NEVER: Consolidation = { above: Infinity, maximumRate: 0 }
const NO_UPKEEP: Upkeep = { plan: null, again: null, reason: null }

const SHORT = 'not enough spendable funds for it and the fee'
const SCATTERED = 'it takes more coins than one transaction can spend: they are consolidated first'
const LIMITED = "it is over the signer's limit for one transaction"
const DEAR = "with the present fee it is over the signer's limit for one transaction"
const SPENT = "it is over what the signer's limit leaves for the day"

/**
 * The most payments that funds and limit allow, the first first. By their amounts almost all that do not fit are known
 * beforehand; what the choice of coins then leaves no room for is taken from the end, and what fits not even alone is
 * passed over.
 */
function planned(
  chain: string,
  network: Network,
  { asset, maximumRate }: PlannerOptions,
  { limits, ...asked }: Order,
  funds: CoinFunds,
  facts: RateFacts,
): Plan | Shortfall {
  const order = { ...asked, ...(limits[asset] ?? NO_LIMIT) }
  // Signed, it could not be relayed, and its coins and withdrawals would be bound to it.
  const capped = cappedAt(facts, maximumRate)
  if (capped !== null)
    return { shortfall: capped, passed: order.payments.map(payment => passOver(payment, 'cap', capped)) }
  const aim = aimOf(order, facts, network, maximumRate)
  const pool = poolOf(funds, aim)
  const { within, passed } = withinReach(aim, order, pool)
  const choice = chosenFor(within, passed, aim, order, pool)
  if (choice === null) return { shortfall: passed[0]?.reason ?? SHORT, passed }
  return { ...writtenPlan(chain, choice.aim, choice), passed }
}

/** Fewer coins are not worth a transaction: most of ours are on their way, and will be gathered when they are there. */
const LEAST_CONSOLIDATED = 20

interface Gathering {
  chain: string
  network: Network
  order: Omit<Order, 'payments'>
  funds: CoinFunds
  facts: RateFacts
  /** What the signer's limit leaves for the present, in satoshi; null for no limit. */
  left: Amount | null
}

/** The smallest coins, at most `most` of them and no fewer than `least`; null where that is not to be had. */
function gathered(
  given: Gathering,
  { maximumRate, most, least }: { maximumRate: number; most: number; least: number },
) {
  const { chain, network, order, funds, facts, left } = given
  const aim = aimOf(order, facts, network, maximumRate)
  const choice = gatherCoins(funds, aim, most)
  if (choice === null || choice.coins.length < least || isOver(left, choice.feeSat)) return null
  return { ...writtenPlan(chain, aim, choice), purpose: 'consolidation' as const, passed: [] }
}

/** Gathered into one, coins are enough for what one transaction could not pay with all of them. */
const consolidated = (given: Gathering, maximumRate: number): Upkeep => ({
  ...NO_UPKEEP,
  plan: gathered(given, { maximumRate, most: MAXIMUM_INPUTS, least: LEAST_CONSOLIDATED }),
})

/**
 * Nothing waits, there are very many coins, and fees are low: the smallest are made one, so that what is owned can be paid later when fees are
 * not. Half as many stay as they are, because what is being gathered can pay nothing meanwhile. If fees rise then, it waits: nothing hangs on it.
 */
function thinnedOut(given: Gathering, { above, maximumRate }: Consolidation): Upkeep {
  const { facts, funds } = given
  const isDear = Math.max(facts.feeRate, facts.floorRate) > maximumRate
  if (isDear || funds.count <= above) return NO_UPKEEP
  const most = Math.min(funds.count - Math.floor(above / 2), MAXIMUM_INPUTS)
  const plan = gathered(given, { maximumRate, most, least: Math.min(most, LEAST_CONSOLIDATED) })
  return plan === null ? NO_UPKEEP : { ...NO_UPKEEP, plan: { ...plan, isPatient: true } }
}

/** Adds to `passed` what fits not even alone. */
function chosenFor(
  within: readonly AimedPayment[],
  passed: PassedOver[],
  aim: Aim,
  order: Asked,
  pool: CoinPool,
): (Choice & { aim: Aim }) | null {
  let rest = within
  let payments = within
  for (;;) {
    const [first] = payments
    if (first === undefined) return null
    const its = { ...aim, payments }
    const choice = isWritable(its) ? chooseCoins(pool, its) : null
    if (choice !== null && !isOverLimits(order, payments, choice.feeSat)) return { ...choice, aim: its }
    if (payments.length > 1) {
      payments = payments.slice(0, -1)
      continue
    }
    passed.push(choice === null ? passOver(first, 'funds', SHORT) : passOver(first, 'fee', DEAR))
    payments = rest = rest.filter(payment => payment !== first)
  }
}

/** Whether one transaction has room for all of its payments. */
const isWritable = ({ payments, changeScript, network }: Aim): boolean =>
  transactionWeight(1, [...payments.map(({ script }) => script), changeScript], network) <= MAXIMUM_WEIGHT

/** Why nothing is planned at these facts, or null. `maximumRate`: sat/vB. */
export const cappedAt = ({ floorRate }: RateFacts, maximumRate: number): string | null =>
  floorRate > maximumRate
    ? `the node relays nothing at fees.maximumRate (${maximumRate} sat/vB): raise it, or wait until the mempool empties`
    : null

const passOver = (
  { withdrawal }: Pick<AimedPayment, 'withdrawal'>,
  kind: PassedOver['kind'],
  reason: string,
): PassedOver => ({
  withdrawal,
  kind,
  reason,
})

/** Payments of one transaction, added up. */
interface Cost {
  sat: bigint
  outputs: Outputs
}

const NO_COST: Cost = { sat: 0n, outputs: NO_OUTPUTS }

const withPayment = ({ sat, outputs }: Cost, { amountSat, script }: AimedPayment): Cost => ({
  sat: sat + amountSat,
  outputs: withOutput(outputs, script),
})

/** What they cost at least, with so many inputs. */
const costSat = ({ sat, outputs }: Cost, inputs: number, aim: Aim): bigint =>
  sat + feeSat(weightOf(inputs, outputs, aim.network), aim)

const isOver = (limit: Amount | null, sat: bigint): boolean => limit !== null && sat > BigInt(limit)

/** Why this payment cannot be made even alone, or null. */
function refusalOf(
  payment: AimedPayment,
  aim: Aim,
  { perTransaction: limit, left }: Asked,
  reach: Reach,
): PassedOver | null {
  const alone = withPayment(NO_COST, payment)
  const leastSat = costSat(alone, 1, aim)
  if (isOver(limit, payment.amountSat)) return passOver(payment, 'limit', LIMITED)
  if (isOver(limit, leastSat)) return passOver(payment, 'fee', DEAR)
  if (isOver(left, leastSat)) return passOver(payment, 'left', SPENT)
  if (costSat(alone, reach.inputs, aim) <= reach.sumSat) return null
  const isScattered = payment.amountSat < reach.wholeSat() && reach.wholeSat() > reach.sumSat
  return isScattered ? passOver(payment, 'upkeep', SCATTERED) : passOver(payment, 'funds', SHORT)
}

/**
 * Those that fit together by their amounts and the least fee, the first first; with its reason what does not even alone. Who
 * comes behind a full transaction waits for its turn and is not looked at.
 */
function withinReach(
  aim: Aim,
  order: Asked,
  pool: CoinPool,
): { within: readonly AimedPayment[]; passed: PassedOver[] } {
  const { perTransaction: limit, left, maximum = Infinity } = order
  const reach = reachOf(pool)
  const within: AimedPayment[] = []
  const passed: PassedOver[] = []
  let cost = NO_COST
  for (const asked of order.payments) {
    if (within.length >= maximum) break
    const payment = aimedPayment(asked, aim.network)
    const refusal = refusalOf(payment, aim, order, reach)
    if (refusal !== null) {
      passed.push(refusal)
      continue
    }
    const together = withPayment(cost, payment)
    const leastSat = costSat(together, 1, aim)
    if (isOver(limit, leastSat) || isOver(left, leastSat)) continue
    if (costSat(together, reach.inputs, aim) > reach.sumSat) continue
    within.push(payment)
    cost = together
  }
  return { within, passed }
}

function isOverLimits({ perTransaction: limit, left }: Asked, payments: readonly AimedPayment[], fee: bigint): boolean {
  const sat = payments.reduce((sum, { amountSat }) => sum + amountSat, fee)
  return isOver(limit, sat) || isOver(left, sat)
}

function aimOf({ treasury }: Pick<Order, 'treasury'>, facts: RateFacts, network: Network, maximumRate: number): Aim {
  const changeScript = scriptOf(treasury, network)
  return {
    payments: [],
    changeScript,
    leastChangeSat: dustOf(changeScript, network),
    ...ratesMilli(facts, network, maximumRate),
    network,
  }
}

/** The rate that is paid at these facts, and the most that may be; thousandths of sat/vB. Throws boundary `invalid-fee-rate`. */
export function ratesMilli(
  { feeRate }: RateFacts,
  { fees }: Network,
  maximumRate: number,
): Pick<Aim, 'rateMilli' | 'maximumRateMilli'> {
  const rateMilli = milli(Math.max(feeRate, fees.minimumRate))
  const maximumRateMilli = milli(maximumRate)
  return { rateMilli: rateMilli < maximumRateMilli ? rateMilli : maximumRateMilli, maximumRateMilli }
}

/** Thousandths of sat/vB. Throws boundary `invalid-fee-rate`. */
export function milli(rate: number): bigint {
  if (!Number.isFinite(rate) || rate <= 0) throw boundary('invalid-fee-rate', `a fee rate of ${rate} sat/vB`)
  return BigInt(Math.round(rate * 1000))
}

/** Throws boundary `invalid-address` and `invalid-payment`. */
export function aimedPayment(
  { withdrawal, to, dataField, amount }: Omit<Payment, 'asset'>,
  network: Network,
): AimedPayment {
  if (dataField !== null) throw boundary('invalid-payment', `${network.name} has no data field`)
  const script = scriptOf(to, network)
  const amountSat = BigInt(amount)
  if (amountSat < dustOf(script, network)) throw boundary('invalid-payment', `${amount} to ${to} is dust`)
  return { withdrawal, script, amountSat }
}

/** Throws invariant `impossible-plan` where coins are not what the ledger says. */
export function writtenPlan(chain: string, aim: Aim, choice: Choice): Omit<Plan, 'passed'> {
  const coins = [...choice.coins].sort((a, b) => byOutpoint(chain, a.fund, b.fund))
  const change = { script: aim.changeScript, amountSat: choice.changeSat }
  const outputs = choice.changeSat > 0n ? [...aim.payments, change] : aim.payments
  const inputs = coins.map(({ fund: { key, publicKey }, raw }) => ({ ...outpointOf(chain, key), raw, publicKey }))
  const template = provenTemplate(choice, aim, () => writeTemplate(inputs, outputs, aim.network))
  const paid = aim.payments.map(({ withdrawal }) => withdrawal)
  return {
    purpose: 'payment',
    source: 0,
    template,
    spendKeys: coins.map(({ fund }) => fund.key),
    fee: choice.feeSat.toString(),
    paid,
  }
}

/** Reads the template back as the signer will: coins that are not what the ledger says must not get that far. */
function provenTemplate(choice: Choice, aim: Aim, write: () => Json): Json {
  try {
    const template = write()
    const { feeSat, inputs, outputs } = readTemplate(template, aim.network)
    const scripts = outputs.map(output => output.script)
    const mostSat = maximumFeeSat(transactionWeight(inputs.length, scripts, aim.network), aim)
    if (feeSat === choice.feeSat && feeSat <= mostSat) return template
    throw invariant('impossible-plan', `a fee of ${feeSat} was planned as ${choice.feeSat}, at most ${mostSat}`)
  } catch (error) {
    throw invariant('impossible-plan', `the plan does not hold: ${reasonOf(error)}`)
  }
}

/** BIP-69: by transaction id as displayed, then by output number. */
function byOutpoint(chain: string, a: Fund, b: Fund): number {
  const [x, y] = [outpointOf(chain, a.key), outpointOf(chain, b.key)]
  if (x.txid !== y.txid) return x.txid < y.txid ? -1 : 1
  return x.vout - y.vout
}
