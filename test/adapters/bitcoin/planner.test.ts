import { Transaction } from 'bitcoinjs-lib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Order, PassedOver, Payment, Plan, Shortfall } from '../../../adapters/adapter.ts'
import type { Fund } from '../../../adapters/bitcoin/funds.ts'
import { dustOf, scriptOf } from '../../../adapters/bitcoin/address.ts'
import { networkOf } from '../../../adapters/bitcoin/network.ts'
import { createPlanner } from '../../../adapters/bitcoin/planner.ts'
import { createSignable } from '../../../adapters/bitcoin/signable.ts'
import { fundOf, fundsIn, keyOf, ordering, plannerOver, sign } from './wallet.ts'

const network = networkOf('litecoin-regtest')
const planner = plannerOver('c', network, { asset: 'LTC', maximumRate: 500 })
const signable = createSignable('c', 'LTC', network)
const treasury = keyOf(0, network).address
const to = (n: number) => keyOf(40 + n, network).address
const facts = (feeRate: number) => ({ feeRate, floorRate: 1 })

const orderOf = (...amounts: bigint[]): Order => ({
  ...ordering(treasury),
  payments: amounts.map((amount, n) => ({
    withdrawal: `w${n}`,
    to: to(n),
    dataField: null,
    asset: 'LTC',
    amount: amount.toString(),
  })),
})

const limited = (perTransaction: string | null, left: string | null = null) => ({ LTC: { perTransaction, left } })

function planOf(order: Order, funds: readonly Fund[], feeRate = 10): Plan {
  const plan = planner.plan(order, funds, facts(feeRate))
  if (!('template' in plan)) throw new Error(JSON.stringify(plan))
  return plan
}

const shortfallOf = (plan: Plan | Shortfall) => ('shortfall' in plan ? plan.shortfall : null)
const paidOf = (plan: Plan | Shortfall) => ('shortfall' in plan ? 0 : plan.paid.length)
/** Another name for the same coin: enough where no template is written. */
const fundLike = (fund: Fund, n: number): Fund => ({ ...fund, key: `c:${n.toString(16).padStart(64, '0')}:0` })
const chosen = (plan: Plan, funds: readonly Fund[]) => funds.filter(fund => plan.spendKeys.includes(fund.key))

