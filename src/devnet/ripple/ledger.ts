/** The simulated ledgers, one on the other; the open one, in which transactions wait; and the queue before it. */
import { sha512Half } from '../../../adapters/ripple/hash.ts'
import { upperHex } from '../../../adapters/hex.ts'
import { applyTransaction, type Applied, type ExecutionTerms } from './execution.ts'
import type { TransactionMetadata } from './metadata.ts'
import { createStates, type Account, type Accounts, type States } from './state.ts'
import { readSubmitted, worldKey, type LedgerBody } from './transaction.ts'

/** A transaction in its ledger. */
export interface LedgerEntry {
  transaction: LedgerBody
  meta: TransactionMetadata
  height: number
}

export interface ClosedLedger {
  height: number
  hash: string
  parent: string
  /** Zeros where it holds none. */
  transactionHash: string
  /** Seconds since 2000 UTC. */
  closeTime: number
  entries: readonly LedgerEntry[]
}

/** What a network is. Amounts in drops. */
export interface NetworkRules extends Omit<ExecutionTerms, 'height'> {
  /** Transactions that an open ledger takes at the base fee. */
  ledgerSize: number
}

/** Of a transaction that was offered. */
export interface Offered {
  result: string
  /** It waits in the open ledger or in the queue. */
  isKept: boolean
}

export interface LedgerChain {
  readonly rules: NetworkRules
  /** By height; the first stands at 1. */
  readonly ledgers: readonly ClosedLedger[]
  readonly states: States
  readonly entries: ReadonlyMap<string, LedgerEntry>
  /** By account, in order. */
  entriesOf(account: string): readonly LedgerEntry[]
  last(): ClosedLedger
  /** As the open ledger would have it. */
  readonly open: Accounts
  /** In the open ledger, and behind it in the queue. */
  pending(): LedgerBody[]
  queued(): number
  /** What a transaction must pay for the open ledger now, in drops. */
  openFee(): bigint
  offer(transaction: LedgerBody, failHard: boolean): Offered
  forget(hash: string): void
  close(closeTime: number): ClosedLedger
}

const FAUCET = worldKey('faucet')
const MARKET = worldKey('market')
const TOTAL = 100_000_000_000_000_000n
const MARKET_DROPS = 1_000_000_000_000n
const FIRST_CLOSE = 700_000_000
export const NO_HASH = '0'.repeat(64)
/** The queue holds so many ledgers' worth, and of one account at most so many (X18). */
const QUEUED_LEDGERS = 20
const QUEUED_OF_ACCOUNT = 10
/** One in the queue may live at least so much longer. */
const QUEUE_BUFFER = 2
/** Above its size the open ledger costs so many times the base fee, and more with the square of how full it is. */
const ESCALATION = 500n

/** Usual on the main network since 2024. */
export const mainRules = (networkId: number): NetworkRules => ({
  networkId,
  baseFee: 10n,
  reserves: { base: 1_000_000n, owner: 200_000n },
  market: MARKET.account,
  liquidity: 1_000_000n,
  ledgerSize: 200,
})

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

interface Closed {
  ledgers: ClosedLedger[]
  entries: Map<string, LedgerEntry>
  byAccount: Map<string, LedgerEntry[]>
  states: States
}

function seal(
  { ledgers, entries, byAccount, states }: Closed,
  networkId: number,
  applied: readonly Applied[],
  changes: ReadonlyMap<string, Account | undefined>,
  closeTime: number,
): ClosedLedger {
  const height = ledgers.length + 1
  const parent = ledgers.at(-1)?.hash ?? NO_HASH
  const found = applied.map(({ transaction, meta }, n) => ({
    transaction,
    height,
    meta: { ...meta, TransactionIndex: n },
  }))
  const ids = found.map(({ transaction, meta }) => transaction.hash + meta.TransactionResult).join()
  const transactionHash = found.length === 0 ? NO_HASH : upperHex(sha512Half(text(ids)))
  const hash = upperHex(sha512Half(text(`${networkId}:${height}:${parent}:${transactionHash}:${closeTime}`)))
  const ledger = { height, hash, parent, transactionHash, closeTime, entries: found }
  ledgers.push(ledger)
  states.append(height, changes)
  for (const entry of found) {
    entries.set(entry.transaction.hash, entry)
    for (const account of accountsOf(entry)) byAccount.set(account, [...(byAccount.get(account) ?? []), entry])
  }
  return ledger
}

/** The open ledger on the last closed one, and the queue before it. */
interface Waiting {
  open: ReturnType<States['over']>
  entered: LedgerBody[]
  queue: LedgerBody[]
}

type OpenLedger = Pick<LedgerChain, 'openFee' | 'offer' | 'forget'> & {
  readonly waiting: Waiting
  /** What has been offered, for the ledger that is closed; the queue fills the next one. */
  take: () => LedgerBody[]
  refill: () => void
}

