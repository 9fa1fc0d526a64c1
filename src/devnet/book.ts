/**
 * The demo backend's database. What stands here as a file of lines would be tables of your own database: one line is one
 * transaction, durable before anybody hears of it, and what must never happen twice is refused here, whatever the
 * rest of the program believes. All that is owed to the watcher is read from here, so a crash forgets nothing.
 */
import { invariant } from '../kernel/fault.ts'
import type { Disk } from '../kernel/ports.ts'
import type { SignedReceipt } from '../../machines/vocabulary.ts'
import { openLines } from './lines.ts'

export interface Assigned {
  user: string
  chain: string
  address: string
  dataField: string | null
}

export interface DemoDeposit {
  /** The chain's fact, and the key under which it is credited at most once. */
  id: string
  user: string
  chain: string
  asset: string
  address: string
  /** Base units. */
  amount: string
  transactionId: string
}

export interface DemoWithdrawal {
  id: string
  user: string
  chain: string
  asset: string
  to: string
  /** Base units. */
  amount: string
}

/** What can happen, one record each; a transaction is a list of them. */
export type BookEntry =
  | ({ type: 'address.assigned' } & Assigned)
  | ({ type: 'deposit.credited' } & DemoDeposit)
  | { type: 'credit.acknowledged' | 'credit.reversed'; id: string }
  | ({ type: 'withdrawal.debited' } & DemoWithdrawal)
  | { type: 'withdrawal.answered' | 'cancellation.wanted' | 'cancellation.refused' | 'round.raised'; id: string }
  | { type: 'withdrawal.moved'; id: string; state: string; transactionId: string | null }
  | { type: 'withdrawal.refunded'; id: string; receipt: SignedReceipt }
  | { type: 'memory.seen'; sequence: number }
  | { type: 'feed.read'; ledgerId: string; cursor: number }
  | { type: 'ledger.replaced'; ledgerId: string }

export interface CreditRecord extends DemoDeposit {
  isCredited: boolean
  isAcknowledged: boolean
  /** Credited and taken back again, so often. */
  reversals: number
}

export interface WithdrawalRecord extends DemoWithdrawal {
  /** The highest that was ever authorised. */
  round: number
  /** How far the signer's memory was seen when this round was authorised: one that was put back behind it must not sign. */
  memory: number
  /** The user wants his money back; null once that is decided. */
  cancellation: 'wanted' | 'refused' | null
  receipt: SignedReceipt | null
  /** As the feed told last. */
  state: string
  transactionId: string | null
}

interface Tables {
  /** By `chain/user`; and who has an address, by `chain/address/dataField`. */
  addresses: Map<string, Assigned>
  owners: Map<string, string>
  deposits: Map<string, CreditRecord>
  withdrawals: Map<string, WithdrawalRecord>
  /** By `user/asset`. Negative where a credit was taken back after it had been spent. */
  balances: Map<string, bigint>
  /** What the watcher has not been told yet. */
  owed: { credits: Set<string>; withdrawals: Set<string>; cancellations: Set<string> }
  feed: { ledgerId: string | null; cursor: number }
  /** The highest position of the signer's memory that was seen. */
  memory: number
}

export interface DemoBook extends Readonly<Tables> {
  balance(user: string, asset: string): bigint
  /** To whom an address was given. */
  ownerOf(chain: string, address: string, dataField: string | null): string | undefined
  /** All of it or nothing. Resolves once it is durable; rejects with operating `cannot-write`. */
  transaction(run: (add: (entry: BookEntry) => void) => void): Promise<void>
  close(): Promise<void>
}

const ownerKey = ({ chain, address, dataField }: Omit<Assigned, 'user'>) => `${chain}/${address}/${dataField ?? ''}`

function createTables(): Tables {
  return {
    addresses: new Map(),
    owners: new Map(),
    deposits: new Map(),
    withdrawals: new Map(),
    balances: new Map(),
    owed: { credits: new Set(), withdrawals: new Set(), cancellations: new Set() },
    feed: { ledgerId: null, cursor: 0 },
    memory: 0,
  }
}

function move({ balances }: Tables, user: string, asset: string, amount: bigint): void {
  const key = `${user}/${asset}`
  balances.set(key, (balances.get(key) ?? 0n) + amount)
}

function refuse(problem: string): never {
  throw invariant('book', problem)
}

function assign(
  { addresses, owners }: Tables,
  { type: _, ...assigned }: BookEntry & { type: 'address.assigned' },
): void {
  const owner = owners.get(ownerKey(assigned)) ?? assigned.user
  if (owner !== assigned.user) refuse(`${assigned.address} belongs to ${owner} and was given to ${assigned.user}`)
  owners.set(ownerKey(assigned), assigned.user)
  addresses.set(`${assigned.chain}/${assigned.user}`, assigned)
}

