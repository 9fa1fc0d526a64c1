/**
 * Builds what is to be signed. Pure. Each withdrawal spends a ticket of its own, so that none stands behind another; tickets are made
 * before they are needed, and only their making uses the account's sequence.
 * https://xrpl.org/docs/concepts/accounts/tickets
 */
import type { Amount, Json } from '../../machines/vocabulary.ts'
import { invariant } from '../../src/kernel/fault.ts'
import type {
  Limit,
  Order,
  PassedOver,
  Payment,
  Plan,
  Planner,
  Replacement,
  ReplacementOrder,
  Shortfall,
  Unreplaceable,
  Upkeep,
} from '../adapter.ts'
import { xAddressOf } from './address.ts'
import { LIFETIME_LEDGERS } from './broadcast.ts'
import { destinationOf } from './destination.ts'
import type { RippleFunds } from './funds.ts'
import type { DestinationFacts, RippleFacts } from './gather.ts'
import { LEDGER_TICKETS, MAXIMUM_DROPS, TREASURY_TAG, type Network } from './network.ts'
import { overFeeCap } from './quote.ts'
import { placeKey, placeOf } from './signable.ts'
import { REQUIRE_DESTINATION_TAG } from './template.ts'

export interface PlannerOptions {
  asset: string
  /** Drops, never exceeded. */
  maximumFee: bigint
  /** How many tickets there are to be: below `low` they are filled up to `high`. */
  tickets: { low: number; high: number }
}

interface Setting {
  chain: string
  network: Network
  options: PlannerOptions
  order: Omit<Order, 'payments'>
  funds: RippleFunds
  facts: RippleFacts
}

const NO_LIMIT: Limit = { perTransaction: null, left: null }
const REST: Upkeep = { plan: null, again: null, reason: null }
/** The ledger has gone on since the server was asked: it is asked again. */
const STALE = { shortfall: 'the ledger has gone on meanwhile', passed: [] }

/** Pure, as every planner is. */
export function createPlanner(chain: string, network: Network, options: PlannerOptions): Planner {
  const setting = { chain, network, options }
  return {
    destination: (to, dataField) => destinationOf(to, dataField, network),
    combined: (account, dataField) => xAddressOf({ account, tag: Number(dataField) }, network),
    treasuryDataField: String(TREASURY_TAG),
    minimumPayment: () => '1',
    maximumPayment: MAXIMUM_DROPS.toString(),
    signedAtOnce: true,
    renew: (template, height) => renewedTemplate(template, height),
    plan: ({ payments, ...order }, funds: RippleFunds, facts: RippleFacts) =>
      isStale(funds, facts) ? STALE : planned({ ...setting, order, funds, facts }, payments),
    upkeep: (order, funds: RippleFunds, facts: RippleFacts) =>
      isStale(funds, facts) ? { ...REST, again: 0 } : upkeep({ ...setting, order, funds, facts }),
    replace: (order, funds: RippleFunds, facts: RippleFacts | null) =>
      order.earlier.length > 0 || facts === null
        ? { kind: 'bound', reason: UNREPLACED }
        : renewed({ ...setting, order: { ...order, limits: {} }, funds, facts }, order),
  }
}

/** Signed with less left of it it could expire before a server has it. */
const YOUNG_LEDGERS = LIFETIME_LEDGERS / 2

/** X20: the last ledger in which it may stand is counted from its signature, not from its plan. */
function renewedTemplate(template: Json, height: number): Json | null {
  const { transaction, ...rest } = template as { [name: string]: Json; transaction: { [name: string]: Json } }
  if (Number(transaction['LastLedgerSequence']) >= height + YOUNG_LEDGERS) return null
  return { ...rest, transaction: { ...transaction, LastLedgerSequence: height + LIFETIME_LEDGERS } }
}

const UNREPLACED =
  'a transaction of the XRP Ledger is in a ledger within about a minute or never, and is then made again: nothing is to be done'