describe('properties of every plan', () => {
  const amount = fc.bigInt({ min: 3_000n, max: 3_000_000n })
  const fund = fc.record({ amount, final: fc.boolean(), ancestors: fc.constantFrom(0, 0, 0, 1, 5, 12, 24) })
  const order = fc.array(amount, { minLength: 1, maxLength: 8 })
  const rate = fc.constantFrom(1, 1.2345, 7, 33.3, 499.9, 500, 900)

  const paymentsOf = (asked: bigint[], { paid }: Plan) =>
    orderOf(...asked).payments.filter(({ withdrawal }) => paid.includes(withdrawal))

  /** `paid`: of what was asked for, in its order, as far as the funds went. */
  const everyPlan = (check: (plan: Plan, paid: Payment[], funds: Fund[], rate: number) => void, numRuns: number) => {
    fc.assert(
      fc.property(fc.array(fund, { minLength: 1, maxLength: 12 }), order, rate, (coins, asked, feeRate) => {
        const funds = coins.map((coin, n) =>
          fundOf(network, coin.amount, {
            n,
            index: (n % 4) + 1,
            final: coin.final && coin.ancestors === 0,
            ancestors: coin.ancestors,
          }),
        )
        const plan = planner.plan(orderOf(...asked), funds, facts(feeRate))
        if ('shortfall' in plan) return
        expect(plan.paid.length).toBeGreaterThan(0)
        check(plan, paymentsOf(asked, plan), funds, feeRate)
      }),
      { numRuns },
    )
  }

  test('inputs are payments, change and fee; payments are as asked, in that order, and change comes last', () => {
    everyPlan((plan, paid, funds) => {
      const { inputs, outputs, fee, spendKeys } = signable.inspect(plan.template)
      const sum = (list: { amount: string }[]) => list.reduce((total, item) => total + BigInt(item.amount), 0n)
      expect(sum(inputs)).toBe(sum(outputs) + BigInt(fee))
      expect(fee).toBe(plan.fee)
      expect(spendKeys).toEqual(plan.spendKeys)
      expect(sum(chosen(plan, funds))).toBe(sum(inputs))
      expect(outputs.slice(0, paid.length)).toEqual(
        paid.map(({ to: destination, amount: paidSat }) => ({
          ...{ to: destination, dataField: null, asset: 'LTC', amount: paidSat },
        })),
      )
      for (const change of outputs.slice(paid.length)) expect(change.to).toBe(treasury)
      expect(outputs.length - paid.length).toBeLessThanOrEqual(1)
    }, 300)
  })

  test('B12: no output is dust', () => {
    everyPlan(plan => {
      for (const output of signable.inspect(plan.template).outputs)
        expect(BigInt(output.amount)).toBeGreaterThanOrEqual(dustOf(scriptOf(output.to, network), network))
    }, 200)
  })

  test('the rate is at least the one asked for and never above the maximum', () => {
    everyPlan((plan, paid, _, feeRate) => {
      const { feeRate: planned, outputs, fee } = signable.inspect(plan.template)
      expect(planned).toBeLessThanOrEqual(500)
      expect(planned).toBeGreaterThanOrEqual(Math.min(feeRate, 500) - 0.001)
      // With change the fee is exact; without, at most what change would have cost and dust go to the fee.
      const excessSat = Number(fee) - Math.ceil((Number(fee) / planned) * Math.min(feeRate, 500))
      const leastChangeSat = 2940 + 31 * Math.min(feeRate, 500)
      expect(excessSat).toBeLessThanOrEqual(outputs.length > paid.length ? 1 : leastChangeSat + 1)
    }, 200)
  })

  test('B17: never more than 24 unconfirmed ancestors, and only where confirmed coins do not do', () => {
    everyPlan((plan, paid, funds, feeRate) => {
      const spent = chosen(plan, funds)
      const ancestors = spent.reduce((sum, coin) => sum + coin.ancestors, 0)
      expect(ancestors).toBeLessThanOrEqual(24)
      const confirmed = funds.filter(coin => coin.ancestors === 0)
      if (ancestors > 0)
        expect(paidOf(planner.plan({ ...orderOf(), payments: paid }, confirmed, facts(feeRate)))).toBeLessThan(
          plan.paid.length,
        )
    }, 200)
  })

  test('the same coins in any order and again give the same template', () => {
    everyPlan((plan, paid, funds, feeRate) => {
      const again = planner.plan({ ...orderOf(), payments: paid }, [...funds].reverse(), facts(feeRate))
      expect(again).toEqual({ ...plan, passed: [] })
    }, 100)
  })

  test('signed, it is no larger than planned and at most one virtual byte an input smaller', () => {
    everyPlan(plan => {
      const { fee, feeRate, inputs } = signable.inspect(plan.template)
      const opened = signable.open(plan.template)
      const { raw } = opened.assemble(sign(opened.payloads, network))
      const planned = Number(fee) / feeRate
      const real = Transaction.fromHex(raw).virtualSize()
      expect(real).toBeLessThanOrEqual(Math.round(planned))
      expect(real).toBeGreaterThan(planned - inputs.length - 1)
    }, 60)
  })
})

