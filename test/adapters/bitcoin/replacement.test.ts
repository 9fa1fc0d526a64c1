/** B11: what takes the place of earlier attempts shares their inputs, makes their payments, and pays more by BIP-125. */
import fc from 'fast-check'
import { Transaction } from 'bitcoinjs-lib'
import { describe, expect, test } from 'vitest'
import type { Json } from '../../../machines/vocabulary.ts'
import type { Payment, Replacement, ReplacementOrder, Unreplaceable } from '../../../adapters/adapter.ts'
import type { CoinFunds, Fund, RateFacts } from '../../../adapters/bitcoin/funds.ts'
import { dustOf, scriptOf } from '../../../adapters/bitcoin/address.ts'
import { networkOf } from '../../../adapters/bitcoin/network.ts'
import { replacementOf } from '../../../adapters/bitcoin/replacement.ts'
import { createSignable } from '../../../adapters/bitcoin/signable.ts'
import { writeTemplate } from '../../../adapters/bitcoin/template.ts'
import { fundOf, fundsIn, keyOf, sign } from './wallet.ts'

const network = networkOf('litecoin-regtest')
const options = { chain: 'c', network, maximumRate: 500 }
const signable = createSignable('c', 'LTC', network)
const treasury = keyOf(0, network).address
const to = (n: number) => keyOf(40 + n, network).address
const facts = (feeRate: number, also: Partial<RateFacts> = {}): RateFacts => ({ feeRate, floorRate: 1, ...also })
const idOf = (template: Json): string => signable.inspect(template).transactionId!

const paymentsOf = (amounts: readonly bigint[]): Payment[] =>
  amounts.map((amount, n) => ({
    withdrawal: `w${n}`,
    to: to(n),
    dataField: null,
    asset: 'LTC',
    amount: String(amount),
  }))

/** What the first attempt spends, pays and gives as change. */
function templateOf(funds: readonly Fund[], payments: readonly Payment[], changeSat: bigint): Json {
  const inputs = funds.map(({ key, publicKey, raw }) => {
    const [, txid, vout] = key.split(':')
    return { txid: txid!, vout: Number(vout), raw: raw()!, publicKey }
  })
  const outputs = payments.map(each => ({ script: scriptOf(each.to, network), amountSat: BigInt(each.amount) }))
  const change = changeSat > 0n ? [{ script: scriptOf(treasury, network), amountSat: changeSat }] : []
  return writeTemplate(inputs, [...outputs, ...change], network)
}

const orderOf = (
  templates: readonly Json[],
  payments: readonly Payment[],
  also: Partial<ReplacementOrder> = {},
): ReplacementOrder => ({
  purpose: 'payment',
  source: { index: 0, address: treasury },
  treasury,
  payments,
  earlier: templates.map(template => ({ template, transactionId: idOf(template) })),
  spendKeys: [],
  feeRate: null,
  maximumFee: null,
  maximumRate: null,
  ...also,
})

const replaced = (order: ReplacementOrder, funds: readonly Fund[], given: RateFacts | null = facts(1)) =>
  replacementOf(options, order, fundsIn(funds), given)

function granted(answer: Replacement | Unreplaceable): Replacement {
  if ('kind' in answer) throw new Error(JSON.stringify(answer))
  return answer
}

const coin = (n: number, amountSat: bigint, ancestors = 0) =>
  fundOf(network, amountSat, { n, index: (n % 4) + 1, final: ancestors === 0, ancestors })

/** 100,000 less 1,000 for the fee: 1 input, 2 outputs. */
const first = coin(1, 1_000_000n)
const PAYMENTS = paymentsOf([600_000n])
const template = templateOf([first], PAYMENTS, 399_000n)

