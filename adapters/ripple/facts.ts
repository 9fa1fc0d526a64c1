/** What the family's node finds beyond what every family's does. */
import type { Delta, Place } from '../../machines/vocabulary.ts'
import type { Fact, PaymentSeen, SpendSeen } from '../adapter.ts'

/** The account's balance was changed by a transaction, by whatever it did: all that is ours is the sum of these. */
export interface BalanceChanged extends Fact {
  kind: 'balance.changed'
  transaction: string
  account: string
  /** Drops, signed. */
  delta: Delta
  place: Place
}

/** Facts of one ledger stand in the order of their transactions: of each its spend, then what it paid us, then what it changed. */
export type RippleFact = PaymentSeen | SpendSeen | BalanceChanged
