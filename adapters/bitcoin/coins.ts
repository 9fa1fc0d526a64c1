/**
 * Which coins to spend. The best sort first (final, then confirmed, then our own unconfirmed change), and of a sort
 * either a set that needs no change or as few coins as will do, whichever costs less. Everything is decided by amounts
 * and names: the same coins give the same choice, in whatever order they come.
 */
import type { CoinFunds, Fund } from './funds.ts'
import { firstThat } from '../../src/kernel/bisect.ts'
import type { Network } from './network.ts'
import { isCarriable } from './template.ts'
import {
  inputWeight,
  MAXIMUM_ANCESTORS,
  MAXIMUM_WEIGHT,
  NO_OUTPUTS,
  virtualBytes,
  weightOf,
  withOutput,
  type Outputs,
} from './size.ts'

/** Inputs of one transaction: it stays far below what relays accept, and the signer's request below its bound. */
export const MAXIMUM_INPUTS = 500
/** Of all previous transactions of a template, in bytes; in a PSBT's base64 and JSON they grow by a third. */
const MAXIMUM_PREVIOUS_BYTES = 4 * 1024 * 1024
/** Coins that do not fit beside those taken are passed over, so many of them. */
const MAXIMUM_PASSED = 2000
/** Steps of the search for a set without change, of one plan. */
const MAXIMUM_TRIES = 20_000

/** A payment to make, with the withdrawal that it is for. Amounts in satoshi. */
export interface AimedPayment {
  withdrawal: string
  script: Uint8Array
  amountSat: bigint
}

/** What coins are chosen for. Amounts in satoshi. */
export interface Aim {
  payments: readonly AimedPayment[]
  changeScript: Uint8Array
  /** The least change worth making: below it, what is left goes to the fee. */
  leastChangeSat: bigint
  /** Thousandths of a satoshi per virtual byte: the rate paid, and the one never exceeded. */
  rateMilli: bigint
  maximumRateMilli: bigint
  network: Network
}

/** Coins with what is left for the fee and for change; `changeSat` 0 means no change output. */
export interface Choice {
  coins: readonly Coin[]
  feeSat: bigint
  changeSat: bigint
}

/** What a transaction of this weight pays: rounded up, but never above the maximum rate. */
export function feeSat(weight: number, aim: Pick<Aim, 'rateMilli' | 'maximumRateMilli'>): bigint {
  const plainSat = (BigInt(virtualBytes(weight)) * aim.rateMilli + 999n) / 1000n
  const mostSat = maximumFeeSat(weight, aim)
  return plainSat < mostSat ? plainSat : mostSat
}

/** What a transaction of this weight (BIP-141) may pay at most; rounded down. */
export const maximumFeeSat = (weight: number, { maximumRateMilli }: Pick<Aim, 'maximumRateMilli'>): bigint =>
  (BigInt(virtualBytes(weight)) * maximumRateMilli) / 1000n

/** A fund with its amount read once: there may be a hundred thousand of them. */
interface Worth {
  fund: Fund
  amountSat: bigint
}

/** One that a transaction can spend. */
export interface Coin extends Worth {
  /** The transaction that has paid it, hex. */
  raw: string
}

/** What one plan can spend: it is made once, however many choices are tried. */
export interface CoinPool {
  /** Each sort together with the better ones: what one transaction can spend of them, in the order in which it is taken. */
  tiers: readonly (readonly Coin[])[]
  /** Of all confirmed coins that are worth spending, however many transactions that takes. */
  wholeSat: () => bigint
  /** What is left of MAXIMUM_TRIES. */
  tries: number
}

/** What it costs to spend one more coin. */
const inputFeeSat = (aim: Aim): bigint => feeSat(inputWeight(aim.network), aim)

/** Those that bring more than they cost. */
function* worthwhile(funds: Iterable<Fund>, inputSat: bigint): Generator<Worth> {
  for (const fund of funds) {
    const amountSat = BigInt(fund.amount)
    if (amountSat > inputSat) yield { fund, amountSat }
  }
}

/** Coins that fit together into one transaction, as far as nothing depends on what it pays. */
interface Basket {
  coins: Coin[]
  previousBytes: number
  ancestors: number
  passed: number
}

