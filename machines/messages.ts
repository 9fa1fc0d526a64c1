/**
 * Who may be told what: the one map from a kind to the events that its machine hears. Machines speak to each other by
 * events, never by import, so the shapes of all events stand here; a message that its receiver does not hear, or that
 * lacks a field, does not compile. A context, which is nobody else's business, stands with its machine.
 */
import type { Id, IdOf, Kind } from './ids.ts'
import type {
  Amount,
  Authorisation,
  AuthorisedIntent,
  BlockDisconnected,
  Delta,
  EndingRevoked,
  Event,
  HeightReached,
  Intent,
  Json,
  MemoryPosition,
  Place,
  Purpose,
  SignedReceipt,
  SpendKey,
  TimePassed,
} from './vocabulary.ts'

/** An event that says all by its type. */
type Nothing = Record<string, never>

/** What anybody may add to a word of the past: nothing that the receiver reads. */
type Anything = object

/** What an account hears: when it is to plan, what came of it, and where the signer's memory stands. */
export type AccountEvent =
  | Event<'account.opened', { chain: string; index: number; address: string; windowMs: number }>
  | Event<'withdrawal.queued', Nothing>
  | Event<'funds.arrived', Nothing>
  /** A movement of it is beyond any reorg. */
  | Event<'funds.settled', { asset: string; delta: Delta }>
  /** A reorg that a person lets in takes it back all the same. */
  | Event<'funds.unsettled', { asset: string; delta: Delta }>
  /** Something is to be done that no withdrawal waits for: what it holds is to be gathered, or it runs short of what paying takes. */
  | Event<'upkeep.needed', Nothing>
  /** What became of the plan; `retryAt` when something still waits. */
  | Event<'plan.made', { reason: string | null; retryAt: number | null }>
  | Event<'plan.refused', { reason: string }>
  | Event<'account.resumed', { reason: string }>
  | Event<'signer.seen', MemoryPosition>
  /** A person takes the signer's memory as it is, because the later one is lost for good. */
  | Event<'signer.replaced', Anything>
  | Event<'task.failed', { reason: string }>
  | TimePassed

/** An address as the signer made it, with the signer's word for it: the attestation's bytes are in src/canonical.ts. */
export interface GeneratedAddress {
  chain: string
  index: number
  address: string
  dataField: string | null
  /** Hex. */
  publicKey: string
  path: string
  createdAt: string
  attestation: { key: string; signature: string }
}

/** What an address hears on its way from the pool to its owner. */
export type AddressEvent =
  | Event<'address.generated', GeneratedAddress & { isFormer: boolean; needsImport: boolean }>
  | Event<'address.imported', Nothing>
  | Event<'address.assigned', { reference: string; note?: string | null }>
  | Event<'address.retained', Nothing>

/** An attempt as it is planned. */
export interface PlannedAttempt {
  n: number
  template: Json
  spendKeys: SpendKey[]
  fee: Amount
  /** It takes the place of what would have paid withdrawals that are voided, and pays nobody. Absent of one that does what its transfer is for. */
  isCancelling?: boolean
}

/** What the signer has signed and this ledger had lost. */
export interface AdoptedAttempt extends PlannedAttempt {
  transactionId: string
  raw: string
}

interface OfTransfer {
  chain: string
  transfer: IdOf<'transfer'>
  account: IdOf<'account'>
}

/** What the signer answered for an attempt. `raw` is the signed transaction in the family's own form, mostly hex. */
export interface SigningCompleted {
  transactionId: string
  raw: string
  /** What the signer has signed earlier under this name, where it is not what was asked for now: it is adopted. */
  earlier: { template: Json; spendKeys: SpendKey[]; fee: Amount; isCancelling?: boolean } | null
}