describe('which coins', () => {
  test('final coins first, then confirmed ones, then our own change', () => {
    const final = fundOf(network, 100_000n, { n: 1 })
    const confirmed = fundOf(network, 900_000n, { n: 2, final: false })
    const change = fundOf(network, 2_000_000n, { n: 3, final: false, ancestors: 1 })
    const all = [change, confirmed, final]
    expect(planOf(orderOf(50_000n), all).spendKeys).toEqual([final.key])
    expect(planOf(orderOf(500_000n), all).spendKeys).toEqual([confirmed.key])
    expect(chosen(planOf(orderOf(1_500_000n), all), all)).toContain(change)
  })

  test('B17: change below 25 unconfirmed transactions is not spent, and that it is missing is said', () => {
    const deep = fundOf(network, 2_000_000n, { n: 1, final: false, ancestors: 25 })
    expect(shortfallOf(planner.plan(orderOf(1_000_000n), [deep], facts(10)))).toMatch(/not enough spendable funds/)
    const usable = fundOf(network, 2_000_000n, { n: 1, final: false, ancestors: 24 })
    expect(planOf(orderOf(1_000_000n), [usable]).spendKeys).toEqual([usable.key])
    const two = [13, 12].map((ancestors, n) => fundOf(network, 600_000n, { n: n + 5, final: false, ancestors }))
    expect(shortfallOf(planner.plan(orderOf(1_000_000n), two, facts(10)))).not.toBeNull()
  })

  test('B16: without segwit unconfirmed change is never spent', () => {
    const doge = networkOf('dogecoin-regtest')
    const dogePlanner = plannerOver('c', doge, { asset: 'LTC', maximumRate: 500_000 })
    const order: Order = {
      ...ordering(keyOf(0, doge).address),
      payments: [{ withdrawal: 'w', to: keyOf(40, doge).address, dataField: null, asset: 'LTC', amount: '300000000' }],
    }
    const unconfirmed = fundOf(doge, 900_000_000n, { n: 1, final: false, ancestors: 1 })
    const confirmed = fundOf(doge, 400_000_000n, { n: 2, final: false })
    expect(dogePlanner.plan(order, [unconfirmed], facts(1000))).toHaveProperty('shortfall')
    const plan = dogePlanner.plan(order, [unconfirmed, confirmed], facts(1000))
    expect(plan).toMatchObject({ spendKeys: [confirmed.key] })
    expect(plan).toMatchObject({ fee: ((148 + 2 * 34 + 10) * 1000).toString() })
  })

  test('a set that needs no change is found among many', () => {
    // 2 inputs and 1 output at 10 sat/vB: 178.5 virtual bytes.
    const amounts = [700_000n, 510_000n, 333_000n, 190_000n, 90_000n]
    const funds = amounts.map((amountSat, n) => fundOf(network, amountSat, { n }))
    const plan = planOf(orderOf(333_000n + 190_000n - 1_790n), funds)
    expect(chosen(plan, funds).map(fund => fund.amount)).toEqual(['333000', '190000'])
    expect(signable.inspect(plan.template).outputs).toHaveLength(1)
  })

  test('coins that cost more than they bring are left alone', () => {
    const tiny = Array.from({ length: 5 }, (_, n) => fundOf(network, 3_000n, { n: n + 10 }))
    const plan = planOf(orderOf(50_000n), [...tiny, fundOf(network, 100_000n, { n: 1 })], 100)
    expect(plan.spendKeys).toHaveLength(1)
  })

  test('what is too little for change goes to the fee, but never beyond the maximum rate', () => {
    const fund = fundOf(network, 100_000n, { n: 1 })
    // One input and one output are 110 virtual bytes.
    expect(planOf(orderOf(100_000n - 1_100n - 500n), [fund]).fee).toBe('1600')
    const strict = plannerOver('c', network, { asset: 'LTC', maximumRate: 10 })
    const answer = strict.plan(orderOf(100_000n - 1_100n - 500n), [fund], facts(10))
    expect(shortfallOf(answer)).toMatch(/not enough spendable funds/)
    const more = [fund, fundOf(network, 20_000n, { n: 2 })]
    expect(strict.plan(orderOf(100_000n - 1_100n - 500n), more, facts(10))).toHaveProperty('template')
  })

  test('many payments and more coins than one transaction takes', () => {
    const amounts = Array.from({ length: 100 }, (_, n) => 10_000n + BigInt(n))
    const funds = Array.from({ length: 700 }, (_, n) => fundOf(network, 5_000n, { n }))
    const plan = planOf(orderOf(...amounts), funds, 1)
    expect(signable.inspect(plan.template).outputs.length).toBeGreaterThanOrEqual(100)
    const answer = planner.plan(orderOf(3_000_000n), funds, facts(1))
    expect(shortfallOf(answer)).toMatch(/more coins than one transaction/)
    const tooMany = orderOf(...Array.from({ length: 4_000 }, () => 10_000n))
    const most = planOf(tooMany, funds, 1)
    const { length } = most.paid
    expect(length).toBeLessThan(300)
    expect(signable.inspect(most.template).outputs.slice(0, length)).toHaveLength(length)
    const { payments } = tooMany
    expect(planOf({ ...tooMany, payments: payments.slice(0, length) }, funds, 1)).toEqual(most)
    expect(planOf({ ...tooMany, payments: payments.slice(0, length + 1) }, funds, 1)).toEqual(most)
  })

  test('the limit cuts a batch to the first payments that it allows, fee included; nothing is planned for one that is over it alone', () => {
    const funds = [fundOf(network, 1_000_000n, { n: 1 })]
    const order = orderOf(100_000n, 100_000n, 100_000n)
    const two = planOf({ ...order, payments: order.payments.slice(0, 2) }, funds)
    const cost = 200_000n + BigInt(two.fee)
    expect(planOf(order, funds).paid).toEqual(['w0', 'w1', 'w2'])
    expect(planOf({ ...order, limits: limited(String(cost)) }, funds)).toEqual(two)
    expect(planOf({ ...order, limits: limited(String(cost - 1n)) }, funds).paid).toEqual(['w0'])
    const nothing = planner.plan({ ...order, limits: limited('1') }, funds, facts(10))
    expect(nothing).toMatchObject({ passed: order.payments.map(({ withdrawal }) => ({ withdrawal, kind: 'limit' })) })
    expect(nothing).not.toHaveProperty('template')
    expect(planOf({ ...order, maximum: 2 }, funds)).toEqual(two)
    expect(planOf({ ...order, limits: limited(null, String(cost)) }, funds)).toEqual(two)
    expect(planner.plan({ ...order, limits: limited(null, '0') }, funds, facts(10))).toMatchObject({
      passed: [{ kind: 'left' }, {}, {}],
    })
    expect(planner.plan({ ...order, limits: limited('100000') }, funds, facts(10))).toMatchObject({
      passed: [{ kind: 'fee' }, {}, {}],
    })
  })

  test('a hundred thousand coins are chosen from, and what is missing is told', () => {
    const one = fundOf(network, 10_000n, { n: 1 })
    const funds = Array.from({ length: 100_000 }, (_, n) => ({
      ...fundLike(one, n),
      amount: (10_000n + ((BigInt(n) * 7919n) % 100_000n)).toString(),
    }))
    const answer = planner.plan(orderOf(10n ** 12n), funds, facts(1))
    expect(shortfallOf(answer)).toMatch(/not enough spendable funds/)
  })

  test('a consolidation gathers the smallest confirmed coins into one output of the treasury', () => {
    const funds = [
      ...Array.from({ length: 600 }, (_, n) => fundOf(network, 20_000n + BigInt(n), { n })),
      fundOf(network, 90_000n, { n: 900, final: false, ancestors: 1 }),
    ]
    const scattered = { withdrawal: 'w', kind: 'upkeep', reason: '' } as const
    const { plan } = planner.upkeep(orderOf(), funds, facts(2), [scattered])
    if (plan === null) throw new Error('no plan')
    expect(plan).toMatchObject({ purpose: 'consolidation', source: 0, paid: [], passed: [] })
    expect(plan.spendKeys).toHaveLength(500)
    expect(chosen(plan, funds)).toEqual(funds.slice(0, 500))
    expect(signable.inspect(plan.template).outputs.map(output => output.to)).toEqual([treasury])
    const none = { plan: null, again: null, reason: null }
    expect(planner.upkeep(orderOf(), [], facts(2), [scattered])).toEqual(none)
    // Few coins are not worth a transaction; where nothing is scattered there is no need.
    expect(planner.upkeep(orderOf(), funds.slice(0, 20), facts(2), [scattered]).plan).not.toBeNull()
    expect(planner.upkeep(orderOf(), funds.slice(0, 19), facts(2), [scattered])).toEqual(none)
    expect(planner.upkeep(orderOf(), funds, facts(2), [])).toEqual(none)
  })
})

