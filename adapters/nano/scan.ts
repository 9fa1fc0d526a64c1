/**
 * Looks for confirmed blocks that the ledger does not have. Two questions for each thousand accounts tell whose state differs from the
 * ledger's; only those are read, in bounded pages. Nothing is remembered here: what the ledger has is the only truth, so that a node that was
 * restored or exchanged, and a ledger that was lost, are compared with each other and nothing is told twice.
 */
import { operating } from '../../src/kernel/fault.ts'
import { canonical } from './address.ts'
import { ZERO_HASH } from './block.ts'
import type { Network } from './network.ts'
import { RPC_ERROR, type Rpc } from './rpc.ts'
import {
  accountInfoShape,
  balancesShape,
  frontiersShape,
  historyShape,
  receivableShape,
  type HistoryEntry,
} from './shapes.ts'
import type { NanoWatch, WatchedAccount } from './watch.ts'

/** Accounts in one question. */
export const ACCOUNTS_PAGE = 1000
/** Blocks in one answer. */
const HISTORY_PAGE = 200
const RECEIVABLE_PAGE = 1000
/** Blocks found in one look; the others are found in the next. */
const FOUND_MAXIMUM = 2000
/** So many sends of dust to one account the ledger keeps: nobody receives them, so that each would stay for ever. */
export const DUST_KEPT = 16

export interface Scanned {
  /** Hashes of confirmed blocks, each behind those that it stands on. */
  found: string[]
  /** The node has not confirmed what the ledger has: it says nothing that counts (A4). */
  lags: boolean
}

/** Confirmed blocks of one account, oldest first. */
interface Unread {
  account: WatchedAccount
  entries: HistoryEntry[]
}

/** With what it is looked. */
export interface ScanOptions {
  rpc: Rpc
  network: Network
  watch: NanoWatch
  /** Raw: a send of less is dust. */
  worthwhile: bigint
}

interface Scan extends ScanOptions {
  found: Set<string>
}

/** `has`: raw. */
interface State {
  head: string | null
  has: bigint
}

async function statesOf({ rpc }: Scan, accounts: readonly WatchedAccount[]): Promise<State[]> {
  const options = { accounts: accounts.map(({ address }) => address) }
  const { frontiers, errors } = await rpc.call(frontiersShape, 'accounts_frontiers', options)
  const { balances } = await rpc.call(balancesShape, 'accounts_balances', {
    ...options,
    include_only_confirmed: 'true',
  })
  return accounts.map(({ address }) => {
    const head = frontiers[address]
    const balance = balances[address]
    const isUnopened = errors[address] === RPC_ERROR.accountNotFound
    if (balance === undefined || (head === undefined && !isUnopened))
      throw operating('node-malformed', `the node says nothing of ${address}: ${errors[address] ?? 'not even why'}`)
    return { head: head ?? null, has: balance.receivable }
  })
}

/** N17: the frontier that is confirmed, not the newest; null where nothing of the account is. */
async function confirmedFrontier({ rpc }: Scan, account: string): Promise<string | null> {
  const options = { account, include_confirmed: 'true', representative: 'true' }
  const answer = await rpc.ask(accountInfoShape, [RPC_ERROR.accountNotFound], 'account_info', options)
  if (!answer.ok || answer.result.confirmed_frontier === ZERO_HASH) return null
  return answer.result.confirmed_frontier
}

/** Behind `frontier`, oldest first; null where the node does not have that block. */
async function historyBehind({ rpc }: Scan, account: string, frontier: string | null): Promise<HistoryEntry[] | null> {
  const from = frontier === null ? {} : { head: frontier, offset: '1' }
  const options = { account, raw: 'true', reverse: 'true', count: String(HISTORY_PAGE), ...from }
  const answer = await rpc.ask(historyShape, [RPC_ERROR.blockNotFound], 'account_history', options)
  return answer.ok ? answer.result.history : null
}

