/** The simulated node's transaction pool, with the rules of geth's: core/txpool/legacypool and core/txpool/validation.go. */
import { headOf, nextContext, type EthereumChain, type HeadChange } from './chain.ts'
import { floorGas, INIT_CODE_BYTES_MAXIMUM, intrinsicGas, TRANSACTION_GAS_MAXIMUM } from './execution.ts'
import type { Flavour, PoolRefusal } from './flavours.ts'
import { delegateOf } from './machine.ts'
import type { EthereumFaults } from './node-faults.ts'
import { costOf, priorityFeeOf, type SignedTransaction } from './transaction.ts'

export interface PooledTransaction {
  transaction: SignedTransaction
  /** Of its arrival. */
  sequence: number
  atSeconds: number
}

export interface TransactionPoolOptions {
  chain: EthereumChain
  flavour: Flavour
  faults: EthereumFaults
  nowSeconds: () => number
}

export interface TransactionPool {
  /** By hash. */
  entries: ReadonlyMap<string, PooledTransaction>
  /** Those that may be mined next, in the order of their nonces. */
  pendingOf: (sender: string) => SignedTransaction[]
  /** Those behind a gap. */
  queuedOf: (sender: string) => SignedTransaction[]
  senders(): string[]
  accept(transaction: SignedTransaction): PoolRefusal | null
  forget(hash: string): void
  clear(): void
  /** What blocks brought leaves; what they left comes back, unless told otherwise. */
  follow(change: HeadChange, comesBack?: boolean): void
  /** In the order in which a producer takes them. */
  candidates(): SignedTransaction[]
}

/** geth's `--txpool.accountslots`, `.accountqueue`, `.globalslots` + `.globalqueue`, `.lifetime`. */
const ACCOUNT_SLOTS = 16
const ACCOUNT_QUEUE = 64
const POOL_MAXIMUM = 6144
const LIFETIME_SECONDS = 3 * 60 * 60
const SIZE_MAXIMUM_BYTES = 128 * 1024
const BLOB = 3
const SET_CODE = 4

type Context = TransactionPoolOptions & {
  entries: Map<string, PooledTransaction>
  bySender: Map<string, Map<bigint, PooledTransaction>>
  arrivals: number
}

const byNonce = (a: PooledTransaction, b: PooledTransaction): number =>
  a.transaction.nonce < b.transaction.nonce ? -1 : 1

function listOf({ bySender }: Context, sender: string): PooledTransaction[] {
  return [...(bySender.get(sender)?.values() ?? [])].sort(byNonce)
}

function split(context: Context, sender: string): { pending: SignedTransaction[]; queued: SignedTransaction[] } {
  const pending: SignedTransaction[] = []
  const queued: SignedTransaction[] = []
  let next = context.chain.state.nonceOf(sender)
  for (const { transaction } of listOf(context, sender)) {
    if (transaction.nonce === next) {
      pending.push(transaction)
      next++
    } else queued.push(transaction)
  }
  return { pending, queued }
}

function gasRefusal(transaction: SignedTransaction, blockGas: number): PoolRefusal | null {
  const { gasLimit: gas, to, data } = transaction
  if (to === null && data.length > INIT_CODE_BYTES_MAXIMUM)
    return { reason: 'too large creation', size: data.length, maximum: INIT_CODE_BYTES_MAXIMUM }
  if (gas > BigInt(blockGas)) return { reason: 'beyond block' }
  if (gas > BigInt(TRANSACTION_GAS_MAXIMUM)) return { reason: 'gas too high', gas, maximum: TRANSACTION_GAS_MAXIMUM }
  const [least, floor] = [intrinsicGas(transaction), floorGas(transaction)]
  if (gas < BigInt(least)) return { reason: 'gas too low', gas, minimum: least }
  return gas < BigInt(floor) ? { reason: 'below floor', gas, minimum: floor } : null
}

function formRefusal({ chain, faults }: Context, transaction: SignedTransaction): PoolRefusal | null {
  const { type, raw, chainId, maxFeePerGas: fee, maxPriorityFeePerGas: tip, authorizations } = transaction
  const want = chain.genesis.chainId
  // A blob's sidecar is not simulated: no blob transaction gets in.
  if (type === BLOB) return { reason: 'undecodable', detail: 'missing sidecar in blob transaction' }
  if (raw.length > SIZE_MAXIMUM_BYTES) return { reason: 'too large' }
  if (tip > fee) return { reason: 'tip above fee', tip, fee }
  if (chainId !== null && chainId !== want) return { reason: 'wrong chain', have: chainId, want }
  const gas = gasRefusal(transaction, headOf(chain).header.gasLimit)
  if (gas !== null) return gas
  if (tip < faults.minimumTip) return { reason: 'underpriced', tip, minimum: faults.minimumTip }
  return type === SET_CODE && authorizations.length === 0 ? { reason: 'no authorizations' } : null
}

function stateRefusal(context: Context, transaction: SignedTransaction): PoolRefusal | null {
  const { state } = context.chain
  const { from, nonce } = transaction
  const next = state.nonceOf(from)
  if (nonce < next) return { reason: 'nonce too low', next, nonce }
  const [balance, cost] = [state.balanceOf(from), costOf(transaction)]
  const others = listOf(context, from).filter(entry => entry.transaction.nonce !== nonce)
  const spent = others.reduce((sum, entry) => sum + costOf(entry.transaction), 0n)
  const queued = context.flavour.countsQueued ? spent : 0n
  return balance < cost || balance < queued + cost ? { reason: 'insufficient funds', balance, cost, queued } : null
}