describe('while fees are low and coins are many', () => {
  const thrifty = createPlanner('c', network, {
    ...{ asset: 'LTC', maximumRate: 100 },
    consolidation: { above: 40, maximumRate: 3 },
  })
  const coins = (count: number) => Array.from({ length: count }, (_, n) => fundOf(network, 20_000n + BigInt(n), { n }))
  const upkeep = (count: number, rates = facts(2), passed: readonly PassedOver[] = []) =>
    thrifty.upkeep(orderOf(), fundsIn(coins(count)), rates, passed).plan

  test('the smallest are made one, and half as many as may be are left', () => {
    const plan = upkeep(60)
    expect(plan).toMatchObject({ purpose: 'consolidation', paid: [], passed: [], isPatient: true })
    const smallest = coins(40).map(({ key }) => key)
    expect([...plan!.spendKeys].sort()).toEqual(smallest.sort())
    expect(signable.inspect(plan!.template).feeRate).toBeLessThanOrEqual(3)
    expect(upkeep(600)!.spendKeys).toHaveLength(500)
  })

  test('but not so few that they are left as they are, and not at a higher rate or at what the node does not relay', () => {
    expect(upkeep(41)!.spendKeys).toHaveLength(21)
    expect(upkeep(40)).toBeNull()
    expect(upkeep(60, facts(3))).not.toBeNull()
    expect(upkeep(60, facts(3.5))).toBeNull()
    expect(upkeep(60, { feeRate: 2, floorRate: 4 })).toBeNull()
  })

  test('and not while somebody waits for money, nor where it is configured away', () => {
    expect(upkeep(60, facts(2), [{ withdrawal: 'w', kind: 'funds', reason: '' }])).toBeNull()
    expect(planner.upkeep(orderOf(), coins(600), facts(1), []).plan).toBeNull()
    const spent = thrifty.upkeep({ ...orderOf(), limits: limited(null, '100') }, fundsIn(coins(60)), facts(2), [])
    expect(spent.plan).toBeNull()
    const never = createPlanner('c', network, {
      ...{ asset: 'LTC', maximumRate: 100 },
      consolidation: { above: 40, maximumRate: 0 },
    })
    expect(never.upkeep(orderOf(), fundsIn(coins(60)), facts(1), []).plan).toBeNull()
  })

  test('coins that are on their way, or bring less than they cost, are no reason', () => {
    const unconfirmed = coins(60).map(coin => ({ ...coin, final: false, ancestors: 1 }))
    expect(thrifty.upkeep(orderOf(), fundsIn(unconfirmed), facts(2), []).plan).toBeNull()
    const dust = coins(60).map(coin => ({ ...coin, amount: '100' }))
    expect(thrifty.upkeep(orderOf(), fundsIn(dust), facts(2), []).plan).toBeNull()
  })
})

