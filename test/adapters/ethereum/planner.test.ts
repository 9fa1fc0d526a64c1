/** One payment a plan: on which nonce, with how much gas at which price, and what waits with which reason. */
import { describe, expect, test } from 'vitest'
import type { Order, Payment, Plan } from '../../../adapters/adapter.ts'
import type { AccountFunds } from '../../../adapters/ethereum/funds.ts'
import { feesAt, gasLimitOf } from '../../../adapters/ethereum/gas.ts'
import type { Estimate, GasFacts } from '../../../adapters/ethereum/gathering.ts'
import { createPlanner } from '../../../adapters/ethereum/planner.ts'
import { readTemplate } from '../../../adapters/ethereum/template.ts'
import { MAXIMUM_GAS } from '../../../adapters/ethereum/transaction.ts'
import { ETHER, GWEI, NETWORK, SWEEP, THEM, TREASURY, US } from './rig.ts'

const planner = createPlanner('eth', NETWORK, SWEEP, 500n * GWEI)
const TIP = { height: 10, hash: `0x${'a'.repeat(64)}` }
const FEES = { maximumFeePerGas: 10n * GWEI, priorityFeePerGas: GWEI }
const GAS = 26_250n
const FEE = GAS * FEES.maximumFeePerGas

const payment = (withdrawal: string, change: Partial<Payment> = {}): Payment => ({
  ...{ withdrawal, to: THEM, dataField: null, asset: 'ETH', amount: String(ETHER) },
  ...change,
})
const orderOf = (payments: Payment[], limits: Order['limits'] = {}): Order => ({
  ...{ source: { index: 0, address: TREASURY }, treasury: TREASURY, payments, maximum: 1, limits },
})

type Held = Partial<AccountFunds> & { reserved?: bigint[] }
const fundsOf = ({ reserved = [], ...rest }: Held = {}): AccountFunds => ({
  standsOn: ({ hash }) => hash === TIP.hash,
  isReserved: nonce => reserved.includes(nonce),
  heldUnsigned: () => null,
  underWay: () => ({}),
  confirmed: () => ({}),
  settled: () => ({}),
  isBusy: () => false,
  treasury: () => fundsOf(),
  ...rest,
})

const factsOf = (change: Partial<GasFacts> = {}, estimate: Estimate = { gas: 21_000n }): GasFacts => ({
  ...{ tip: TIP, fees: FEES, l1Fee: 0n, sweep: null },
  source: { nonce: 5n, latestNonce: 5n, balances: { ETH: 3n * ETHER, TOKEN: 1000n } },
  estimates: Object.fromEntries(['w0', 'w1', 'w2'].map(name => [name, estimate])),
  ...change,
})

const plan = (payments: Payment[], funds: Held = {}, facts = factsOf(), limits: Order['limits'] = {}) =>
  planner.plan(orderOf(payments, limits), fundsOf(funds), facts)

const made = (answer: ReturnType<typeof plan>): Plan & ReturnType<typeof readTemplate> => {
  if ('shortfall' in answer) throw new Error(answer.shortfall)
  return { ...answer, ...readTemplate(answer.template, NETWORK) }
}

describe('a plan', () => {
  test('pays the first, from the treasury, with a margin of gas and the most that it can cost', () => {
    const {
      paid,
      spendKeys,
      fee,
      transfer,
      payment: moved,
      purpose,
      source,
    } = made(plan([payment('w0'), payment('w1')]))
    expect({ paid, spendKeys, fee, purpose, source }).toEqual({
      ...{ paid: ['w0'], spendKeys: [`eth:${TREASURY}:5`], fee: String(FEE), purpose: 'payment', source: 0 },
    })
    expect(moved).toEqual({ to: THEM, asset: 'ETH', amount: ETHER })
    expect([transfer.gasLimit, transfer.maximumFeePerGas, transfer.priorityFeePerGas]).toEqual([GAS, 10n * GWEI, GWEI])
  })

  test('E14: pays a destination that was written without its checksum', () => {
    for (const to of [THEM.toLowerCase(), `0x${THEM.slice(2).toUpperCase()}`])
      expect(made(plan([payment('w0', { to })])).payment.to).toBe(THEM)
  })

  test('pays a token by its own contract', () => {
    const answer = made(plan([payment('w0', { asset: 'TOKEN', amount: '7' })], {}, factsOf({}, { gas: 50_000n })))
    expect(answer.payment).toEqual({ to: THEM, asset: 'TOKEN', amount: 7n })
    expect(answer.transfer.value).toBe(0n)
  })

  test('has one price where the chain has no base fee', () => {
    const fees = { maximumFeePerGas: 2n * GWEI, priorityFeePerGas: null }
    expect(made(plan([payment('w0')], {}, factsOf({ fees }))).transfer).toMatchObject({ kind: 'legacy' })
  })
})

