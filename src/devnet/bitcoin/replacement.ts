/** BIP-125, rules 2 to 5, as litecoind 0.21 checks them and in its words. */
import { fromSatoshi } from '../../../adapters/bitcoin/rpc.ts'
import { inputKey } from './coins.ts'
import { feeAt, INCREMENTAL_SAT_PER_KVB, refuse, REPLACED_MAXIMUM, type RelayRefusal } from './policy.ts'
import { parentOf, type PoolEntry, type Pool } from './pool.ts'

/** Why `entry` may not take the place of the transactions that it conflicts with, or null. */
export function replacementRefusal(pool: Pool, entry: PoolEntry, conflicts: readonly string[]): RelayRefusal | null {
  return (
    descentRefusal(pool, entry, conflicts) ??
    rateRefusal(pool, entry, conflicts) ??
    inputRefusal(pool, entry, conflicts) ??
    feeRefusal(pool, entry, pool.descendants(conflicts))
  )
}

function descentRefusal(
  pool: Pool,
  { txid, transaction }: PoolEntry,
  conflicts: readonly string[],
): RelayRefusal | null {
  const above = pool.ancestors(transaction)
  const conflict = conflicts.find(candidate => above.has(candidate))
  if (conflict === undefined) return null
  return refuse('bad-txns-spends-conflicting-tx', `${txid} spends conflicting transaction ${conflict}`)
}

function rateRefusal(
  pool: Pool,
  { txid, feeSat, vsize }: PoolEntry,
  conflicts: readonly string[],
): RelayRefusal | null {
  const rate = (feeSat * 1000n) / BigInt(vsize)
  for (const conflict of conflicts) {
    const old = pool.entries.get(conflict)!
    const oldRate = (old.feeSat * 1000n) / BigInt(old.vsize)
    if (rate > oldRate) continue
    const rates = `new feerate ${fromSatoshi(rate)} LTC/kvB <= old feerate ${fromSatoshi(oldRate)} LTC/kvB`
    return refuse('insufficient fee', `rejecting replacement ${txid}; ${rates}`)
  }
  return null
}

function inputRefusal(pool: Pool, { txid, transaction }: PoolEntry, conflicts: readonly string[]): RelayRefusal | null {
  const old = new Set(conflicts.flatMap(conflict => pool.parents(pool.entries.get(conflict)!.transaction)))
  for (const [index, input] of transaction.ins.entries()) {
    const parent = parentOf(inputKey(input))
    if (pool.entries.has(parent) && !old.has(parent))
      return refuse('replacement-adds-unconfirmed', `replacement ${txid} adds unconfirmed input, idx ${index}`)
  }
  return null
}

function feeRefusal(pool: Pool, { txid, feeSat, vsize }: PoolEntry, evicted: ReadonlySet<string>): RelayRefusal | null {
  const subject = `rejecting replacement ${txid}`
  if (evicted.size > REPLACED_MAXIMUM) {
    const reason = 'too many potential replacements'
    return refuse(reason, `${subject}; ${reason} (${evicted.size} > ${REPLACED_MAXIMUM})`)
  }
  const oldFeeSat = [...evicted].reduce((sum, gone) => sum + pool.entries.get(gone)!.feeSat, 0n)
  const moreSat = feeSat - oldFeeSat
  if (moreSat < 0n)
    return refuse(
      'insufficient fee',
      `${subject}, less fees than conflicting txs; ${plain(feeSat)} < ${plain(oldFeeSat)}`,
    )
  const neededSat = feeAt(INCREMENTAL_SAT_PER_KVB, vsize)
  if (moreSat >= neededSat) return null
  return refuse(
    'insufficient fee',
    `${subject}, not enough additional fees to relay; ${plain(moreSat)} < ${plain(neededSat)}`,
  )
}

/** Core's FormatMoney: at least two decimals, no further trailing zeros. */
export const plain = (satoshi: bigint): string => fromSatoshi(satoshi).replace(/0{1,6}$/, '')
