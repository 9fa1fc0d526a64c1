/**
 * What a thief has got out of the signer, read from the signed bytes alone and judged by what the backend authorised
 * and by the coins as they really are: none of the signer's own code decides here.
 */
import { crypto, payments, script as scripts, Transaction } from 'bitcoinjs-lib'
import * as secp256k1 from 'tiny-secp256k1'
import type { Intent } from '../../../machines/vocabulary.ts'

export interface Signed {
  transfer: string
  atMs: number
  /** Those of one step were asked for at the same time. */
  step: number
  transaction: Transaction
  id: string
  /** What the request said it pays. */
  intents: readonly Intent[]
  fee: bigint
}

export interface Bounds {
  maximumFee: bigint
  /** sat/vB */
  maximumFeeRate: number
  perTransaction: bigint
  perDay: bigint
  /** Whatever the backend says, nothing goes here. */
  blocked: string
}

export interface Truth {
  authorised: readonly Intent[]
  /** Hex of the script that a destination pays to. */
  scriptOf: (address: string) => string
  treasury: string
}

/** A coin by `txid:vout`, as the chain has it. */
export type TrueCoins = ReadonlyMap<string, { amountSat: bigint; publicKey: string }>

const DAY_MS = 24 * 60 * 60 * 1000
const FIELDS = ['id', 'chain', 'asset', 'to', 'dataField', 'amount', 'expiresAt', 'round', 'memory'] as const
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const spends = ({ transaction }: Signed): string[] => transaction.ins.map(({ hash, index }) => `${hex(hash)}:${index}`)
const exclude = (a: Signed, b: Signed): boolean => spends(a).some(key => spends(b).includes(key))
const isSame = (a: Intent, b: Intent): boolean => FIELDS.every(field => a[field] === b[field])

/** What the coins that it spends are really worth, less what it pays: the fee. Each signature must be good for them. */
export function trueFee(transaction: Transaction, coins: TrueCoins): bigint {
  let left = -transaction.outs.reduce((sum, { value }) => sum + value, 0n)
  for (const [n, { hash, index, witness }] of transaction.ins.entries()) {
    const coin = coins.get(`${hex(Uint8Array.from(hash).reverse())}:${index}`)
    if (coin === undefined) throw new Error(`input ${n} of ${transaction.getId()} is no coin of ours`)
    left += coin.amountSat
    const key = Buffer.from(coin.publicKey, 'hex')
    const { output } = payments.p2pkh({ hash: crypto.hash160(key) })
    const digest = transaction.hashForWitnessV0(n, output!, coin.amountSat, Transaction.SIGHASH_ALL)
    const { signature, hashType } = scripts.signature.decode(witness[0]!)
    if (hashType !== Transaction.SIGHASH_ALL || !secp256k1.verify(digest, key, signature))
      throw new Error(`input ${n} of ${transaction.getId()} is not signed for what the coin is worth`)
  }
  return left
}

/** Every output is one authorised intent, each served once, or goes to the treasury; answers what left. */
export function outflowOf(signed: Signed, { authorised, scriptOf, treasury }: Truth): bigint {
  const open = signed.intents.map(intent => {
    if (!authorised.some(each => isSame(each, intent)))
      throw new Error(`${signed.id} serves what nobody authorised: ${JSON.stringify(intent)}`)
    if (intent.chain !== 'litecoin') throw new Error(`${signed.id} serves an intent for the chain ${intent.chain}`)
    if (intent.memory !== null) throw new Error(`${signed.id} was signed behind the memory that ${intent.id} asks for`)
    return { script: scriptOf(intent.to), amount: BigInt(intent.amount) }
  })
  if (new Set(signed.intents.map(({ id }) => id)).size < open.length)
    throw new Error(`${signed.id} pays one withdrawal twice`)
  let outflow = 0n
  for (const { script, value } of signed.transaction.outs) {
    const served = open.findIndex(payment => payment.script === hex(script) && payment.amount === value)
    if (served >= 0) {
      open.splice(served, 1)
      outflow += value
    } else if (hex(script) !== treasury) throw new Error(`${signed.id} pays ${value} to ${hex(script)}, unasked`)
  }
  if (open.length > 0) throw new Error(`${signed.id} leaves ${open.length} intents unpaid`)
  return outflow
}

