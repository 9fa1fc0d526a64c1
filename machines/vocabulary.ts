/**
 * The words that every part of Lockkeeper shares: amounts, places, events, intents. Nothing here does anything.
 */

/** What survives JSON. Amounts are decimal integer strings of base units in it, never numbers. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** What a balance changes by: an amount, with `-` before it where it goes down. */
export type Delta = string

/** `<chain>:<the family's key>`: two transactions that share one can never both confirm. */
export type SpendKey = string

/** A decimal integer string of base units (satoshi, wei, raw, drops). */
export type Amount = string

/** A block of a followed chain. */
export interface Place {
  height: number
  hash: string
}

/** A fact of the past. `at` is milliseconds since 1970 UTC; `run` is `id@entered` of the task run that reports it. */
export interface Event<Type extends string = string, Data = unknown> {
  type: Type
  at: number
  run?: string
  data: Data
}

/** What every machine's context carries. `dueAt` and `dueHeight` wake the instance with `time.passed` and `height.reached`. */
export interface Scheduled {
  chain: string
  failures: number
  dueAt: number | null
  dueHeight: number | null
}

/** The instance's `dueAt` has come. */
export type TimePassed = Event<'time.passed', Record<string, never>>
/** The chain's tip has reached the instance's `dueHeight`. */
export type HeightReached = Event<'height.reached', { height: number }>
/** A person has resumed the chain after a reorg deeper than `final`: what had ended in its last blocks may be taken back. */
export type EndingRevoked = Event<'ending.revoked', Record<string, never>>
/** The block at the tip has left the main chain. */
export type BlockDisconnected = Event<'block.disconnected', Place>

/** What the backend asks for, and signs: src/canonical.ts has the bytes. */
export interface Intent {
  id: string
  chain: string
  asset: string
  to: string
  dataField: string | null
  amount: Amount
  expiresAt: string | null
  round: number
  /** The least sequence of the signer's memory at which it may be signed; null: any. */
  memory: number | null
}

/** An Ed25519 signature over the canonical intent; key (32 bytes) and signature (64 bytes) in standard base64. */
export interface Authorisation {
  key: string
  signature: string
}

/** With the signatures of the backend's keys over it. */
export interface AuthorisedIntent extends Intent {
  authorisations: Authorisation[]
}

/** Where the signer's memory stands: transitions so far, and the hash over all of them. */
export interface MemoryPosition {
  sequence: number
  hash: string
}

/** The signer's promise that nothing more is signed for a withdrawal up to this round: src/canonical.ts has the bytes. */
export interface SignedReceipt extends Authorisation {
  chain: string
  /** The withdrawal's. */
  id: string
  purpose: 'lockkeeper-void-v1'
  round: number
  /** Ids of the transactions signed for it before, of any round; a refund is safe when there are none. */
  signed: string[]
  /** What those spend: who watches these finds them mined under any id. Missing in what signers before version 2 have answered. */
  spendKeys?: SpendKey[] | undefined
  /** By the same key, over all of that: version 2 of the promise, beside `signature`, which is over version 1. */
  spendKeysSignature?: string | undefined
}

/** Why a transfer is made. `upkeep` moves nothing: it keeps an account able to pay (tickets, settings). */
export type Purpose = 'payment' | 'sweep' | 'funding' | 'receive' | 'consolidation' | 'upkeep'

/**
 * How what one version of a machine has stored of an instance becomes what the next would have: its state, dotted, and its
 * context. Pure, and total over every state that the old version could store; what has ended stays ended. In the machine's
 * `meta.migrations`, oldest first; docs/machines.md says how to write one.
 */
export type Migration = (stored: Readonly<Stored>) => Stored

/** What a ledger keeps of an instance's machine. `value`: the state, dotted. */
export interface Stored {
  value: string
  context: { [key: string]: Json }
}

/** The task a state owes, in the state's `meta`. */
export type TaskName = 'identify' | 'sign' | 'publish' | 'gather'

/** The height at which something placed at `height` has that many confirmations (tip − height + 1). */
export const heightOf = (height: number, confirmations: number): number => height + confirmations - 1

/** Equal shares of a transaction's fee, the remainder with the first: they add up to the fee. */
export function shareFee<Id extends string>(fee: Amount, ids: readonly Id[]): { id: Id; fee: Amount }[] {
  const count = BigInt(Math.max(ids.length, 1))
  const share = BigInt(fee) / count
  const rest = BigInt(fee) % count
  return ids.map((id, i) => ({ id, fee: String(i === 0 ? share + rest : share) }))
}

/** By hash alone: a height names no block. */
export const isSamePlace = (a: Place | null, b: Place): boolean => a !== null && a.hash === b.hash