/** What an account of ours has confirmed behind what the ledger has, at most one page of it; null where the node lags. */
async function readOwn(scan: Scan, { address, frontier }: WatchedAccount): Promise<HistoryEntry[] | null> {
  const confirmed = await confirmedFrontier(scan, address)
  if (confirmed === frontier) return []
  const page = confirmed === null ? null : await historyBehind(scan, address, frontier)
  // The ledger's own frontier is not confirmed on this node.
  if (page === null || page[0]?.confirmed !== true) return null
  const unconfirmed = page.findIndex(entry => !entry.confirmed)
  const entries = unconfirmed === -1 ? page : page.slice(0, unconfirmed)
  for (const [n, { hash, previous = ZERO_HASH }] of entries.entries())
    if (previous !== (n === 0 ? (frontier ?? ZERO_HASH) : entries[n - 1]!.hash))
      throw operating('node-pruned', `the node lacks what ${address} had before ${hash}: use one that keeps all`)
  return entries
}

/**
 * In an order in which each block comes behind those that it stands on, also where one account of ours has sent to another. What was sent
 * by others and received while nobody looked is a payment all the same. What has to wait for a block of a later page waits for the next look.
 */
function merge(scan: Scan, chains: readonly Unread[]): void {
  while (chains.some(chain => takeFrom(scan, chain)));
}

/** Whether something of it could be taken. */
function takeFrom({ found, watch, network }: Scan, { account, entries }: Unread): boolean {
  const before = entries.length
  for (let [entry] = entries; entry !== undefined; [entry] = entries) {
    const source = entry.subtype === 'receive' ? entry.link : undefined
    if (source !== undefined && !account.receivables.has(source) && !found.has(source)) {
      const isOurs = entry.account !== undefined && watch.indexOf(canonical(entry.account, network)) !== undefined
      if (isOurs) break
      found.add(source)
    }
    found.add(entry.hash)
    entries.shift()
  }
  return entries.length < before
}

/** How many more sends of dust the ledger keeps of this account. */
function roomForDust({ worthwhile }: Scan, { receivables }: WatchedAccount): number {
  const kept = [...receivables.values()].filter(amount => amount < worthwhile)
  return Math.max(0, DUST_KEPT - kept.length)
}

/**
 * N12: the largest first, so that dust hides nothing, and on until what is missing was found or nothing but dust is left. Dust that is not
 * kept is summed up: as long as the sum is the same nothing has come.
 */
async function readReceivables(scan: Scan, account: WatchedAccount, has: bigint): Promise<void> {
  const { rpc, watch, network, worthwhile } = scan
  const { address, receivables, receivableSum } = account
  let missing = has - receivableSum
  let room = roomForDust(scan, account)
  for (let offset = 0; missing > 0n; offset += RECEIVABLE_PAGE) {
    if (scan.found.size >= FOUND_MAXIMUM) return
    const { blocks } = await rpc.call(receivableShape, 'receivable', {
      ...{ account: address, source: 'true', sorting: 'true', include_only_confirmed: 'true' },
      ...{ count: String(RECEIVABLE_PAGE), offset: String(offset) },
    })
    for (const [hash, { amount, source }] of Object.entries(blocks)) {
      if (receivables.has(hash)) continue
      if (amount < worthwhile && room-- <= 0) continue
      missing -= amount
      // What we have sent ourselves is found where it was sent, in its order.
      if (watch.indexOf(canonical(source, network)) === undefined) scan.found.add(hash)
    }
    const isOver = Object.keys(blocks).length < RECEIVABLE_PAGE
    const isDust = Object.values(blocks).some(({ amount }) => amount < worthwhile)
    if (isOver || (isDust && room <= 0)) break
  }
  account.dustSum = missing > 0n ? missing : 0n
}

/** One look at all accounts. Rejects with operating faults. */
export async function scanLattice(options: ScanOptions): Promise<Scanned> {
  const scan: Scan = { ...options, found: new Set() }
  const accounts = options.watch.accounts()
  const chains: Unread[] = []
  for (let at = 0; at < accounts.length && scan.found.size < FOUND_MAXIMUM; at += ACCOUNTS_PAGE) {
    const page = accounts.slice(at, at + ACCOUNTS_PAGE)
    const states = await statesOf(scan, page)
    for (const [n, account] of page.entries()) {
      const { head, has } = states[n]!
      const entries = head === account.frontier ? [] : await readOwn(scan, account)
      if (entries === null) return { found: [], lags: true }
      if (entries.length > 0) chains.push({ account, entries })
      if (has !== account.receivableSum + account.dustSum) await readReceivables(scan, account, has)
    }
    merge(scan, chains)
  }
  return { found: [...scan.found], lags: false }
}
