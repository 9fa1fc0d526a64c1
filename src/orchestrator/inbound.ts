/**
 * Everything that can happen from outside. An inbound event names facts, not instances: the route decides who hears of
 * it. `at` is when it was noticed, milliseconds since 1970 UTC.
 */
import type { Block, Fact, Limit, PlanFacts } from '../../adapters/adapter.ts'
import type { Instance } from '../kernel/entry.ts'
import type { FeeCaps } from './routes/replacing.ts'
import type { Id, IdOf } from '../../machines/ids.ts'
import type { GeneratedAddress, Hearing, SigningCompleted, VoidedWithdrawal } from '../../machines/messages.ts'
import type {
  Authorisation,
  AuthorisedIntent,
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
  position: MemoryPosition | null
}

/** What a withdrawal is told of its void. */
export type Voided = Omit<VoidedWithdrawal, 'height'>

/** A withdrawal that the signer never pays in the transfer that it was planned in; it was voided. */
export interface Unsignable extends Voided {
  id: IdOf<'withdrawal'>
}

/** Everything that can happen to a watcher. `at`: milliseconds since 1970 UTC. */
export type Inbound = { at: number } & (
  | { type: 'chain.opened'; data: OfChain }
  | { type: 'process.started'; data: Record<string, never> }
  | { type: 'node.identified'; data: OfChain & { base: Place | null; syncing: boolean } }
  | { type: 'node.mismatched'; data: OfChain & { reason: string } }
  | { type: 'node.failed'; data: OfChain & { reason: string } }
  | { type: 'node.answered'; data: OfChain }
  | { type: 'node.caughtUp'; data: OfChain }
  | { type: 'block.connected'; data: OfChain & { block: Block; facts: Fact[]; nodeHeight: number } }
  /** A block that was applied already holds something that was not known when it was. `unheardOf`: neither live nor ended. */
  | { type: 'block.reread'; data: OfChain & { block: Place; facts: Fact[]; unheardOf: Id[] } }
  /** `standing`: what was in it and bears something of ours. */
  | { type: 'block.disconnected'; data: OfChain & Place & { standing: Fact[] } }
  | { type: 'facts.pending'; data: OfChain & { facts: Fact[] } }
  | { type: 'invariant.violated'; data: OfChain & { reason: string } }
  /** `ended`: what had ended in the last blocks, which may be taken back now. */
  | { type: 'chain.resumed'; data: OfChain & { reason: string; ended: Instance[] } }
  | {
      type: 'addresses.generated'
      data: OfChain & OfSigner & { addresses: (GeneratedAddress & { isFormer: boolean })[] }
    }
  | { type: 'addresses.retained'; data: OfChain }
  | { type: 'address.assigned'; data: OfChain & { index: number; reference: string; note?: string | null } }
  | { type: 'credit.acknowledged'; data: { id: IdOf<'deposit'> } }
  | { type: 'decision.made'; data: { id: IdOf<'deposit'>; accept: boolean; reference: string | null; reason: string } }
  | { type: 'withdrawal.requested'; data: Intent & Requested }
  | { type: 'withdrawals.approved'; data: OfChain & { ids: IdOf<'withdrawal'>[] } }
  /** What the signer wants of a payment has changed, or is known for the first time. */
  | { type: 'withdrawals.unapproved'; data: OfChain & { items: { id: IdOf<'withdrawal'>; reason: string }[] } }
  | { type: 'withdrawal.voided'; data: OfChain & OfSigner & { id: IdOf<'withdrawal'> } & Voided }
  | { type: 'authorisation.added'; data: { id: IdOf<'withdrawal'>; isEnough: boolean } & Authorisation }
  | { type: 'transfer.resumed'; data: { id: IdOf<'transfer'>; reason: string } }
  /** A person wants it mined at this fee rate, in the family's unit. */
  | { type: 'replacement.requested'; data: { id: IdOf<'transfer'>; feeRate: number } }
  /** `ended`: of what the records are about (what stands for their spend keys, transfers, attempts, withdrawals) what has ended here. */
  | {
      type: 'signer.recalled'
      data: OfChain &
        OfSigner & { records: SignedRecord[]; receipts: SignedReceipt[]; ended: Instance[]; until: number }
    }
  | { type: 'signer.replaced'; data: Record<string, never> }
  | { type: 'time.passed'; data: { ids: IdOf<Hearing<'time.passed'>>[] } }
  | TaskResult
)

interface Requested {
  authorisations: Authorisation[]
  expiresAtMs: number | null
  /** Why it may not be paid yet, as far as is known: the signer decides. */
  held: string | null
  note?: string | null
}

/** What came of a task; `run` says of which run of it. */
export type TaskResult = { run: string } & (
  | {
      type: 'signing.completed'
      data: OfSigner & { id: IdOf<'attempt'> } & SigningCompleted
    }
  /** `lacksApprovals`: it waits for them, and for nothing else. */
  | { type: 'signing.pended'; data: { id: IdOf<'attempt'>; reason: string; lacksApprovals: boolean } }
  /** `isBound`: what it would spend was signed for another transfer, so that it is never signed itself. */
  | {
      type: 'signing.refused'
      data: OfSigner & { id: IdOf<'attempt'>; reason: string; unsignable: Unsignable[]; isBound: boolean }
    }
  | { type: 'publishing.answered'; data: { id: IdOf<'attempt'>; reason: string | null } }
  | { type: 'publishing.expired'; data: { id: IdOf<'attempt'>; at: Place } }
  | { type: 'publishing.refused'; data: { id: IdOf<'attempt'>; reason: string; isUnderpriced: boolean } }
  | {
      type: 'facts.gathered'
      /** `limits`: as far as the signer has said, by asset. */
      data: { id: IdOf<'account'>; facts: PlanFacts; limits: Readonly<Record<string, Limit>>; caps: FeeCaps }
    }
  | { type: 'task.failed'; data: { id: IdOf<Hearing<'task.failed'>>; reason: string } }
)
