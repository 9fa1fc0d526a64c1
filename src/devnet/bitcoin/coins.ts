/** The unspent outputs of the active chain. A block's changes are journalled, so that it can be left again. */
import type { Transaction } from 'bitcoinjs-lib'
import { displayOf } from '../../../adapters/bitcoin/hash.ts'

/** An unspent output. */
export interface UnspentCoin {
  valueSat: bigint
  script: Uint8Array
  height: number
  isCoinbase: boolean
}

/** What the coins that a block touched were before it. */
export type Undo = [key: string, coin: UnspentCoin | undefined][]

/** The set of unspent outputs, as of one block. */
export interface Coins {
  get(key: string): UnspentCoin | undefined
  /** Those of the tracked script. */
  tracked: ReadonlyMap<string, UnspentCoin>
  /** The fee; of a coinbase, minus what it creates. Throws with the reason of consensus. */
  spend(transaction: Transaction, height: number, isCoinbase: boolean, undo: Undo): bigint
  restore(undo: Undo): void
}

/** `<txid>:<vout>`. */
export const coinKey = (txid: string, vout: number): string => `${txid}:${vout}`
/** The key of what an input spends. */
export const inputKey = (input: { hash: Uint8Array; index: number }): string =>
  coinKey(displayOf(input.hash), input.index)

const OP_RETURN = 0x6a

/** Empty. */
export function createCoins(trackedScript: Uint8Array, coinbaseMaturity: number): Coins {
  const coins = new Map<string, UnspentCoin>()
  const tracked = new Map<string, UnspentCoin>()

  function set(key: string, coin: UnspentCoin | undefined): void {
    if (coin) coins.set(key, coin)
    else coins.delete(key)
    if (coin && Buffer.compare(coin.script, trackedScript) === 0) tracked.set(key, coin)
    else tracked.delete(key)
  }

  function touch(undo: Undo, key: string, coin: UnspentCoin | undefined): void {
    undo.push([key, coins.get(key)])
    set(key, coin)
  }

  function consume(transaction: Transaction, height: number, undo: Undo): bigint {
    let inSat = 0n
    for (const input of transaction.ins) {
      const coin = coins.get(inputKey(input))
      if (!coin) throw new Error('bad-txns-inputs-missingorspent')
      if (coin.isCoinbase && height - coin.height < coinbaseMaturity)
        throw new Error('bad-txns-premature-spend-of-coinbase')
      inSat += coin.valueSat
      touch(undo, inputKey(input), undefined)
    }
    return inSat
  }

  function spend(transaction: Transaction, height: number, isCoinbase: boolean, undo: Undo): bigint {
    const inSat = isCoinbase ? 0n : consume(transaction, height, undo)
    const txid = transaction.getId()
    let outSat = 0n
    for (const [vout, { value, script }] of transaction.outs.entries()) {
      outSat += value
      if (script[0] !== OP_RETURN) touch(undo, coinKey(txid, vout), { valueSat: value, script, height, isCoinbase })
    }
    if (!isCoinbase && outSat > inSat) throw new Error('bad-txns-in-belowout')
    return inSat - outSat
  }

  return {
    get: key => coins.get(key),
    tracked,
    spend,
    restore: undo => {
      for (const [key, coin] of [...undo].reverse()) set(key, coin)
    },
  }
}
