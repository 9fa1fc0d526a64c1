import { Transaction } from 'bitcoinjs-lib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Fund, Order, Plan } from '../../../adapters/adapter.ts'
import { networkOf } from '../../../adapters/bitcoin/network.ts'
import { createPlanner } from '../../../adapters/bitcoin/planner.ts'
import { createSignable } from '../../../adapters/bitcoin/signable.ts'
import { fundOf, keyOf, sign } from './wallet.ts'

const network = networkOf('litecoin-regtest')
const planner = createPlanner('c', 'LTC', network, { maximumRate: 500 })
const signable = createSignable('c', 'LTC', network)
const treasury = keyOf(0, network).address
const facts = (feeRate: number) => ({ feeRate, estimated: true })

const orderOf = (...amounts: bigint[]): Order => ({
  purpose: 'payment',
  payments: amounts.map((amount, n) => ({
    withdrawal: `w${n}`,
    to: keyOf(40 + n, network).address,
    dataField: null,
    amount: amount.toString(),
  })),
  change: { address: treasury },
})

const fundsOf = (amounts: readonly bigint[]): Fund[] =>
  amounts.map((amount, n) => fundOf(network, amount, { n, index: (n % 4) + 1, final: true, ancestors: 0 }))
const spentBy = (plan: Plan, funds: readonly Fund[]) => funds.filter(fund => plan.spendKeys.includes(fund.key))
const payments = (plan: Plan) => signable.inspect(plan.template).outputs.filter(output => output.to !== treasury)
const virtualSize = ({ template }: Plan) =>
  Transaction.fromHex(signable.assemble(template, sign(signable.payloads(template), network)).raw).virtualSize()

describe('B11: a replacement', () => {
  test('spends all that the earlier attempt spends, pays more by the relay increment at a higher rate, and pays the same', () => {
    const amount = fc.bigInt({ min: 20_000n, max: 3_000_000n })
    let replaced = 0
    fc.assert(
      fc.property(
        fc.array(amount, { minLength: 1, maxLength: 8 }),
        fc.array(amount, { minLength: 1, maxLength: 4 }),
        fc.constantFrom(1, 5, 40, 200),
        fc.constantFrom(1, 5, 41, 300, 900),
        (coins, asked, firstRate, nextRate) => {
          const funds = fundsOf(coins)
          const order = orderOf(...asked)
          const first = planner.plan(order, funds, facts(firstRate))
          if ('shortfall' in first) return
          const spent = spentBy(first, funds)
          const free = funds.filter(fund => !spent.includes(fund))
          const next = planner.replace(order, { funds: spent, fee: first.fee }, free, facts(nextRate))
          if ('shortfall' in next) return
          replaced++
          expect(first.spendKeys.every(key => next.spendKeys.includes(key))).toBe(true)
          expect(payments(next)).toEqual(payments(first))
          const [before, after] = [virtualSize(first), virtualSize(next)]
          expect(BigInt(next.fee) >= BigInt(first.fee) + BigInt(Math.ceil(after * network.relayRate))).toBe(true)
          expect(Number(next.fee) / after).toBeGreaterThan(Number(first.fee) / before)
          expect(Number(next.fee) / after).toBeLessThanOrEqual(500 * 1.02)
        },
      ),
      { numRuns: 150 },
    )
    expect(replaced).toBeGreaterThan(30)
  })

  test('adds confirmed coins where the change does not suffice, never unconfirmed ones', () => {
    const [first, confirmed] = fundsOf([30_000n, 50_000n])
    const pending = fundOf(network, 900_000n, { n: 7, index: 1, final: false, ancestors: 1 })
    const order = orderOf(29_000n)
    const plan = planner.plan(order, [first!], facts(2))
    if ('shortfall' in plan) throw new Error(plan.shortfall)
    const next = planner.replace(order, { funds: [first!], fee: plan.fee }, [pending, confirmed!], facts(50))
    expect('shortfall' in next ? next.shortfall : [...next.spendKeys].sort()).toEqual(
      [first!.key, confirmed!.key].sort(),
    )
  })

  test('is refused with the reason when nothing more can be paid', () => {
    const [only] = fundsOf([30_000n])
    const order = orderOf(29_700n)
    expect(planner.replace(order, { funds: [only!], fee: '300' }, [], facts(5))).toEqual({
      shortfall: expect.stringContaining('are needed to replace it') as string,
    })
    const dear = planner.replace(orderOf(9_000n), { funds: [only!], fee: '300000' }, fundsOf([9_000_000n]), facts(5))
    expect(dear).toEqual({ shortfall: 'to replace it would cost more than the maximum rate' })
  })
})
