/** What the family's node finds beyond what every family's does. */
import type { SpendKey } from '../../machines/vocabulary.ts'
import type { Fact, PaymentSeen, SpendSeen } from '../adapter.ts'

/** An output of ours. */
export interface OutputSeen extends PaymentSeen {
  /** Blocks on top before it can be spent: coinbase 100, MWEB peg-out 6, else 0. */
  maturity: number
  /** The whole transaction, so that a template that spends it is self-contained and can be published with its parent. Hex. */
  raw: string
  /** What the paying transaction spends. A spend of one of these by another transaction is a conflict. */
  inputs: SpendKey[]
}

/** A transaction on which a payment to us stands while it is in no block: a spend of one of its inputs by another undoes them both. */
export interface TransactionSeen extends Fact {
  kind: 'transaction.seen'
  transaction: string
  /** Hex; null where only its inputs are known. */
  raw: string | null
  inputs: SpendKey[]
}

/** Facts of one block stand in the order of the chain; a transaction's spends stand before its payments. */
export type BitcoinFact = OutputSeen | SpendSeen | TransactionSeen
