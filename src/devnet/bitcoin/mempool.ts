/** The simulated node's memory pool, with the checks of litecoind 0.21's `validation.cpp` in their order. */
import type { Transaction } from 'bitcoinjs-lib'
import type { Network } from '../../../adapters/bitcoin/network.ts'
import { bestOf, medianTime, type Chain, type Change } from './chain.ts'
import { coinKey, inputKey, type UnspentCoin } from './coins.ts'
import {
  CHAIN_LIMIT,
  feeAt,
  isFinal,
  isReplaceable,
  malformation,
  MINIMUM_RELAY_SAT_PER_KVB,
  nonstandard,
  refuse,
  type RelayRefusal,
} from './policy.ts'
import type { Faults } from './faults.ts'
import { createPool, type PoolEntry, type Pool } from './pool.ts'
import { plain, replacementRefusal } from './replacement.ts'
import { verifyInput } from './script.ts'

/** What the rules need to know of the chain. */
export interface MempoolOptions {
  chain: Chain
  network: Network
  /** `-mempoolreplacement`, which litecoind has off unless told otherwise. */
  isReplacing: boolean
  nowSeconds: () => number
  faults: Faults
}

/** What may be mined next, with the rules of who gets in. */
export interface SimulatedMempool {
  pool: Pool
  test(transaction: Transaction): PoolEntry | RelayRefusal
  accept(transaction: Transaction): PoolEntry | RelayRefusal
  /** Gone, and what stands on it too. */
  forget(txid: string): void
  /** As after a reorganisation: what was in here once is checked as a block's transaction, not as a stranger's. */
  readmit(transactions: Iterable<Transaction>): void
  /** What blocks brought leaves; what they left comes back. */
  follow(change: Change): void
}

type Context = MempoolOptions & { pool: Pool }

/** Whether it is the daemon's no. */
export const isRefusal = (outcome: PoolEntry | RelayRefusal): outcome is RelayRefusal => 'reason' in outcome

/** Empty. */
export function createSimulatedMempool(options: MempoolOptions): SimulatedMempool {
  const pool = createPool(options.chain.coins)
  const context: Context = { ...options, pool }

  function admit(transaction: Transaction, isReturning: boolean): PoolEntry | RelayRefusal {
    const outcome = check(context, transaction, isReturning)
    if (isRefusal(outcome)) return outcome
    evictConflicts(transaction)
    pool.insert(outcome)
    return outcome
  }

  function evictConflicts(transaction: Transaction): void {
    for (const input of transaction.ins) pool.evict(pool.spender(inputKey(input)) ?? '')
  }

  function follow({ disconnected, connected }: Change): void {
    const waiting = [...pool.entries.values()].map(entry => entry.transaction)
    if (disconnected.length > 0) {
      pool.clear()
      const returning = [...disconnected].reverse().flatMap(({ block }) => block.transactions!.slice(1))
      for (const transaction of [...returning, ...waiting]) admit(transaction, true)
      return
    }
    for (const { block } of connected)
      for (const transaction of block.transactions!.slice(1)) {
        pool.remove(transaction.getId())
        evictConflicts(transaction)
      }
  }

  return {
    pool,
    test: transaction => check(context, transaction, false),
    accept: transaction => admit(transaction, false),
    forget: txid => pool.evict(txid),
    readmit: transactions => {
      for (const transaction of transactions) admit(transaction, true)
    },
    follow,
  }
}