describe('E10, E24: the nonce', () => {
  test('is the lowest that the chain has not consumed and no transfer holds; what was reserved and given up is filled first', () => {
    expect(made(plan([payment('w0')], { reserved: [5n, 6n] })).transfer.nonce).toBe(7n)
    expect(made(plan([payment('w0')], { reserved: [5n, 7n] })).transfer.nonce).toBe(6n)
  })

  test('E24: is never the seventeenth that is on its way; what is in a block above ours is not on its way', () => {
    const reserved = Array.from({ length: 16 }, (_, n) => 5n + BigInt(n))
    expect(plan([payment('w0')], { reserved })).toMatchObject({ passed: [{ kind: 'left', reason: /16 transactions/ }] })
    const state = factsOf().source
    expect(
      made(plan([payment('w0')], { reserved }, factsOf({ source: { ...state, latestNonce: 9n } }))).transfer.nonce,
    ).toBe(21n)
  })

  test('is not reserved behind one that the signer has not signed and wants something for', () => {
    expect(plan([payment('w0')], { heldUnsigned: () => 'an approval is missing' })).toMatchObject({
      passed: [{ withdrawal: 'w0', reason: /not signed: an approval is missing/ }],
    })
  })
})

describe('what waits', () => {
  test('what was read of a block that is left means nothing', () => {
    expect(plan([payment('w0')], { standsOn: () => false })).toMatchObject({ passed: [{ reason: /moved on/ }] })
  })

  test('what is under way and in no block yet is spent already', () => {
    const underWay = () => ({ ETH: 2n * ETHER })
    expect(plan([payment('w0')], { underWay })).toMatchObject({ passed: [{ kind: 'funds', reason: /what its gas/ }] })
    expect(plan([payment('w0', { amount: String(2n * ETHER) })], { underWay })).toMatchObject({
      passed: [{ kind: 'funds', reason: 'not enough spendable funds for it' }],
    })
  })

  test('the first that can be paid is paid; those before it are passed over, those behind wait their turn', () => {
    const answer = made(plan([payment('w0', { amount: String(9n * ETHER) }), payment('w1'), payment('w2')]))
    expect(answer.paid).toEqual(['w1'])
    expect(answer.passed.map(({ withdrawal, kind }) => [withdrawal, kind])).toEqual([['w0', 'funds']])
  })

  test('E13: what the network would refuse now waits with its reason; so does what needs too much gas', () => {
    const refused = 'the network would refuse it now: ERC20: blocked'
    expect(plan([payment('w0')], {}, factsOf({}, { refused }))).toMatchObject({
      ...{ shortfall: refused, passed: [{ withdrawal: 'w0', kind: 'refused', reason: refused }] },
    })
    expect(plan([payment('w0')], {}, factsOf({}, { gas: MAXIMUM_GAS + 1n }))).toMatchObject({
      passed: [{ kind: 'refused', reason: /EIP-7825/ }],
    })
  })

  test('a fee cap below what the next block takes holds everything', () => {
    expect(plan([payment('w0'), payment('w1')], {}, factsOf({ fees: null })).passed.map(({ kind }) => kind)).toEqual([
      'cap',
      'cap',
    ])
  })

  test.each<[string, Order['limits'], string]>([
    ['by its amount', { ETH: { perTransaction: String(ETHER - 1n), left: null } }, 'limit'],
    ['with its fee', { ETH: { perTransaction: String(ETHER), left: null } }, 'fee'],
    ['for the day', { ETH: { perTransaction: null, left: String(ETHER) } }, 'left'],
  ])('over the signer’s limit %s', (_, limits, kind) => {
    expect(plan([payment('w0')], {}, factsOf(), limits).passed).toMatchObject([{ withdrawal: 'w0', kind }])
  })

  test('a token has limits of its own, and its gas counts with the native asset', () => {
    const token = payment('w0', { asset: 'TOKEN', amount: '7' })
    const limited = (limits: Order['limits']) => plan([token], {}, factsOf(), limits).passed.map(({ kind }) => kind)
    expect(limited({ TOKEN: { perTransaction: '6', left: null } })).toEqual(['limit'])
    expect(limited({ TOKEN: { perTransaction: null, left: '6' } })).toEqual(['left'])
    expect(limited({ ETH: { perTransaction: String(FEE - 1n), left: null } })).toEqual(['fee'])
    expect(
      limited({ ETH: { perTransaction: String(FEE), left: null }, TOKEN: { perTransaction: '7', left: '7' } }),
    ).toEqual([])
  })

  test('E29: what a rollup charges beside the gas has to be there, too', () => {
    const source = { ...factsOf().source, balances: { ETH: ETHER + FEE } }
    expect(made(plan([payment('w0')], {}, factsOf({ source }))).fee).toBe(String(FEE))
    expect(plan([payment('w0')], {}, factsOf({ source, l1Fee: 1n })).passed).toMatchObject([{ kind: 'funds' }])
  })
})

