/** Keys, coins and signatures for tests of planner and signable. */
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { sha256 } from '@noble/hashes/sha2.js'
import * as secp256k1 from 'tiny-secp256k1'
import type { Order, PassedOver, Payload, Question } from '../../../adapters/adapter.ts'
import type { CoinFunds, Fund, RateFacts } from '../../../adapters/bitcoin/funds.ts'
import { addressOf } from '../../../adapters/bitcoin/address.ts'
import { hash160 } from '../../../adapters/bitcoin/hash.ts'
import type { Network } from '../../../adapters/bitcoin/network.ts'
import { createPlanner } from '../../../adapters/bitcoin/planner.ts'
import { scriptFor } from '../../../adapters/bitcoin/script.ts'
import { someTxid, transactionOf } from './build.ts'

export interface Key {
  secret: Uint8Array
  publicKey: Uint8Array
  script: Uint8Array
  address: string
}

export function keyOf(index: number, network: Network): Key {
  const secret = sha256(new TextEncoder().encode(`key ${index}`))
  const publicKey = secp256k1.pointFromScalar(secret, true)!
  const script = scriptFor(network.segwit ? 'p2wpkh' : 'p2pkh', hash160(publicKey))
  return { secret, publicKey, script, address: addressOf(script, network)! }
}

/** A coin of key `index`, output `vout` of a transaction of its own. */
export function fundOf(
  network: Network,
  amountSat: bigint,
  options: { n: number; index?: number; vout?: number; final?: boolean; ancestors?: number },
): Fund {
  const { n, index = 1, vout = 0, final = true, ancestors = 0 } = options
  const key = keyOf(index, network)
  const filler = { script: keyOf(99, network).script, amountSat: 1_000n }
  const outputs = [...Array.from({ length: vout }, () => filler), { script: key.script, amountSat }]
  const witness = network.segwit ? { witness: [new Uint8Array(72).fill(1)] } : {}
  const transaction = transactionOf([{ txid: someTxid(n), vout: 0, ...witness }], outputs)
  const raw = transaction.toHex()
  return {
    key: `c:${transaction.getId()}:${vout}`,
    index,
    address: key.address,
    publicKey: bytesToHex(key.publicKey),
    amount: amountSat.toString(),
    raw: () => raw,
    final,
    ancestors,
  }
}

/** Signs with the key that belongs to the payload's address, as the signer would. */
export function sign(payloads: readonly Payload[], network: Network): Uint8Array[] {
  return payloads.map(({ address, bytes }) => {
    const key = [0, 1, 2, 3, 4].map(index => keyOf(index, network)).find(candidate => candidate.address === address)!
    return secp256k1.sign(bytes, key.secret)
  })
}

/** The larger S of the two that verify. */
export function withHighS(signature: Uint8Array): Uint8Array {
  const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
  const s = order - BigInt(`0x${bytesToHex(signature.subarray(32))}`)
  return Uint8Array.from([...signature.subarray(0, 32), ...hexToBytes(s.toString(16).padStart(64, '0'))])
}

/** These, in whatever order they come. */
export function fundsIn(funds: readonly Fund[]): CoinFunds {
  const byKey = (a: Fund, b: Fund): number => (a.key < b.key ? -1 : 1)
  const ordered = [...funds].sort((a, b) => Number(BigInt(a.amount) - BigInt(b.amount)) || byKey(a, b))
  const confirmed = ordered.filter(({ ancestors }) => ancestors === 0).map(({ amount }) => BigInt(amount))
  return {
    smallestFirst: () => ordered,
    largestFirst: () => ordered.toReversed(),
    confirmed: confirmed.reduce((sum, amount) => sum + amount, 0n),
    count: ordered.length,
    builtOn: () => null,
    beneath: () => ({ vbytes: 0, feeSat: 0n }),
  }
}

/** An order of the treasury without a limit, but for what it pays. */
export const ordering = (treasury: string): Omit<Order, 'payments'> => ({
  source: { index: 0, address: treasury },
  treasury,
  limits: {},
})

/** What a node is asked, which of this family reads nothing of it. */
export const ANYTHING: Question = {
  source: { index: 0, address: '' },
  treasury: '',
  tip: { height: 0, hash: '' },
  payments: () => [],
}

/** A planner to which the funds are given as a list. */
export function plannerOver(...options: Parameters<typeof createPlanner>) {
  const planner = createPlanner(...options)
  const plan = (order: Order, funds: readonly Fund[], facts: RateFacts) => planner.plan(order, fundsIn(funds), facts)
  const upkeep = (order: Order, funds: readonly Fund[], facts: RateFacts, passed: readonly PassedOver[]) =>
    planner.upkeep(order, fundsIn(funds), facts, passed)
  return { ...planner, plan, upkeep }
}
