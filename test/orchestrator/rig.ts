/** An orchestrator on a ledger in memory, whose disk syncs when told and whose clock moves when told. */
import { claim } from '../../src/kernel/untyped.ts'
import type { Id } from '../../machines/ids.ts'
import type {
  Limit,
  Order,
  PassedOver,
  Payment,
  Plan,
  Planner,
  Replacement,
  ReplacementOrder,
  Shortfall,
  Signable,
  SpendSeen,
  Unreplaceable,
} from '../../adapters/adapter.ts'
import { createBook, type BitcoinBookOptions } from '../../adapters/bitcoin/book.ts'
import type { BitcoinFact, OutputSeen, TransactionSeen } from '../../adapters/bitcoin/facts.ts'
import type { CoinFunds, Fund } from '../../adapters/bitcoin/funds.ts'
import type { Clock, Ports } from '../../src/kernel/ports.ts'
import type { Place, SpendKey } from '../../machines/vocabulary.ts'
import type { Ledger } from '../../src/ledger/engine.ts'
import type { Commit, Found, Instance } from '../../src/kernel/entry.ts'
import type { Inbound } from '../../src/orchestrator/inbound.ts'
import { watcherMachines } from '../../src/orchestrator/machines.ts'
import type { Loaded } from '../../src/orchestrator/memory.ts'
import { NO_CAPS } from '../../src/orchestrator/routes/replacing.ts'
import { createOrchestrator, type Orchestrator } from '../../src/orchestrator/orchestrator.ts'
import type { ChainPolicy } from '../../src/orchestrator/policy.ts'
import type { Performers } from '../../src/orchestrator/tasks.ts'

export const FEE = 101n
export const at = 1_767_225_600_000
const unused = (): never => {
  throw new Error('not part of this test')
}

const NO_LIMIT: Limit = { perTransaction: null, left: null }

/** Spends the given funds in their order until they cover payments and a fee of 101. */
function spend({ payments, limits }: Order, funds: readonly Fund[]): Omit<Plan, 'passed'> | null {
  const wanted = payments.reduce((sum, { amount }) => sum + BigInt(amount), FEE)
  const { perTransaction, left } = limits['LTC'] ?? NO_LIMIT
  if ([perTransaction, left].some(most => most !== null && wanted > BigInt(most))) return null
  const spendKeys: SpendKey[] = []
  let sum = 0n
  for (const fund of funds) {
    if (sum >= wanted) break
    spendKeys.push(fund.key)
    sum += BigInt(fund.amount)
  }
  if (sum < wanted) return null
  return {
    purpose: 'payment',
    source: 0,
    template: { spendKeys, fee: String(FEE) },
    spendKeys,
    fee: String(FEE),
    paid: payments.map(({ withdrawal }) => withdrawal),
  }
}

const byKey = (funds: CoinFunds): Fund[] => [...funds.smallestFirst()].sort((a, b) => (a.key < b.key ? -1 : 1))

/** As many of the payments as funds and limit allow, the first first; what cannot be paid alone is passed over. */
function payInTurn(order: Order, funds: readonly Fund[]): Plan | Shortfall {
  const { payments, limits, maximum = Infinity } = order
  const limit = limits['LTC']?.perTransaction ?? null
  const passed: PassedOver[] = []
  let plan: Omit<Plan, 'passed'> | null = null
  let paid: Payment[] = []
  for (const payment of payments) {
    const isOver = limit !== null && BigInt(payment.amount) + FEE > BigInt(limit)
    if (isOver) passed.push({ withdrawal: payment.withdrawal, kind: 'limit', reason: 'it is over the limit' })
    else if (spend({ ...order, payments: [payment] }, funds) === null)
      passed.push({ withdrawal: payment.withdrawal, kind: 'funds', reason: 'not enough spendable funds' })
    else if (paid.length < maximum) {
      const further = spend({ ...order, payments: [...paid, payment] }, funds)
      if (further === null) continue
      plan = further
      paid = [...paid, payment]
    }
  }
  return plan === null ? { shortfall: passed[0]?.reason ?? 'no coins', passed } : { ...plan, passed }
}

/** The fee that its own coins can bear. */
export const OWN_FEE = 300n

/**
 * Spends what the earlier ones do, for 50 more than the dearest; beyond OWN_FEE it takes a further coin. What a person wants is the
 * fee itself.
 */
