/** Coins to give away: a wallet of one key, made from the node's seed, to which the node mines. */
import { claim } from '../../kernel/untyped.ts'
import { script as scripts, Transaction } from 'bitcoinjs-lib'
import { sha256 } from '@noble/hashes/sha2.js'
import { ECPairFactory } from 'ecpair'
import * as secp256k1 from 'tiny-secp256k1'
import { addressOf, scriptOf } from '../../../adapters/bitcoin/address.ts'
import { fromDisplay, hash160 } from '../../../adapters/bitcoin/hash.ts'
import type { Network } from '../../../adapters/bitcoin/network.ts'
import { scriptFor } from '../../../adapters/bitcoin/script.ts'
import { bestOf, type Chain } from './chain.ts'
import { coinKey, type UnspentCoin } from './coins.ts'
import { CHAIN_LIMIT, REPLACEABLE_SEQUENCE } from './policy.ts'
import type { Pool } from './pool.ts'

/** To an address, or to whatever a script says. */
export type FaucetOutput = { amountSat: bigint } & ({ address: string } | { script: Uint8Array })

/** ecpair's own declarations do not resolve from an ES module; this is the part of them that is used. */
interface KeyPair {
  publicKey: Uint8Array
  sign(digest: Uint8Array): Uint8Array
}

interface KeyPairs {
  fromPrivateKey(secret: Uint8Array): KeyPair
}

/** Its types want another Uint8Array than the backend's declare. */
const createKeyPairs = claim<(backend: typeof secp256k1) => KeyPairs>(ECPairFactory)
const keyPairs = createKeyPairs(secp256k1)

/** The key that mines and pays. */
export interface FaucetKey extends KeyPair {
  script: Uint8Array
  address: string
}

const SIGHASH_ALL = 1
const DUST_SAT = 100_000n
/** Of the largest input and output of the kinds that occur. */
const INPUT_VBYTES = { segwit: 69, classic: 149 }
const OUTPUT_VBYTES = 44
const OVERHEAD_VBYTES = 12
const INPUTS_MAXIMUM = 500

/** The same for the same secret. */
export function faucetKey(seed: string, network: Network): FaucetKey {
  const pair = keyPairs.fromPrivateKey(sha256(new TextEncoder().encode(`${seed}:faucet`)))
  const { publicKey } = pair
  const script = scriptFor(network.segwit ? 'p2wpkh' : 'p2pkh', hash160(publicKey))
  return { publicKey, sign: digest => pair.sign(digest), script, address: addressOf(script, network)! }
}

type Spendable = [key: string, coin: UnspentCoin]

/** Mature and confirmed first; then its own unconfirmed change, as far as chains of it are relayed. */
export function spendableCoins(chain: Chain, pool: Pool, key: FaucetKey, network: Network): Spendable[] {
  const height = bestOf(chain).height + 1
  const isFree = (name: string, coin: UnspentCoin) =>
    !pool.spender(name) && !(coin.isCoinbase && height - coin.height < network.coinbaseMaturity)
  const confirmed = [...chain.coins.tracked].filter(([name, coin]) => isFree(name, coin))
  const change: Spendable[] = []
  for (const { txid, transaction } of pool.entries.values())
    for (const [vout, { script }] of transaction.outs.entries()) {
      const name = coinKey(txid, vout)
      if (Buffer.compare(script, key.script) !== 0 || pool.spender(name)) continue
      if (pool.ancestors(transaction).size + 2 <= CHAIN_LIMIT) change.push([name, pool.coin(name)!])
    }
  return [...confirmed, ...change]
}

/** A signed payment. Throws when the faucet has not enough: mine more blocks. */
export function buildPayment(
  from: readonly Spendable[],
  outputs: readonly FaucetOutput[],
  feeRate: bigint,
  key: FaucetKey,
  network: Network,
): Transaction {
  const transaction = new Transaction()
  transaction.version = 2
  for (const output of outputs)
    transaction.addOutput('script' in output ? output.script : scriptOf(output.address, network), output.amountSat)
  const neededSat = outputs.reduce((sum, { amountSat }) => sum + amountSat, 0n)
  const inputVbytes = network.segwit ? INPUT_VBYTES.segwit : INPUT_VBYTES.classic
  let feeSat = feeRate * BigInt(OVERHEAD_VBYTES + OUTPUT_VBYTES * (outputs.length + 1))
  let inSat = 0n
  const used: UnspentCoin[] = []
  for (const [name, coin] of from.slice(0, INPUTS_MAXIMUM)) {
    if (inSat >= neededSat + feeSat) break
    const [txid = '', vout] = name.split(':')
    transaction.addInput(fromDisplay(txid), Number(vout), REPLACEABLE_SEQUENCE)
    used.push(coin)
    inSat += coin.valueSat
    feeSat += feeRate * BigInt(inputVbytes)
  }
  const changeSat = inSat - neededSat - feeSat
  if (changeSat < 0n)
    throw new Error(`the faucet has ${inSat} of the ${neededSat + feeSat} satoshi it needs: mine blocks`)
  if (changeSat >= DUST_SAT) transaction.addOutput(key.script, changeSat)
  return signInputs(transaction, used, key)
}

/** Signs every input; `spent` stands in their order. All of them are the faucet's. */
export function signInputs(transaction: Transaction, spent: readonly UnspentCoin[], key: FaucetKey): Transaction {
  const code = scriptFor('p2pkh', hash160(key.publicKey))
  for (const [index, coin] of spent.entries()) {
    const isClassic = Buffer.compare(coin.script, code) === 0
    const digest = isClassic
      ? transaction.hashForSignature(index, code, SIGHASH_ALL)
      : transaction.hashForWitnessV0(index, code, coin.valueSat, SIGHASH_ALL)
    const signature = scripts.signature.encode(key.sign(digest), SIGHASH_ALL)
    if (isClassic) transaction.setInputScript(index, scripts.compile([signature, key.publicKey]))
    else transaction.setWitness(index, [signature, key.publicKey])
  }
  return transaction
}