/** What an attempt hears: from the signer, from the node, from the chain, and from the transfer that it belongs to. */
export type AttemptEvent =
  | Event<'attempt.planned', PlannedAttempt & OfTransfer>
  | Event<'attempt.adopted', AdoptedAttempt & OfTransfer>
  | Event<'signing.completed', SigningCompleted>
  | Event<'signing.pended', { reason: string }>
  | Event<'signing.refused', { reason: string; isForGood: boolean; height: number }>
  /** `reason`: why it is not certain that the node has it; null when it has. */
  | Event<'publishing.answered', { reason: string | null }>
  /** `isUnderpriced`: for its fee alone, so that a higher one would help. */
  | Event<'publishing.refused', { reason: string; isUnderpriced: boolean }>
  /** It can stand in no block any more, and what it would have spent is still there. `isGivenUp`: nothing of its transfer is made again. */
  | Event<'publishing.expired', { height: number; isGivenUp: boolean }>
  /** `executed`: whether it did what it was to; `fee`: what was really paid for it, null where that is what was planned. */
  | Event<'transaction.mined', { transactionId: string; place: Place; executed: boolean; fee: Amount | null }>
  /** One of its spend keys went to a stranger, finally. */
  | Event<'key.lost', LostKey>
  | Event<'transfer.finalised', Anything>
  /** One of its attempts failed in its block, and that is final. */
  | Event<'transfer.failed', Anything>
  | Event<'transfer.resumed', { reason: string }>
  | Event<'transfer.dissolved', Anything>
  | Event<'approval.added', Anything>
  | Event<'withdrawal.expired', Anything>
  | Event<'task.failed', { reason: string }>
  | BlockDisconnected
  | EndingRevoked

/** What a chain hears: what its node is, each block on and off, and what makes it stop. */
export type ChainEvent =
  | Event<'chain.opened', { chain: string; family: string; asset: string; final: number }>
  | Event<'process.started', Nothing>
  | Event<'node.identified', { base: Place | null; syncing: boolean }>
  | Event<'node.mismatched', { reason: string }>
  | Event<'node.failed', { reason: string }>
  | Event<'node.answered', Nothing>
  | Event<'node.caughtUp', Nothing>
  | Event<'block.connected', { block: Place; parent: string; nodeHeight: number; applied: boolean }>
  | Event<'block.applied', Place>
  /** What stands in it begins to be told in more than one commit that it is taken back. */
  | Event<'block.unapplied', Place>
  | BlockDisconnected
  | Event<'spend.unexplained', { key: string; transaction: string }>
  | Event<'invariant.violated', { reason: string }>
  | Event<'signer.recalled', { until: number }>
  | Event<'chain.resumed', { reason: string }>

/** What is known of a coin for as long as it lives. */
export interface CoinFacts {
  chain: string
  key: SpendKey
  index: number
  address: string
  publicKey: string
  asset: string
  amount: Amount
  transactionId: string
  outputIndex: number
  /** Change or another payment of our own: trusted before it is deep. */
  own: boolean
  /** Confirmations before it may be spent. */
  ripe: number
  final: number
}

/** A transaction that spends something, and the block in which it stands. */
interface PlacedTransaction {
  transaction: string
  place: Place
}

/** A coin that can never be spent by whom it is reserved for: another transaction has its place, or has spent it, for good. */
export interface LostKey {
  key: SpendKey
  height: number
  /** What has spent it; null where it was never made. */
  transaction: string | null
}

/** What a coin hears: who pays it, who holds it, who spends it. */
export type CoinEvent =
  | Event<'payment.seen', CoinFacts & { place: Place | null }>
  | Event<'payment.conflicted', PlacedTransaction>
  | Event<'key.reserved', { holder: IdOf<'transfer'> }>
  | Event<'key.released', { holder: IdOf<'transfer'>; height: number }>
  /** Its holder is beyond any reorg, and may have done without it. */
  | Event<'key.unused', { holder: IdOf<'transfer'>; height: number }>
  | Event<'coin.spent', PlacedTransaction>
  | HeightReached
  | BlockDisconnected
  /** `holder`: the transfer that it was reserved for, where that is live and still has it. */
  | Event<'ending.revoked', { holder: IdOf<'transfer'> | null }>

/** What is known of a deposit for as long as it lives. */
export interface DepositFacts {
  chain: string
  asset: string
  address: string
  dataField: string | null
  index: number
  reference: string | null
  amount: Amount
  transactionId: string
  outputIndex: number
  /** Confirmations to be offered. */
  required: number
  /** Confirmations that no accepted reorg undoes. */
  final: number
}