function credit(tables: Tables, { type: _, ...deposit }: BookEntry & { type: 'deposit.credited' }): void {
  const before = tables.deposits.get(deposit.id)
  if (before?.isCredited === true) refuse(`${deposit.id} is credited already`)
  if (before !== undefined && before.amount !== deposit.amount) refuse(`${deposit.id} was ${before.amount} before`)
  const reversals = before?.reversals ?? 0
  tables.deposits.set(deposit.id, { ...deposit, isCredited: true, isAcknowledged: false, reversals })
  tables.owed.credits.add(deposit.id)
  move(tables, deposit.user, deposit.asset, BigInt(deposit.amount))
}

function reverse(tables: Tables, id: string): void {
  const deposit = tables.deposits.get(id)
  if (deposit?.isCredited !== true) refuse(`${id} is not credited`)
  tables.deposits.set(id, { ...deposit, isCredited: false, reversals: deposit.reversals + 1 })
  tables.owed.credits.delete(id)
  move(tables, deposit.user, deposit.asset, -BigInt(deposit.amount))
}

function debit(tables: Tables, { type: _, ...withdrawal }: BookEntry & { type: 'withdrawal.debited' }): void {
  const { id, user, asset, amount } = withdrawal
  if (tables.withdrawals.has(id)) refuse(`${id} is debited already`)
  if ((tables.balances.get(`${user}/${asset}`) ?? 0n) < BigInt(amount)) refuse(`${user} has not ${amount} ${asset}`)
  const fresh = {
    round: 1,
    memory: tables.memory,
    cancellation: null,
    receipt: null,
    state: 'asked',
    transactionId: null,
  }
  tables.withdrawals.set(id, { ...withdrawal, ...fresh })
  tables.owed.withdrawals.add(id)
  move(tables, user, asset, -BigInt(amount))
}

function change(tables: Tables, id: string, changed: Partial<WithdrawalRecord>): WithdrawalRecord {
  const known = tables.withdrawals.get(id) ?? refuse(`there is no withdrawal ${id}`)
  const next = { ...known, ...changed }
  tables.withdrawals.set(id, next)
  return next
}

function refund(tables: Tables, id: string, receipt: SignedReceipt): void {
  if (tables.withdrawals.get(id)?.receipt) refuse(`${id} is refunded already`)
  const { user, asset, amount } = change(tables, id, { receipt, cancellation: null })
  tables.owed.cancellations.delete(id)
  tables.owed.withdrawals.delete(id)
  move(tables, user, asset, BigInt(amount))
}

function apply(tables: Tables, entry: BookEntry): void {
  const { owed } = tables
  switch (entry.type) {
    case 'address.assigned':
      return assign(tables, entry)
    case 'deposit.credited':
      return credit(tables, entry)
    case 'credit.acknowledged':
      tables.deposits.set(entry.id, { ...tables.deposits.get(entry.id)!, isAcknowledged: true })
      return void owed.credits.delete(entry.id)
    case 'credit.reversed':
      return reverse(tables, entry.id)
    case 'withdrawal.debited':
      return debit(tables, entry)
    case 'withdrawal.answered':
      return void owed.withdrawals.delete(entry.id)
    case 'withdrawal.moved':
      return void change(tables, entry.id, { state: entry.state, transactionId: entry.transactionId })
    case 'round.raised': {
      const { round } = tables.withdrawals.get(entry.id) ?? refuse(`there is no withdrawal ${entry.id}`)
      change(tables, entry.id, { round: round + 1, memory: tables.memory })
      return void owed.withdrawals.add(entry.id)
    }
    case 'cancellation.wanted':
      change(tables, entry.id, { cancellation: 'wanted' })
      return void owed.cancellations.add(entry.id)
    case 'cancellation.refused':
      change(tables, entry.id, { cancellation: 'refused' })
      return void owed.cancellations.delete(entry.id)
    case 'withdrawal.refunded':
      return refund(tables, entry.id, entry.receipt)
    case 'memory.seen':
      return void (tables.memory = Math.max(tables.memory, entry.sequence))
    case 'feed.read':
      return void (tables.feed = { ledgerId: entry.ledgerId, cursor: entry.cursor })
    case 'ledger.replaced':
      tables.feed = { ledgerId: entry.ledgerId, cursor: 0 }
      for (const { id, receipt } of tables.withdrawals.values()) if (receipt === null) owed.withdrawals.add(id)
  }
}

/** @throws invariant `book` for a file whose lines do not add up */
export async function openBook(disk: Disk, path: string): Promise<DemoBook> {
  const tables = createTables()
  const lines = await openLines(disk, path, line => {
    for (const entry of JSON.parse(line) as BookEntry[]) apply(tables, entry)
  })
  return {
    ...tables,
    get feed() {
      return tables.feed
    },
    get memory() {
      return tables.memory
    },
    balance: (user, asset) => tables.balances.get(`${user}/${asset}`) ?? 0n,
    ownerOf: (chain, address, dataField) => tables.owners.get(ownerKey({ chain, address, dataField })),
    async transaction(run) {
      const entries: BookEntry[] = []
      // Each entry is decided on what those before it have made of the tables.
      run(entry => {
        apply(tables, entry)
        entries.push(entry)
      })
      if (entries.length > 0) lines.add(JSON.stringify(entries))
      await lines.durable()
    },
    close: () => lines.close(),
  }
}
