/**
 * Everything that can happen from outside. An inbound event names facts, not instances: the route decides who hears of
 * it. `at` is when it was noticed, milliseconds since 1970 UTC.
 */
import type { Block, Fact, PlanFacts } from '../../adapters/adapter.ts'
import type { GeneratedAddress } from '../../machines/address.ts'
import type {
  Amount,
  Authorisation,
  AuthorisedIntent,
  Id,
  Intent,
  Json,
  MemoryPosition,
  Place,
  SignedReceipt,
  SpendKey,
} from '../../machines/vocabulary.ts'

/** Of the signer's list of everything it ever signed. */
export interface SignedRecord {
  transferId: string
  n: number
  template: Json
  intents: AuthorisedIntent[]
  transactionId: string
  raw: string
  spendKeys: SpendKey[]
}

interface OfChain {
  chain: string
}

/** How far the signer's memory was when it answered; null before it ever did. */
interface OfSigner {
  seen: MemoryPosition | null
}

/** What a withdrawal is told of its void. */
export interface Voided {
  receipt: SignedReceipt
  verdict: 'cancelled' | 'rejected'
  reason: string
}

/** A withdrawal that the signer never pays in the transfer that it was planned in; it was voided. */
export interface Unsignable extends Voided {
  id: Id
}

export type Inbound = { at: number } & (
  | { type: 'chain.opened'; data: OfChain }
  | { type: 'process.started'; data: Record<string, never> }
  | { type: 'node.identified'; data: OfChain & { base: Place | null; syncing: boolean } }
  | { type: 'node.mismatched'; data: OfChain & { reason: string } }
  | { type: 'node.failed'; data: OfChain & { reason: string } }
  | { type: 'node.answered'; data: OfChain }
  | { type: 'node.caughtUp'; data: OfChain }
  | { type: 'block.connected'; data: OfChain & { block: Block; facts: Fact[]; nodeHeight: number } }
  | { type: 'block.disconnected'; data: OfChain & Place }
  | { type: 'facts.pending'; data: OfChain & { facts: Fact[] } }
  | { type: 'invariant.violated'; data: OfChain & { reason: string } }
  | { type: 'chain.resumed'; data: OfChain & { reason: string } }
  | {
      type: 'addresses.generated'
      data: OfChain & OfSigner & { addresses: (GeneratedAddress & { isFormer: boolean })[] }
    }
  | { type: 'addresses.retained'; data: OfChain }
  | { type: 'address.assigned'; data: OfChain & { index: number; reference: string } }
  | { type: 'credit.acknowledged'; data: { id: Id } }
  | { type: 'decision.made'; data: { id: Id; accept: boolean; reference: string | null; reason: string } }
  | { type: 'withdrawal.requested'; data: Intent & Requested }
  | { type: 'withdrawals.approved'; data: OfChain & { ids: Id[] } }
  | { type: 'withdrawal.voided'; data: OfChain & OfSigner & { id: Id } & Voided }
  | { type: 'authorisation.added'; data: { id: Id; isEnough: boolean } & Authorisation }
  | { type: 'transfer.resumed'; data: { id: Id; reason: string } }
  | {
      type: 'signer.recalled'
      data: OfChain & OfSigner & { records: SignedRecord[]; receipts: SignedReceipt[]; until: number }
    }
  | { type: 'signer.replaced'; data: Record<string, never> }
  | { type: 'time.passed'; data: { ids: Id[] } }
  | TaskResult
)

interface Requested {
  authorisations: Authorisation[]
  expiresAtMs: number | null
  /** Why it may not be paid yet, as far as is known: the signer decides. */
  held: string | null
}

/** What came of a task; `run` says of which run of it. */
export type TaskResult = { run: string } & (
  | {
      type: 'signing.completed'
      data: OfSigner & { id: Id; transactionId: string; raw: string; earlier: Earlier | null }
    }
  | { type: 'signing.pended'; data: { id: Id; reason: string; retryAt: number } }
  | { type: 'signing.refused'; data: OfSigner & { id: Id; reason: string; unsignable: Unsignable[] } }
  | { type: 'publishing.answered'; data: { id: Id; reason: string | null; retryAt: number } }
  | { type: 'publishing.refused'; data: { id: Id; reason: string; retryAt: number } }
  | { type: 'facts.gathered'; data: { id: Id; facts: PlanFacts; limit: Amount | null; retryAt: number } }
  | { type: 'task.failed'; data: { id: Id; reason: string; retryAt: number } }
)

export interface Earlier {
  template: Json
  spendKeys: SpendKey[]
  fee: Amount
}
