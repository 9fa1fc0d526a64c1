/** The graph of unconfirmed transactions: who spends what of whom. */
import type { Transaction } from 'bitcoinjs-lib'
import { coinKey, inputKey, type UnspentCoin, type Coins } from './coins.ts'

/** An unconfirmed transaction with what the pool knows of it. */
export interface PoolEntry {
  txid: string
  transaction: Transaction
  feeSat: bigint
  vsize: number
  /** Seconds. */
  time: number
  height: number
}

/** Unconfirmed transactions and how they hang together. */
export interface Pool {
  /** In the order of their arrival: parents before children. */
  entries: ReadonlyMap<string, PoolEntry>
  spender(key: string): string | undefined
  /** Of the chain, or of an unconfirmed transaction. */
  coin(key: string): UnspentCoin | undefined
  /** Its unconfirmed ancestors, without itself; it need not be in here. */
  ancestors(transaction: Transaction): Set<string>
  /** With themselves. */
  descendants(txids: readonly string[]): Set<string>
  parents(transaction: Transaction): string[]
  insert(entry: PoolEntry): void
  remove(txid: string): void
  /** Out, with all that spends it. */
  evict(txid: string): void
  clear(): void
}

const TXID_CHARACTERS = 64
const UNCONFIRMED_HEIGHT = 0x7fff_ffff

/** The unconfirmed transaction that an input spends, if there is one. */
export const parentOf = (key: string): string => key.slice(0, TXID_CHARACTERS)

/** Empty. */
export function createPool(coins: Coins): Pool {
  const entries = new Map<string, PoolEntry>()
  const spenders = new Map<string, string>()

  function coin(key: string): UnspentCoin | undefined {
    const output = entries.get(parentOf(key))?.transaction.outs[Number(key.slice(TXID_CHARACTERS + 1))]
    if (!output) return coins.get(key)
    return { valueSat: output.value, script: output.script, height: UNCONFIRMED_HEIGHT, isCoinbase: false }
  }

  const parents = (transaction: Transaction): string[] =>
    transaction.ins.map(input => parentOf(inputKey(input))).filter(txid => entries.has(txid))
  const childrenOf = (txid: string): string[] =>
    entries.get(txid)!.transaction.outs.flatMap((_, vout) => spenders.get(coinKey(txid, vout)) ?? [])

  /** A set grows while it is walked: every transaction is visited once. */
  function reach(from: readonly string[], next: (txid: string) => string[]): Set<string> {
    const reached = new Set(from)
    for (const txid of reached) for (const further of next(txid)) reached.add(further)
    return reached
  }
  const ancestors = (transaction: Transaction) =>
    reach(parents(transaction), txid => parents(entries.get(txid)!.transaction))
  const descendants = (txids: readonly string[]) => reach(txids, childrenOf)

  function remove(txid: string): void {
    for (const input of entries.get(txid)?.transaction.ins ?? []) spenders.delete(inputKey(input))
    entries.delete(txid)
  }

  return {
    entries,
    spender: key => spenders.get(key),
    coin,
    ancestors,
    descendants,
    parents,
    insert: entry => {
      entries.set(entry.txid, entry)
      for (const input of entry.transaction.ins) spenders.set(inputKey(input), entry.txid)
    },
    remove,
    evict: txid => {
      if (entries.has(txid)) for (const gone of descendants([txid])) remove(gone)
    },
    clear: () => {
      entries.clear()
      spenders.clear()
    },
  }
}
