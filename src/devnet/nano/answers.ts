/** What the node knows, as its RPC writes it: numbers and booleans as text, nothing as the text `""`. */
import { accountKeyOf, addressOf } from '../../../adapters/nano/address.ts'
import { ZERO_HASH } from '../../../adapters/nano/block.ts'
import type { Network } from '../../../adapters/nano/network.ts'
import { genesisAccount } from './genesis.ts'
import type { LatticeBlock } from './block.ts'
import type { Lattice, WaitingSend } from './lattice.ts'

/** As JSON. */
export type RpcValue = string | RpcValue[] | { [key: string]: RpcValue }

/** An empty map is written as nothing. */
export const mapAnswer = (entries: readonly (readonly [string, RpcValue])[]): RpcValue =>
  entries.length === 0 ? '' : Object.fromEntries(entries)
export const listAnswer = (items: readonly RpcValue[]): RpcValue => (items.length === 0 ? '' : [...items])

export const accountFrom = (link: string, network: Network): string => addressOf(Buffer.from(link, 'hex'), network)

/** The first block of the network is of an older type. */
export function contentsOf({ hash, block }: LatticeBlock, network: Network): { [key: string]: RpcValue } {
  const { type, account, previous, representative, balance, link, signature, work } = block
  if (hash === network.genesis) return { type: 'open', source: link, representative, account, work, signature }
  const link_as_account = accountFrom(link, network)
  return { type, account, previous, representative, balance, link, link_as_account, signature, work }
}

/** As `block_info` has it. */
export function blockAnswer(known: LatticeBlock, network: Network, isJson: boolean): { [key: string]: RpcValue } {
  const { block, amount, balance, height, timestamp, successor, confirmed, subtype, hash } = known
  const contents = contentsOf(known, network)
  return {
    block_account: block.account,
    amount: String(amount),
    balance: String(balance),
    height: String(height),
    local_timestamp: String(timestamp),
    successor: successor ?? ZERO_HASH,
    confirmed: String(confirmed),
    contents: isJson ? contents : `${JSON.stringify(contents, null, 4)}\n`,
    ...(hash === network.genesis ? {} : { subtype }),
  }
}

/** Whose money a block has brought, or to whom it has sent. */
export function counterpartyOf({ subtype, block }: LatticeBlock, lattice: Lattice): string | null {
  if (subtype === 'send') return accountFrom(block.link, lattice.network)
  if (subtype === 'epoch') return genesisAccount(lattice.network)
  return subtype === 'receive' ? (lattice.blocks.get(block.link)?.block.account ?? null) : null
}

/** One entry of `account_history`; null for what it shows with `raw` only. */
export function historyAnswer(
  known: LatticeBlock,
  lattice: Lattice,
  isRaw: boolean,
): { [key: string]: RpcValue } | null {
  const { hash, block, subtype, amount, height, timestamp, confirmed } = known
  if (!isRaw && subtype !== 'send' && subtype !== 'receive') return null
  const { representative, link, balance, previous, work, signature } = block
  const account = counterpartyOf(known, lattice)
  return {
    ...(isRaw ? { type: 'state', representative, link, balance, previous, subtype } : { type: subtype }),
    ...(account === null ? {} : { account }),
    ...(subtype === 'send' || subtype === 'receive' ? { amount: String(amount) } : {}),
    ...{ local_timestamp: String(timestamp), height: String(height), hash, confirmed: String(confirmed) },
    ...(isRaw ? { work, signature } : {}),
  }
}

/** Confirmed and not; what is unconfirmed counts for nothing where only confirmed blocks do. */
export function balanceOf(lattice: Lattice, account: string, onlyConfirmed: boolean): { [key: string]: RpcValue } {
  const head = onlyConfirmed ? lattice.confirmedHead(account) : lattice.head(account)
  const sum = String(receivableSum(lattice, account, onlyConfirmed))
  return { balance: String(head?.balance ?? 0n), pending: sum, receivable: sum }
}

export function receivableSum(lattice: Lattice, account: string, onlyConfirmed: boolean): bigint {
  return receivablesOf(lattice, account, onlyConfirmed).reduce((total, [, { amount }]) => total + amount, 0n)
}

/** By hash. */
export function receivablesOf(
  lattice: Lattice,
  account: string,
  onlyConfirmed: boolean,
): (readonly [hash: string, receivable: WaitingSend])[] {
  const all = [...lattice.receivable(account)]
  const shown = onlyConfirmed ? all.filter(([hash]) => lattice.blocks.get(hash)?.confirmed === true) : all
  return shown.sort(([a], [b]) => (a < b ? -1 : 1))
}

export function isAddress(text: string, network: Network): boolean {
  try {
    accountKeyOf(text, network)
    return true
  } catch {
    return false
  }
}
