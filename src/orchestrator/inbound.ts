/**
 * Everything that can happen from outside. An inbound event names facts, not instances: the route decides who hears of
 * it. `at` is when it was noticed, milliseconds since 1970 UTC.
 */
import type { Block, Fact, PlanFacts } from '../../adapters/adapter.ts'
import type { GeneratedAddress } from '../../machines/address.ts'
import type { Amount, Authorisation, Id, Intent, Json, Place, SpendKey } from '../../machines/vocabulary.ts'

/** Of the signer's list of everything it ever signed. */
export interface SignedRecord {
  transferId: string
  n: number
  template: Json
  intents: (Intent & { authorisations: Authorisation[] })[]
  transactionId: string
  raw: string
  spendKeys: SpendKey[]
}

interface OfChain {
  chain: string
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
  | { type: 'addresses.generated'; data: OfChain & { addresses: (GeneratedAddress & { isFormer: boolean })[] } }
  | { type: 'address.assigned'; data: OfChain & { index: number; reference: string } }
  | { type: 'credit.acknowledged'; data: { id: Id } }
  | { type: 'decision.made'; data: { id: Id; accept: boolean; reference: string | null; reason: string } }
  | { type: 'withdrawal.requested'; data: Intent & { authorisations: Authorisation[]; expiresAtMs: number | null } }
  | { type: 'authorisation.added'; data: { id: Id } & Authorisation }
  | { type: 'transfer.resumed'; data: { id: Id; reason: string } }
  | { type: 'signer.recalled'; data: OfChain & { records: SignedRecord[]; until: number } }
  | { type: 'time.passed'; data: { ids: Id[] } }
  | TaskResult
)

/** What came of a task; `run` says of which run of it. */
export type TaskResult = { run: string } & (
  | { type: 'signing.completed'; data: { id: Id; transactionId: string; raw: string; earlier: Earlier | null } }
  | { type: 'signing.pended'; data: { id: Id; reason: string; retryAt: number } }
  | { type: 'signing.refused'; data: { id: Id; reason: string } }
  | { type: 'publishing.answered'; data: { id: Id; reason: string | null; retryAt: number } }
  | { type: 'publishing.refused'; data: { id: Id; reason: string; retryAt: number } }
  | { type: 'facts.gathered'; data: { id: Id; facts: PlanFacts; retryAt: number } }
  | { type: 'task.failed'; data: { id: Id; reason: string; retryAt: number } }
)

export interface Earlier {
  template: Json
  spendKeys: SpendKey[]
  fee: Amount
}