/** What a deposit hears: from the chain, and from the backend. */
export type DepositEvent =
  | Event<'payment.seen', DepositFacts & { place: Place | null; doubt: string | null; isTooSmall: boolean }>
  | Event<'payment.conflicted', PlacedTransaction>
  | Event<'credit.acknowledged', Nothing>
  | Event<'decision.made', { accept: boolean; reference: string | null; reason: string }>
  | Event<'address.assigned', { reference: string }>
  | HeightReached
  | BlockDisconnected
  | EndingRevoked

/** What one transaction changes of one balance of an account, known for as long as it may be taken back. */
export interface MovementFacts {
  chain: string
  account: IdOf<'account'>
  asset: string
  delta: Delta
  /** Confirmations before what has come may be spent. */
  credit: number
  /** Confirmations that no accepted reorg undoes. */
  final: number
}

/** What a movement hears: that it stands in a block, and that it does no more. */
export type MovementEvent =
  Event<'funds.moved', MovementFacts & { place: Place }> | HeightReached | BlockDisconnected | EndingRevoked

/** What is known of a transaction that pays us, or that such a one stands on. */
export interface TransactionFacts {
  chain: string
  transactionId: string
  /** All of it, hex; null where only its inputs are known. */
  raw: string | null
  /** What it spends: a spend of one of these by another is a conflict. */
  inputs: SpendKey[]
}

/** What a transaction hears: that it is there, and that nothing of it lives any more. */
export type TransactionEvent =
  Event<'transaction.seen', TransactionFacts> | Event<'transaction.forgotten', Nothing> | EndingRevoked

/** A withdrawal that a transfer pays. */
export interface PaidShare {
  id: IdOf<'withdrawal'>
  /** Its share of the fee; the shares add up to the fee. */
  fee: Amount
}

/** What a transfer is to do, fixed when it is planned. */
export interface TransferPlan {
  chain: string
  /** The transfer's own id. */
  transfer: IdOf<'transfer'>
  purpose: Purpose
  account: IdOf<'account'>
  withdrawals: PaidShare[]
  /** What stands for its spend keys, where the family has such a thing: it hears who holds it. */
  held: IdOf<Hearing<'key.reserved'>>[]
  /** Confirmations to be paid. */
  credit: number
  /** Confirmations that no accepted reorg undoes. */
  final: number
  /** How long an attempt that is signed may be in no block before it is replaced; null: it is not, unless a person asks for it. */
  replaceAfterMs: number | null
}

/** What a transfer hears: from its attempts, from what it holds, and from the withdrawals that it pays. */
export type TransferEvent =
  | Event<'transfer.planned', TransferPlan & { attempt: PlannedAttempt }>
  | Event<'transfer.adopted', TransferPlan & { attempt: AdoptedAttempt; reserves: SpendKey[] }>
  /** A person wants it mined at this fee rate, in the family's unit. */
  | Event<'replacement.requested', { feeRate: number }>
  /** `held`: what stands for the attempt's keys. */
  | Event<'replacement.planned', { attempt: PlannedAttempt } & Pick<TransferPlan, 'held'>>
  | Event<'replacement.declined', { reason: string }>
  | Event<'transfer.displaced', { keys: SpendKey[]; reason: string; height: number }>
  /** `held`: what stands for its keys; `reserves`: those of its keys that no later transfer has. */
  | Event<'attempt.adopted', AdoptedAttempt & Pick<TransferPlan, 'held'> & { reserves: SpendKey[] }>
  | Event<'attempt.signed', { n: number; transactionId: string; fee: Amount }>
  | Event<'attempt.held', { n: number; reason: string }>
  /** What was published is not with the node, and why; null when it is there again. */
  | Event<'attempt.delayed', { n: number; reason: string | null }>
  | Event<'attempt.voided', { n: number; reason: string; height: number }>
  /** `executed`: whether it did what its transfer is for; one that is cancelling never does. */
  | Event<
      'attempt.mined',
      { n: number; place: Place; transactionId: string; fee: Amount; executed: boolean; isCancelling?: boolean }
    >
  | Event<'attempt.unmined', { n: number }>
  | Event<'attempt.died', { n: number; reason: string; height: number }>
  /** It can never be mined, and what it would have spent is still there: it is to be made again, unless it is given up. */
  | Event<'attempt.expired', { n: number; reason: string; height: number; isGivenUp: boolean }>
  /** Every attempt has expired, and the signer makes no other. */
  | Event<'transfer.lapsed', { reason: string; height: number }>
  /** Brought back: what proved it dead has left the chain. */
  | Event<'attempt.revived', { n: number; transactionId: string; reason: string }>
  | Event<'key.lost', LostKey>
  | Event<'transfer.resumed', { reason: string }>
  | Event<'authorisation.added', Anything>
  | Event<'withdrawal.expired', Anything>
  | Event<'withdrawal.voided', { reason: string; height: number }>
  | HeightReached
  | TimePassed
  /** `reserves`: of its spend keys those that nobody else has by now. */
  | Event<'ending.revoked', { reserves: SpendKey[] }>

