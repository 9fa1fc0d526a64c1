/**
 * What the ledger knows of the chain's accounts, so that the node is compared with it: whose confirmed blocks were read how far, which sends
 * wait to be received, and the block on which the ledger stands.
 */
import type { Place } from '../../machines/vocabulary.ts'
import { isKind, type Instance, type InstanceOf } from '../../src/kernel/entry.ts'
import { invariant } from '../../src/kernel/fault.ts'
import type { Watch } from '../adapter.ts'
import { readKey } from './key.ts'

/** One address of ours. */
export interface WatchedAccount {
  index: number
  address: string
  /** Its last confirmed block that the ledger has; null where it has none. */
  frontier: string | null
  /** Sends that were read and not received yet, by hash; raw. */
  receivables: Map<string, bigint>
  receivableSum: bigint
  /** Raw; dust that the node tells of and that the ledger does not keep. Found out anew at each start. */
  dustSum: bigint
}

/** See above. Addresses are canonical. */
export interface NanoWatch extends Watch {
  accounts(): readonly WatchedAccount[]
  account(index: number): WatchedAccount | undefined
  indexOf(address: string): number | undefined
  /** The block on which the ledger stands, and whether all of it was applied. */
  tip(): (Place & { applied: boolean }) | null
  /** Whether something waits for a round though its height has come. */
  isDue(height: number): boolean
}

const emptyAccount = (index: number, address: string): WatchedAccount => ({
  ...{ index, address, frontier: null },
  ...{ receivables: new Map<string, bigint>(), receivableSum: 0n, dustSum: 0n },
})

/** In the chain, and not spent there. */
const isThere = ({ ended, context: { place, spent } }: InstanceOf<'coin'>): boolean =>
  !ended && place !== null && spent === null

function noteReceivable(account: WatchedAccount, hash: string, amount: bigint | null): void {
  const before = account.receivables.get(hash)
  if (before !== undefined) account.receivableSum -= before
  if (amount === null) account.receivables.delete(hash)
  else {
    account.receivables.set(hash, amount)
    account.receivableSum += amount
  }
}

function noteFrontier(account: WatchedAccount, hash: string, isOpen: boolean): void {
  if (isOpen) account.frontier = hash
  else if (account.frontier === hash) account.frontier = null
}

/** Empty: the ledger's memory fills it at the start. */
export function createWatch(chain: string): NanoWatch {
  const accounts: WatchedAccount[] = []
  const indexes = new Map<string, number>()
  const byIndex = new Map<number, WatchedAccount>()
  const due = new Map<string, { height: number; seq: number }>()
  /** When the latest round began. */
  let connectedAt = 0
  let tip: (Place & { applied: boolean }) | null = null

  function noteCoin(coin: InstanceOf<'coin'>): void {
    const { index, address } = coin.context
    addAddress(index, address)
    const account = byIndex.get(index)!
    const { sort, hash } = readKey(chain, coin.context.key)
    if (sort === 'frontier') noteFrontier(account, hash, isThere(coin))
    else noteReceivable(account, hash, isThere(coin) ? BigInt(coin.context.amount) : null)
  }

  /** Whoever is due is woken by a round once: who has not changed since before that round does not wait for another. */
  function noteDue({ id, seq, ended, context: { dueHeight } }: Instance): void {
    if (ended || dueHeight === null) due.delete(id)
    else due.set(id, { height: dueHeight, seq })
  }

  function noteChain({ seq, context: { blocks, applied } }: InstanceOf<'chain'>): void {
    const last = blocks.at(-1)
    tip = last === undefined ? null : { ...last, applied }
    if (!applied) connectedAt = seq
    else for (const [id, waiting] of due) if (waiting.seq < connectedAt) due.delete(id)
  }

  function addAddress(index: number, address: string): void {
    const before = indexes.get(address)
    if (before === index) return
    if (before !== undefined) throw invariant('address-twice', `${address} has index ${before} and ${index}`)
    const account = emptyAccount(index, address)
    indexes.set(address, index)
    byIndex.set(index, account)
    accounts.push(account)
  }

  return {
    addAddress,
    changed(_memory, _before, after) {
      if (isKind(after, 'coin')) noteCoin(after)
      if (isKind(after, 'chain')) noteChain(after)
      else noteDue(after)
    },
    accounts: () => accounts,
    account: index => byIndex.get(index),
    indexOf: address => indexes.get(address),
    tip: () => tip,
    isDue: height => [...due.values()].some(waiting => waiting.height <= height),
  }
}