const basketOf = (coins: Coin[] = [], previousBytes = 0): Basket => ({ coins, previousBytes, ancestors: 0, passed: 0 })
const isFull = ({ coins, passed }: Basket): boolean => coins.length >= MAXIMUM_INPUTS || passed >= MAXIMUM_PASSED

/** Inputs, template and ancestors of one transaction are bounded. */
function put(basket: Basket, coin: Worth): void {
  if (isFull(basket)) return
  const { ancestors } = coin.fund
  const raw = coin.fund.raw()
  const bytes = (raw?.length ?? 0) / 2
  const isOver =
    basket.ancestors + ancestors > MAXIMUM_ANCESTORS || basket.previousBytes + bytes > MAXIMUM_PREVIOUS_BYTES
  if (raw === null || isOver || !isCarriable(raw)) {
    basket.passed++
    return
  }
  basket.coins.push({ ...coin, raw })
  basket.ancestors += ancestors
  basket.previousBytes += bytes
}

/** Largest first; confirmed before unconfirmed, so that ancestors are taken on only where nothing else does. */
export function poolOf(funds: CoinFunds, aim: Aim): CoinPool {
  const inputSat = inputFeeSat(aim)
  const [final, confirmed] = [basketOf(), basketOf()]
  const unconfirmed: Worth[] = []
  for (const coin of worthwhile(funds.largestFirst(), inputSat)) {
    if (coin.fund.ancestors > 0) unconfirmed.push(coin)
    else {
      if (coin.fund.final) put(final, coin)
      put(confirmed, coin)
      if (isFull(final) && isFull(confirmed)) break
    }
  }
  const all = basketOf([...confirmed.coins], confirmed.previousBytes)
  for (const coin of unconfirmed.sort((a, b) => a.fund.ancestors - b.fund.ancestors)) put(all, coin)
  // Children of unconfirmed change exist only where a transaction id cannot change (B16).
  const baskets = aim.network.segwit ? [final, confirmed, all] : [final, confirmed]
  return {
    tiers: baskets.map(({ coins }) => coins),
    wholeSat: once(() => wholeSat(funds, inputSat)),
    tries: MAXIMUM_TRIES,
  }
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | null = null
  return () => (made ??= { value: make() }).value
}

function wholeSat(funds: CoinFunds, inputSat: bigint): bigint {
  let sum = funds.confirmed
  for (const { amount, ancestors } of funds.smallestFirst()) {
    const amountSat = BigInt(amount)
    if (amountSat > inputSat) break
    if (ancestors === 0) sum -= amountSat
  }
  return sum
}

/** The coins to spend for `aim`, or null where none suffice. Tries each sort of coin together with the better ones. */
export function chooseCoins(pool: CoinPool, aim: Aim): Choice | null {
  const bill = billOf(aim)
  for (const coins of pool.tiers) {
    const few = fewest(coins, bill)
    if (few === null) continue
    const exact = withoutChange(pool, coins, bill)
    return exact !== null && costOf(exact, bill) < costOf(few, bill) ? exact : few
  }
  return null
}

/** As many coins as fit, at most `most`, smallest first, into one output of our own; null where they are not worth it. */
export function gatherCoins(funds: CoinFunds, aim: Aim, most: number): Choice | null {
  const bill = billOf(aim)
  const basket = basketOf()
  for (const coin of worthwhile(funds.smallestFirst(), bill.inputSat)) {
    if (coin.fund.ancestors === 0) put(basket, coin)
    if (isFull(basket) || basket.coins.length >= most) break
  }
  return settledWith(basket.coins.slice(0, inputsWithin(bill)), bill)
}

/** What one transaction can spend at most. */
export interface Reach {
  inputs: number
  sumSat: bigint
  wholeSat: () => bigint
}

/** Every coin that is worth spending brings more than it costs, so that more of them never reach less. */
export function reachOf({ tiers, wholeSat }: CoinPool): Reach {
  const usable = tiers.at(-1)!
  return { inputs: usable.length, sumSat: sumOf(usable), wholeSat }
}

/** What a transaction pays and weighs, whatever it spends. */
interface Bill {
  aim: Aim
  paidSat: bigint
  inputSat: bigint
  plain: Outputs
  withChange: Outputs
}

