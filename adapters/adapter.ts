/**
 * What differs per currency family, behind five interfaces. A new family is a folder that implements them and passes
 * test/conformance; nothing outside adapters/ knows a family's details.
 *
 * Node is I/O and belongs to the watcher. Planner is pure and belongs to the watcher, and so is the book (book.ts). Signable is
 * pure and is used on both sides. Deriver belongs to the signer.
 */
import type { Amount, Json, Place, Purpose, SpendKey } from '../machines/vocabulary.ts'
import type { Instance } from '../src/kernel/entry.ts'
import type { BookMemory } from './book-memory.ts'

/** A block by its header. Hashes as the family displays them. */
export interface Block extends Place {
  parent: string
  /** Seconds since 1970 UTC, as the block's header says. */
  time: number
}

/** What a node says it is. `mismatch` names what differs from the configuration; such a node halts the chain (A3). */
export interface Identity {
  mismatch: string | null
  height: number
  syncing: boolean
  version: string
  /** What the node's best block says of its own time; seconds since 1970 UTC. */
  tipTime: number
  /** What will stop the node soon unless somebody looks after it; null or absent for nothing. */
  warning?: string | null
}

/** What a node has found that concerns us. Its family's book alone reads it. */
export interface Fact {
  kind: string
}

/** A payment to one of our addresses, seen in a block or pending. */
export interface PaymentSeen extends Fact {
  kind: 'payment.seen'
  /** The deposit's name, a fact of the chain: `<chain>:<txid>:<vout>`. */
  id: string
  transaction: string
  /** Position within the transaction: the API's `outputIndex`. */
  output: number
  address: string
  dataField: string | null
  /** Which of our addresses; 0 is the treasury. */
  index: number
  asset: string
  amount: Amount
  place: Place | null
  /** The transaction spends something of ours: our change, or our withdrawal to one of our own addresses. */
  own: boolean
  /** Why a person must look before it is offered, or null. */
  doubt: string | null
}

/** A transaction that consumes spend keys we watch: our own transfer, a stranger's, or a conflict of an incoming payment. */
export interface SpendSeen extends Fact {
  kind: 'spend.seen'
  keys: SpendKey[]
  transaction: string
  place: Place | null
  /** False when the transaction is in a block but its effect failed (EVM status 0, XRPL tec). */
  executed: boolean
  /** What was really paid for it, where that is known only now (EVM: gas used × price). Base units. */
  fee?: Amount
}

/** What may be spent, as the book says it and the planner reads it. */
export type Funds = object

/**
 * One block on, one back, or nothing new. A node that lags is `unchanged` (A4). What makes us go back is a definite answer: another
 * block at our height on a node that is not behind us, or our tip off the best chain of a node that has had it.
 */
export type Next<F extends Fact = Fact> =
  | { kind: 'connected'; block: Block; facts: F[]; nodeHeight: number }
  | { kind: 'disconnected'; block: Place; nodeHeight: number }
  | { kind: 'unchanged'; nodeHeight: number; syncing: boolean }

/** What we look for in blocks. Grows and shrinks as the ledger's memory changes; matching is synchronous. */
export interface Watch {
  addAddress(index: number, address: string): void
  /** Of every live instance of the chain at the start, and of every change: `after` has just ended where it says so. */
  changed(memory: BookMemory, before: Instance | undefined, after: Instance): void
}

/** A signed transaction on its way out. `parents` are raw transactions to publish before it, oldest first. */
export interface Signed {
  transactionId: string
  raw: string
  parents: string[]
}

/**
 * What came of a broadcast. `unknown`: it may have been sent (publish the same again); `refused`: the node will not
 * relay it.
 */
export type Published =
  | { kind: 'accepted' }
  | { kind: 'known' }
  | { kind: 'unknown'; reason: string }
  /** `isUnderpriced`: for its fee alone, so that a replacement that pays more helps. */
  | { kind: 'refused'; reason: string; isUnderpriced?: boolean }

/**
 * Where a transaction stands, as the node says. `absent` is a definite answer; a node that cannot say rejects. `expired`: as of this block
 * it is in none, never can be, and what it would have spent is still there.
 */