describe('E13: gas', () => {
  test('is an estimate with a margin, and never more than a transaction may have', () => {
    expect(gasLimitOf(100_000n)).toBe(125_000n)
    expect(gasLimitOf(MAXIMUM_GAS)).toBe(MAXIMUM_GAS)
    expect(gasLimitOf(MAXIMUM_GAS + 1n)).toBeNull()
  })

  test('costs twice the base fee and the tip at most, and never more than the cap', () => {
    const prices = { baseFee: 8n * GWEI, tip: GWEI }
    expect(feesAt(prices, 100n * GWEI)).toEqual({ maximumFeePerGas: 17n * GWEI, priorityFeePerGas: GWEI })
    expect(feesAt(prices, 12n * GWEI)).toEqual({ maximumFeePerGas: 12n * GWEI, priorityFeePerGas: GWEI })
    expect(feesAt(prices, 10n * GWEI)).toEqual({ maximumFeePerGas: 10n * GWEI, priorityFeePerGas: GWEI })
    expect(feesAt(prices, 10n * GWEI - 1n)).toBeNull()
    expect(feesAt({ baseFee: null, tip: 3n }, 3n)).toEqual({ maximumFeePerGas: 3n, priorityFeePerGas: null })
    expect(feesAt({ baseFee: null, tip: 4n }, 3n)).toBeNull()
  })
})

