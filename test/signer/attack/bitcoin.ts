/** The attack on a chain of the bitcoin family. What was signed is read by bitcoinjs-lib, and its signatures by secp256k1. */
import { crypto, payments, Psbt, script as scripts, Transaction } from 'bitcoinjs-lib'
import * as secp256k1 from 'tiny-secp256k1'
import { scriptOf } from '../../../adapters/bitcoin/address.ts'
import type { AuthorisedIntent, Json } from '../../../machines/vocabulary.ts'
import * as rigs from '../rig.ts'
import { coin, foreign, ours, theirs, type Coin } from '../rig.ts'
import { createBackend, KEYS, NOWHERE } from './backend.ts'
import type { Bounds, Reading } from './books.ts'
import { COINS, type Sign, type Twist } from './moves.ts'
import type { Side } from './side.ts'

/** Where it stands in the way of most that is tried; of the fee caps each comes first in some transactions. */
const BOUNDS: Bounds = {
  maximumFee: 10_000n,
  maximumFeeRate: 60,
  limits: { LTC: { perTransaction: 2_000_000n, perDay: 3_000_000n } },
  blocked: theirs(2),
}
const POLICY = [
  `maximumFeeRate: ${BOUNDS.maximumFeeRate}`,
  `maximumFee: "${BOUNDS.maximumFee}"`,
  `perTransaction: "${BOUNDS.limits.LTC!.perTransaction}"`,
  `perDay: "${BOUNDS.limits.LTC!.perDay}"`,
  `destinations: { blocked: ["${BOUNDS.blocked}"] }`,
]
const WHERE = { thief: foreign(9).address, payee: theirs(0), treasury: ours(0).address, own: ours(2).address }
const backend = createBackend({
  chain: 'litecoin',
  other: 'doge',
  assetOf: () => 'LTC',
  payees: [theirs(0), theirs(1)],
  blocked: BOUNDS.blocked,
  thief: WHERE.thief,
})

/** A coin by `txid:vout` in internal order, as the chain has it. */
const COIN = Array.from({ length: COINS }, (_, n) => coin(n % 5, n))
const TRUE_COINS: ReadonlyMap<string, { amountSat: bigint; publicKey: string }> = new Map(
  COIN.map(({ txid, vout, publicKey }) => [`${txid}:${vout}`, { amountSat: rigs.FUNDS, publicKey }]),
)
/** What is left must be worth an output. */
const LEAST_CHANGE_SAT = 1_000n

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const placeOf = (address: string): string => (address === NOWHERE ? NOWHERE : hex(scriptOf(address, rigs.NETWORK)))
const outpointOf = ({ hash, index }: { hash: Uint8Array; index: number }) =>
  `${hex(Uint8Array.from(hash).reverse())}:${index}`

/** What the coins that it spends are really worth, less what it pays: the fee. Each signature must be good for them. */
function trueFee(transaction: Transaction): bigint {
  let left = -transaction.outs.reduce((sum, { value }) => sum + value, 0n)
  for (const [n, { hash, index, witness }] of transaction.ins.entries()) {
    const known = TRUE_COINS.get(outpointOf({ hash, index }))
    if (known === undefined) throw new Error(`input ${n} of ${transaction.getId()} is no coin of ours`)
    left += known.amountSat
    const key = Buffer.from(known.publicKey, 'hex')
    const { output } = payments.p2pkh({ hash: crypto.hash160(key) })
    const digest = transaction.hashForWitnessV0(n, output!, known.amountSat, Transaction.SIGHASH_ALL)
    const { signature, hashType } = scripts.signature.decode(witness[0]!)
    if (hashType !== Transaction.SIGHASH_ALL || !secp256k1.verify(digest, key, signature))
      throw new Error(`input ${n} of ${transaction.getId()} is not signed for what the coin is worth`)
  }
  return left
}

function read(raw: string): Reading {
  const transaction = Transaction.fromHex(raw)
  const fee = trueFee(transaction)
  // Signatures differ in length by a byte: the signer reckons with the longest.
  const largest = transaction.virtualSize() + transaction.ins.length
  const outputs = transaction.outs.map(({ script, value }) => ({ to: hex(script), asset: 'LTC', amount: value }))
  return { id: transaction.getId(), spends: transaction.ins.map(outpointOf), outputs, fee, rate: Number(fee) / largest }
}

type Template = { network: string; psbt: string; publicKeys: string[] }

function templateFor(move: Sign, intents: readonly AuthorisedIntent[]): Json | null {
  const { twist } = move
  const coins = coinsFor(move)
  const paid = paymentsFor(twist, intents)
  const claimed = rigs.FUNDS * BigInt(coins.length) + (twist.kind === 'previous amount' ? BigInt(twist.by) : 0n)
  const change = paid.reduce((left, [, amountSat]) => left - amountSat, claimed - BigInt(move.fee))
  if (change < LEAST_CHANGE_SAT) return null
  const changeTo = WHERE[twist.kind === 'change' ? twist.place : 'treasury']
  return altered(rigs.pay(coins, [...paid, [changeTo, change]]) as Template, move)
}

function coinsFor({ coins, twist }: Sign): Coin[] {
  const own = coins.map(n => COIN[n]!)
  if (twist.kind === 'foreign coin') return [...own, coin(0, 99, rigs.FUNDS, foreign(8))]
  if (twist.kind !== 'previous amount') return own
  // The outpoint stays the real one; the transaction that is to prove its amount is another.
  const told = coin(coins[0]! % 5, coins[0]!, rigs.FUNDS + BigInt(twist.by))
  return [{ ...own[0]!, raw: told.raw }, ...own.slice(1)]
}

function paymentsFor(twist: Twist, intents: readonly AuthorisedIntent[]): [string, bigint][] {
  const by = twist.kind === 'amount' ? BigInt(twist.by) : 0n
  const payable = intents.filter(({ to }) => to !== NOWHERE)
  const paid: [string, bigint][] = payable.map(({ to, amount }) => [to, BigInt(amount) + by])
  if (twist.kind === 'output') paid.push([WHERE[twist.place], BigInt(twist.amount)])
  return twist.kind === 'omitted output' ? paid.slice(1) : paid
}

function altered(template: Template, { twist, coins }: Sign): Json {
  if (twist.kind === 'network') return { ...template, network: NETWORKS[twist.which]! }
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

const NETWORKS = ['litecoin', 'bitcoin-regtest', 'dogecoin-regtest']

export const bitcoinSide: Side = {
  chain: 'litecoin',
  other: 'doge',
  maximumPaid: 3,
  yaml: rigs.standard({
    authorisation: `authorisation: { required: true, keys: ${JSON.stringify(KEYS)}, approvals: 2 }`,
    policy: POLICY.join(', '),
  }),
  backend,
  bounds: BOUNDS,
  truth: {
    chain: 'litecoin',
    native: 'LTC',
    authorised: backend.authorised,
    placeOf,
    staysOurs: ({ to }) => to === placeOf(WHERE.treasury),
    binds: 'nothing',
  },
  kinds: [
    ...['amount', 'output', 'change', 'destination', 'forged round', 'forged expiry', 'unsigned', 'one key'],
    ...['strangers', 'omitted intent', 'omitted output', 'doubled', 'previous amount', 'witness amount'],
    ...['foreign coin', 'network', 'chain', 'byte'],
  ] as Side['kinds'],
  templateFor,
  read,
  isFor: template => (template as Template).network === rigs.NETWORK.name,
}
