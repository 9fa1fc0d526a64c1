/** Where the money is: what coins may be spent now, and what they sum up to. */
import { Transaction } from 'bitcoinjs-lib'
import type { CoinContext } from '../../machines/coin.ts'
import { coinId, isIdOf, nameOf, transactionOf, type IdOf } from '../../machines/ids.ts'
import { heightOf, type Amount, type SpendKey } from '../../machines/vocabulary.ts'
import { isKind, stateOf, type Instance, type InstanceOf } from '../../src/kernel/entry.ts'
import { transactionFacet } from '../../src/kernel/facets.ts'
import type { Worth } from '../book-memory.ts'
import type { AssetBalance, BookView } from '../book.ts'
import { outputFacet } from './lineage.ts'
import { MAXIMUM_ANCESTORS } from './size.ts'

/** A coin that can be spent now. */
export interface Fund {
  key: SpendKey
  index: number
  address: string
  /** Hex, 33 bytes. */
  publicKey: string
  amount: Amount
  /** Looks up the transaction that has paid it, hex; null where it is not known, and then it cannot be spent. */
  raw: () => string | null
  /** Beyond the deepest reorg we accept: spent first. */
  final: boolean
  /** Unconfirmed change of ours: how many unconfirmed transactions stand below it, itself included; 0 when confirmed. */
  ancestors: number
}

/**
 * All that can be spent now. There may be a hundred thousand of them: they are made one by one as they are asked for, and to be
 * asked for within the turn in which the plan is made.
 */
export interface CoinFunds {
  /** By amount, then by key. */
  largestFirst(): Iterable<Fund>
  smallestFirst(): Iterable<Fund>
  /** Base units, of those in blocks. */
  readonly confirmed: bigint
  /** How many nobody holds, those that cannot be spent yet included. */
  readonly count: number
  /** Which transfer spends what this transaction of ours, in no block yet, pays to us; null where none does. By its name. */
  builtOn(transactionId: string): string | null
  /** Transactions of ours below what these keys stand for, that are in no block either. */
  beneath(keys: readonly SpendKey[]): Unmined
}

/** Transactions in no block: a miner takes them with what stands on them, or nothing of it. */
export interface Unmined {
  vbytes: number
  feeSat: bigint
}

/** What a node would drop for what takes a transaction's place: itself, and what stands on it. */
export interface Evicted {
  count: number
  feeSat: bigint
}

/** What a plan needs of the node, in sat/vB. */
export interface RateFacts {
  feeRate: number
  /** The least that the node relays now. May lie above every rate that the configuration allows. */
  floorRate: number
  /** By transaction id, of those that were asked for: which the node has in its mempool. */
  evicted?: Readonly<Record<string, Evicted>>
}

type Remembering = Pick<BookView, 'memory'>

const transactionOfCoin = ({ memory }: Remembering, { chain, transactionId }: CoinContext) =>
  memory.get(transactionOf(chain, transactionId))?.context

/** The coins of ours that the coin's transaction has spent. */
const parentCoins = (view: Remembering, coin: CoinContext): InstanceOf<'coin'>[] =>
  transactionOfCoin(view, coin)?.inputs.flatMap(key => view.memory.get(coinId(key)) ?? []) ?? []

/** How many unconfirmed transactions of ours stand below this coin, its own included; 0 when it is in a block. */
function ancestorsOf(view: Remembering, coin: CoinContext, seen = new Set<string>()): number {
  if (coin.place !== null || seen.has(coin.transactionId)) return 0
  seen.add(coin.transactionId)
  return 1 + parentCoins(view, coin).reduce((sum, parent) => sum + ancestorsOf(view, parent.context, seen), 0)
}

/** The transaction that has paid it is looked up only for those that are taken. */
function toFund(view: Remembering, { context: coin }: InstanceOf<'coin'>, height: number): Fund {
  const { key, index, address, publicKey, amount, place, final } = coin
  const isFinal = place !== null && height >= heightOf(place.height, final)
  return {
    key,
    index,
    address,
    publicKey,
    amount,
    final: isFinal,
    ancestors: place === null ? ancestorsOf(view, coin) : 0,
    raw: () => transactionOfCoin(view, coin)?.raw ?? null,
  }
}

/**
 * Whether everything that this change of ours stands on is in a block or was made by us on such: what was taken back may
 * never come again, and nothing is built on it.
 */
function isSound(view: Remembering, coin: CoinContext, seen = new Set<string>()): boolean {
  if (coin.place !== null || seen.has(coin.transactionId)) return true
  if (!coin.own || coin.conflict !== null) return false
  seen.add(coin.transactionId)
  return parentCoins(view, coin).every(parent => isSound(view, parent.context, seen))
}

/** The attempt of ours that has paid this coin, where it is in no block. */
function attemptOf({ memory }: Remembering, { chain, own, place, transactionId }: CoinContext) {
  const id = own && place === null ? memory.one(transactionFacet(chain, transactionId)) : undefined
  return id === undefined ? undefined : memory.get(id)!.context
}

