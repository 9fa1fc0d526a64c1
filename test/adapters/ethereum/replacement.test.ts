/** A further attempt on the same nonce: what it pays, by how much its fees grow, and under which caps. */
import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import type { Payment, Replacement, ReplacementOrder, Unreplaceable } from '../../../adapters/adapter.ts'
import { buildTemplate, type AccountPlan } from '../../../adapters/ethereum/build.ts'
import type { AccountFunds } from '../../../adapters/ethereum/funds.ts'
import type { GasFacts } from '../../../adapters/ethereum/gathering.ts'
import { createReplacing, raised } from '../../../adapters/ethereum/replacement.ts'
import { readTemplate } from '../../../adapters/ethereum/template.ts'
import { claim } from '../../../src/kernel/untyped.ts'
import { ETHER, GWEI, NETWORK, THEM, TREASURY, US } from './rig.ts'

const CAP = 500n * GWEI
const { replace, cancel } = createReplacing({ chain: 'eth', network: NETWORK, cap: CAP })
const GAS = 26_250n

const planOf = (change: Partial<AccountPlan> = {}): AccountPlan => ({
  ...{ from: TREASURY, nonce: 5, to: THEM, asset: 'ETH', amount: ETHER, gasLimit: GAS },
  ...{ fees: { maximumFeePerGas: 10n * GWEI, priorityFeePerGas: GWEI } },
  ...change,
})
const payment: Payment = { withdrawal: 'w', to: THEM, dataField: null, asset: 'ETH', amount: String(ETHER) }
const orderOf = (plans: readonly AccountPlan[], change: Partial<ReplacementOrder> = {}): ReplacementOrder => ({
  ...{ purpose: 'payment', source: { index: 0, address: TREASURY }, treasury: TREASURY, payments: [payment] },
  earlier: plans.map((plan, n) => ({ template: buildTemplate(NETWORK, plan), transactionId: `t${n + 1}` })),
  ...{ spendKeys: [`eth:${TREASURY}:5`], feeRate: null, maximumFee: null, maximumRate: null },
  ...change,
})
const factsOf = (change: Partial<GasFacts> = {}): GasFacts => ({
  ...{ tip: { height: 1, hash: '0xa' }, l1Fee: 0n, estimates: {}, sweep: null },
  fees: { maximumFeePerGas: 3n * GWEI, priorityFeePerGas: GWEI },
  source: { nonce: 5n, latestNonce: 5n, balances: { ETH: 3n * ETHER } },
  ...change,
})
/** The dearest of the plans is on its way. */
const fundsOf = (under: bigint = ETHER + GAS * 10n * GWEI): AccountFunds =>
  claim<AccountFunds>({ underWay: () => ({ ETH: under }) })

const made = (answer: Replacement | Unreplaceable) => {
  if ('kind' in answer) throw new Error(answer.reason)
  return { ...answer, ...readTemplate(answer.template, NETWORK) }
}
const bumped = (order: ReplacementOrder, facts: GasFacts | null = factsOf(), funds = fundsOf()) =>
  replace(order, funds, facts)