describe('every replacement', () => {
  const amount = fc.bigInt({ min: 3_000n, max: 2_000_000n })
  const wallet = fc.record({
    spent: fc.array(amount, { minLength: 1, maxLength: 3 }),
    further: fc.array(fc.record({ amount, ancestors: fc.constantFrom(0, 0, 3) }), { maxLength: 4 }),
    parts: fc.array(fc.integer({ min: 1, max: 10 }), { minLength: 1, maxLength: 3 }),
    estimates: fc.array(fc.constantFrom(1, 3, 17.3, 120, 499, 900), { minLength: 1, maxLength: 4 }),
    wanted: fc.array(fc.constantFrom(null, null, 2, 40, 250), { minLength: 4, maxLength: 4 }),
  })

  /** A first attempt of about 1 sat/vB, and as many in its place as can be. */
  const everyOne = (
    check: (now: Replacement, earlier: readonly Json[], payments: readonly Payment[], funds: readonly Fund[]) => void,
    numRuns: number,
  ) => {
    let seen = 0
    fc.assert(
      fc.property(wallet, ({ spent, further, parts, estimates, wanted }) => {
        const spends = spent.map((sat, n) => coin(n + 1, sat))
        const rest = further.map((each, n) => coin(n + 10, each.amount, each.ancestors))
        const sum = spent.reduce((a, b) => a + b, 0n)
        const payments = paymentsOf(parts.map(part => (sum * BigInt(part)) / 40n))
        if (payments.some(each => BigInt(each.amount) < dustOf(scriptOf(each.to, network), network))) return
        const paidSat = payments.reduce((total, each) => total + BigInt(each.amount), 0n)
        const templates = [templateOf(spends, payments, sum - paidSat - 400n)]
        for (const [n, estimate] of estimates.entries()) {
          const order = orderOf(templates, payments, { feeRate: wanted[n]! })
          const answer = replaced(order, rest, facts(estimate))
          if ('kind' in answer) {
            expect(['low', 'cap', 'funds']).toContain(answer.kind)
            continue
          }
          seen++
          check(answer, templates, payments, rest)
          expect(replaced(order, [...rest].reverse(), facts(estimate))).toEqual(answer)
          templates.push(answer.template)
        }
      }),
      { numRuns },
    )
    expect(seen).toBeGreaterThan(numRuns / 2)
  }

  test('spends every input of every earlier one, and adds confirmed coins only', () => {
    everyOne((now, earlier, _, funds) => {
      const before = new Set(earlier.flatMap(each => signable.inspect(each).spendKeys))
      for (const key of before) expect(now.spendKeys).toContain(key)
      const added = now.spendKeys.filter(key => !before.has(key))
      const confirmed = funds.filter(({ ancestors }) => ancestors === 0).map(({ key }) => key)
      for (const key of added) expect(confirmed).toContain(key)
      expect(signable.inspect(now.template).spendKeys).toEqual(now.spendKeys)
    }, 150)
  })

  test('makes exactly the same payments, and what else it pays goes to the treasury and is no dust', () => {
    everyOne((now, _, payments) => {
      const { outputs, inputs, fee } = signable.inspect(now.template)
      expect(outputs.slice(0, payments.length)).toEqual(
        payments.map(each => ({ to: each.to, dataField: null, asset: 'LTC', amount: each.amount })),
      )
      const change = outputs.slice(payments.length)
      expect(change.length).toBeLessThanOrEqual(1)
      for (const each of change) {
        expect(each.to).toBe(treasury)
        expect(BigInt(each.amount)).toBeGreaterThanOrEqual(dustOf(scriptOf(treasury, network), network))
      }
      const sum = (list: readonly { amount: string }[]) => list.reduce((total, each) => total + BigInt(each.amount), 0n)
      expect(sum(inputs)).toBe(sum(outputs) + BigInt(fee))
      expect(fee).toBe(now.fee)
    }, 150)
  })

  test('signed, it pays each earlier fee and a satoshi for each of its bytes more, at a higher rate than each, and never above the cap', () => {
    const sized = (each: Json) => {
      const opened = signable.open(each)
      const { raw } = opened.assemble(sign(opened.payloads, network))
      return Transaction.fromHex(raw).virtualSize()
    }
    everyOne((now, earlier) => {
      const [fee, size] = [BigInt(now.fee), sized(now.template)]
      for (const each of earlier) {
        const before = BigInt(signable.inspect(each).fee)
        expect(fee).toBeGreaterThanOrEqual(before + BigInt(size))
        expect(Number(fee) / size).toBeGreaterThan(Number(before) / sized(each))
      }
      expect(signable.inspect(now.template).feeRate).toBeLessThanOrEqual(500)
    }, 40)
  })
})