/** The transfer whose attempt that is. */
function payerOf(view: Remembering, coin: CoinContext): InstanceOf<'transfer'> | undefined {
  const attempt = attemptOf(view, coin)
  return attempt === undefined ? undefined : view.memory.get(attempt.transfer)
}

/** Whether another attempt of its transfer may be mined instead, now or soon: then nothing is built on it. */
function isReplaceable(view: Remembering, coin: CoinContext): boolean {
  const payer = payerOf(view, coin)
  return payer !== undefined && (payer.context.attempts > 1 || payer.value !== 'underway.waiting')
}

/** Of the attempts of one transfer only one is ever mined, and one counts. */
function isOutbid(view: Remembering, coin: CoinContext): boolean {
  const payer = payerOf(view, coin)
  return payer !== undefined && payer.context.transactionId !== coin.transactionId
}

/** Which live transfer holds an output of this transaction. */
function builtOn({ memory }: Remembering, transaction: IdOf<'transaction'>): string | null {
  for (const id of memory.find(outputFacet(transaction))) {
    const holder = isIdOf(['coin'], id) ? memory.get(id)!.context.holder : null
    if (holder !== null) return nameOf(holder)
  }
  return null
}

function beneath(view: Remembering, keys: readonly SpendKey[], seen = new Set<string>()): Unmined {
  const { memory } = view
  const unmined = { vbytes: 0, feeSat: 0n }
  for (const key of keys) {
    const coin = memory.get(coinId(key))?.context
    const payer = coin === undefined || seen.has(coin.transactionId) ? undefined : attemptOf(view, coin)
    if (coin === undefined || payer === undefined) continue
    seen.add(coin.transactionId)
    const below = beneath(view, payer.spendKeys, seen)
    unmined.vbytes += Transaction.fromHex(payer.raw!).virtualSize() + below.vbytes
    unmined.feeSat += BigInt(payer.fee) + below.feeSat
  }
  return unmined
}

const FREE: readonly string[] = ['spendable', 'unconfirmed']

/** Coins that nobody holds, in blocks and not. */
export function worthOfCoin(instance: Instance): { amount: bigint; isReady: boolean } | null {
  if (!isKind(instance, 'coin') || !FREE.includes(stateOf(instance))) return null
  return { amount: BigInt(instance.context.amount), isReady: instance.value === 'spendable' }
}

/** What may be spent now: ripe coins, and unconfirmed change of our own where its transaction's id cannot change (B16). */
export function fundsOf(view: BookView, spendsUnconfirmedChange: boolean): CoinFunds {
  const { memory, policy } = view
  const height = memory.heights[policy.name] ?? 0
  const isRipe = ({ value, context: coin }: InstanceOf<'coin'>): boolean =>
    value === 'spendable' ||
    (spendsUnconfirmedChange && coin.own && coin.place === null && isSound(view, coin) && !isReplaceable(view, coin))
  function* spendable(free: Iterable<Worth>): Generator<Fund> {
    for (const { instance: coin } of free) {
      if (!isKind(coin, 'coin') || !isRipe(coin)) continue
      const fund = toFund(view, coin, height)
      if (fund.ancestors <= MAXIMUM_ANCESTORS) yield fund
    }
  }
  const { order: free, ready: confirmed } = memory.worths(policy.name)
  return {
    largestFirst: () => spendable(free.downwards()),
    smallestFirst: () => spendable(free.upwards()),
    confirmed,
    count: free.size,
    builtOn: id => builtOn(view, transactionOf(policy.name, id)),
    beneath: keys => beneath(view, keys),
  }
}

interface Sums {
  confirmed: bigint
  pending: bigint
  reserved: bigint
}

/** A coin whose spend is in a block is gone, and one that cannot come as long as another transaction is in a block is not there. */
function add(sums: Sums, instance: InstanceOf<'coin'>, height: number): void {
  const { amount, spent, place, ripe, conflict } = instance.context
  if (spent !== null || conflict !== null) return
  const value = BigInt(amount)
  const isRipe = place !== null && height >= heightOf(place.height, ripe)
  if (isRipe) sums.confirmed += value
  else sums.pending += value
  if (isRipe && stateOf(instance) === 'reserved') sums.reserved += value
}

/** Sums over the live coins of a chain. */
export function coinBalances({ memory, policy: { name: chain, asset } }: Omit<BookView, 'at'>): AssetBalance[] {
  const sums: Sums = { confirmed: 0n, pending: 0n, reserved: 0n }
  for (const coin of memory.list('coin', chain))
    if (!isOutbid({ memory }, coin.context)) add(sums, coin, memory.heights[chain] ?? -1)
  const { confirmed, pending, reserved } = sums
  return [{ asset, confirmed: String(confirmed), pending: String(pending), reserved: String(reserved) }]
}
