/**
 * A family's book: what the payments and spends of its chains mean for the ledger. Pure, and the watcher's. The routes are the same for
 * every family and ask it; what it makes instances of, finds them by and counts as money is its own business.
 */
import type { Hearing, Message } from '../machines/messages.ts'
import type { Id, IdOf, Kind } from '../machines/ids.ts'
import type { Amount, Json, Place, Purpose, SpendKey } from '../machines/vocabulary.ts'
import type { Found, Instance, InstanceOf } from '../src/kernel/entry.ts'
import type { Facet } from '../src/kernel/facets.ts'
import type { Fact, Funds, SourceAccount } from './adapter.ts'
import type { BookMemory, Worth } from './book-memory.ts'

/** What the configuration says of an asset. */
export interface AssetPolicy {
  /** Smaller deposits are ignored; base units. */
  minimumDeposit: Amount
  /** For people: how many decimals one unit has; the API speaks base units. */
  decimals: number
}

/** What the configuration says of a chain, as far as a book reads it. */
export interface BookPolicy {
  name: string
  /** The native asset. */
  asset: string
  /** By symbol, the native one among them. */
  assets: Readonly<Record<string, AssetPolicy>>
  /** Confirmations to offer a deposit and to call a withdrawal paid. */
  credit: number
  /** Confirmations that no accepted reorg undoes. */
  final: number
}

/** What a book decides by: memory as it is in this very turn. */
export interface BookView {
  memory: BookMemory
  policy: BookPolicy
  /** When the event was noticed, milliseconds since 1970 UTC. */
  at: number
}

/** What we have of one asset. Base units. */
export interface AssetBalance {
  asset: string
  /** In blocks, deep enough to be spent; includes `reserved`. */
  confirmed: Amount
  /** On its way in: unconfirmed, or not deep enough. */
  pending: Amount
  /** Of `confirmed`: bound to transfers that are not in a block, and what the network demands that an account keeps. */
  reserved: Amount
}

/** Of a record of the signer, what a book reads of it. */
export interface AdoptedRecord {
  template: Json
  spendKeys: readonly SpendKey[]
}

/** What the chain has spent of us, and which no block that was read explains: the ledger begins too high, or was taken back. */
export interface Unexplained {
  /** Spent in a block: paid before the first that was read. */
  earlier: string[]
  /** Of transfers under way: paid before, or by what a reorganisation took back. */
  unseen: string[]
}

/** Reads what has ended. By seq, from after `after` on; a page may end earlier than `limit`, and is empty at the end. */
export interface EndedInstances {
  list<K extends Kind>(query: {
    kind: K
    chain: string
    state: string
    after: number
    limit: number
  }): Promise<InstanceOf<K>[]>
}

/** The instances that stand for spend keys, and hear who holds them. */
export type Held = IdOf<Hearing<'key.reserved'>>

/** Every function answers for one chain of the family: the view's. */
export interface Book {
  /**
   * Who hears of these facts of one block, or of one that is left, in the order of the chain. A spend of something of ours by a
   * transaction that is no attempt of ours is told to the chain as `spend.unexplained`; one that is, to its attempt.
   */
  hear(view: BookView, facts: readonly Fact[]): Message[]
  /** The same for what is in no block: hints. Whoever waits for money hears where that may bring some. */
  overhear(view: BookView, facts: readonly Fact[]): Message[]
  /** What an instance is found by, besides what every family looks for. */
  facets(instance: Instance): Facet[]
  /** What an instance brings to what may be spent, so that memory keeps it in order; null where nothing. Of one that lives. */
  worth(instance: Instance): Omit<Worth, 'instance'> | null
  /** Who is to be looked at again with the next block because of this change. */
  revisits(before: Instance | undefined, after: Instance): Id[]
  /** Whether the end of the next block may concern anybody besides those who are looked at again. */
  settlesMore(view: BookView): boolean
  /** The end of a block, for those. */
  settle(view: BookView, revisited: readonly Id[]): Message[]

  /** What this account may spend now. Only the family's planner reads it. */
  funds(view: BookView, source: SourceAccount): Funds
  /** Each asset once. */
  balances(view: Omit<BookView, 'at'>): AssetBalance[]

  /** What stands for these spend keys: nothing in families where a key is but a number. */
  held(keys: readonly SpendKey[]): Held[]
  /** What a transaction that pays no withdrawal was signed for, and the index of the account that spends. */
  role(template: Json): { purpose: Purpose; source: number }
  /** What must be known before `holder` adopts what the signer has signed for it. */
  adopt(view: BookView, record: AdoptedRecord, holder: IdOf<'transfer'>): Message[]
  /** Signed transactions that a node must know before one that spends these keys, oldest first: what it stands on and is in no block. */
  before(memory: BookMemory, keys: readonly SpendKey[]): string[]
  /** Why a deposit may not be offered although it is deep enough: what it has brought says otherwise; or null. */
  contradiction(deposit: InstanceOf<'deposit'>, find: <I extends Id>(id: I) => Found<I> | undefined): string | null

  /** What the ledger holds as of this block, under the names by which `Node.count` counts; base units. */
  counted(memory: BookMemory, chain: string, at: Place): ReadonlyMap<string, Amount>
  /** Reads all that has ended. Empty lists where all that was spent was also seen to come. */
  unexplained(memory: BookMemory, ended: EndedInstances, chain: string): Promise<Unexplained>
}