export type Located =
  { kind: 'placed'; place: Place } | { kind: 'pending' } | { kind: 'absent' } | { kind: 'expired'; at: Place }

/** What a plan needs of the outside world, read by a task before the plan is made. Only the family's planner reads it. */
export type PlanFacts = object

/** An account of ours that spends. */
export interface SourceAccount {
  /** 0 is the treasury. */
  index: number
  address: string
}

/** What is about to be planned, so that the node is asked for what that takes and nothing else. */
export interface Question {
  /** Who would pay. */
  source: SourceAccount
  /** The treasury's address. */
  treasury: string
  /** The block on which the ledger stands: what an account has is asked for as of this block. A node that lacks it says nothing. */
  tip: Place
  /** What waits to be paid, oldest first; nothing where the account is not the treasury. May be a hundred thousand. */
  payments(): readonly Payment[]
  /** Transactions of ours that something is to take the place of; absent where nothing is replaced. By their ids. */
  replacing?: readonly string[]
}

/** What a withdrawal would cost now. */
export interface Quote {
  /** Of the rates: `sat/vB`, `wei`. */
  unit: string
  /** For who can wait, as plans are made, and for who cannot. */
  rates: { low: number; normal: number; high: number }
  /** The fee of one withdrawal of each asset as plans are made now; base units of the native asset. */
  withdrawal: Record<string, Amount>
  /** Why none would be planned now, whatever it pays, or null. */
  reason: string | null
}

/**
 * I/O with one node. Only a definite answer is one: every call rejects with an operating fault for malformed answers, errors
 * that say nothing of what was asked, and silence (A5). The node may be another one at each call.
 */
export interface Node<F extends Fact = Fact> {
  identify(): Promise<Identity>
  /** The block below the first one to follow: the tip for 'latest', else the block at height - 1. */
  base(height: number | 'latest'): Promise<Block>
  /** `recent`: the blocks we stand on, oldest first, at least one. */
  next(recent: readonly Place[]): Promise<Next<F>>
  /**
   * Of a block that is left: what the book must know to follow what stands on it. Empty where the node does not have the block: another
   * one in the place of a lost one.
   */
  left(block: Place): Promise<F[]>
  /**
   * Unconfirmed facts that were not reported before: hints, at most `limit` transactions a call. A payment comes behind the unconfirmed
   * transactions that it stands on.
   */
  pending(limit: number): Promise<F[]>
  gather(question: Question): Promise<PlanFacts>
  /** By the rule by which plans are made from what `gather` answers. */
  quote(): Promise<Quote>
  publish(transaction: Signed): Promise<Published>
  locate(transaction: Signed): Promise<Located>
  /** What the node itself finds at these addresses, or null where it cannot say. Takes minutes on a large chain. */
  count(addresses: readonly string[]): Promise<Counted | null>
}

/** What we have as of one block, by the names under which the book counts it too. */
export interface Counted {
  at: Place
  holdings: Holding[]
}

/** One thing that is counted (bitcoin: an unspent output). */
export interface Holding {
  key: string
  amount: Amount
}

/** One withdrawal within a transaction. Amount in base units. */
export interface Payment {
  withdrawal: string
  to: string
  dataField: string | null
  asset: string
  amount: Amount
}

/** What the signer allows of one asset, fees included where they are paid in it; null for no limit. Base units. */
export interface Limit {
  perTransaction: Amount | null
  /** What is left to be spent for the present. */
  left: Amount | null
  /** What another address of ours may be given for gas in one transaction, of the native asset; absent where the signer has not said. */
  funding?: Amount
}

/** What a transaction is to do. Amounts in base units. */
export interface Order {
  /** Who pays. */
  source: SourceAccount
  /** The treasury's address: where what is left goes. */
  treasury: string
  /** In the order in which they are to be paid. */
  payments: readonly Payment[]
  /** How many of them one transaction may make; absent for as many as fit. */
  maximum?: number
  /** By asset; absent for none. */
  limits: Readonly<Record<string, Limit>>
}