/** After a reorganisation the rules of relay do not apply: what was mined once comes back. */
function check(context: Context, transaction: Transaction, isReturning: boolean): PoolEntry | RelayRefusal {
  const { pool, chain, nowSeconds } = context
  const txid = transaction.getId()
  const form = formRefusal(context, transaction)
  if (form && !isReturning) return form
  if (pool.entries.has(txid)) return refuse('txn-already-in-mempool')
  const conflicts = [...new Set(transaction.ins.flatMap(input => pool.spender(inputKey(input)) ?? []))]
  if (conflicts.some(conflict => !context.isReplacing || !isReplaceable(pool.entries.get(conflict)!.transaction)))
    return refuse('txn-mempool-conflict')
  const inputs = inputsRefusal(context, transaction)
  if (inputs) return inputs
  const spent = transaction.ins.map(input => pool.coin(inputKey(input))!)
  const inSat = spent.reduce((sum, { valueSat }) => sum + valueSat, 0n)
  const outSat = transaction.outs.reduce((sum, { value }) => sum + value, 0n)
  if (inSat < outSat) return refuse('bad-txns-in-belowout', `value in (${plain(inSat)}) < value out (${plain(outSat)})`)
  const vsize = transaction.virtualSize()
  const entry = { txid, transaction, feeSat: inSat - outSat, vsize, time: nowSeconds(), height: bestOf(chain).height }
  const relay = isReturning ? null : relayRefusal(context, entry, conflicts)
  return relay ?? scriptRefusal(transaction, spent) ?? entry
}

function formRefusal({ chain, network }: Context, transaction: Transaction): RelayRefusal | null {
  const form = malformation(transaction, network.maximumSat) ?? nonstandard(transaction, network)
  if (form !== null) return refuse(form)
  const best = bestOf(chain)
  return isFinal(transaction, best.height + 1, medianTime(chain, best)) ? null : refuse('non-final')
}

function inputsRefusal({ pool, chain, network }: Context, transaction: Transaction): RelayRefusal | null {
  const spent = transaction.ins.map(input => pool.coin(inputKey(input)))
  if (spent.some(coin => !coin)) {
    const txid = transaction.getId()
    const isMined = transaction.outs.some((_, vout) => chain.coins.get(coinKey(txid, vout)))
    return isMined ? refuse('txn-already-known') : refuse('missing-inputs')
  }
  for (const coin of spent) {
    const depth = bestOf(chain).height + 1 - coin!.height
    if (coin!.isCoinbase && depth < network.coinbaseMaturity)
      return refuse('bad-txns-premature-spend-of-coinbase', `tried to spend coinbase at depth ${depth}`)
  }
  return null
}

function relayRefusal({ pool, faults }: Context, entry: PoolEntry, conflicts: readonly string[]): RelayRefusal | null {
  const floorSat = feeAt(faults.mempoolFloor, entry.vsize)
  if (entry.feeSat < floorSat) return refuse('mempool min fee not met', `${entry.feeSat} < ${floorSat}`)
  const minimumSat = feeAt(MINIMUM_RELAY_SAT_PER_KVB, entry.vsize)
  if (entry.feeSat < minimumSat) return refuse('min relay fee not met', `${entry.feeSat} < ${minimumSat}`)
  const tooLong = chainRefusal(pool, entry.transaction)
  return tooLong ?? (conflicts.length > 0 ? replacementRefusal(pool, entry, conflicts) : null)
}

function chainRefusal(pool: Pool, transaction: Transaction): RelayRefusal | null {
  const above = pool.ancestors(transaction)
  const reason = 'too-long-mempool-chain'
  if (above.size + 1 > CHAIN_LIMIT) return refuse(reason, `too many unconfirmed ancestors [limit: ${CHAIN_LIMIT}]`)
  for (const txid of above)
    if (pool.descendants([txid]).size + 1 > CHAIN_LIMIT)
      return refuse(reason, `too many descendants for tx ${txid} [limit: ${CHAIN_LIMIT}]`)
  return null
}

function scriptRefusal(transaction: Transaction, spent: readonly UnspentCoin[]): RelayRefusal | null {
  for (const index of transaction.ins.keys()) {
    const error = verifyInput(transaction, index, spent)
    if (error !== null) return refuse(`non-mandatory-script-verify-flag (${error})`)
  }
  return null
}
