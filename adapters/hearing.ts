/** What every family's book does with a payment and with a spend of its own. */
import { UNASSIGNED } from '../machines/deposit.ts'
import { addressId, chainId, depositId, type IdOf } from '../machines/ids.ts'
import { tell, type Message } from '../machines/messages.ts'
import type { Place } from '../machines/vocabulary.ts'
import { transactionFacet } from '../src/kernel/facets.ts'
import type { PaymentSeen, SpendSeen } from './adapter.ts'
import type { BookView } from './book.ts'

/** Whether it is below what the configuration calls a deposit. */
export const isTooSmall = ({ policy }: BookView, { asset, amount }: PaymentSeen): boolean =>
  BigInt(amount) < BigInt(policy.assets[asset]?.minimumDeposit ?? 0)

/** To a deposit address. `maturity`: blocks on top before it can be spent. */
export function toDeposit(view: BookView, fact: PaymentSeen, maturity = 0): Message {
  const { memory, policy, at } = view
  const { reference } = memory.get(addressId(policy.name, fact.index))!.context
  const { asset, address, dataField, index, amount, place } = fact
  const isSmall = isTooSmall(view, fact)
  // What is too small is ignored, whatever else is said of it: strangers do not fill a person's desk with dust.
  const doubt = isSmall ? null : (fact.doubt ?? (reference === null ? UNASSIGNED : null))
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
    isTooSmall: isSmall,
  }
  const depths = { required: Math.max(policy.credit, maturity), final: Math.max(policy.final, maturity) }
  const origin = { transactionId: fact.transaction, outputIndex: fact.output }
  return tell(depositId(fact.id), 'payment.seen', at, { ...facts, ...depths, ...origin })
}

/** The attempt whose signed transaction this is, or null. */
export const attemptWith = ({ memory, policy }: BookView, transaction: string): IdOf<'attempt'> | null =>
  memory.one(transactionFacet(policy.name, transaction)) ?? null

/** A spend of ours in a block: its attempt hears of it, or the chain, when nobody here had it signed. `key`: one of ours that it spends. */
export function toSpender(
  { policy, at }: BookView,
  { transaction, executed, fee }: SpendSeen,
  place: Place,
  { attempt, key }: { attempt: IdOf<'attempt'> | null; key: string },
): Message {
  if (attempt === null) return tell(chainId(policy.name), 'spend.unexplained', at, { key, transaction })
  return tell(attempt, 'transaction.mined', at, { transactionId: transaction, place, executed, fee: fee ?? null })
}