/** One transaction to be signed. The template is self-contained: the signer needs nothing else to judge it. */
export interface Plan {
  purpose: Purpose
  /** The index of the account that spends. */
  source: number
  template: Json
  spendKeys: SpendKey[]
  fee: Amount
  /** The withdrawals that it pays, in the order's order. */
  paid: string[]
  /** Those that cannot be paid now, whatever else is. One that only waits its turn is in neither list. */
  passed: PassedOver[]
  /** Nothing hangs on when it is mined: its fee is raised only where a person wants that. */
  isPatient?: boolean
}

/** Why nothing can be planned now, in words that do not change while the reason is the same. */
export interface Shortfall {
  shortfall: string
  passed: PassedOver[]
}

/**
 * `funds`: more than we can spend. `upkeep`: what we have suffices once upkeep has been done (bitcoin: when its coins are consolidated). `limit`: by its
 * amount alone over the limit of one transaction. `fee`: over it with the present fee. `left`: over what is left for the present.
 * `cap`: the node relays nothing at the highest rate that may be paid. `refused`: the network would not do it now (a call that reverts).
 */
export interface PassedOver {
  withdrawal: string
  kind: 'funds' | 'upkeep' | 'limit' | 'fee' | 'left' | 'cap' | 'refused'
  /** A stable sentence. */
  reason: string
}

/**
 * The one form in which equal destinations are equal strings, with the data field that it needs, wherever that stood; or why it
 * cannot be paid.
 */
export type Destination = { canonical: string; dataField: string | null } | { refused: string }

/** What an account needs beside payments. */
export interface Upkeep {
  /** What is done for it now, or null. */
  plan: Plan | null
  /** When the account looks again though nothing has happened, in milliseconds from now; null for when something happens. */
  again: number | null
  /** Why it waits, or null. */
  reason: string | null
}

/*
 * Fee replacement, the same for every family: a further attempt of a transfer makes the same payments as each earlier one, shares a
 * spend key with each, so that only one of them can ever confirm, and pays more. Bitcoin adds to the fee what BIP-125 asks for and lets
 * the change shrink; ethereum raises both fees of the same nonce, to, value and data (EIP-1559, E11). Once all that it pays is voided, a
 * further attempt makes no payment at all.
 */

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
  /** Oldest first; none where each of them has expired. */
  earlier: readonly EarlierAttempt[]
  /** Of whichever attempt: one of them is spent by the replacement, too. */
  spendKeys: readonly SpendKey[]
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

/** Builds what is to be signed. Pure: the same order, funds and facts give the same plan. */
export interface Planner {
  /** Whether this can be paid, and the one form in which equal destinations are equal strings. */
  destination(to: string, dataField: string | null): Destination
  /** Address and data field as one, as many wallets take it, so that neither is forgotten; absent in families without such a form. */
  combined?(address: string, dataField: string): string
  /** Whoever fills the treasury names this data field; absent where its address says all. */
  readonly treasuryDataField?: string
  /** The least that can be paid to this destination: dust, or 1. */
  minimumPayment(to: string): Amount
  /** The most that one payment can be by the network's rules: more could never be paid, whatever we own. */
  readonly maximumPayment: Amount
  /**
   * As many of the order's payments as the funds and its limit allow: the first is tried first, and what cannot be paid is
   * passed over with its reason. Decides both whether something can be paid and how.
   */
  plan(order: Order, funds: Funds, facts: PlanFacts): Plan | Shortfall
  /**
   * What keeps the account able to pay, or brings what it holds to the treasury. Asked when no payment can be planned: `passed` says
   * which could not, and why.
   */
  upkeep(order: Omit<Order, 'payments'>, funds: Funds, facts: PlanFacts, passed: readonly PassedOver[]): Upkeep
  /**
   * Nothing that is planned waits for approvals: what stands behind it would wait, too, or it would expire meanwhile. It is given up, and its
   * withdrawal is planned anew when the approvals are there. Absent where what waits is in nobody's way.
   */
  readonly signedAtOnce?: true
  /**
   * The same transaction for blocks from this height on, on the same spend keys, where the template that waits to be signed has grown old;
   * null where it is young enough. Absent in families of which nothing grows old.
   */
  renew?(template: Json, height: number): Json | null
  /**
   * A further attempt of a transfer, which takes the place of each earlier one. `facts` null where the node was not asked: then only what
   * a person wants is judged, by what is known here. Absent in families of which an account would stop where two transactions share a
   * spend key (N7).
   */
  replace?(order: ReplacementOrder, funds: Funds, facts: PlanFacts | null): Replacement | Unreplaceable
  /**
   * The same, for one that pays nobody: none of the order's payments may be made any more, and what was signed for them is to be kept from
   * ever being mined. What it would have spent stays ours. Absent where nothing can take the place of what was signed.
   */
  cancel?(order: ReplacementOrder, funds: Funds, facts: PlanFacts | null): Replacement | Unreplaceable
}

