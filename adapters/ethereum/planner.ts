/**
 * Plans one transaction: who is paid what, on which nonce, with how much gas at which price. Pure: what the chain knows was read as of
 * one block, what the ledger knows is asked in the same turn, and the two are put together here.
 */
import type { Amount } from '../../machines/vocabulary.ts'
import type { Order, PassedOver, Payment, Plan, Planner, Shortfall } from '../adapter.ts'
import { canonical } from './address.ts'
import type { GasFees } from './build.ts'
import { destinationOf } from './destination.ts'
import type { AccountFunds, Amounts } from './funds.ts'
import { CAPPED, gasLimitOf } from './gas.ts'
import type { GasFacts, SweepMinimums } from './gathering.ts'
import type { Network } from './network.ts'
import { createReplacing } from './replacement.ts'
import { behind, CROWDED, freeNonce, HUNGRY, MOVED, spendable, writtenSpend, type Spender } from './spending.ts'
import { NO_SWEEP, planSweep } from './sweeps.ts'

const SHORT = 'not enough spendable funds for it'
const NO_GAS = 'not enough spendable funds for what its gas may cost'
const LIMITED = "it is over the signer's limit for one transaction"
const DEAR = "with the present fee it is over the signer's limit for one transaction"
const SPENT = "it is over what the signer's limit leaves for the day"

const passOver = ({ withdrawal }: Payment, kind: PassedOver['kind'], reason: string): PassedOver => ({
  withdrawal,
  kind,
  reason,
})

const isOver = (limit: Amount | null | undefined, amount: bigint): boolean =>
  limit !== null && limit !== undefined && amount > BigInt(limit)

/** The signer counts fees with what moves of the native asset. */
function limitRefusal(payment: Payment, fee: bigint, { limits }: Order, native: string): PassedOver | null {
  const amount = BigInt(payment.amount)
  const of = limits[payment.asset]
  const gas = payment.asset === native ? amount + fee : fee
  if (isOver(of?.perTransaction, amount)) return passOver(payment, 'limit', LIMITED)
  if (isOver(limits[native]?.perTransaction, gas)) return passOver(payment, 'fee', DEAR)
  const isSpent = isOver(of?.left, amount) || isOver(limits[native]?.left, gas)
  return isSpent ? passOver(payment, 'left', SPENT) : null
}

function fundsRefusal(payment: Payment, fee: bigint, available: Amounts, native: string): PassedOver | null {
  const amount = BigInt(payment.amount)
  const [own, ether] = [available[payment.asset] ?? 0n, available[native] ?? 0n]
  if (amount > own) return passOver(payment, 'funds', SHORT)
  const needed = payment.asset === native ? amount + fee : fee
  return needed > ether ? passOver(payment, 'funds', NO_GAS) : null
}

interface Terms {
  spender: Spender
  order: Order
  available: Amounts
  nonce: bigint
  fees: GasFees
}

/** The plan that pays it, why it cannot be paid now, or null for what waits its turn: it was not looked at. */
function planPayment(
  { spender, order, available, nonce, fees }: Terms,
  payment: Payment,
): { plan: Omit<Plan, 'passed'> } | PassedOver | null {
  const { network, facts } = spender
  const short = fundsRefusal(payment, 0n, available, network.asset)
  if (short !== null) return short
  const estimate = facts.estimates[payment.withdrawal]
  if (estimate === undefined) return null
  if ('refused' in estimate) return passOver(payment, 'refused', estimate.refused)
  const gasLimit = gasLimitOf(estimate.gas)
  if (gasLimit === null) return passOver(payment, 'refused', HUNGRY)
  const fee = gasLimit * fees.maximumFeePerGas + facts.l1Fee
  const refusal =
    limitRefusal(payment, fee, order, network.asset) ?? fundsRefusal(payment, fee, available, network.asset)
  if (refusal !== null) return refusal
  const { asset, amount, withdrawal } = payment
  // As it was asked for, and signed: in any case of its letters.
  const to = canonical(payment.to)
  return {
    plan: {
      ...writtenSpend(spender, { nonce: Number(nonce), to, asset, amount: BigInt(amount), gasLimit, fees }),
      ...{ purpose: 'payment' as const, source: order.source.index, paid: [withdrawal] },
    },
  }
}

/** Nobody can be paid now, for one reason. */
const nobody = ({ payments }: Order, kind: PassedOver['kind'], reason: string): Shortfall => ({
  shortfall: reason,
  passed: payments.map(payment => passOver(payment, kind, reason)),
})

/** The first of them that can be paid; each that comes before it is passed over with its reason. */
export function planned(
  chain: string,
  network: Network,
  order: Order,
  funds: AccountFunds,
  facts: GasFacts,
): Plan | Shortfall {
  if (!funds.standsOn(facts.tip)) return nobody(order, 'left', MOVED)
  if (facts.fees === null) return nobody(order, 'cap', CAPPED)
  const spender = { chain, network, account: order.source.address, funds, state: facts.source, facts }
  const held = funds.heldUnsigned()
  if (held !== null) return nobody(order, 'left', behind(held))
  const nonce = freeNonce(spender)
  if (nonce === null) return nobody(order, 'left', CROWDED)
  const terms = { spender, order, available: spendable(spender), nonce, fees: facts.fees }
  const passed: PassedOver[] = []
  for (const payment of order.payments) {
    const answer = planPayment(terms, payment)
    if (answer === null) continue
    if ('plan' in answer) return { ...answer.plan, passed }
    passed.push(answer)
  }
  return { shortfall: passed[0]?.reason ?? SHORT, passed }
}

/** The most that a number of the chain's machine can be. */
const MAXIMUM_AMOUNT = (2n ** 256n - 1n).toString()

/** `cap`: wei per gas. */
export function createPlanner(chain: string, network: Network, sweep: SweepMinimums, cap: bigint): Planner {
  return {
    destination: (to, dataField) => destinationOf(to, dataField, network),
    minimumPayment: () => '1',
    maximumPayment: MAXIMUM_AMOUNT,
    plan: (order, funds: AccountFunds, facts: GasFacts) => planned(chain, network, order, funds, facts),
    upkeep: (order, funds: AccountFunds, facts: GasFacts) =>
      order.source.index === 0 ? NO_SWEEP : planSweep({ chain, network, sweep, order, funds, facts }),
    ...createReplacing({ chain, network, cap }),
  }
}