/** EIP-7702: an account that anybody may empty gets one transaction at a time. */
function delegationRefusal(context: Context, { from, nonce }: SignedTransaction): PoolRefusal | null {
  const { state } = context.chain
  if (delegateOf(state.codeOf(from)) === null || !context.flavour.countsQueued) return null
  if (nonce !== state.nonceOf(from)) return { reason: 'delegated gap' }
  const others = listOf(context, from).filter(entry => entry.transaction.nonce !== nonce)
  return others.length > 0 ? { reason: 'delegated limit' } : null
}

function replacementRefusal({ bySender, flavour }: Context, transaction: SignedTransaction): PoolRefusal | null {
  const old = bySender.get(transaction.from)?.get(transaction.nonce)?.transaction
  if (old === undefined) return null
  const isEnough = (before: bigint, now: bigint) =>
    now > before && now >= (before * (100n + flavour.bumpPercent)) / 100n
  const isBetter =
    isEnough(old.maxFeePerGas, transaction.maxFeePerGas) &&
    isEnough(old.maxPriorityFeePerGas, transaction.maxPriorityFeePerGas)
  return isBetter ? null : { reason: 'underpriced replacement' }
}

function fullRefusal({ entries }: Context, { from }: SignedTransaction): PoolRefusal | null {
  if (entries.size < POOL_MAXIMUM) return null
  return [...entries.values()].some(entry => entry.transaction.from === from) ? null : { reason: 'full' }
}

function remove({ entries, bySender }: Context, hash: string): void {
  const entry = entries.get(hash)
  if (entry === undefined) return
  const { from, nonce } = entry.transaction
  entries.delete(hash)
  bySender.get(from)?.delete(nonce)
  if (bySender.get(from)?.size === 0) bySender.delete(from)
}

function insert(context: Context, transaction: SignedTransaction): void {
  const { entries, bySender, nowSeconds } = context
  const { from, nonce, hash } = transaction
  const own = bySender.get(from) ?? new Map<bigint, PooledTransaction>()
  const old = own.get(nonce)
  if (old !== undefined) entries.delete(old.transaction.hash)
  const entry = { transaction, sequence: context.arrivals++, atSeconds: nowSeconds() }
  own.set(nonce, entry)
  bySender.set(from, own)
  entries.set(hash, entry)
}

/** What geth drops without a word: the far end of a queue, what is old, and under load all above what it guarantees. */
function prune(context: Context, sender: string): void {
  const { pending, queued } = split(context, sender)
  const kept = context.faults.isCrowded ? ACCOUNT_SLOTS : Infinity
  const old = context.nowSeconds() - LIFETIME_SECONDS
  const isOld = ({ hash }: SignedTransaction) => context.entries.get(hash)!.atSeconds < old
  const gone = [...pending.slice(kept), ...queued.slice(ACCOUNT_QUEUE), ...queued.filter(isOld)]
  for (const { hash } of gone) remove(context, hash)
}

/** The best next transaction of any sender, again and again. */
function ordered(context: Context): SignedTransaction[] {
  const { chain, bySender, entries } = context
  const baseFee = nextContext(chain, headOf(chain).header).baseFee
  const queues = [...bySender.keys()].map(sender => split(context, sender).pending).filter(queue => queue.length > 0)
  const isBefore = (a: SignedTransaction, b: SignedTransaction) => {
    const [left, right] = [priorityFeeOf(a, baseFee), priorityFeeOf(b, baseFee)]
    return left === right ? entries.get(a.hash)!.sequence < entries.get(b.hash)!.sequence : left > right
  }
  const sorted: SignedTransaction[] = []
  while (queues.length > 0) {
    let best = 0
    for (let at = 1; at < queues.length; at++) if (isBefore(queues[at]![0]!, queues[best]![0]!)) best = at
    sorted.push(queues[best]!.shift()!)
    if (queues[best]!.length === 0) queues.splice(best, 1)
  }
  return sorted
}

/** Empty. */
export function createPoolOf(options: TransactionPoolOptions): TransactionPool {
  const context: Context = { ...options, entries: new Map(), bySender: new Map(), arrivals: 0 }
  const { entries, bySender, chain } = context

  function accept(transaction: SignedTransaction): PoolRefusal | null {
    if (entries.has(transaction.hash)) return { reason: 'known' }
    const refusal =
      formRefusal(context, transaction) ??
      stateRefusal(context, transaction) ??
      delegationRefusal(context, transaction) ??
      fullRefusal(context, transaction) ??
      replacementRefusal(context, transaction)
    if (refusal !== null) return refusal
    insert(context, transaction)
    prune(context, transaction.from)
    return null
  }

  function follow({ left, joined }: HeadChange, comesBack = true): void {
    const returning = comesBack ? [...left].reverse().flatMap(({ transactions }) => transactions) : []
    for (const { transactions } of joined) for (const { hash } of transactions) remove(context, hash)
    for (const transaction of returning) if (!chain.places.has(transaction.hash)) accept(transaction)
    for (const { transaction } of [...entries.values()])
      if (transaction.nonce < chain.state.nonceOf(transaction.from)) remove(context, transaction.hash)
    for (const sender of [...bySender.keys()]) prune(context, sender)
  }

  return {
    entries,
    pendingOf: sender => split(context, sender).pending,
    queuedOf: sender => split(context, sender).queued,
    senders: () => [...bySender.keys()],
    accept,
    forget: hash => remove(context, hash),
    clear() {
      entries.clear()
      bySender.clear()
    },
    follow,
    candidates: () => ordered(context),
  }
}
