/** What the ledger stores. One line of the journal is one commit. */
import type { AccountContext } from '../../machines/account.ts'
import type { AddressContext } from '../../machines/address.ts'
import type { AttemptContext } from '../../machines/attempt.ts'
import type { ChainContext } from '../../machines/chain.ts'
import type { CoinContext } from '../../machines/coin.ts'
import type { DepositContext } from '../../machines/deposit.ts'
import { kindOf, type Id, type IdOf, type Kind } from '../../machines/ids.ts'
import type { KindOf } from '../../machines/messages.ts'
import type { MovementContext } from '../../machines/movement.ts'
import type { PoolContext } from '../../machines/pool.ts'
import type { SigningContext } from '../../machines/signing.ts'
import type { TransactionContext } from '../../machines/transaction.ts'
import type { TransferContext } from '../../machines/transfer-telling.ts'
import type { SpendKey } from '../../machines/vocabulary.ts'
import type { VoidContext } from '../../machines/void.ts'
import type { WithdrawalContext } from '../../machines/withdrawal.ts'

/** What an instance of each kind holds. */
export interface Contexts {
  account: AccountContext
  address: AddressContext
  attempt: AttemptContext
  chain: ChainContext
  coin: CoinContext
  deposit: DepositContext
  movement: MovementContext
  transaction: TransactionContext
  transfer: TransferContext
  withdrawal: WithdrawalContext
  signing: SigningContext
  void: VoidContext
  pool: PoolContext
}

/** One machine instance of one kind, as it is at rest. `value` is the state's path with dots: `ignored.recent`. */
interface Image<K extends Kind> {
  id: IdOf<K>
  /** The machine's version. */
  version: number
  value: string
  context: Contexts[K]
  /** Counts this instance's transitions from 1. */
  revision: number
  /** Of its last transition: the order of lists. */
  seq: number
  /** When that was, milliseconds since 1970 UTC. */
  at: number
  /** The seq at which `value` was entered: names the run of the task that the state owes. */
  entered: number
  /** In a final state: it leaves memory, and is read from the archive. */
  ended: boolean
}

/** An instance of any of these kinds. */
export type InstanceOf<K extends Kind> = { [P in K]: Image<P> }[K]
/** An instance of any kind. */
export type Instance = InstanceOf<Kind>

/** What is found under an id. */
export type Found<I extends Id> = InstanceOf<KindOf<I>>

/** Narrows an instance by what its id says. */
export const isKind = <I extends Instance, K extends Kind>(instance: I, kind: K): instance is I & InstanceOf<K> =>
  kindOf(instance.id) === kind

/** `id@entered`: the run of the task that the instance's state owes. */
export const runOf = ({ id, entered }: Pick<Instance, 'id' | 'entered'>): string => `${id}@${entered}`

/** Its top-level state. */
export const stateOf = ({ value }: Pick<Instance, 'value'>): string => {
  const dot = value.indexOf('.')
  return dot < 0 ? value : value.slice(0, dot)
}

/** Every context names the chain that it belongs to. */
export const chainOf = ({ context }: { context: { chain: string } }): string => context.chain

/** One transition. `seq` numbers transitions of the whole ledger from 1, gap-free and final: the event feed. */
export interface Entry {
  seq: number
  /** The seq of this instance's transition before, or null at its creation. */
  prev: number | null
  event: string
  from: string | null
  to: string
  image: Instance
}

/** One event and all that follows from it. Non-empty, entries in seq order. */
export interface Commit {
  at: number
  /** Tip height of each chain as of this commit. */
  heights: Record<string, number>
  entries: Entry[]
  reserve: [SpendKey, Id][]
  release: SpendKey[]
}

/** An entry with what its commit says of it. */
export interface Recorded {
  at: number
  heights: Record<string, number>
  entry: Entry
}
