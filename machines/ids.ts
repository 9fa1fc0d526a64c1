/**
 * Ids of instances: made here and read here, nowhere else. An id is `<kind>/<name>`; the name is what the API shows:
 * `deposit/litecoin:<txid>:<vout>` is the deposit `litecoin:<txid>:<vout>`. The kind stands in the type, so that a
 * message to one kind cannot be sent to another.
 */
import type { SpendKey } from './vocabulary.ts'

/** The watcher's machines by their ids, which are the kinds of their instances. */
export const WATCHER_KINDS = [
  'account',
  'address',
  'attempt',
  'chain',
  'coin',
  'deposit',
  'movement',
  'transaction',
  'transfer',
  'withdrawal',
] as const

/** The signer's. */
export const SIGNER_KINDS = ['signing', 'void', 'pool'] as const

/** The kinds of which the watcher keeps instances. */
export type WatcherKind = (typeof WATCHER_KINDS)[number]
/** The kinds of which the signer keeps instances. */
export type SignerKind = (typeof SIGNER_KINDS)[number]
/** Every kind there is. */
export type Kind = WatcherKind | SignerKind

/** An id of one of these kinds: `deposit/litecoin:<txid>:<vout>`. */
export type IdOf<K extends Kind> = { [P in K]: `${P}/${string}` }[K]
/** An id of any kind. */
export type Id = IdOf<Kind>

/** The one way to make an id. */
export const idOf = <K extends Kind>(kind: K, name: string) => `${kind}/${name}` as IdOf<K>

/** The part before the first `/`. */
export const kindOf = (id: Id): Kind => id.slice(0, id.indexOf('/')) as Kind
/** The part behind the first `/`: what the API shows, and what may itself hold further slashes and colons. */
export const nameOf = (id: Id): string => id.slice(id.indexOf('/') + 1)

/** Whether it is the id of one of these kinds. */
export const isIdOf = <K extends Kind>(kinds: readonly K[], id: Id): id is IdOf<K> =>
  (kinds as readonly Kind[]).includes(kindOf(id))

/** `chain`: its name in the configuration. */
export const chainId = (chain: string): IdOf<'chain'> => idOf('chain', chain)
/** `index`: 0 is the treasury. */
export const accountId = (chain: string, index: number): IdOf<'account'> => idOf('account', `${chain}:${index}`)
/** The account that pays withdrawals. */
export const treasuryId = (chain: string): IdOf<'account'> => accountId(chain, 0)
/** `index`: the address's place in the signer's derivation, from 0. */
export const addressId = (chain: string, index: number): IdOf<'address'> => idOf('address', `${chain}:${index}`)
/** `key`: the outpoint that a spend of the coin consumes, `<chain>:<txid>:<vout>`. */
export const coinId = (key: SpendKey): IdOf<'coin'> => idOf('coin', key)
/** `name`: a fact of the chain, as the family says it: which transaction, and what of it. */
export const movementId = (name: string): IdOf<'movement'> => idOf('movement', name)
/** `name`: a fact of the chain, as the family says it. */
export const depositId = (name: string): IdOf<'deposit'> => idOf('deposit', name)
/** `txid` as the family displays it. */
export const transactionOf = (chain: string, txid: string): IdOf<'transaction'> =>
  idOf('transaction', `${chain}:${txid}`)
/** `name`: the one that the backend gave. */
export const withdrawalId = (name: string): IdOf<'withdrawal'> => idOf('withdrawal', name)
/** `hash`: SHA-256 of what it spends and pays. */
export const transferId = (hash: string): IdOf<'transfer'> => idOf('transfer', hash)
/** `n` counts a transfer's attempts from 1. */
export const attemptId = (transfer: IdOf<'transfer'>, n: number): IdOf<'attempt'> =>
  idOf('attempt', `${nameOf(transfer)}:${n}`)

/** `transfer`: its hash, as it stands in the signer's paths. */
export const signingId = (chain: string, transfer: string, n: number): IdOf<'signing'> =>
  idOf('signing', `${chain}:${transfer}:${n}`)
/** `round`: the highest round of the withdrawal that the void forbids, from 1. */
export const voidId = (chain: string, withdrawal: string, round: number): IdOf<'void'> =>
  idOf('void', `${chain}:${withdrawal}@${round}`)
/** `from`: the first index of the extension. */
export const poolId = (chain: string, from: number): IdOf<'pool'> => idOf('pool', `${chain}:${from}`)