/** A withdrawal as the backend asked for it. `required`: approvals that the signer's rules want for its amount. */
export type RequestedWithdrawal = Intent & {
  authorisations: Authorisation[]
  required: number
  expiresAtMs: number | null
  /** The backend's own words, which nothing here reads. */
  note?: string | null
}

/** The signer's void of a withdrawal, and what it means for the withdrawal. */
export interface VoidedWithdrawal {
  receipt: SignedReceipt
  /** `rejected`: it could never be valid. */
  verdict: 'cancelled' | 'rejected'
  reason: string
  /** Of the chain's tip, for coins that are given back. */
  height: number
}

/** What a withdrawal hears: from the backend, and from the transfer that pays it. */
export type WithdrawalEvent =
  | Event<'withdrawal.requested', RequestedWithdrawal>
  | Event<'withdrawal.accepted', Nothing>
  | Event<'withdrawal.held', { reason: string }>
  | Event<'withdrawal.delayed', { reason: string }>
  | Event<'withdrawal.rejected', { reason: string }>
  | Event<'withdrawal.adopted', RequestedWithdrawal & { transfer: IdOf<'transfer'> }>
  | Event<'withdrawal.voided', VoidedWithdrawal>
  | Event<'authorisation.added', Authorisation>
  | Event<'transfer.bound', { transfer: IdOf<'transfer'> }>
  | Event<'transfer.signed', { transfer: IdOf<'transfer'>; transactionId: string; fee: Amount }>
  | Event<'transfer.mined', { transfer: IdOf<'transfer'>; transactionId: string; fee: Amount; place: Place }>
  | Event<'transfer.unmined', { transfer: IdOf<'transfer'> }>
  | Event<'transfer.confirmed', { transfer: IdOf<'transfer'> }>
  | Event<'transfer.finalised', { transfer: IdOf<'transfer'> }>
  | Event<'transfer.held', { transfer: IdOf<'transfer'>; reason: string }>
  | Event<'transfer.delayed', { transfer: IdOf<'transfer'>; reason: string | null }>
  | Event<'transfer.dissolved', { transfer: IdOf<'transfer'> }>
  | Event<'transfer.died', { transfer: IdOf<'transfer'>; reason: string; signed: string[] }>
  | Event<'transfer.revived', { transfer: IdOf<'transfer'>; transactionId: string; fee: Amount; reason: string }>
  | TimePassed
  | EndingRevoked

/** Why a template is not signed. `kind` is stable; `message` is for people. */
export interface Reason {
  kind: string
  message: string
  /** The withdrawal that it is about; absent when it is about the template. */
  withdrawal?: string | undefined
}

/** Approvals that are still wanted for one withdrawal. */
export interface Missing {
  id: string
  required: number
  given: number
}

/** What the signer keeps of a signature: enough to give the same answer for ever. */
export interface SignedTemplate {
  template: Json
  /** With the approvals that counted: a watcher that has lost its ledger needs them for a further attempt. */
  intents: AuthorisedIntent[]
  transactionId: string
  /** Hex or the family's own form: what is broadcast. */
  raw: string
  signedAt: number
}

/** What a template does, as far as the signer remembers it. */
export interface Inspected {
  spendKeys: SpendKey[]
  /** Nothing of another transfer is ever signed on these keys. */
  bindsSpendKeys: boolean
  /** The most that it can be, in base units of the native asset. */
  fee: string
  /** What leaves for others of the native asset, without the fee. Base units. */
  outflow: string
  /** What leaves for others of each token, by symbol; those of which nothing does are missing. Base units. */
  tokens: Record<string, string>
  /** The rounds of the intents that are authorised, by withdrawal. */
  rounds: Record<string, number>
}