/** X7: all of them have expired, and their ticket is still there: the same payment again, on the same ticket. */
function renewed(setting: Setting, { payments, spendKeys, maximumFee }: ReplacementOrder): Replacement | Unreplaceable {
  const { fee } = setting.facts
  const highest = maximumFee === null ? setting.options.maximumFee : BigInt(maximumFee)
  const capped = overFeeCap(fee, highest < setting.options.maximumFee ? highest : setting.options.maximumFee)
  if (capped !== null) return { kind: 'cap', reason: capped }
  const [payment] = payments
  const [key] = spendKeys
  if (payment === undefined || key === undefined) throw invariant('nothing-paid', 'what pays nobody is not made again')
  const read = destinationOf(payment.to, payment.dataField, setting.network)
  if ('refused' in read) throw invariant('invalid-payment', `${payment.withdrawal}: ${read.refused}`)
  return paymentPlan(setting, payment, read, placeOf(key))
}

const isStale = ({ height }: RippleFunds, { tipHeight }: RippleFacts): boolean => height !== tipHeight

function planned(setting: Setting, payments: readonly Payment[]): Plan | Shortfall {
  const capped = overFeeCap(setting.facts.fee, setting.options.maximumFee)
  if (capped !== null) return { shortfall: capped, passed: payments.map(payment => passOver(payment, 'cap', capped)) }
  const passed: PassedOver[] = []
  for (const payment of payments) {
    const read = destinationOf(payment.to, payment.dataField, setting.network)
    if ('refused' in read) throw invariant('invalid-payment', `${payment.withdrawal}: ${read.refused}`)
    const known = setting.facts.destinations.get(read.canonical)
    // It is looked at when those before it have been paid.
    if (known === undefined) continue
    const refusal = refusalOf(setting, { ...payment, to: read.canonical, dataField: read.dataField }, known)
    if (refusal === null) return { ...paymentPlan(setting, payment, read, freeTickets(setting)[0]!), passed }
    passed.push(refusal)
  }
  return { shortfall: passed[0]?.reason ?? 'nothing can be paid now', passed }
}

const passOver = ({ withdrawal }: Payment, kind: PassedOver['kind'], reason: string): PassedOver => ({
  withdrawal,
  kind,
  reason,
})

const isOver = (limit: Amount | null, drops: bigint): boolean => limit !== null && drops > BigInt(limit)

/** Why it cannot be paid now, or null. */
function refusalOf(setting: Setting, payment: Payment, destination: DestinationFacts): PassedOver | null {
  const { options, order, facts } = setting
  const { perTransaction, left } = order.limits[options.asset] ?? NO_LIMIT
  const amount = BigInt(payment.amount)
  const cost = amount + facts.fee
  if (isOver(perTransaction, amount))
    return passOver(payment, 'limit', "it is over the signer's limit for one transaction")
  if (isOver(perTransaction, cost))
    return passOver(payment, 'fee', "with the present fee it is over the signer's limit for one transaction")
  if (isOver(left, cost)) return passOver(payment, 'left', "it is over what the signer's limit leaves for the day")
  const refused = refusedBy(payment, order.source.address, destination, facts)
  if (refused !== null) return passOver(payment, 'refused', refused)
  if (cost > spendable(setting))
    return passOver(payment, 'funds', 'not enough spendable funds for it, the fee and the reserve')
  return freeTickets(setting).length === 0
    ? passOver(payment, 'upkeep', 'every ticket is in use: more are made first')
    : null
}

/** X9: why the ledger would refuse it, as of the block on which ours stands. */
function refusedBy(
  { to, dataField, amount }: Payment,
  source: string,
  { exists, requiresTag, isOpen }: DestinationFacts,
  { baseReserve }: RippleFacts,
): string | null {
  if (to === source) return 'it pays to our own account'
  if (!exists && BigInt(amount) < baseReserve)
    return `the account does not exist, and takes ${baseReserve} drops to be made`
  if (requiresTag && dataField === null) return 'the account demands a destination tag'
  return isOpen ? null : 'the account takes payments only from those whom it has authorised'
}

