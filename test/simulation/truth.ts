/** What the node's best chain says, read from its blocks and nothing else. */
import type { Block } from 'bitcoinjs-lib'
import { addressOf } from '../../adapters/bitcoin/address.ts'
import { displayOf } from '../../adapters/bitcoin/hash.ts'
import type { SimulatedBitcoin } from '../../src/devnet/bitcoin/node.ts'
import { BASE_HEIGHT, FINAL, NETWORK } from './fixtures.ts'

export interface Paid {
  txid: string
  vout: number
  address: string
  amount: bigint
}

export interface Mined {
  txid: string
  /** Outpoints. */
  spends: string[]
  outputs: Paid[]
}

const cache = new WeakMap<Block, Mined[]>()

function readBlock(block: Block): Mined[] {
  const known = cache.get(block)
  if (known !== undefined) return known
  const mined = block.transactions!.map(transaction => {
    const txid = transaction.getId()
    const outputs = transaction.outs.map(({ script, value }, vout) => {
      const address = addressOf(script, NETWORK) ?? ''
      return { txid, vout, address, amount: value }
    })
    return { txid, spends: transaction.ins.map(({ hash, index }) => `${displayOf(hash)}:${index}`), outputs }
  })
  cache.set(block, mined)
  return mined
}

/** Every transaction of the best chain that the watcher can have seen, in its order. */
export function minedOn(node: SimulatedBitcoin): Mined[] {
  const mined: Mined[] = []
  for (let height = BASE_HEIGHT - FINAL; height <= node.height(); height++)
    mined.push(...readBlock(node.block(node.hashAt(height))))
  return mined
}

/** Unspent outputs to these addresses: outpoint and amount. */
export function unspentOf(mined: readonly Mined[], addresses: ReadonlySet<string>): Map<string, bigint> {
  const unspent = new Map<string, bigint>()
  for (const { spends, outputs } of mined) {
    for (const outpoint of spends) unspent.delete(outpoint)
    for (const { txid, vout, address, amount } of outputs)
      if (addresses.has(address)) unspent.set(`${txid}:${vout}`, amount)
  }
  return unspent
}
