/**
 * Which coins to spend. The best sort first (final, then confirmed, then our own unconfirmed change), and of a sort
 * either a set that needs no change or as few coins as will do, whichever costs less. Everything is decided by amounts
 * and names: the same coins give the same choice, in whatever order they come.
 */
import type { Fund } from './funds.ts'
import type { Network } from './network.ts'
import { isCarriable } from './template.ts'
import { inputWeight, MAXIMUM_WEIGHT, transactionWeight, virtualBytes } from './size.ts'

/** Inputs of one transaction: it stays far below what relays accept, and the signer's request below its bound. */
export const MAXIMUM_INPUTS = 500
/** Of all previous transactions of a template, in bytes; in a PSBT's base64 and JSON they grow by a third. */
const MAXIMUM_PREVIOUS_BYTES = 4 * 1024 * 1024
/** Core's default limit for ancestors in the memory pool is 25, the transaction itself included (B17). */
const MAXIMUM_ANCESTORS = 24
/** Steps of the search for a set without change. */
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
  funds: Fund[]
  feeSat: bigint
  changeSat: bigint
}

/** `missingSat`: what one more coin would have to bring. */
export interface Deficit {
  missingSat: bigint
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
interface Coin {
  fund: Fund
  amountSat: bigint
}

/** Those that bring more than they cost, largest first. */
function worthwhile(funds: readonly Fund[], inputSat: bigint): Coin[] {
  const coins = funds.map(fund => ({ fund, amountSat: BigInt(fund.amount) }))
  return coins.filter(coin => coin.amountSat > inputSat).sort(byAmountDown)
}

/** The coins to spend for `aim`. Tries each sort of coin together with the better ones. */
export function chooseCoins(funds: readonly Fund[], aim: Aim): Choice | Deficit {
  const inputSat = feeSat(inputWeight(aim.network), aim)
  const coins = worthwhile(funds, inputSat)
  let missing: Deficit = { missingSat: 0n }
  for (const isEligible of tiersOf(aim.network)) {
    const candidates = coins.filter(coin => isEligible(coin.fund))
    const few = fewest(candidates, aim)
    if ('missingSat' in few) {
      missing = few
      continue
    }
    const exact = withoutChange(candidates, aim, inputSat)
    return exact !== null && costOf(exact, inputSat) < costOf(few, inputSat) ? exact : few
  }
  return missing
}

/** As many coins as fit, smallest first, into one output of our own. */
export function gatherCoins(funds: readonly Fund[], aim: Aim): Choice | Deficit {
  const inputSat = feeSat(inputWeight(aim.network), aim)
  const confirmed = funds.filter(fund => fund.ancestors === 0)
  return settle(bounded(worthwhile(confirmed, inputSat).reverse(), aim), aim)
}

/** What one transaction can spend at most. */
export interface Reach {
  inputs: number
  sumSat: bigint
  /** Of all confirmed coins that are worth spending, however many transactions that takes. */
  wholeSat: bigint
}

/** Every coin that is worth spending brings more than it costs, so that more of them never reach less. */
export function reachOf(funds: readonly Fund[], aim: Aim): Reach {
  const isEligible = tiersOf(aim.network).at(-1)!
  const coins = worthwhile(funds, feeSat(inputWeight(aim.network), aim)).filter(({ fund }) => isEligible(fund))
  const usable = bounded(byTrust(coins), { ...aim, payments: [] })
  return {
    inputs: usable.length,
    sumSat: sumOf(usable),
    wholeSat: sumOf(coins.filter(({ fund }) => fund.ancestors === 0)),
  }
}

type Eligible = (fund: Fund) => boolean

/** Children of unconfirmed change exist only where a transaction id cannot change (B16). */
function tiersOf(network: Network): Eligible[] {
  const confirmed: Eligible[] = [fund => fund.final, fund => fund.ancestors === 0]
  return network.segwit ? [...confirmed, () => true] : confirmed
}

function byAmountDown(a: Coin, b: Coin): number {
  if (a.amountSat !== b.amountSat) return a.amountSat > b.amountSat ? -1 : 1
  return a.fund.key < b.fund.key ? -1 : 1
}

/** Largest first; confirmed before unconfirmed, so that ancestors are taken on only where nothing else does. */
const byTrust = (candidates: readonly Coin[]): Coin[] => [
  ...candidates.filter(({ fund }) => fund.ancestors === 0),
  ...candidates.filter(({ fund }) => fund.ancestors > 0).sort((a, b) => a.fund.ancestors - b.fund.ancestors),
]

function fewest(candidates: readonly Coin[], aim: Aim): Choice | Deficit {
  const usable = bounded(byTrust(candidates), aim)
  let outcome: Choice | Deficit = settle([], aim)
  for (let count = 1; count <= usable.length && 'missingSat' in outcome; count++)
    outcome = settle(usable.slice(0, count), aim)
  return outcome
}

/** The first of `ordered` that fit together into one transaction: inputs, size, template and ancestors are bounded. */
function bounded(ordered: readonly Coin[], aim: Aim): Coin[] {
  const scripts = [...aim.payments.map(payment => payment.script), aim.changeScript]
  const taken: Coin[] = []
  let previousBytes = 0
  let ancestors = 0
  for (const coin of ordered) {
    if (taken.length >= MAXIMUM_INPUTS) break
    if (transactionWeight(taken.length + 1, scripts, aim.network) > MAXIMUM_WEIGHT) break
    const { fund } = coin
    if (ancestors + fund.ancestors > MAXIMUM_ANCESTORS) continue
    if (previousBytes + fund.raw.length / 2 > MAXIMUM_PREVIOUS_BYTES || !isCarriable(fund.raw)) continue
    taken.push(coin)
    ancestors += fund.ancestors
    previousBytes += fund.raw.length / 2
  }
  return taken
}

/** Fee and change of a transaction that spends exactly these coins, or what it lacks. */
function settle(coins: readonly Coin[], aim: Aim): Choice | Deficit {
  const scripts = aim.payments.map(payment => payment.script)
  const restSat = sumOf(coins) - aim.payments.reduce((sum, payment) => sum + payment.amountSat, 0n)
  const plainWeight = transactionWeight(coins.length, scripts, aim.network)
  const changeWeight = transactionWeight(coins.length, [...scripts, aim.changeScript], aim.network)
  const changeFeeSat = feeSat(changeWeight, aim)
  const changeSat = restSat - changeFeeSat
  const inputSat = feeSat(inputWeight(aim.network), aim)
  const funds = coins.map(coin => coin.fund)
  if (coins.length > 0 && changeSat >= aim.leastChangeSat) return { funds, feeSat: changeFeeSat, changeSat }
  const plainFeeSat = feeSat(plainWeight, aim)
  if (restSat < plainFeeSat || scripts.length === 0) {
    const neededSat = scripts.length === 0 ? changeFeeSat + aim.leastChangeSat : plainFeeSat
    return { missingSat: neededSat - restSat + inputSat }
  }
  // What is left is too little to be change and too much to be given away: one more coin will make it change.
  if (restSat > maximumFeeSat(plainWeight, aim))
    return { missingSat: changeFeeSat + aim.leastChangeSat - restSat + inputSat }
  return { funds, feeSat: restSat, changeSat: 0n }
}

const sumOf = (coins: readonly Coin[]): bigint => coins.reduce((sum, coin) => sum + coin.amountSat, 0n)

/** What the choice costs in the end: change must be spent one day. */
const costOf = (choice: Choice, inputSat: bigint): bigint => choice.feeSat + (choice.changeSat > 0n ? inputSat : 0n)

/**
 * Branch and bound: a set of confirmed coins whose worth, less the fee of spending each, meets the aim so closely that
 * no change is left. Depth first over the largest coins, with a bounded number of steps; null where none was met.
 */
function withoutChange(candidates: readonly Coin[], aim: Aim, inputSat: bigint): Choice | null {
  const pool = bounded(
    candidates.filter(({ fund }) => fund.ancestors === 0),
    aim,
  )
  const worths = pool.map(coin => coin.amountSat - inputSat)
  const scripts = aim.payments.map(payment => payment.script)
  const paidSat = aim.payments.reduce((sum, payment) => sum + payment.amountSat, 0n)
  const targetSat = paidSat + feeSat(transactionWeight(0, scripts, aim.network), aim)
  const picked = searched(worths, targetSat, targetSat + aim.leastChangeSat)
  if (picked === null) return null
  const choice = settle(
    picked.map(n => pool[n]!),
    aim,
  )
  return 'missingSat' in choice || choice.changeSat > 0n ? null : choice
}

/** Positions within `worths` (largest first) whose sum lies between `least` and `most`. */
function searched(worths: readonly bigint[], least: bigint, most: bigint): number[] | null {
  let rest = worths.reduce((sum, worth) => sum + worth, 0n)
  const picked: number[] = []
  let sum = 0n
  let n = 0
  for (let tries = 0; tries < MAXIMUM_TRIES; tries++) {
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