describe('E11: a replacement', () => {
  test('pays the same on the same nonce, and each of its fees grows by a tenth at least', () => {
    const { payment: paid, transfer, spendKeys, fee } = made(bumped(orderOf([planOf()])))
    expect(paid).toEqual({ to: THEM, asset: 'ETH', amount: ETHER })
    expect(spendKeys).toEqual([`eth:${TREASURY}:5`])
    expect([transfer.nonce, transfer.gasLimit]).toEqual([5n, GAS])
    expect([transfer.maximumFeePerGas, transfer.priorityFeePerGas]).toEqual([11n * GWEI, (11n * GWEI) / 10n])
    expect(fee).toBe(String(GAS * 11n * GWEI))
  })

  test('goes as high as is paid now', () => {
    const fees = { maximumFeePerGas: 40n * GWEI, priorityFeePerGas: 5n * GWEI }
    const { transfer } = made(bumped(orderOf([planOf()]), factsOf({ fees })))
    expect([transfer.maximumFeePerGas, transfer.priorityFeePerGas]).toEqual([40n * GWEI, 5n * GWEI])
  })

  test('grows above each of the earlier, of which a node may have any; of a fee of nothing by one', () => {
    const second = planOf({ fees: { maximumFeePerGas: 30n * GWEI, priorityFeePerGas: 0n } })
    const { transfer } = made(bumped(orderOf([planOf(), second]), factsOf(), fundsOf(ETHER + GAS * 30n * GWEI)))
    expect([transfer.maximumFeePerGas, transfer.priorityFeePerGas]).toEqual([33n * GWEI, (11n * GWEI) / 10n])
    expect([raised(0n), raised(1n), raised(9n), raised(10n), raised(11n), raised(100n)]).toEqual([
      1n,
      2n,
      10n,
      11n,
      13n,
      110n,
    ])
  })

  test('whatever the fees are, nodes take it: more than before, by what geth counts as ten percent', () => {
    const fee = fc.bigInt({ min: 0n, max: 10n ** 15n })
    fc.assert(
      fc.property(fee, old => {
        const now = raised(old)
        return now > old && now >= (old * 110n) / 100n && now * 10n >= old * 11n
      }),
    )
  })

  test('of a chain without EIP-1559 has one price', () => {
    const legacy = planOf({ fees: { maximumFeePerGas: 10n * GWEI, priorityFeePerGas: null } })
    const facts = factsOf({ fees: { maximumFeePerGas: GWEI, priorityFeePerGas: null } })
    expect(made(bumped(orderOf([legacy]), facts)).transfer).toMatchObject({
      kind: 'legacy',
      maximumFeePerGas: 11n * GWEI,
    })
  })

  test('of a token pays the same token', () => {
    const token = planOf({ asset: 'TOKEN', amount: 7n, gasLimit: 60_000n })
    const payments = [{ ...payment, asset: 'TOKEN', amount: '7' }]
    expect(made(bumped(orderOf([token], { payments }))).payment).toEqual({ to: THEM, asset: 'TOKEN', amount: 7n })
  })

  test('of what does something else is none', () => {
    for (const change of [{ amount: ETHER + 1n }, { to: US }, { nonce: 6 }, { asset: 'TOKEN' }])
      expect(bumped(orderOf([planOf(), planOf(change)]))).toMatchObject({ kind: 'bound' })
    expect(bumped(orderOf([planOf({ to: TREASURY, amount: 0n })], { payments: [] }))).toMatchObject({ kind: 'bound' })
    expect(bumped(orderOf([]))).toMatchObject({ kind: 'bound' })
  })
})

describe('what a person wants', () => {
  const asked = (feeRate: number, change: Partial<ReplacementOrder> = {}) =>
    bumped(orderOf([planOf()], { feeRate, ...change }), null)

  test('is the most for each gas, or is not enough', () => {
    expect(made(asked(Number(20n * GWEI))).transfer).toMatchObject({
      ...{ maximumFeePerGas: 20n * GWEI, priorityFeePerGas: (11n * GWEI) / 10n },
    })
    expect(made(asked(Number(11n * GWEI))).transfer.maximumFeePerGas).toBe(11n * GWEI)
    expect(asked(Number(11n * GWEI) - 1)).toMatchObject({ kind: 'low', reason: /from 11000000000 wei per gas/ })
  })

  test('is not over what configuration and signer allow', () => {
    expect(asked(Number(CAP) + 1)).toMatchObject({ kind: 'cap', reason: /fees\.maximumFeePerGas/ })
    expect(asked(Number(20n * GWEI), { maximumRate: Number(19n * GWEI) })).toMatchObject({
      ...{ kind: 'cap', reason: /signer/ },
    })
    const maximumFee = String(GAS * 20n * GWEI)
    expect(made(asked(Number(20n * GWEI), { maximumFee })).transfer.maximumFeePerGas).toBe(20n * GWEI)
    expect(asked(Number(20n * GWEI), { maximumFee: String(BigInt(maximumFee) - 1n) })).toMatchObject({ kind: 'cap' })
  })
})