describe('what cannot be paid is passed over, and holds up nothing', () => {
  const many = Array.from({ length: 700 }, (_, n) => fundOf(network, 20_000n, { n }))

  test('all of one coin, with nothing left for the fee', () => {
    const one = [fundOf(network, 1_000_000n, { n: 1 })]
    const plan = planOf(orderOf(1_000_000n, 50_000n), one)
    expect(plan).toMatchObject({ paid: ['w1'], passed: [{ withdrawal: 'w0', kind: 'funds' }] })
  })

  test('more than the coins of one transaction bring, though all of them would do', () => {
    const plan = planOf(orderOf(11_000_000n, 50_000n), many, 1)
    expect(plan).toMatchObject({ paid: ['w1'], passed: [{ withdrawal: 'w0', kind: 'upkeep' }] })
  })

  test('coins that cost more than they bring are no funds', () => {
    const plan = planOf(orderOf(10_000_000n, 50_000n), [...many, fundOf(network, 200_000n, { n: 900 })], 400)
    expect(plan).toMatchObject({ paid: ['w1'], passed: [{ withdrawal: 'w0', kind: 'funds' }] })
  })

  test('one that only waits its turn is not passed over', () => {
    const plan = planOf(orderOf(900_000n, 600_000n, 50_000n), [fundOf(network, 1_000_000n, { n: 1 })])
    expect(plan).toMatchObject({ paid: ['w0', 'w2'], passed: [] })
  })

  test('whoever is passed over alone could not be paid alone, and whoever is paid could', () => {
    const amount = fc.bigInt({ min: 3_000n, max: 1_000_000n })
    fc.assert(
      fc.property(
        fc.array(amount, { minLength: 1, maxLength: 6 }),
        fc.array(amount, { minLength: 1, maxLength: 8 }),
        (coins, asked) => {
          const funds = coins.map((amountSat, n) => fundOf(network, amountSat, { n }))
          const order = orderOf(...asked)
          const { passed } = planner.plan(order, funds, facts(10))
          const isPassed = (withdrawal: string) => passed.some(each => each.withdrawal === withdrawal)
          for (const payment of order.payments) {
            const alone = planner.plan({ ...order, payments: [payment] }, funds, facts(10))
            if (isPassed(payment.withdrawal)) expect(alone).toHaveProperty('shortfall')
          }
        },
      ),
      { numRuns: 100 },
    )
  })
})