function replaced({ earlier, feeRate, maximumFee }: ReplacementOrder, funds: CoinFunds): Replacement | Unreplaceable {
  const by = earlier.map(({ transactionId }) => transactionId && funds.builtOn(transactionId)).find(Boolean)
  if (by) return { kind: 'bound', reason: `${by} spends its change` }
  const templates = earlier.map(({ template }) => template as { spendKeys: SpendKey[]; fee: string })
  const dearest = templates.reduce((most, { fee }) => (BigInt(fee) > most ? BigInt(fee) : most), 0n)
  const fee = feeRate === null ? dearest + 50n : BigInt(feeRate)
  if (fee <= dearest) return { kind: 'low', reason: `from ${dearest + 1n} on` }
  if (maximumFee !== null && fee > BigInt(maximumFee))
    return { kind: 'cap', reason: 'a higher fee would be over the cap' }
  const own = templates.flatMap(({ spendKeys }) => spendKeys)
  const further =
    fee > OWN_FEE
      ? byKey(funds)
          .slice(0, 1)
          .map(({ key }) => key)
      : []
  const spendKeys = [...new Set([...own, ...further])]
  return { template: { spendKeys, fee: String(fee) }, spendKeys, fee: String(fee) }
}

export const planner: Planner = {
  destination: (to, dataField) => ({ canonical: to, dataField }),
  minimumPayment: () => '1',
  maximumPayment: '1000000000000000000',
  plan: (order, funds: CoinFunds) => payInTurn(order, byKey(funds)),
  replace: (order, funds: CoinFunds) => replaced(order, funds),
  upkeep: () => ({ plan: null, again: null, reason: null }),
}

const signable: Signable = {
  inspect: template => {
    const { fee, spendKeys } = template as { fee: string; spendKeys: string[] }
    return {
      network: '',
      outputs: [],
      inputs: [],
      fee,
      feeRate: 1,
      spendKeys,
      bindsSpendKeys: false,
      isReplaceable: true,
      transactionId: null,
    }
  },
  open: unused,
  destination: unused,
}

export const bookOptions: BitcoinBookOptions = {
  coinsOf: () => [],
  hasMalleableIds: false,
  spendsUnconfirmedChange: true,
}

export const policy: ChainPolicy = {
  name: 'litecoin',
  family: 'bitcoin',
  asset: 'LTC',
  credit: 3,
  final: 5,
  batch: { windowMs: 0, maximum: 100 },
  replaceAfterMs: 600_000,
  planner,
  signable,
  book: createBook(bookOptions),
  assets: { LTC: { minimumDeposit: '1000', decimals: 8 } },
}

/** What a start would find after these commits. */
export function replay(commits: readonly Commit[]): Loaded {
  const live = new Map<Id, Instance>()
  const reservations = new Map<SpendKey, Id>()
  for (const { entries, release, reserve } of commits) {
    for (const { image } of entries)
      if (image.ended) live.delete(image.id)
      else live.set(image.id, image)
    for (const key of release) reservations.delete(key)
    for (const [key, id] of reserve) reservations.set(key, id)
  }
  const seq = commits.flatMap(({ entries }) => entries).at(-1)?.seq ?? 0
  const heights = commits.at(-1)?.heights ?? {}
  return structuredClone({ seq, heights, live: [...live.values()], reservations: [...reservations] })
}

export interface Rig {
  orchestrator: Orchestrator
  commits: Commit[]
  log: { level: string; message: string; fields: unknown }[]
  /** While true, nothing becomes durable until `sync`. */
  holding: { now: boolean }
  /** How far the machine's date is from the time that passes. */
  skew: { ms: number }
  /** Processor time. */
  used: { ms: number }
  sync(): Promise<void>
  /** Moves time on, runs what was to wake by then, and waits until everything is quiet. */
  pass(ms: number): Promise<void>
  now(): number
  clock: Clock
  send(event: Inbound): Promise<void>
}

export interface RigOptions {
  commits?: readonly Commit[]
  policies?: Record<string, ChainPolicy>
  performers?: Performers
  /** Instead of one in memory whose syncs are held by hand. */
  ledger?: Ledger
}

/** Microtasks only: enough turns for any chain of promises here. */
export async function quiet(): Promise<void> {
  for (let i = 0; i < 200; i++) await Promise.resolve()
}

export function createRig({
  commits = [],
  policies = { litecoin: policy },
  performers = {},
  ledger: given,
}: RigOptions = {}): Rig {
  const kept = [...commits]
  const log: Rig['log'] = []
  const holding = { now: false }
  const [skew, used] = [{ ms: 0 }, { ms: 0 }]
  let time = at
  let waiting: (() => void)[] = []
  let wakes: { due: number; run: () => void }[] = []
  const append = (commit: Commit) => {
    kept.push(structuredClone(commit))
    return holding.now ? new Promise<void>(resolve => waiting.push(resolve)) : Promise.resolve()
  }
  const clock: Clock = {
    now: () => time + skew.ms,
    monotonic: () => time,
    processor: () => used.ms,
    wake: (afterMs, run) => {
      const wake = { due: time + afterMs, run }
      wakes.push(wake)
      return () => (wakes = wakes.filter(one => one !== wake))
    },
  }
  const journal = { append, position: unused, close: unused }
  const opened = { ...replay(commits), ledgerId: 'l', at, created: commits.length === 0 }
  const ledger = given ?? claim<Ledger>({ journal, opened })
  const ports = claim<Ports>({
    clock,
    random: { bytes: (length: number) => new Uint8Array(length).fill(128) },
    log: (level: string, message: string, fields: unknown) => log.push({ level, message, fields }),
  })
  const orchestrator = createOrchestrator({ ports, machines: watcherMachines, policies, ledger, performers })
  return {
    orchestrator,
    commits: kept,
    log,
    holding,
    skew,
    used,
    async sync() {
      const resolving = waiting
      waiting = []
      for (const resolve of resolving) resolve()
      await quiet()
    },
    async pass(ms) {
      const end = time + ms
      for (let next = wakes.find(({ due }) => due <= end); next; next = wakes.find(({ due }) => due <= end)) {
        const wake = next
        wakes = wakes.filter(one => one !== wake)
        time = Math.max(time, wake.due)
        wake.run()
        await quiet()
      }
      time = end
      await quiet()
    },
    now: () => time,
    clock,
    send: event => orchestrator.dispatch(event),
  }
}

