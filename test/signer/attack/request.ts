/** One request as the thief sends it: the template that a move describes, and the intents that are to justify it. */
import { Psbt } from 'bitcoinjs-lib'
import { scriptOf } from '../../../adapters/bitcoin/address.ts'
import type { AuthorisedIntent, Json } from '../../../machines/vocabulary.ts'
import * as rigs from '../rig.ts'
import { coin, foreign, type Coin } from '../rig.ts'
import { intentsFor, NOWHERE, WHERE } from './backend.ts'
import type { TrueCoins } from './books.ts'
import { COINS, type Sign } from './moves.ts'

export interface Request {
  chain: string
  transfer: string
  n: number
  template: Json
  intents: readonly AuthorisedIntent[]
}

type Template = { network: string; psbt: string; publicKeys: string[] }

/** What is left must be worth an output. */
const LEAST_CHANGE_SAT = 1_000n
const COIN = Array.from({ length: COINS }, (_, n) => coin(n % 5, n))

export const TRUE_COINS: TrueCoins = new Map(
  COIN.map(({ txid, vout, publicKey }) => [`${txid}:${vout}`, { amountSat: rigs.FUNDS, publicKey }]),
)

/** Null where the coins do not suffice for what the move would pay. */
export function requestOf(move: Sign): Request | null {
  const intents = intentsFor(move.pays, move.round, move.twist)
  const template = templateFor(move, intents)
  if (template === null) return null
  const shown = move.twist.kind === 'omitted intent' ? intents.slice(1) : intents
  const chain = move.twist.kind === 'chain' ? 'doge' : 'litecoin'
  return { chain, transfer: `t${move.transfer}`, n: move.n, template, intents: shown }
}

function templateFor(move: Sign, intents: readonly AuthorisedIntent[]): Json | null {
  const { twist } = move
  const coins = coinsFor(move)
  const payments = paymentsFor(move, intents)
  const claimed = rigs.FUNDS * BigInt(coins.length) + (twist.kind === 'previous amount' ? BigInt(twist.by) : 0n)
  const change = payments.reduce((left, [, amountSat]) => left - amountSat, claimed - BigInt(move.fee))
  if (change < LEAST_CHANGE_SAT) return null
  const changeTo = WHERE[twist.kind === 'change' ? twist.place : 'treasury']
  return altered(rigs.pay(coins, [...payments, [changeTo, change]]) as Template, move)
}

function coinsFor({ coins, twist }: Sign): Coin[] {
  const own = coins.map(n => COIN[n]!)
  if (twist.kind === 'foreign coin') return [...own, coin(0, 99, rigs.FUNDS, foreign(8))]
  if (twist.kind !== 'previous amount') return own
  // The outpoint stays the real one; the transaction that is to prove its amount is another.
  const told = coin(coins[0]! % 5, coins[0]!, rigs.FUNDS + BigInt(twist.by))
  return [{ ...own[0]!, raw: told.raw }, ...own.slice(1)]
}

function paymentsFor({ twist }: Sign, intents: readonly AuthorisedIntent[]): [string, bigint][] {
  const by = twist.kind === 'amount' ? BigInt(twist.by) : 0n
  const payable = intents.filter(({ to }) => to !== NOWHERE)
  const payments: [string, bigint][] = payable.map(({ to, amount }) => [to, BigInt(amount) + by])
  if (twist.kind === 'output') payments.push([WHERE[twist.place], BigInt(twist.amountSat)])
  return twist.kind === 'omitted output' ? payments.slice(1) : payments
}

function altered(template: Template, { twist, coins }: Sign): Json {
  if (twist.kind === 'network') return { ...template, network: twist.name }
  if (twist.kind === 'witness amount') {
    const script = scriptOf(rigs.ours(coins[0]! % 5).address, rigs.NETWORK)
    const psbt = Psbt.fromBase64(template.psbt)
    psbt.updateInput(0, { witnessUtxo: { script, value: rigs.FUNDS + BigInt(twist.by) } })
    return { ...template, psbt: psbt.toBase64() }
  }
  if (twist.kind !== 'byte') return template
  const bytes = Buffer.from(template.psbt, 'base64')
  bytes[twist.at % bytes.length]! ^= 1 << twist.bit
  return { ...template, psbt: bytes.toString('base64') }
}
