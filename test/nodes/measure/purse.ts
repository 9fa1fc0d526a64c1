/**
 * Many payments at little cost to the node: signed here, with a key of the measurement's own, each from the change of the one before, and
 * mined as they are. The node's wallet knows nothing of them.
 */
import { crypto, script, Transaction } from 'bitcoinjs-lib'
import * as secp256k1 from 'tiny-secp256k1'
import { addressOf } from '../../../adapters/bitcoin/address.ts'
import { networkOf } from '../../../adapters/bitcoin/network.ts'
import { scriptFor } from '../../../adapters/bitcoin/script.ts'
import { NETWORK, type System } from '../system.ts'

export interface Output {
  script: Uint8Array
  amountSat: bigint
}

export interface Purse {
  /** A signed transaction with these outputs and the change, raw; not sent. */
  spend(outputs: readonly Output[]): string
}

interface Coin {
  txid: string
  output: number
  amountSat: bigint
}

/** Far above what anybody asks of a transaction in regtest, far below what a node refuses as absurd. */
const FEE_PER_VBYTE_SAT = 10n
const VBYTES_BESIDES = 120n
const VBYTES_PER_OUTPUT = 31n
const privateKey = new Uint8Array(32).fill(7)
const publicKey = secp256k1.pointFromScalar(privateKey, true)!
const payload = crypto.hash160(publicKey)
const ours = scriptFor('p2wpkh', payload)

function sign(transaction: Transaction, amountSat: bigint): void {
  const code = scriptFor('p2pkh', payload)
  const digest = transaction.hashForWitnessV0(0, code, amountSat, Transaction.SIGHASH_ALL)
  const signature = script.signature.encode(secp256k1.sign(digest, privateKey), Transaction.SIGHASH_ALL)
  transaction.setWitness(0, [signature, publicKey])
}

/** Filled from the node's own wallet, and confirmed. */
export async function openPurse(system: System, amountSat: bigint): Promise<Purse> {
  const { node } = system
  const txid = await node.pay(addressOf(ours, networkOf(NETWORK))!, amountSat)
  const { hex } = (await node.rpc('gettransaction', txid)) as { hex: string }
  const isOurs = (out: Transaction['outs'][number]) => Buffer.compare(out.script, ours) === 0
  let coin: Coin = { txid, output: Transaction.fromHex(hex).outs.findIndex(isOurs), amountSat }
  await system.mine(1)
  return {
    spend(outputs) {
      const feeSat = FEE_PER_VBYTE_SAT * (VBYTES_BESIDES + VBYTES_PER_OUTPUT * BigInt(outputs.length))
      const changeSat = outputs.reduce((left, output) => left - output.amountSat, coin.amountSat - feeSat)
      const transaction = new Transaction()
      transaction.version = 2
      transaction.addInput(Buffer.from(coin.txid, 'hex').reverse(), coin.output)
      for (const output of outputs) transaction.addOutput(output.script, output.amountSat)
      transaction.addOutput(ours, changeSat)
      sign(transaction, coin.amountSat)
      coin = { txid: transaction.getId(), output: outputs.length, amountSat: changeSat }
      return transaction.toHex()
    },
  }
}
