/**
 * Who says what of the money: the node (every block, and its own set of unspent outputs), the ledger (the API), the feed
 * (replayed from its beginning) and the backend's own book. All of them must agree to the base unit.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { toSatoshi } from '../../adapters/bitcoin/rpc.ts'
import type { Output, Transaction } from './book.ts'
import type { Backend } from './soak-backend.ts'
import { bytesIn } from './folder.ts'
import { ASSET, CHAIN, type FeedEvent, type Resource, type System } from './system.ts'

export interface Audit {
  deposits: number
  withdrawals: number
  transfers: number
  events: number
  /** Of the whole ledger, by the kind of what they are about. */
  entries: Record<string, number>
  ledgerBytes: number
  depositedSat: bigint
  withdrawnSat: bigint
  feesSat: bigint
  /** What is left in our coins. */
  leftSat: bigint
}

export interface Sent {
  txid: string
  address: string
  amountSat: bigint
}

export interface Expected {
  /** Payments to assigned addresses, one a transaction. */
  sent: readonly Sent[]
  withdrawals: number
  backend: Pick<Backend, 'check'>
  /** What came to the treasury from outside. */
  fundedSat: bigint
}

const sum = (amounts: readonly bigint[]): bigint => amounts.reduce((total, amount) => total + amount, 0n)
const sumOf = (items: readonly { amount: string }[]): bigint => sum(items.map(({ amount }) => BigInt(amount)))

/** All pages of a list. */
export async function everything<Item = Resource>(system: System, path: string): Promise<Item[]> {
  const items: Item[] = []
  for (let after: number | null = 0; after !== null;) {
    const joint: string = path.includes('?') ? '&' : '?'
    const { body }: { body: { items: Item[]; next: number | null } } = await system.get(
      `${path}${joint}limit=1000&after=${after}`,
    )
    items.push(...body.items)
    after = body.next
  }
  return items
}

/** What the chain says happened to a set of addresses. */
function holdings(transactions: readonly Transaction[], ours: ReadonlySet<string>) {
  const outputs = new Map<string, Output>()
  const spent = new Set<string>()
  const spenders = new Set<Transaction>()
  for (const transaction of transactions) {
    for (const input of transaction.inputs) {
      if (!outputs.has(input)) continue
      assert.ok(!spent.has(input), `${input} is spent twice`)
      spent.add(input)
      spenders.add(transaction)
    }
    for (const output of transaction.outputs)
      if (output.address !== null && ours.has(output.address)) outputs.set(`${output.txid}:${output.vout}`, output)
  }
  const unspent = [...outputs].filter(([key]) => !spent.has(key)).map(([, output]) => output)
  return { outputs, spent, spenders: [...spenders], leftSat: sum(unspent.map(({ amountSat }) => amountSat)) }
}

/** What the payers sent is what the chain has: a check of the test itself, before anybody else is judged. */
function checkSent(sent: readonly Sent[], outputs: ReadonlyMap<string, Output>, treasury: string): void {
  const line = ({ txid, address, amountSat }: Sent | Output) => `${txid} ${address} ${amountSat}`
  const arrived = [...outputs.values()].filter(({ address }) => address !== treasury)
  const [there, wanted] = [new Set(arrived.map(line)), new Set(sent.map(line))]
  assert.deepEqual(
    [...wanted].filter(one => !there.has(one)),
    [],
    'sent and not in the chain',
  )
  assert.deepEqual(
    [...there].filter(one => !wanted.has(one)),
    [],
    'in the chain and not sent by the test',
  )
}

/** Every payment to an assigned address is one deposit, final, of that amount; and there is no other deposit. */
function checkDeposits(deposits: readonly Resource[], outputs: ReadonlyMap<string, Output>, treasury: string): void {
  const onChain = [...outputs].filter(([, { address }]) => address !== treasury)
  const byKey = new Map(deposits.map(deposit => [deposit.id.slice(deposit.id.indexOf(':') + 1), deposit]))
  assert.equal(byKey.size, deposits.length, 'a deposit is listed twice')
  assert.deepEqual([...byKey.keys()].sort(), onChain.map(([key]) => key).sort(), 'deposits and payments of the chain')
  for (const [key, { amountSat }] of onChain) {
    assert.equal(byKey.get(key)?.amount, String(amountSat), `the deposit ${key}`)
    assert.equal(byKey.get(key)?.state, 'final', `the deposit ${key}`)
  }
}