describe('the fee', () => {
  const vbytes = 141n

  test('is what the node estimates, where that is more than what nodes ask of a replacement', () => {
    const now = granted(replaced(orderOf([template], PAYMENTS), [], facts(50)))
    expect(BigInt(now.fee)).toBe(50n * vbytes)
  })

  test('is a tenth above the earlier rate where the estimate lies below it', () => {
    const dear = templateOf([first], PAYMENTS, 400_000n - 100n * vbytes)
    expect(signable.inspect(granted(replaced(orderOf([dear], PAYMENTS), [], facts(1))).template).feeRate).toBeCloseTo(
      110,
    )
  })

  test('is at least the earlier fee and what relaying takes: of a rate of 1 the next is 2', () => {
    const cheap = templateOf([first], PAYMENTS, 400_000n - vbytes)
    expect(granted(replaced(orderOf([cheap], PAYMENTS), [])).fee).toBe(String(2n * vbytes))
  })

  test('is what a person wants, if that is enough; else the person is told from where on it is', () => {
    const wanted = (feeRate: number) => replaced(orderOf([template], PAYMENTS, { feeRate }), [], null)
    expect(granted(wanted(40)).fee).toBe(String(40n * vbytes))
    expect(wanted(7)).toEqual({ kind: 'low', reason: expect.stringMatching(/from 8\.\d+ sat\/vB on/) as string })
  })

  test('counts what a node would drop besides: the payments of others that stand on it', () => {
    const evicted = { [idOf(template)]: { count: 3, feeSat: 20_000n } }
    const now = granted(replaced(orderOf([template], PAYMENTS), [], facts(1, { evicted })))
    expect(BigInt(now.fee)).toBe(20_000n + vbytes)
  })

  test('lifts what it stands on as well', () => {
    const funds: CoinFunds = { ...fundsIn([]), beneath: () => ({ vbytes: 200, feeSat: 200n }) }
    const now = granted(replacementOf(options, orderOf([template], PAYMENTS), funds, facts(50)))
    expect(BigInt(now.fee)).toBe(50n * (vbytes + 200n) - 200n)
  })

  test('comes from the change first, then from a further coin', () => {
    const short = templateOf([first], PAYMENTS, 8_000n)
    const none = replaced(orderOf([short], PAYMENTS), [])
    expect(none).toEqual({ kind: 'cap', reason: expect.stringMatching(/maximumRate/) as string })
    const little = paymentsOf([994_000n])
    const tight = templateOf([first], little, 5_500n)
    const more = [coin(20, 50_000n), coin(21, 900_000n, 2)]
    expect(granted(replaced(orderOf([tight], little, { feeRate: 60 }), more, facts(1))).spendKeys).toHaveLength(2)
    expect(replaced(orderOf([tight], little, { feeRate: 100 }), [], facts(1))).toMatchObject({ kind: 'funds' })
  })

  test('takes what is left where that is too little to be change', () => {
    const little = paymentsOf([994_000n])
    const tight = templateOf([first], little, 5_500n)
    const now = granted(replaced(orderOf([tight], little, { feeRate: 40 }), [], facts(1)))
    expect(signable.inspect(now.template).outputs).toHaveLength(1)
    expect(now.fee).toBe('6000')
  })
})

describe('there is none', () => {
  test('above fees.maximumRate: what a person wants is refused, what comes by itself ends there', () => {
    expect(replaced(orderOf([template], PAYMENTS, { feeRate: 501 }), [])).toMatchObject({ kind: 'cap' })
    const now = granted(replaced(orderOf([template], PAYMENTS), [], facts(900)))
    expect(signable.inspect(now.template).feeRate).toBeCloseTo(500)
    const answer = replaced(orderOf([template, now.template], PAYMENTS), [], facts(900))
    expect(answer).toEqual({
      kind: 'cap',
      reason: expect.stringMatching(/fees\.maximumRate \(500 sat\/vB\)/) as string,
    })
  })

  test("above the signer's limits: what comes by itself goes as far as they allow", () => {
    const order = orderOf([template], PAYMENTS, { maximumFee: '5000' })
    expect(granted(replaced(order, [], facts(100))).fee).toBe('5000')
    expect(replaced({ ...order, feeRate: 100 }, [])).toEqual({
      kind: 'cap',
      reason: expect.stringMatching(/the signer's policy/) as string,
    })
    expect(replaced({ ...order, maximumFee: '1100' }, [], facts(100))).toMatchObject({ kind: 'cap' })
  })

  test('where another transfer has spent its change: that one is named', () => {
    const funds: CoinFunds = { ...fundsIn([]), builtOn: id => (id === idOf(template) ? 'abc' : null) }
    expect(replacementOf(options, orderOf([template], PAYMENTS), funds, facts(1))).toEqual({
      kind: 'bound',
      reason: expect.stringMatching(/the transfer abc/) as string,
    })
  })

  test('where more than a hundred transactions would go with it', () => {
    const evicted = { [idOf(template)]: { count: 101, feeSat: 20_000n } }
    expect(replaced(orderOf([template], PAYMENTS), [], facts(1, { evicted }))).toMatchObject({ kind: 'bound' })
  })

  test('where an earlier one pays something else', () => {
    expect(replaced(orderOf([template], paymentsOf([600_001n])), [])).toMatchObject({ kind: 'bound' })
    expect(replaced(orderOf([template], []), [])).toMatchObject({ kind: 'bound' })
  })

  test('B8: on a chain without segwit, where two on the same inputs could not be told apart', () => {
    const dogecoin = { chain: 'c', network: networkOf('dogecoin'), maximumRate: 500 }
    expect(replacementOf(dogecoin, orderOf([template], PAYMENTS), fundsIn([]), facts(1))).toMatchObject({
      kind: 'bound',
    })
  })
})

test('a consolidation pays its higher fee itself', () => {
  const gathered = templateOf([first, coin(2, 500_000n)], [], 1_499_000n)
  const now = granted(replaced(orderOf([gathered], [], { purpose: 'consolidation' }), [], facts(20)))
  const { outputs, feeRate } = signable.inspect(now.template)
  expect(outputs).toHaveLength(1)
  expect(outputs[0]!.to).toBe(treasury)
  expect(feeRate).toBeCloseTo(20)
})
