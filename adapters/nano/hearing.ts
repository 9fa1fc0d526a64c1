/** Who hears of a confirmed block. */
import { accountId, addressId, coinId, isIdOf, type IdOf } from '../../machines/ids.ts'
import { tell, type Message } from '../../machines/messages.ts'
import type { Amount, Place, SpendKey } from '../../machines/vocabulary.ts'
import type { PaymentSeen, SpendSeen } from '../adapter.ts'
import type { BookView } from '../book.ts'
import { attemptWith, toDeposit, toSpender } from '../hearing.ts'
import type { FrontierMoved, NanoFact } from './facts.ts'

interface Coin {
  key: SpendKey
  index: number
  address: string
  amount: Amount
  transaction: string
  own: boolean
  place: Place | null
}

/** What stands for a spend key. `holder`: who has reserved it before it was there. */
export function toCoin(view: BookView, coin: Coin, holder: IdOf<'transfer'> | null): Message[] {
  const { memory, policy, at } = view
  const { key, index, address, amount, transaction, own, place } = coin
  const { publicKey = '' } = memory.get(addressId(policy.name, index))?.context ?? {}
  const facts = { chain: policy.name, key, index, address, publicKey, asset: policy.asset, amount, own, place }
  const origin = { transactionId: transaction, outputIndex: 0, ripe: policy.credit, final: policy.final }
  return [
    tell(coinId(key), 'payment.seen', at, { ...facts, ...origin }),
    ...(holder === null ? [] : [tell(coinId(key), 'key.reserved', at, { holder })]),
  ]
}

/** Only where the coin is new: one that is there hears of its holder from the holder. */
function holderOf({ memory }: BookView, key: SpendKey): IdOf<'transfer'> | null {
  const holder = memory.get(coinId(key)) === undefined ? memory.holder(key) : undefined
  return holder !== undefined && isIdOf(['transfer'], holder) ? holder : null
}

/** An account that is to do something is there before it hears of it; the treasury is there from the beginning. */
export function toOpenAccount({ memory, policy, at }: BookView, index: number, address: string): Message[] {
  const id = accountId(policy.name, index)
  const opened = { chain: policy.name, index, address, windowMs: 0 }
  return memory.get(id) === undefined && index !== 0 ? [tell(id, 'account.opened', at, opened)] : []
}

/** What has come is to be received, and gathered. */
const toUpkeep = ({ policy, at }: BookView, index: number): Message =>
  tell(accountId(policy.name, index), 'upkeep.needed', at, {})

/** A payment that the ledger has is told of to nobody: it may have ended since. */
function onPayment(view: BookView, fact: PaymentSeen): Message[] {
  const { memory } = view
  const { id: key, index, address, amount, transaction, own, place } = fact
  if (memory.get(coinId(key))?.context.place !== undefined && memory.get(coinId(key))?.context.place !== null) return []
  return [
    ...toOpenAccount(view, index, address),
    ...toCoin(view, { key, index, address, amount, transaction, own, place }, holderOf(view, key)),
    ...(index === 0 ? [] : [toDeposit(view, fact)]),
    toUpkeep(view, index),
  ]
}

/**
 * N13: the network has taken the place for which a block of ours was planned. What is not signed is planned anew on what stands there
 * now; what is signed can never be confirmed, which is its proof.
 */
function toPlanned({ memory, at }: BookView, { spent, transaction, place }: FrontierMoved): Message[] {
  const holder = memory.holder(spent)
  if (holder === undefined || !isIdOf(['transfer'], holder) || memory.get(holder)?.context.signed.length !== 0)
    return []
  const reason = `the network has put ${transaction} in its place`
  return [tell(holder, 'transfer.displaced', at, { keys: [spent], reason, height: place.height })]
}

function onMoved(view: BookView, fact: FrontierMoved): Message[] {
  const { key, spent, index, address, balance: amount, transaction, place } = fact
  const spending = tell(coinId(spent), 'coin.spent', view.at, { transaction, place })
  return [
    ...toOpenAccount(view, index, address),
    ...toPlanned(view, fact),
    spending,
    ...toCoin(view, { key, index, address, amount, transaction, own: true, place }, holderOf(view, key)),
    toUpkeep(view, index),
  ]
}

function onSpend(view: BookView, fact: SpendSeen): Message[] {
  const { keys, transaction, place } = fact
  const [key] = keys
  if (place === null || key === undefined) return []
  const received = keys.slice(1).map(each => tell(coinId(each), 'coin.spent', view.at, { transaction, place }))
  return [toSpender(view, fact, place, { attempt: attemptWith(view, transaction), key }), ...received]
}

/** A block of ours whose own place is there was heard of before: a crash has left it half applied. */
const isHeard = ({ memory }: BookView, facts: readonly NanoFact[]): boolean =>
  facts.some(fact => {
    const coin = fact.kind === 'frontier.moved' ? memory.get(coinId(fact.key)) : undefined
    return coin !== undefined && coin.context.place !== null
  })

/** The facts of one round. */
export function hearRound(view: BookView, facts: readonly NanoFact[]): Message[] {
  const isOld = isHeard(view, facts)
  return facts.flatMap(fact => {
    if (fact.kind === 'payment.seen') return onPayment(view, fact)
    if (isOld) return []
    return fact.kind === 'spend.seen' ? onSpend(view, fact) : onMoved(view, fact)
  })
}
