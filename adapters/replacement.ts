/**
 * Fee replacement, the same for every family: a further attempt of a transfer makes the same payments as each earlier one, shares a
 * spend key with each, so that only one of them can ever confirm, and pays more. What differs, a family's planner knows: bitcoin adds
 * to the fee what BIP-125 asks for and lets the change shrink, ethereum raises both fees of the same nonce, to, value and data (EIP-1559).
 */
import type { Amount, Json, Purpose, SpendKey } from '../machines/vocabulary.ts'
import type { Payment } from './adapter.ts'
import type { SourceAccount } from './book.ts'

/** One that may still be signed or mined. */
export interface EarlierAttempt {
  template: Json
  /** Null as long as it is not signed, or where its id follows from the signatures. */
  transactionId: string | null
}

/** What the transfer's earlier attempts do, and what their replacement may cost. */
export interface ReplacementOrder {
  purpose: Purpose
  source: SourceAccount
  /** The treasury's address. */
  treasury: string
  /** What each of the earlier ones pays, and the replacement pays exactly; none where it moves our own money. */
  payments: readonly Payment[]
  /** Oldest first, one at least. */
  earlier: readonly EarlierAttempt[]
  /** What a person wants, in the family's unit; null: what the facts say, and so much more than each earlier one that nodes take it. */
  feeRate: number | null
  /** The most that the signer signs, as far as it says: in fees, in base units of the native asset; and as a rate. Null: no limit. */
  maximumFee: Amount | null
  maximumRate: number | null
}

/** The further attempt. */
export interface Replacement {
  template: Json
  /** Some of each earlier attempt. */
  spendKeys: SpendKey[]
  fee: Amount
}

/**
 * Why there is none now. `low`: the rate that is wanted is not enough above an earlier one. `cap`: what would be enough is over what may
 * be paid. `funds`: there is no money for the fee. `bound`: something else stands on an earlier one, or would be paid with it.
 */
export interface Unreplaceable {
  kind: 'low' | 'cap' | 'funds' | 'bound'
  /** A sentence for people, with what to do; it does not change while the reason is the same. */
  reason: string
}