describe('sweeps', () => {
  const source = { index: 1, address: US }
  const order = { source, treasury: TREASURY, limits: {} }
  const treasury = { nonce: 9n, latestNonce: 9n, balances: { ETH: 5n * ETHER } }
  const swept = (
    balances: Record<string, bigint>,
    estimates: Record<string, Estimate>,
    change: Partial<GasFacts> = {},
  ) =>
    factsOf({
      ...{ source: { nonce: 0n, latestNonce: 0n, balances } },
      ...{ sweep: { estimates, treasury, funding: { gas: 21_000n } }, ...change },
    })
  const TOKEN_GAS = { gas: 60_000n }
  const TOKEN_FEE = 75_000n * FEES.maximumFeePerGas
  const LIMITS = { ETH: { perTransaction: null, left: null, funding: String(ETHER) } }
  const upkeep = (facts: GasFacts, funds: Held = {}, limits: Order['limits'] = LIMITS) =>
    planner.upkeep({ ...order, limits }, fundsOf(funds), facts, [])
  const move = (answer: ReturnType<typeof upkeep>) => {
    if (answer.plan === null) throw new Error(`${answer.reason}`)
    const { from, payment: moved, transfer } = readTemplate(answer.plan.template, NETWORK)
    return { from, ...moved, nonce: transfer.nonce, purpose: answer.plan.purpose, source: answer.plan.source }
  }
  const etherOf = (wei: bigint) => ({ confirmed: () => ({ ETH: wei }) })

  test('ether goes to the treasury but for what the gas may cost', () => {
    expect(move(upkeep(swept({ ETH: ETHER }, { ETH: { gas: 21_000n } }), etherOf(ETHER)))).toEqual({
      ...{ from: US, to: TREASURY, asset: 'ETH', amount: ETHER - FEE, nonce: 0n, purpose: 'sweep', source: 1 },
    })
  })

  test('E29: and for what a rollup charges', () => {
    const facts = swept({ ETH: ETHER }, { ETH: { gas: 21_000n } }, { l1Fee: 77n })
    expect(move(upkeep(facts, etherOf(ETHER))).amount).toBe(ETHER - FEE - 77n)
  })

  test('what is not deep enough, or no longer there, is not moved', () => {
    const facts = swept({ ETH: ETHER }, { ETH: { gas: 21_000n } })
    expect(move(upkeep(facts, etherOf(ETHER / 2n))).amount).toBe(ETHER / 2n - FEE)
    expect(upkeep(facts, etherOf(ETHER / 200n))).toEqual({ plan: null, again: null, reason: null })
    expect(upkeep(swept({ ETH: 0n }, {}), etherOf(ETHER))).toMatchObject({ plan: null })
  })

  test('what is not worth its gas waits for better prices', () => {
    const little = ETHER / 100n
    const dear = { maximumFeePerGas: 50n * GWEI, priorityFeePerGas: GWEI }
    const facts = swept({ ETH: little }, { ETH: { gas: 21_000n } }, { fees: dear })
    expect(upkeep(facts, etherOf(little))).toMatchObject({ plan: null, again: 600_000, reason: /not worth/ })
    expect(upkeep({ ...facts, fees: null }, etherOf(little))).toMatchObject({ plan: null, reason: /maximumFeePerGas/ })
  })

  test('E12: a token gets its gas from the treasury first, moves when that is beyond any reorg, and not before', () => {
    const confirmed = () => ({ TOKEN: 500n })
    const poor = swept({ ETH: 0n, TOKEN: 500n }, { TOKEN: TOKEN_GAS })
    const gift = (TOKEN_FEE * 3n) / 2n
    expect(move(upkeep(poor, { confirmed }))).toEqual({
      ...{ from: TREASURY, to: US, asset: 'ETH', amount: gift, nonce: 9n, purpose: 'funding', source: 0 },
    })
    const funded = swept({ ETH: gift, TOKEN: 500n }, { TOKEN: TOKEN_GAS })
    expect(upkeep(funded, { confirmed })).toEqual({ plan: null, again: null, reason: null })
    expect(move(upkeep(funded, { confirmed, settled: () => ({ ETH: gift }) }))).toMatchObject({
      ...{ from: US, to: TREASURY, asset: 'TOKEN', amount: 500n, purpose: 'sweep', source: 1 },
    })
  })

  test('E12: one transfer of an account at a time', () => {
    const facts = swept({ ETH: ETHER, TOKEN: 500n }, { ETH: { gas: 21_000n }, TOKEN: TOKEN_GAS })
    expect(upkeep(facts, { ...etherOf(ETHER), isBusy: () => true })).toEqual({ plan: null, again: null, reason: null })
  })

  test('E26: what would fail gets no gas, and is tried again later', () => {
    const refused = 'the network would refuse it now: ERC20: blocked'
    const facts = swept({ ETH: 0n, TOKEN: 500n }, { TOKEN: { refused } })
    expect(upkeep(facts, { confirmed: () => ({ TOKEN: 500n }) })).toEqual({
      plan: null,
      again: 600_000,
      reason: refused,
    })
  })

  test('gas is given within what the signer gives, and what the treasury has', () => {
    const facts = swept({ ETH: 0n, TOKEN: 500n }, { TOKEN: TOKEN_GAS })
    const confirmed = () => ({ TOKEN: 500n })
    const limits = { ETH: { perTransaction: null, left: null, funding: '1000' } }
    expect(upkeep(facts, { confirmed }, limits)).toMatchObject({ plan: null, reason: /gasFunding/ })
    expect(upkeep(facts, { confirmed }, {})).toMatchObject({ plan: null, reason: /signer has not said/ })
    const broke = { ...facts, sweep: { ...facts.sweep!, treasury: { ...treasury, balances: { ETH: 1n } } } }
    expect(upkeep(broke, { confirmed })).toMatchObject({ plan: null, reason: /treasury does not hold/ })
    const held = () => fundsOf({ heldUnsigned: () => 'a limit' })
    expect(upkeep(facts, { confirmed, treasury: held })).toMatchObject({ plan: null, reason: /not signed: a limit/ })
  })

  test('the treasury itself needs nothing', () => {
    expect(planner.upkeep(orderOf([]), fundsOf(), factsOf(), [])).toEqual({ plan: null, again: null, reason: null })
  })
})
