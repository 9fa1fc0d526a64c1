/** Where the money is: what coins may be spent now, and what they sum up to. */
import type { CoinContext } from '../../machines/coin.ts'
import { coinId, transactionOf } from '../../machines/ids.ts'
import { heightOf, type Amount, type SpendKey } from '../../machines/vocabulary.ts'
import { stateOf, type InstanceOf } from '../../src/kernel/entry.ts'
import type { AssetBalance, BookView } from '../book.ts'

/** A coin that can be spent now. */
export interface Fund {
  key: SpendKey
  index: number
  address: string
  /** Hex, 33 bytes. */
  publicKey: string
  amount: Amount
  raw: string
  /** Beyond the deepest reorg we accept: spent first. */
  final: boolean
  /** Unconfirmed change of ours: how many unconfirmed transactions stand below it, itself included; 0 when confirmed. */
  ancestors: number
}

type Remembering = Pick<BookView, 'memory'>

/** Mempools keep at most so many unconfirmed transactions in a row (B17); we stop earlier by one. */
const MAXIMUM_ANCESTORS = 24

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

function toFund(view: Remembering, instance: InstanceOf<'coin'>, height: number): Fund[] {
  const coin = instance.context
  const { key, index, address, publicKey, amount, place, final } = coin
  const raw = transactionOfCoin(view, coin)?.raw ?? null
  if (raw === null) return []
  const isFinal = place !== null && height >= heightOf(place.height, final)
  return [{ key, index, address, publicKey, amount, raw, final: isFinal, ancestors: ancestorsOf(view, coin) }]
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

/** What may be spent now: ripe coins, and unconfirmed change of our own where its transaction's id cannot change (B16). */
export function fundsOf(view: BookView, spendsUnconfirmedChange: boolean): Fund[] {
  const { memory, policy } = view
  const height = memory.heights[policy.name] ?? 0
  const isChange = ({ context: coin }: InstanceOf<'coin'>) =>
    spendsUnconfirmedChange && coin.own && coin.place === null && isSound(view, coin)
  const ripe = memory.list('coin', policy.name, 'spendable')
  const change = memory.list('coin', policy.name, 'unconfirmed').filter(isChange)
  return [...ripe, ...change]
    .flatMap(coin => toFund(view, coin, height))
    .filter(fund => fund.ancestors <= MAXIMUM_ANCESTORS)
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
  for (const coin of memory.list('coin', chain)) add(sums, coin, memory.heights[chain] ?? -1)
  const { confirmed, pending, reserved } = sums
  return [{ asset, confirmed: String(confirmed), pending: String(pending), reserved: String(reserved) }]
}