/** One payment that a template makes. */
export interface Output {
  /** Canonical form, as `Planner.destination` gives it. */
  to: string
  dataField: string | null
  asset: string
  amount: Amount
}

/** What a template does, decoded from nothing but itself. */
export interface Inspection {
  network: string
  /** Everything that is paid to anybody, change included: who is who is for the reader to decide. */
  outputs: Output[]
  /** Whose money is spent, one per payload: the address in canonical form, and what it gives at most of the native asset. */
  inputs: { address: string; amount: Amount }[]
  /** The most that it can cost beside its outputs, in base units of the native asset, as the template itself proves it. */
  fee: Amount
  /** In the family's unit (bitcoin: sat/vB of the largest the signed transaction can be; ethereum: wei per gas), for policy. */
  feeRate: number
  spendKeys: SpendKey[]
  /** A spend key belongs to the transfer for which it was signed first: to another one it is never given (E10). */
  bindsSpendKeys: boolean
  /** A further attempt may take its place on the same spend keys. False where two of them would stop the account for good (N7). */
  isReplaceable: boolean
  transactionId: string | null
}

/** What one key has to sign: a digest (secp256k1, 32 bytes) or a message (ed25519-blake2b), and whose key it is. */
export interface Payload {
  index: number
  address: string
  algorithm: 'secp256k1' | 'ed25519-blake2b'
  bytes: Uint8Array
}

/** A template that was decoded once and understood entirely: judging and signing it need no second reading. */
export interface Opened {
  inspection: Inspection
  /** What has to be signed, in the order of `inspection.inputs`. */
  payloads: Payload[]
  /**
   * One signature a payload, each as the deriver has made and verified it (for secp256k1 64 bytes compact, and behind them the
   * parity of R where transactions carry it). May be called again, and gives the same bytes for the same signatures. Throws a boundary fault `invalid-signature` for what cannot be one.
   */
  assemble: (signatures: readonly Uint8Array[]) => { transactionId: string; raw: string }
}

/** Pure, on both sides. Throws a boundary fault with the reason when the template is not understood entirely. */
export interface Signable {
  open(template: Json): Opened
  /** What `open` finds, for who does not sign. */
  inspect(template: Json): Inspection
  destination(to: string, dataField: string | null): Destination
}

/** An address, by its place in the derivation (`path`: BIP-32, `m/84'/2'/0'/0/7`). */
export interface Derived {
  index: number
  address: string
  dataField: string | null
  /** Hex. */
  publicKey: string
  path: string
}

/** In the signer only. `seed` is the BIP-39 seed. Index 0 is the treasury. */
export interface Deriver {
  /** The same object every time: not to be changed. */
  derive(seed: Uint8Array, index: number): Derived
  /** The payloads of one transaction, each with the index of its address's key. What is answered has been verified. */
  sign(seed: Uint8Array, payloads: readonly { index: number; payload: Payload }[]): Uint8Array[]
}

/** Signed messages that prove control of an address of one network. What is signed for one can never move anything. */
export interface Proofs {
  /** What the key of `address` signs. Boundary fault `invalid-address`. */
  payload(address: string, challenge: string): Payload
  /** As it is shown. `signature`: as the deriver makes it; `publicKey`: 33 bytes. */
  write(
    address: string,
    challenge: string,
    signed: { signature: Uint8Array; publicKey: Uint8Array },
  ): { format: string; signature: string }
  /** Whether whoever made the proof holds the key of the address. Needs nothing but these strings. */
  holds(proof: { address: string; format: string; signature: string }, challenge: string): boolean
}