/** What an attempt in the signer hears, in this order: what is asked, what the template does, what came of it; of one that was not signed, that its place is needed. */
export type SigningEvent =
  | Event<'request.received', { chain: string; transferId: string; n: number; digest: string; ledgerId: string | null }>
  | Event<'template.inspected', Inspected>
  | Event<'template.refused', { reasons: Reason[] }>
  | Event<'approvals.missed', { missing: Missing[] }>
  | Event<'template.signed', SignedTemplate>
  | Event<'attempt.forgotten', Record<string, never>>

/** What a void hears: once, that it is. `signed`: ids of transactions that were signed for the withdrawal before. */
export type VoidEvent = Event<
  'withdrawal.voided',
  { chain: string; withdrawal: string; round: number; signed: string[] }
>

/** What an extension of the address pool hears: once, that it is. */
export type PoolEvent = Event<
  'pool.extended',
  { chain: string; from: number; count: number; address: string; ledgerId: string | null }
>

/** What each kind hears. */
export interface Events {
  account: AccountEvent
  address: AddressEvent
  attempt: AttemptEvent
  chain: ChainEvent
  coin: CoinEvent
  deposit: DepositEvent
  movement: MovementEvent
  transaction: TransactionEvent
  transfer: TransferEvent
  withdrawal: WithdrawalEvent
  signing: SigningEvent
  void: VoidEvent
  pool: PoolEvent
}

/** The data that an event of this type brings to this kind. */
export type DataOf<K extends Kind, T extends string> = (Events[K] & { type: T })['data']

/** The event of this type that this kind hears. */
export type EventOf<K extends Kind, T extends string> = Events[K] & { type: T }

/** An event for one instance. */
export type Message<K extends Kind = Kind> = { [P in K]: { to: IdOf<P>; event: Events[P] } }[K]

/** The kind of an id, read from its type. */
export type KindOf<I extends Id> = I extends `${infer P extends Kind}/${string}` ? P : never

/** The kinds that hear an event of this type. */
export type Hearing<T extends string> = { [K in Kind]: T extends Events[K]['type'] ? K : never }[Kind]

/** What every one of these kinds hears: whoever tells any of several must say what each of them understands. */
type TypeFor<K extends Kind> = { [P in K]: (type: Events[P]['type']) => void }[K] extends (type: infer T) => void
  ? T
  : never
type DataFor<K extends Kind, T> = { [P in K]: (data: DataOf<P, T & string>) => void }[K] extends (data: infer D) => void
  ? D
  : never

/** A message of this type to whoever of these it is for. */
type Told<I extends Id, T, D> = I extends Id ? { to: I; event: { type: T; at: number; run?: string; data: D } } : never

/** The message that tells `to` what has happened. `run`: of the task that reports it. */
export function tell<I extends Id, const T extends TypeFor<KindOf<I>>>(
  to: I,
  type: T,
  at: number,
  data: DataFor<KindOf<I>, T>,
  run?: string,
) {
  const event = run === undefined ? { type, at, data } : { type, at, data, run }
  return { to, event } as Told<NoInfer<I>, NoInfer<T>, DataFor<KindOf<NoInfer<I>>, NoInfer<T>>>
}

/**
 * The only three actions a machine may return. They are named, never executed: the step reads their parameters.
 * `tell` sends further events within the same commit; `reserve` and `release` spend keys of the instance that says it.
 */
export const actions = {
  tell: (_: unknown, _params: { messages: readonly Message[] }) => {},
  reserve: (_: unknown, _params: { keys: readonly SpendKey[] }) => {},
  release: (_: unknown, _params: { keys: readonly SpendKey[] }) => {},
}

/** The types of a machine of this kind, as setup() wants them: values that are never read. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- said by the caller, as in setup()
export const typesOf = <K extends Kind, Context>() => ({ context: {} as Context, events: {} as Events[K] })

/** The context of an instance that does not exist yet: the event that creates it sets every field. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- said by the caller
export const unborn = <Context>() => ({}) as Context

/** The parameters of an action or a guard that reads nothing but what the event brings. */
export const data = <D>({ event }: { event: { data: D } }): D => event.data
