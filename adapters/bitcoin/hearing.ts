/** Who hears of the payments and spends of a chain of the family, in a block or among what is pending. */
import { addressId, attemptId, coinId, isIdOf, transactionOf, treasuryId, type IdOf } from '../../machines/ids.ts'
import { tell, type Message } from '../../machines/messages.ts'
import type { Place, SpendKey } from '../../machines/vocabulary.ts'
import type { SpendSeen } from '../adapter.ts'
import type { BookView } from '../book.ts'
import { attemptWith, isTooSmall, toDeposit, toSpender } from '../hearing.ts'
import type { BitcoinFact, OutputSeen, TransactionSeen } from './facts.ts'
import { childFacet, inputFacet, outputFacet } from './lineage.ts'

function toCoin({ memory, policy, at }: BookView, fact: OutputSeen): Message[] {
  const { publicKey } = memory.get(addressId(policy.name, fact.index))!.context
  const { index, address, asset, amount, own, place } = fact
  const key = fact.id
  const facts = { chain: policy.name, key, index, address, publicKey, asset, amount, own, place }
  const ripe = Math.max(own ? 1 : policy.credit, fact.maturity)
  const origin = { transactionId: fact.transaction, outputIndex: fact.output, ripe, final: policy.final }
  const seen = tell(coinId(key), 'payment.seen', at, { ...facts, ...origin })
  const holder = memory.holder(key)
  const isHeld = holder !== undefined && isIdOf(['transfer'], holder) && memory.get(coinId(key)) === undefined
  return isHeld ? [seen, tell(coinId(key), 'key.reserved', at, { holder })] : [seen]
}

/**
 * Every payment to us makes a coin; only one to a deposit address (not to the treasury: change, sweep, funding) makes a
 * deposit. Unconfirmed dust is not worth remembering before it is in a block, and nothing at all is no payment.
 */
function onPayment(view: BookView, fact: OutputSeen): Message[] {
  const isDust = fact.place === null && !fact.own && isTooSmall(view, fact)
  if (isDust || BigInt(fact.amount) === 0n) return []
  return fact.index === 0 ? toCoin(view, fact) : [...toCoin(view, fact), toDeposit(view, fact, fact.maturity)]
}

/** The attempt whose transaction this is; on chains with malleable ids also by what it spends (B8). */
function attemptOf(view: BookView, fact: SpendSeen, hasMalleableIds: boolean): IdOf<'attempt'> | null {
  const { memory } = view
  const known = attemptWith(view, fact.transaction)
  if (known !== null || !hasMalleableIds) return known
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
function toConflicts({ memory, policy, at }: BookView, fact: SpendSeen, place: Place): Message[] {
  const itself = transactionOf(policy.name, fact.transaction)
  const undone = new Set(fact.keys.flatMap(key => memory.find(inputFacet(key)).filter(id => id !== itself)))
  // A set grows while it is walked, and each is visited once.
  for (const id of undone) for (const child of memory.find(childFacet(id))) undone.add(child)
  return [...undone]
    .flatMap(id => memory.find(outputFacet(id)))
    .map(id => tell(id, 'payment.conflicted', at, { transaction: fact.transaction, place }))
}

/** `created`: coins that this very block has brought, which memory does not know yet (B15). */
function onSpend(view: BookView, fact: SpendSeen, created: ReadonlySet<SpendKey>, hasMalleableIds: boolean): Message[] {
  const { memory, at } = view
  const { place, transaction } = fact
  if (place === null) return []
  const coins = fact.keys.filter(key => created.has(key) || memory.get(coinId(key)) !== undefined)
  const messages: Message[] = toConflicts(view, fact, place)
  const [key] = coins
  if (key === undefined) return messages
  const attempt = attemptOf(view, fact, hasMalleableIds)
  messages.push(toSpender(view, fact, place, { attempt, key }))
  for (const spent of coins) messages.push(tell(coinId(spent), 'coin.spent', at, { transaction, place }))
  return messages
}

const toTransaction = (
  { policy, at }: BookView,
  { transaction, raw, inputs }: Omit<TransactionSeen, 'kind'>,
): Message =>
  tell(transactionOf(policy.name, transaction), 'transaction.seen', at, {
    chain: policy.name,
    transactionId: transaction,
    raw,
    inputs,
  })

/** In the order of the chain. A transaction is told of once, however much it pays. */
export function hearFacts(view: BookView, facts: readonly BitcoinFact[], hasMalleableIds: boolean): Message[] {
  const created = new Set<SpendKey>()
  const seen = new Set<string>()
  const messages: Message[] = []
  for (const fact of facts) {
    if (fact.kind === 'spend.seen') messages.push(...onSpend(view, fact, created, hasMalleableIds))
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

/** Unconfirmed change is money that somebody may wait for, and the next block may be far. */
export function overhearFacts(view: BookView, facts: readonly BitcoinFact[], hasMalleableIds: boolean): Message[] {
  const messages = hearFacts(view, facts, hasMalleableIds)
  const hasChange = facts.some(fact => fact.kind === 'payment.seen' && fact.own)
  return hasChange ? [...messages, tell(treasuryId(view.policy.name), 'funds.arrived', view.at, {})] : messages
}
