/**
 * Plans one transaction: many payments, each with exactly the amount asked for, and what is left to the treasury. The
 * fee is paid by us. Pure and deterministic: inputs stand in the order of BIP-69, payments in the order asked, change
 * last.
 */
import type { Amount, Json } from '../../machines/vocabulary.ts'
import type { Excess, Fund, Order, Plan, PlanFacts, Planner, Shortfall } from '../adapter.ts'
import { boundary, invariant, reasonOf } from '../../src/kernel/fault.ts'
import { dustOf, scriptOf } from './address.ts'
import type { Aim, Choice } from './coins.ts'
import { chooseCoins, gatherCoins, maximumFeeSat, mostSat } from './coins.ts'
import { destinationOf } from './destination.ts'
import type { Network } from './network.ts'
import { outpointOf } from './outpoint.ts'
import { MAXIMUM_WEIGHT, transactionWeight } from './size.ts'
import { readTemplate, writeTemplate } from './template.ts'

/** `maximumRate`: sat/vB, never exceeded. Faults: boundary `invalid-address` and `invalid-payment`, as payments are checked when asked for. */
export function createPlanner(chain: string, network: Network, options: { maximumRate: number }): Planner {
  return {
    spendsUnconfirmedChange: network.segwit,
    destination: (to, dataField) => destinationOf(to, dataField, network),
    maximumPayment: network.maximumSat.toString(),
    minimumPayment: to => dustOf(scriptOf(to, network), network).toString(),
    plan: (order, funds, facts) => planned(chain, network, options.maximumRate, order, funds, facts),
  }
}

/** The most payments that funds and limit allow: those that could fit by their amounts, then fewer by one until it fits. */
function planned(
  chain: string,
  network: Network,
  maximumRate: number,
  order: Order,
  funds: readonly Fund[],
  facts: PlanFacts,
): Plan | Shortfall | Excess {
  // Signed, it could not be relayed, and its coins and withdrawals would be bound to it.
  if (facts.floorRate > maximumRate)
    return {
      held: `the node relays nothing at fees.maximumRate (${maximumRate} sat/vB): raise it, or wait until the mempool empties`,
    }
  let aim = withinReach(aimOf(order, facts, network, maximumRate), order, funds)
  for (;;) {
    const plan = plannedFor(chain, aim, funds)
    // One that is alone over the limit is asked for all the same: the signer says what it holds it for.
    const isMeant = aim.payments.length <= 1 || !('shortfall' in plan || isOver(order, plan))
    if (isMeant) return plan
    aim = { ...aim, payments: aim.payments.slice(0, -1) }
  }
}

/** Without the payments that no coins and no limit have room for, whatever the fee; at least the first one stays. */
function withinReach(aim: Aim, { limit }: Order, funds: readonly Fund[]): Aim {
  const sat = mostSat(funds, aim)
  let leftSat = limit === null || sat < BigInt(limit) ? sat : BigInt(limit)
  const excess = aim.payments.findIndex(({ amountSat }) => (leftSat -= amountSat) < 0n)
  return excess < 0 ? aim : { ...aim, payments: aim.payments.slice(0, Math.max(excess, 1)) }
}

function isOver({ payments, limit }: Order, { paid, fee }: Plan): boolean {
  const cost = payments.slice(0, paid).reduce((sum, { amount }) => sum + BigInt(amount), BigInt(fee))
  return limit !== null && cost > BigInt(limit)
}

function plannedFor(chain: string, aim: Aim, funds: readonly Fund[]): Plan | Shortfall {
  const { network } = aim
  const scripts = [...aim.payments.map(payment => payment.script), aim.changeScript]
  if (transactionWeight(1, scripts, network) > MAXIMUM_WEIGHT)
    return { shortfall: `${aim.payments.length} payments are too many for one transaction` }
  const choice = aim.payments.length === 0 ? gatherCoins(funds, aim) : chooseCoins(funds, aim)
  if ('missingSat' in choice) return { shortfall: `${choice.missingSat} base units more are needed` }
  return writtenPlan(chain, aim, choice)
}

function aimOf(order: Order, facts: PlanFacts, network: Network, maximumRate: number): Aim {
  const changeScript = scriptOf(order.change.address, network)
  const rateMilli = milli(Math.max(facts.feeRate, network.fees.minimumRate))
  const maximumRateMilli = milli(maximumRate)
  return {
    payments: order.payments.map(({ to, dataField, amount }) => paymentOf(to, dataField, amount, network)),
    changeScript,
    leastChangeSat: dustOf(changeScript, network),
    rateMilli: rateMilli < maximumRateMilli ? rateMilli : maximumRateMilli,
    maximumRateMilli,
    network,
  }
}

function milli(rate: number): bigint {
  if (!Number.isFinite(rate) || rate <= 0) throw boundary('invalid-fee-rate', `a fee rate of ${rate} sat/vB`)
  return BigInt(Math.round(rate * 1000))
}

function paymentOf(to: string, dataField: string | null, amount: Amount, network: Network) {
  if (dataField !== null) throw boundary('invalid-payment', `${network.name} has no data field`)
  const script = scriptOf(to, network)
  const amountSat = BigInt(amount)
  if (amountSat < dustOf(script, network)) throw boundary('invalid-payment', `${amount} to ${to} is dust`)
  return { script, amountSat }
}

function writtenPlan(chain: string, aim: Aim, choice: Choice): Plan {
  const funds = [...choice.funds].sort((a, b) => byOutpoint(chain, a, b))
  const change = { script: aim.changeScript, amountSat: choice.changeSat }
  const outputs = choice.changeSat > 0n ? [...aim.payments, change] : aim.payments
  const inputs = funds.map(({ key, raw, publicKey }) => ({ ...outpointOf(chain, key), raw, publicKey }))
  const template = provenTemplate(choice, aim, () => writeTemplate(inputs, outputs, aim.network))
  return { template, spendKeys: funds.map(fund => fund.key), fee: choice.feeSat.toString(), paid: aim.payments.length }
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