function billOf(aim: Aim): Bill {
  const { payments, changeScript } = aim
  const plain = payments.reduce((outputs, { script }) => withOutput(outputs, script), NO_OUTPUTS)
  return {
    aim,
    paidSat: payments.reduce((sum, { amountSat }) => sum + amountSat, 0n),
    inputSat: inputFeeSat(aim),
    plain,
    withChange: withOutput(plain, changeScript),
  }
}

/** How many inputs leave it as small as nodes relay. */
const inputsWithin = ({ aim, withChange }: Bill): number =>
  firstThat(MAXIMUM_INPUTS, n => weightOf(n + 1, withChange, aim.network) > MAXIMUM_WEIGHT)

function fewest(usable: readonly Coin[], bill: Bill): Choice | null {
  const most = Math.min(usable.length, inputsWithin(bill))
  let sumSat = 0n
  for (let count = 1; count <= most; count++) {
    sumSat += usable[count - 1]!.amountSat
    const settled = sumSat < bill.paidSat ? null : settle(count, sumSat, bill)
    if (settled !== null) return { coins: usable.slice(0, count), ...settled }
  }
  return null
}

type Settled = Omit<Choice, 'coins'>

/** Fee and change of a transaction that spends so many coins of so much, or null where that is not enough. */
function settle(count: number, sumSat: bigint, { aim, paidSat, plain, withChange }: Bill): Settled | null {
  const restSat = sumSat - paidSat
  const changeFeeSat = feeSat(weightOf(count, withChange, aim.network), aim)
  const changeSat = restSat - changeFeeSat
  if (count > 0 && changeSat >= aim.leastChangeSat) return { feeSat: changeFeeSat, changeSat }
  const weight = weightOf(count, plain, aim.network)
  if (aim.payments.length === 0 || restSat < feeSat(weight, aim)) return null
  // What is left may be too little to be change and too much to be given away: one more coin will make it change.
  return restSat > maximumFeeSat(weight, aim) ? null : { feeSat: restSat, changeSat: 0n }
}

function settledWith(coins: readonly Coin[], bill: Bill): Choice | null {
  const settled = settle(coins.length, sumOf(coins), bill)
  return settled === null ? null : { coins, ...settled }
}

const sumOf = (coins: readonly Coin[]): bigint => coins.reduce((sum, coin) => sum + coin.amountSat, 0n)

/** What the choice costs in the end: change must be spent one day. */
const costOf = (choice: Choice, { inputSat }: Bill): bigint => choice.feeSat + (choice.changeSat > 0n ? inputSat : 0n)

/**
 * Branch and bound: a set of confirmed coins whose worth, less the fee of spending each, meets the aim so closely that
 * no change is left. Depth first over the largest coins, with a bounded number of steps; null where none was met.
 */
function withoutChange(pool: CoinPool, coins: readonly Coin[], bill: Bill): Choice | null {
  const { aim, inputSat, paidSat, plain } = bill
  const usable = coins.filter(({ fund }) => fund.ancestors === 0).slice(0, inputsWithin(bill))
  const worths = usable.map(coin => coin.amountSat - inputSat)
  const targetSat = paidSat + feeSat(weightOf(0, plain, aim.network), aim)
  const picked = searched(pool, worths, targetSat, targetSat + aim.leastChangeSat)
  if (picked === null) return null
  const choice = settledWith(
    picked.map(n => usable[n]!),
    bill,
  )
  return choice === null || choice.changeSat > 0n ? null : choice
}

/** Positions within `worths` (largest first) whose sum lies between `least` and `most`. */
function searched(pool: CoinPool, worths: readonly bigint[], least: bigint, most: bigint): number[] | null {
  let rest = worths.reduce((sum, worth) => sum + worth, 0n)
  const picked: number[] = []
  let sum = 0n
  let n = 0
  for (; pool.tries > 0; pool.tries--) {
    if (sum >= least && sum <= most) return picked
    if (sum > most || sum + rest < least || n >= worths.length) {
      // Back to the last coin taken, and go on without it.
      const last = picked.pop()
      if (last === undefined) return null
      for (let i = last + 1; i < n; i++) rest += worths[i]!
      sum -= worths[last]!
      n = last + 1
      continue
    }
    picked.push(n)
    sum += worths[n]!
    rest -= worths[n]!
    n++
  }
  return null
}