export const block = (height: number, branch = ''): Place => ({ height, hash: `b${height}${branch}` })

export const connected = (
  height: number,
  facts: BitcoinFact[] = [],
  branch = '',
  parent = `b${height - 1}`,
): Inbound => ({
  type: 'block.connected',
  at: at + height,
  data: { chain: 'litecoin', block: { ...block(height, branch), parent, time: 0 }, facts, nodeHeight: height },
})

export const disconnected = (height: number, branch = '', standing: TransactionSeen[] = []): Inbound => ({
  type: 'block.disconnected',
  at: at + height,
  data: { chain: 'litecoin', ...block(height, branch), standing },
})

export const paid = (txid: string, place: Place | null, also: Partial<OutputSeen> = {}): OutputSeen => ({
  kind: 'payment.seen',
  id: `litecoin:${txid}:${also.output ?? 0}`,
  transaction: txid,
  output: 0,
  address: 'a7',
  dataField: null,
  index: 7,
  asset: 'LTC',
  amount: '5000',
  place,
  own: false,
  doubt: null,
  maturity: 0,
  raw: '00',
  inputs: [`litecoin:in-${txid}:0`],
  ...also,
})

export const spent = (keys: SpendKey[], transaction: string, place: Place | null): SpendSeen => ({
  kind: 'spend.seen',
  keys,
  transaction,
  place,
  executed: true,
})

const address = (index: number) => ({
  chain: 'litecoin',
  index,
  address: `a${index}`,
  dataField: null,
  publicKey: '02',
  path: 'm',
  createdAt: '2026-01-01T00:00:00.000Z',
  attestation: { key: 'k', signature: 's' },
  isFormer: false,
})

/** Opens the chain, its treasury and address 7, which is given to `reference`, and follows from block 99. */
export async function openChain(rig: Rig, reference: string | null = 'alice'): Promise<void> {
  await rig.send({ type: 'chain.opened', at, data: { chain: 'litecoin' } })
  const addresses = [address(0), address(7)]
  await rig.send({ type: 'addresses.generated', at, data: { chain: 'litecoin', addresses, position: null } })
  if (reference !== null)
    await rig.send({ type: 'address.assigned', at, data: { chain: 'litecoin', index: 7, reference } })
  await rig.send({ type: 'node.identified', at, data: { chain: 'litecoin', base: block(99), syncing: false } })
  await rig.send({ type: 'node.caughtUp', at, data: { chain: 'litecoin' } })
}

/** Coins of these amounts, spendable, on a chain that stands at its tip. */
export async function funded(amounts: string[], options: Parameters<typeof createRig>[0] = {}): Promise<Rig> {
  const rig = createRig(options)
  await openChain(rig)
  await rig.send(
    connected(
      100,
      amounts.map((amount, i) => paid(`f${i}`, block(100), { amount })),
    ),
  )
  for (const height of [101, 102]) await rig.send(connected(height))
  return rig
}

export const requested = (id: string, amount: string, also: object = {}): Inbound => ({
  type: 'withdrawal.requested',
  at,
  data: {
    ...{ id, chain: 'litecoin', asset: 'LTC', to: 'x', dataField: null, amount, expiresAt: null, round: 1 },
    ...{ memory: null, authorisations: [], expiresAtMs: null, held: null },
    ...also,
  },
})

export const valueOf = (rig: Rig, id: Id): string | undefined => rig.orchestrator.memory.get(id)?.value
export const contextOf = <I extends Id>(rig: Rig, id: I): Found<I>['context'] =>
  rig.orchestrator.memory.get(id)!.context

/** Runs the account's gathering by hand. */
export function gathered(rig: Rig, perTransaction: string | null = null, left: string | null = null): Promise<void> {
  const account = rig.orchestrator.memory.get('account/litecoin:0')!
  const limits = { LTC: { perTransaction, left } }
  const data = { id: account.id, facts: { feeRate: 1, floorRate: 1 }, limits, caps: NO_CAPS }
  return rig.send({ type: 'facts.gathered', at: rig.now(), run: `${account.id}@${account.entered}`, data })
}
