/** Who hears of the payments and spends in a block or among what is pending. */
import type { Fact, PaymentSeen, SpendSeen, TransactionSeen } from '../../../adapters/adapter.ts'
import { UNASSIGNED } from '../../../machines/deposit.ts'
import {
  addressId,
  attemptId,
  chainId,
  coinId,
  depositId,
  isIdOf,
  transactionOf,
  treasuryId,
} from '../../../machines/ids.ts'
import type { IdOf } from '../../../machines/ids.ts'
import { tell, type Message } from '../../../machines/messages.ts'
import type { Place, SpendKey } from '../../../machines/vocabulary.ts'
import { childFacet, inputFacet, outputFacet, transactionFacet } from '../facets.ts'
import type { RouteView } from './view.ts'

function toCoin({ memory, policy, at }: RouteView, fact: PaymentSeen): Message[] {
  const { publicKey } = memory.get(addressId(policy.name, fact.index))!.context
  const { index, address, asset, amount, own, place } = fact
  const key = fact.id
  const facts = { chain: policy.name, key, index, address, publicKey, asset, amount, own, place }
  const ripe = Math.max(own ? 1 : policy.credit, fact.maturity)
  const origin = { transactionId: fact.transaction, outputIndex: fact.output, ripe, final: policy.final }
  const seen = tell(coinId(key), 'payment.seen', at, { ...facts, ...origin })
  const holder = memory.holder(key)
  const isHeld = holder !== undefined && isIdOf(['transfer'], holder) && memory.get(coinId(key)) === undefined
  return isHeld ? [seen, tell(coinId(key), 'coin.reserved', at, { holder })] : [seen]
}

function toDeposit({ memory, policy, at }: RouteView, fact: PaymentSeen): Message {
  const { reference } = memory.get(addressId(policy.name, fact.index))!.context
  const { asset, address, dataField, index, amount, place } = fact
  const isTooSmall = BigInt(amount) < BigInt(policy.minimumDeposit)
  const doubt = fact.doubt ?? (reference === null && !isTooSmall ? UNASSIGNED : null)
  const facts = {
    chain: policy.name,
    asset,
    address,
    dataField,
    index,
    reference,
    amount,
    place,
    doubt,
    isTooSmall,
  }
  const depths = { required: Math.max(policy.credit, fact.maturity), final: Math.max(policy.final, fact.maturity) }
  const origin = { transactionId: fact.transaction, outputIndex: fact.output }
  return tell(depositId(fact.id), 'payment.seen', at, { ...facts, ...depths, ...origin })
}

/**
 * Every payment to us makes a coin; only one to a deposit address (not to the treasury: change, sweep, funding) makes a
 * deposit. Unconfirmed dust is not worth remembering before it is in a block, and nothing at all is no payment.
 */
function onPayment(view: RouteView, fact: PaymentSeen): Message[] {
  const isDust = fact.place === null && !fact.own && BigInt(fact.amount) < BigInt(view.policy.minimumDeposit)
  if (isDust || BigInt(fact.amount) === 0n) return []
  return fact.index === 0 ? toCoin(view, fact) : [...toCoin(view, fact), toDeposit(view, fact)]
}

/** The attempt whose transaction this is; on chains with malleable ids also by what it spends (B8). */
function attemptOf({ memory, policy }: RouteView, fact: SpendSeen): IdOf<'attempt'> | null {
  const [known] = memory.find(transactionFacet(policy.name, fact.transaction))
  if (known !== undefined || !policy.signable.hasMalleableIds) return known ?? null
  const holder = fact.keys.map(key => memory.holder(key)).find(id => id !== undefined)
  if (holder === undefined || !isIdOf(['transfer'], holder)) return null
  const { attempts } = memory.get(holder)!.context
  const ids = Array.from({ length: attempts }, (_, i) => attemptId(holder, i + 1))
  const spendsTheSame = (id: IdOf<'attempt'>) => {
    const { spendKeys = [] } = memory.get(id)?.context ?? {}
    return spendKeys.length === fact.keys.length && spendKeys.every(key => fact.keys.includes(key))
  }
  return ids.find(spendsTheSame) ?? null
}

/**
 * Payments of other transactions that spend the same output, and whatever stands on those, as deep as it goes (our own change among
 * it): none of them can be mined while this one is.
 */
function toConflicts({ memory, policy, at }: RouteView, fact: SpendSeen, place: Place): Message[] {
  const itself = transactionOf(policy.name, fact.transaction)
  const undone = new Set(fact.keys.flatMap(key => memory.find(inputFacet(key)).filter(id => id !== itself)))
  // A set grows while it is walked, and each is visited once.
  for (const id of undone) for (const child of memory.find(childFacet(id))) undone.add(child)
  return [...undone]
    .flatMap(id => memory.find(outputFacet(id)))
    .map(id => tell(id, 'payment.conflicted', at, { transaction: fact.transaction, place }))
}

/** `created`: coins that this very block has brought, which memory does not know yet (B15). */
function onSpend(view: RouteView, fact: SpendSeen, created: ReadonlySet<SpendKey>): Message[] {
  const { memory, policy, at } = view
  const { place, transaction } = fact
  if (place === null) return []
  const coins = fact.keys.filter(key => created.has(key) || memory.get(coinId(key)) !== undefined)
  const messages: Message[] = toConflicts(view, fact, place)
  const [first] = coins
  if (first === undefined) return messages
  const attempt = attemptOf(view, fact)
  if (attempt !== null) messages.push(tell(attempt, 'transaction.mined', at, { transactionId: transaction, place }))
  else messages.push(tell(chainId(policy.name), 'spend.unexplained', at, { key: first, transaction }))
  for (const key of coins) messages.push(tell(coinId(key), 'coin.spent', at, { transaction, place }))
  return messages
}

const toTransaction = (
  { policy, at }: RouteView,
  { transaction, raw, inputs }: Omit<TransactionSeen, 'kind'>,
): Message =>
  tell(transactionOf(policy.name, transaction), 'transaction.seen', at, {
    chain: policy.name,
    transactionId: transaction,
    raw,
    inputs,
  })

/** In the order of the chain. A transaction is told of once, however much it pays. */
export function onFacts(view: RouteView, facts: readonly Fact[]): Message[] {
  const created = new Set<SpendKey>()
  const seen = new Set<string>()
  const messages: Message[] = []
  for (const fact of facts) {
    if (fact.kind === 'spend.seen') messages.push(...onSpend(view, fact, created))
    else if (fact.kind === 'transaction.seen') messages.push(toTransaction(view, fact))
    else {
      const payment = onPayment(view, fact)
      if (payment.length > 0 && !seen.has(fact.transaction)) messages.push(toTransaction(view, fact))
      if (payment.length > 0) seen.add(fact.transaction)
      for (const message of payment) messages.push(message)
      created.add(fact.id)
    }
  }
  return messages
}

/** Whether these facts would be heard of without an alarm. */
export const areExplained = (view: RouteView, facts: readonly Fact[]): boolean =>
  facts.every(({ kind }) => kind !== 'spend.seen') ||
  onFacts(view, facts).every(({ event }) => event.type !== 'spend.unexplained')

/** Unconfirmed change is money that somebody may wait for, and the next block may be far. */
export function onPending(view: RouteView, facts: readonly Fact[]): Message[] {
  const messages = onFacts(view, facts)
  const hasChange = facts.some(fact => fact.kind === 'payment.seen' && fact.own)
  return hasChange ? [...messages, tell(treasuryId(view.policy.name), 'funds.arrived', view.at, {})] : messages
}
