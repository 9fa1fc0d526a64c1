/** How long the planner takes to choose among very many coins, when all of them together do not suffice. */
import { networkOf } from '../../adapters/bitcoin/network.ts'
import type { Order } from '../../adapters/adapter.ts'
import type { Fund } from '../../adapters/bitcoin/funds.ts'
import { fundOf, keyOf, ordering, plannerOver } from '../adapters/bitcoin/wallet.ts'
import { benchRow, medianOf, timed, type BenchRow, type Progress } from './measure.ts'

export interface PlanSizes {
  coins: number
  rounds: number
}

const network = networkOf('litecoin-regtest')
const planner = plannerOver('c', network, { asset: 'LTC', maximumRate: 500 })
const MORE_THAN_ALL_SAT = 10n ** 12n

/** Of many sizes in no order; the same coin under other names, which is enough where no template is written. */
function manyCoins(count: number): Fund[] {
  const one = fundOf(network, 10_000n, { n: 1 })
  return Array.from({ length: count }, (_, n) => ({
    ...one,
    key: `c:${n.toString(16).padStart(64, '0')}:0` as const,
    amount: (10_000n + ((BigInt(n) * 7919n) % 100_000n)).toString(),
  }))
}

export function benchPlan({ coins, rounds }: PlanSizes, progress: Progress): BenchRow[] {
  const all = coins.toLocaleString('en')
  progress(`a plan among ${all} coins`)
  const funds = manyCoins(coins)
  const payment = {
    withdrawal: 'w',
    to: keyOf(1, network).address,
    dataField: null,
    asset: 'LTC',
    amount: `${MORE_THAN_ALL_SAT}`,
  }
  const order: Order = {
    ...ordering(keyOf(0, network).address),
    payments: [payment],
  }
  const ms = medianOf(
    Array.from({ length: rounds }, () => timed(() => planner.plan(order, funds, { feeRate: 1, floorRate: 1 }))),
  )
  const measured = `${(coins / ms).toFixed(0)} coins/ms`
  return [benchRow(`seconds to choose among ${all} coins that do not suffice`, ms / 1000, { most: 5 }, measured)]
}
