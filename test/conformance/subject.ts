/**
 * A currency family as the suite sees it: its two configurations, and one simulated network that people pay on. What is in here and
 * nowhere else is what may differ between families; every promise is then asked of all of them in the same words.
 */
import type { HttpAnswer, HttpRequest } from '../../src/http.ts'

/** Where a payment goes. */
export interface Payee {
  address: string
  dataField: string | null
}

/** Something that moves on the chain. Amounts in base units. */
export interface SubjectAsset {
  symbol: string
  /** What a user pays in, more than the configured minimum. */
  deposit: bigint
  /** Less than the configured minimum, and more than nothing; null where there is none. */
  tooSmall: bigint | null
  /** What a user takes out. */
  withdrawal: bigint
  /** What the treasury gets at the beginning: enough for thirty withdrawals and one that wants two approvals. */
  funding: bigint
  /** More than this needs two approvals. */
  approvedAbove: bigint
}

/** The network, in memory. What was paid stands in no block before the next `advance`. */
export interface SubjectNetwork {
  handle(request: HttpRequest): HttpAnswer
  /** One block, or what counts as one. */
  advance(): void
  /** From outside. The transaction's id, as the family displays it. */
  pay(asset: string, payee: Payee, amount: bigint): string
  /** From outside to the treasury, in the way in which an operator fills it. */
  fund(asset: string, treasury: string, amount: bigint): void
  /** Somebody else, another one each time. */
  stranger(): Payee
  /** What has been paid to a stranger on the canonical chain, payment by payment. */
  received(asset: string, payee: Payee): bigint[]
  /** What stands at these addresses on the canonical chain. */
  holds(asset: string, addresses: readonly string[]): bigint
  /** What is wrong with what stands there beside balances, in words; absent where nothing can be. */
  flaws?: (addresses: readonly string[]) => string[]
  /** Looks as if it paid, and does not: its words, and how it is done. */
  pretences: readonly { words: string; send: (payee: Payee, amount: bigint) => void }[]
  /** The last blocks are replaced by more others, and what was in them is pending again; absent where no block is ever left. */
  reorganise?: (depth: number) => void
  /** Another network, which a node may have been exchanged for. */
  foreign(): SubjectNetwork
}

/** One chain of a family. */
export interface Subject {
  family: string
  /** Of watcher.yaml, without node and depths: `network`, `asset`, and what the family alone has. */
  watcher: Record<string, unknown>
  /** Of signer.yaml: `network`, `asset`, `policy`. */
  signer: Record<string, unknown>
  confirmations: { credit: number; final: number }
  /** The native one first. */
  assets: readonly [SubjectAsset, ...SubjectAsset[]]
  /** What is no destination. */
  invalidDestinations: readonly string[]
  /** `now`: milliseconds since 1970 UTC. The network demands the user `user` with the password `password`, or nobody. */
  open(now: () => number): SubjectNetwork
}