/** Reserves are not: the account must always keep them. */
function spendable({ funds, facts: { account, baseReserve, ownerReserve } }: Setting): bigint {
  if (account === null) return 0n
  return account.balance - baseReserve - ownerReserve * BigInt(account.owned) - funds.committed
}

/** In no transfer under way. */
const freeTickets = ({ funds, facts }: Setting): number[] => facts.tickets.filter(funds.isFree)

type Fields = Record<string, Json>

/** One transaction of the account. */
function planOf(
  { chain, network, order: { source }, funds, facts }: Setting,
  { purpose, place, fields, paid }: { purpose: Plan['purpose']; place: number; fields: Fields; paid: string[] },
): Omit<Plan, 'passed'> {
  const transaction = {
    ...fields,
    Account: source.address,
    Fee: facts.fee.toString(),
    Flags: 0,
    LastLedgerSequence: facts.height + LIFETIME_LEDGERS,
    SigningPubKey: funds.publicKey,
    ...(network.isNamedInTransactions && { NetworkID: network.id }),
  }
  return {
    ...{ purpose, source: source.index, fee: facts.fee.toString(), paid },
    template: { network: network.name, transaction },
    spendKeys: [placeKey(chain, source.address, place)],
  }
}

const byTicket = (ticket: number): Fields => ({ Sequence: 0, TicketSequence: ticket })

function paymentPlan(
  setting: Setting,
  { withdrawal, amount }: Payment,
  { canonical, dataField }: { canonical: string; dataField: string | null },
  place: number,
): Omit<Plan, 'passed'> {
  const fields = {
    TransactionType: 'Payment',
    ...byTicket(place),
    Destination: canonical,
    ...(dataField !== null && { DestinationTag: Number(dataField) }),
    Amount: amount,
  }
  return planOf(setting, { purpose: 'payment', place, fields, paid: [withdrawal] })
}

/** Tickets first, because everything else spends one. */
function upkeep(setting: Setting): Upkeep {
  const { facts, options } = setting
  if (facts.account === null) return { ...REST, reason: 'the account does not exist until it has got the base reserve' }
  // Others may be payable that nobody has looked at yet.
  const again = facts.isPartial ? 0 : null
  if (overFeeCap(facts.fee, options.maximumFee) !== null) return { ...REST, again }
  const made = ticketPlan(setting, facts.account.sequence) ?? tagsPlan(setting)
  return made === null || 'plan' in made
    ? { ...REST, again, ...made }
    : { ...REST, again, plan: { ...made, passed: [] } }
}

/** As many as are missing, as far as there is a reserve for them. One making at a time. */
function ticketPlan(setting: Setting, sequence: number): Omit<Plan, 'passed'> | Upkeep | null {
  const { options, facts, funds } = setting
  const free = freeTickets(setting).length
  if (free >= options.tickets.low || !funds.isFree(sequence)) return null
  const room = Math.min(options.tickets.high - free, LEDGER_TICKETS - facts.tickets.length)
  const affordable = (spendable(setting) - facts.fee) / facts.ownerReserve
  const count = BigInt(room) < affordable ? room : Number(affordable)
  if (room <= 0) return null
  if (count <= 0) return { ...REST, reason: 'not enough funds for the reserve that tickets take' }
  const fields = { TransactionType: 'TicketCreate', TicketCount: count, Sequence: sequence }
  return planOf(setting, { purpose: 'upkeep', place: sequence, fields, paid: [] })
}

/** X3: who pays us must name a tag. */
function tagsPlan(setting: Setting): Omit<Plan, 'passed'> | null {
  const { facts, funds } = setting
  const [place] = freeTickets(setting)
  if (facts.account?.requiresTags !== false || funds.isDemandingTags || place === undefined) return null
  if (spendable(setting) < facts.fee) return null
  const fields = { TransactionType: 'AccountSet', SetFlag: REQUIRE_DESTINATION_TAG, ...byTicket(place) }
  return planOf(setting, { purpose: 'upkeep', place, fields, paid: [] })
}