function createOpenLedger({ ledgers, entries, states }: Closed, rules: NetworkRules): OpenLedger {
  const waiting: Waiting = { open: states.over(ledgers.length), entered: [], queue: [] }
  const terms = (): ExecutionTerms => ({ ...rules, height: ledgers.length + 1 })
  const openFee = () => {
    const [size, count] = [BigInt(rules.ledgerSize), BigInt(waiting.entered.length + 1)]
    return count <= size ? rules.baseFee : (rules.baseFee * ESCALATION * count * count) / (size * size)
  }

  function enter(transaction: LedgerBody): string {
    const applied = applyTransaction(waiting.open, transaction, terms())
    if (typeof applied === 'string') return applied
    waiting.entered.push(transaction)
    return applied[0]!.meta.TransactionResult
  }

  function enqueue(transaction: LedgerBody, failHard: boolean): Offered {
    const { queue } = waiting
    const { Account, LastLedgerSequence } = transaction.body
    const isShort = LastLedgerSequence !== undefined && LastLedgerSequence < terms().height + QUEUE_BUFFER
    if (failHard || isShort) return { result: 'telCAN_NOT_QUEUE', isKept: false }
    const isFull = queue.length >= QUEUED_LEDGERS * rules.ledgerSize
    if (isFull || queue.filter(({ body }) => body.Account === Account).length >= QUEUED_OF_ACCOUNT)
      return { result: 'telCAN_NOT_QUEUE_FULL', isKept: false }
    queue.push(transaction)
    return { result: 'terQUEUED', isKept: true }
  }

  return {
    waiting,
    openFee,
    offer(transaction, failHard) {
      const { hash, body } = transaction
      const isSame = (one: LedgerBody) => one.hash === hash
      if (entries.has(hash) || waiting.entered.some(isSame)) return { result: 'tefALREADY', isKept: false }
      if (waiting.queue.some(isSame)) return { result: 'terQUEUED', isKept: true }
      const trial = applyTransaction(trialOf(waiting.open), transaction, terms())
      if (typeof trial === 'string') return { result: trial, isKept: false }
      const result = trial[0]!.meta.TransactionResult
      if (failHard && result !== 'tesSUCCESS') return { result, isKept: false }
      return BigInt(body.Fee) >= openFee()
        ? { result: enter(transaction), isKept: true }
        : enqueue(transaction, failHard)
    },
    forget(hash) {
      const kept = waiting.entered.filter(one => one.hash !== hash)
      waiting.queue = waiting.queue.filter(one => one.hash !== hash)
      if (kept.length === waiting.entered.length) return
      Object.assign(waiting, { entered: [], open: states.over(ledgers.length) })
      for (const transaction of kept) enter(transaction)
    },
    take: () => waiting.entered.splice(0),
    /** Whoever pays more goes first; what no longer can be applied is dropped. */
    refill() {
      const before = waiting.queue.sort((a, b) => Number(BigInt(b.body.Fee) - BigInt(a.body.Fee)))
      Object.assign(waiting, { queue: [], open: states.over(ledgers.length) })
      for (const transaction of before)
        if (waiting.entered.length < rules.ledgerSize) enter(transaction)
        else waiting.queue.push(transaction)
    },
  }
}

/** With the faucet, which owns nearly all, and the market. */
export function createLedgerChain(rules: NetworkRules): LedgerChain {
  const closed: Closed = { ledgers: [], entries: new Map(), byAccount: new Map(), states: createStates() }
  const { ledgers, entries, byAccount, states } = closed
  const last = () => ledgers.at(-1)!
  const rich = (balance: bigint): Account => ({ balance, sequence: 1, flags: 0, tickets: new Set() })
  const genesis = new Map([
    [FAUCET.account, rich(TOTAL - MARKET_DROPS)],
    [MARKET.account, rich(MARKET_DROPS)],
  ])
  seal(closed, rules.networkId, [], genesis, FIRST_CLOSE)
  const openLedger = createOpenLedger(closed, rules)
  const { openFee, offer, forget, waiting } = openLedger

  return {
    ...{ rules, ledgers, states, entries, last, openFee, offer, forget },
    entriesOf: account => byAccount.get(account) ?? [],
    get open() {
      return waiting.open
    },
    pending: () => [...waiting.entered, ...waiting.queue],
    queued: () => waiting.queue.length,
    close(closeTime) {
      const state = states.over(ledgers.length)
      const terms = { ...rules, height: ledgers.length + 1 }
      const applied = openLedger.take().flatMap(transaction => {
        const outcome = applyTransaction(state, transaction, terms)
        return typeof outcome === 'string' ? [] : outcome
      })
      const time = Math.max(closeTime, last().closeTime + 1)
      const ledger = seal(closed, rules.networkId, applied, state.changes, time)
      openLedger.refill()
      return ledger
    },
  }
}

/** What is tried leaves no trace. */
function trialOf(accounts: Accounts): Accounts {
  const changes = new Map<string, Account | undefined>()
  return {
    get: address => (changes.has(address) ? changes.get(address) : accounts.get(address)),
    set: (address, account) => void changes.set(address, account),
    delete: address => void changes.set(address, undefined),
  }
}

/** Whose entry in the ledger it has changed. */
function accountsOf({ meta }: LedgerEntry): string[] {
  return meta.AffectedNodes.flatMap(node =>
    Object.values(node as Record<string, { LedgerEntryType: string; FinalFields?: Named; NewFields?: Named }>).flatMap(
      ({ LedgerEntryType, FinalFields, NewFields }) =>
        LedgerEntryType === 'AccountRoot' ? [(FinalFields ?? NewFields)!.Account] : [],
    ),
  )
}

interface Named {
  Account: string
}

/** What was offered before, again. @throws BadTransaction */
export const offerRaw = (chain: LedgerChain, raw: string): Offered => chain.offer(readSubmitted(raw), false)