/** Caps of one transaction and of every 24 hours, of a transfer's attempts only the dearest. */
export function checkCaps(all: readonly Signed[], outflows: readonly bigint[], bounds: Bounds): void {
  const dearest = new Map<string, bigint>()
  const increases = all.map((signed, n) => {
    const { transfer, atMs, fee } = signed
    const cost = outflows[n]! + fee
    checkTransaction(signed, cost, bounds)
    const before = dearest.get(transfer) ?? 0n
    if (cost > before) dearest.set(transfer, cost)
    return { atMs, amount: cost > before ? cost - before : 0n }
  })
  for (const { atMs } of increases) {
    const within = increases.filter(each => each.atMs <= atMs && each.atMs > atMs - DAY_MS)
    const total = within.reduce((sum, { amount }) => sum + amount, 0n)
    if (total > bounds.perDay) throw new Error(`over the cap of a day: ${total}`)
  }
}

function checkTransaction({ id, fee, transaction, intents }: Signed, cost: bigint, bounds: Bounds): void {
  if (fee < 0n || fee > bounds.maximumFee) throw new Error(`over the cap of fees: ${id} pays ${fee}`)
  // Signatures differ in length by a byte: the signer reckons with the longest.
  const largest = transaction.virtualSize() + transaction.ins.length
  if (Number(fee) > bounds.maximumFeeRate * largest) throw new Error(`over the cap of fee rates: ${id} pays ${fee}`)
  if (cost > bounds.perTransaction) throw new Error(`over the cap of a transaction: ${id} costs ${cost}`)
  if (intents.some(({ to }) => to === bounds.blocked)) throw new Error(`${id} pays a blocked destination`)
}

/** No withdrawal's round is paid by two transactions that can both confirm; nor has a transfer two such attempts. */
export function checkExclusion(all: readonly Signed[]): void {
  const groups = new Map<string, Signed[]>()
  for (const signed of all) {
    const names = signed.intents.map(({ id, round }) => `${id}@${round}`)
    for (const name of [...names, signed.transfer]) groups.set(name, [...(groups.get(name) ?? []), signed])
  }
  for (const [name, group] of groups)
    for (const [n, a] of group.entries())
      for (const b of group.slice(n + 1))
        if (!exclude(a, b)) throw new Error(`${a.id} and ${b.id} can both confirm for ${name}`)
}

/** What each signature had to respect of those before it: rounds only rise, intents never change, expiry comes first. */
export function checkOrder(all: readonly Signed[]): void {
  for (const { id: transaction, intents, atMs, step } of all)
    for (const { id, round, to, amount, expiresAt } of intents) {
      const earlier = all.filter(other => other.step < step)
      const others = earlier.flatMap(other => other.intents.filter(each => each.id === id))
      if (others.some(each => each.to !== to || each.amount !== amount))
        throw new Error(`${transaction}: the intent of ${id} was another one before`)
      if (others.some(each => each.round > round))
        throw new Error(`${transaction}: round ${round} of ${id} was signed after a higher one`)
      const isFirst = others.every(each => each.round !== round)
      if (isFirst && expiresAt !== null && Date.parse(expiresAt) <= atMs)
        throw new Error(`${transaction}: ${id} was signed after it expired`)
    }
}

/** Receipts by `id@round`: what was signed up to that round, before or after, stands in them. */
export function checkReceipts(all: readonly Signed[], receipts: ReadonlyMap<string, readonly string[]>): void {
  for (const [name, listed] of receipts) {
    const [id, round] = name.split('@') as [string, string]
    const paying = all.filter(({ intents }) => intents.some(each => each.id === id && each.round <= Number(round)))
    const hidden = paying.find(({ id: transaction }) => !listed.includes(transaction))
    if (hidden !== undefined) throw new Error(`${hidden.id} pays ${id}, and the receipt for ${name} does not list it`)
  }
}

/** The most that a chain could confirm of it, taken greedily in one order. */
export function confirmed(all: readonly Signed[], outflows: readonly bigint[]): bigint {
  const taken: Signed[] = []
  let out = 0n
  for (const [n, signed] of all.entries()) {
    if (taken.some(other => exclude(other, signed))) continue
    taken.push(signed)
    out += outflows[n]!
  }
  return out
}