describe('by itself', () => {
  test('it goes up to the caps, and no further', () => {
    const dear = planOf({ fees: { maximumFeePerGas: 460n * GWEI, priorityFeePerGas: GWEI } })
    expect(bumped(orderOf([dear]))).toMatchObject({ kind: 'cap', reason: /fees\.maximumFeePerGas/ })
    const fees = { maximumFeePerGas: 600n * GWEI, priorityFeePerGas: GWEI }
    expect(made(bumped(orderOf([planOf()]), factsOf({ fees }))).transfer.maximumFeePerGas).toBe(CAP)
    expect(bumped(orderOf([planOf()]), factsOf({ fees: null }))).toMatchObject({ kind: 'cap', reason: /until prices/ })
    expect(bumped(orderOf([planOf()], { maximumFee: String(GAS * 10n * GWEI) }))).toMatchObject({
      ...{ kind: 'cap', reason: /signer/ },
    })
  })

  test('what waits for the one before it is not replaced, unless less is paid than now', () => {
    const source = { nonce: 3n, latestNonce: 4n, balances: { ETH: 3n * ETHER } }
    expect(bumped(orderOf([planOf()]), factsOf({ source }))).toMatchObject({ kind: 'bound', reason: /before it/ })
    const fees = { maximumFeePerGas: 12n * GWEI, priorityFeePerGas: GWEI }
    expect(made(bumped(orderOf([planOf()]), factsOf({ source, fees }))).transfer.maximumFeePerGas).toBe(12n * GWEI)
    expect(made(bumped(orderOf([planOf()], { feeRate: Number(20n * GWEI) }), factsOf({ source }))).transfer.nonce).toBe(
      5n,
    )
  })

  test('what the node has in a block is not replaced, though the ledger has not come to it: nor by what pays nobody', () => {
    const facts = factsOf({ source: { nonce: 5n, latestNonce: 6n, balances: { ETH: 3n * ETHER } } })
    expect(bumped(orderOf([planOf()]), facts)).toMatchObject({ kind: 'bound', reason: /consumed/ })
    expect(bumped(orderOf([planOf()], { feeRate: Number(20n * GWEI) }), facts)).toMatchObject({ kind: 'bound' })
    expect(cancel(orderOf([planOf()]), fundsOf(), facts)).toMatchObject({ kind: 'bound', reason: /consumed/ })
  })

  test('what it adds has to be there', () => {
    const under = ETHER + GAS * 10n * GWEI
    const balances = (ether: bigint) => factsOf({ source: { nonce: 5n, latestNonce: 5n, balances: { ETH: ether } } })
    expect(made(bumped(orderOf([planOf()]), balances(under + GAS * GWEI))).fee).toBe(String(GAS * 11n * GWEI))
    expect(bumped(orderOf([planOf()]), balances(under + GAS * GWEI - 1n))).toMatchObject({ kind: 'funds' })
  })

  test('of a sweep the fee comes out of what it moves', () => {
    const sweep = planOf({ from: US, to: TREASURY, nonce: 0, amount: ETHER })
    const all = ETHER + GAS * 10n * GWEI
    const order = orderOf([sweep], { purpose: 'sweep', source: { index: 1, address: US }, payments: [] })
    const facts = factsOf({ source: { nonce: 0n, latestNonce: 0n, balances: { ETH: all } } })
    const { payment: moved, transfer } = made(bumped(order, facts, fundsOf(all)))
    expect(moved.amount + transfer.gasLimit * transfer.maximumFeePerGas).toBe(all)
    expect(moved.to).toBe(TREASURY)
    const little = orderOf([{ ...sweep, amount: GAS * 11n * GWEI }], {
      ...{ purpose: 'sweep', source: { index: 1, address: US }, payments: [] },
    })
    expect(bumped(little, facts, fundsOf(all))).toMatchObject({ kind: 'cap', reason: /not worth/ })
  })
})

describe('E10: what takes the place of voided payments', () => {
  test('is nothing to the account itself, on the same nonce, for more', () => {
    const { payment: moved, transfer, from, spendKeys } = made(cancel(orderOf([planOf()]), fundsOf(), factsOf()))
    expect({ from, ...moved }).toEqual({ from: TREASURY, to: TREASURY, asset: 'ETH', amount: 0n })
    expect([transfer.nonce, transfer.data, transfer.maximumFeePerGas]).toEqual([5n, '0x', 11n * GWEI])
    expect(spendKeys).toEqual([`eth:${TREASURY}:5`])
  })

  test('goes on growing above itself, and above what it is to replace', () => {
    const first = made(cancel(orderOf([planOf()]), fundsOf(), factsOf()))
    const earlier = [...orderOf([planOf()]).earlier, { template: first.template, transactionId: 't2' }]
    const second = made(cancel(orderOf([], { earlier }), fundsOf(), factsOf()))
    expect(second.payment.amount).toBe(0n)
    expect(second.transfer.maximumFeePerGas).toBe(raised(11n * GWEI))
  })

  test('needs no more than a fee: also where the payment could not be afforded any more', () => {
    const facts = factsOf({ source: { nonce: 5n, latestNonce: 5n, balances: { ETH: ETHER / 2n } } })
    expect(made(cancel(orderOf([planOf()]), fundsOf(), facts)).payment.amount).toBe(0n)
  })
})