describe('what is refused', () => {
  test('dust, a data field and a bad address are boundary faults', () => {
    const funds = [fundOf(network, 100_000n, { n: 1 })]
    expect(() => planner.plan(orderOf(2_939n), funds, facts(1))).toThrow(/dust/)
    const order = orderOf(5_000n)
    const bad = (payment: object): Order => ({ ...order, payments: [{ ...order.payments[0]!, ...payment }] })
    expect(() => planner.plan(bad({ dataField: '1' }), funds, facts(1))).toThrow(/no data field/)
    expect(() => planner.plan(bad({ to: 'bc1qqqqq' }), funds, facts(1))).toThrow(/another network/)
    expect(() => planner.plan(order, funds, facts(Number.NaN))).toThrow(/fee rate/)
  })

  test('a coin that is not what the ledger says is an invariant fault, not a plan', () => {
    const good = fundOf(network, 100_000n, { n: 1 })
    const other = fundOf(network, 100_000n, { n: 2, index: 2 })
    const wrong: Fund[] = [
      { ...good, amount: '100001' },
      { ...good, raw: other.raw },
      { ...good, publicKey: other.publicKey },
      { ...good, raw: () => 'zz' },
    ]
    for (const fund of wrong)
      expect(() => planner.plan(orderOf(50_000n), [fund], facts(1))).toThrow(
        expect.objectContaining({ type: 'invariant', kind: 'impossible-plan' }),
      )
  })

  test('what the node would not relay at the highest rate that is allowed is held, and no coin is touched', () => {
    const funds = [fundOf(network, 10_000_000n, { n: 1 })]
    const reason = expect.stringContaining('fees.maximumRate (500 sat/vB): raise it') as string
    const held = { shortfall: reason, passed: [expect.objectContaining({ kind: 'cap', reason })] }
    expect(planner.plan(orderOf(50_000n), funds, { ...facts(500), floorRate: 500.001 })).toEqual(held)
    expect(planner.plan(orderOf(50_000n), [], { ...facts(2), floorRate: 9_000 })).toEqual(held)
    expect(planner.plan(orderOf(50_000n), funds, { ...facts(500), floorRate: 500 })).toHaveProperty('template')
  })

  test('no plan is cheaper than what the network takes, whatever the node says', () => {
    const dogecoin = networkOf('dogecoin-regtest')
    const { minimumRate, maximumRate } = dogecoin.fees
    const thrifty = plannerOver('c', dogecoin, { asset: 'LTC', maximumRate })
    const order: Order = {
      ...ordering(keyOf(0, dogecoin).address),
      payments: [
        { withdrawal: 'w', to: keyOf(40, dogecoin).address, dataField: null, asset: 'LTC', amount: '500000000' },
      ],
    }
    const funds = [fundOf(dogecoin, 1_000_000_000n, { n: 1 })]
    const plan = thrifty.plan(order, funds, { feeRate: 801, floorRate: 100 })
    if (!('template' in plan)) throw new Error(JSON.stringify(plan))
    const { feeRate } = createSignable('c', 'DOGE', dogecoin).inspect(plan.template)
    expect(feeRate).toBeGreaterThanOrEqual(minimumRate)
  })

  test('the least payment is dust of its destination', () => {
    expect(planner.minimumPayment(to(1))).toBe('2940')
    expect(planner.minimumPayment('n1t7wt4zeyhauxn9yz4nT3aGmLrGuj2MCA')).toBe('5460')
    expect(() => planner.minimumPayment('nobody')).toThrow(/no address/)
    expect(planner.destination(to(1).toUpperCase(), null)).toEqual({ canonical: to(1), dataField: null })
  })
})