/** Every destination (each is used once) has one payment, of exactly what was asked for, by the transaction we name. */
function checkWithdrawals(withdrawals: readonly Resource[], transactions: readonly Transaction[]): void {
  const paid = new Map<string, Output[]>()
  for (const { outputs } of transactions)
    for (const output of outputs)
      if (output.address !== null) paid.set(output.address, [...(paid.get(output.address) ?? []), output])
  for (const { id, to, amount, transactionId, state } of withdrawals as (Resource & { to: string })[]) {
    const found = (paid.get(to) ?? []).map(({ amountSat, txid }) => ({ amount: String(amountSat), txid }))
    assert.deepEqual(found, [{ amount, txid: transactionId }], `the withdrawal ${id}`)
    assert.equal(state, 'final', `the withdrawal ${id}`)
  }
}

/** The feed from its beginning: no gap, the states that the API has, and credits and payments that net to one each. */
function checkFeed(events: readonly FeedEvent[], resources: readonly Resource[], kind: 'deposit' | 'withdrawal'): void {
  const [counted, done] = kind === 'deposit' ? ['credited', 'reversed'] : ['paid', 'paying']
  const states = new Map<string, string>()
  const net = new Map<string, number>()
  for (const { id, from, to, kind: of } of events) {
    if (of !== kind) continue
    states.set(id, to)
    const step = from === to ? 0 : to === counted ? 1 : from === counted && to === done ? -1 : 0
    net.set(id, (net.get(id) ?? 0) + step)
  }
  assert.equal(states.size, resources.length, `${kind}s of the feed and of the API differ in number`)
  for (const { id, state } of resources) {
    assert.equal(states.get(id), state, `the feed's last state of ${id}`)
    assert.equal(net.get(id), 1, `${id} is ${counted} so many times on balance`)
  }
}

async function unspentOf({ node }: System, ours: ReadonlySet<string>): Promise<bigint> {
  const set = (await node.rpc(
    'scantxoutset',
    'start',
    [...ours].map(address => `addr(${address})`),
  )) as { total_amount: unknown }
  return toSatoshi(set.total_amount)
}

function entriesByKind(events: readonly FeedEvent[]): Record<string, number> {
  const entries: Record<string, number> = {}
  for (const { kind } of events) entries[kind] = (entries[kind] ?? 0) + 1
  return entries
}

/** Rejects with what does not add up. Nothing may be under way any more. */
export async function audit(system: System, expected: Expected): Promise<Audit> {
  const transactions = await system.book.transactions()
  const deposits = await everything(system, '/v1/deposits')
  const withdrawals = await everything(system, '/v1/withdrawals')
  const transfers = await everything(system, '/v1/transfers')
  const events = await system.events()
  const addresses = await everything<{ address: string }>(system, `/v1/chains/${CHAIN}/addresses`)
  const { treasury, balances } = (await system.get(`/v1/chains/${CHAIN}`)).body
  const ours = new Set([treasury, ...addresses.map(({ address }) => address)])
  const { outputs, spenders, leftSat } = holdings(transactions, ours)

  const unlisted = expected.sent.filter(({ address }) => !ours.has(address))
  assert.deepEqual(unlisted, [], 'addresses that were assigned and are not listed')
  checkSent(expected.sent, outputs, treasury)
  assert.equal(withdrawals.length, expected.withdrawals)
  checkDeposits(deposits, outputs, treasury)
  checkWithdrawals(withdrawals, transactions)
  expected.backend.check(deposits, withdrawals)
  assert.deepEqual(
    events.map(({ seq }) => seq),
    events.map((_, n) => n + 1),
    'the feed has gaps',
  )
  checkFeed(events, deposits, 'deposit')
  checkFeed(events, withdrawals, 'withdrawal')
  const paidBy = new Set(withdrawals.map(({ transactionId }) => transactionId))
  assert.deepEqual(new Set(spenders.map(({ txid }) => txid)), paidBy, 'our coins are spent by what pays withdrawals')

  const [depositedSat, withdrawnSat] = [sumOf(deposits), sumOf(withdrawals)]
  const feesSat = sum(transfers.map(({ fee }) => BigInt(fee)))
  assert.equal(sum(withdrawals.map(({ fee }) => BigInt(fee))), feesSat, 'fee shares add up to the fees')
  assert.equal(expected.fundedSat + depositedSat - withdrawnSat - feesSat, leftSat, 'what came in and went out')
  assert.equal(await unspentOf(system, ours), leftSat, "the node's set of unspent outputs")
  assert.deepEqual(balances, [{ asset: ASSET, confirmed: String(leftSat), decimals: 8, pending: '0', reserved: '0' }])
  const counts = { deposits: deposits.length, withdrawals: withdrawals.length, transfers: transfers.length }
  const ledgerBytes = bytesIn(join(system.directory, 'data', 'watcher'))
  const written = { events: events.length, entries: entriesByKind(events), ledgerBytes }
  return { ...counts, ...written, depositedSat, withdrawnSat, feesSat, leftSat }
}
