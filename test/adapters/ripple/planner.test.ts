import { describe, expect, test } from 'vitest'
import type { Order, Payment, Plan } from '../../../adapters/adapter.ts'
import type { RippleFunds } from '../../../adapters/ripple/funds.ts'
import type { DestinationFacts, RippleFacts } from '../../../adapters/ripple/gather.ts'
import { networkOf } from '../../../adapters/ripple/network.ts'
import { createPlanner } from '../../../adapters/ripple/planner.ts'
import { createSignable } from '../../../adapters/ripple/signable.ts'
import { worldKey } from '../../../src/devnet/ripple/transaction.ts'
import { network, publicKey, signable, treasury } from './world.ts'

const XRP = 1_000_000n
const options = { asset: 'XRP', maximumFee: 1000n, tickets: { low: 3, high: 10 } }
const planner = createPlanner('xrp', network, options)
const stranger = worldKey('stranger').account

const open: DestinationFacts = { exists: true, requiresTag: false, isOpen: true }
const facts: RippleFacts = {
  ...{ tipHeight: 90, height: 92, fee: 12n, baseReserve: XRP, ownerReserve: XRP / 5n, isPartial: false },
  account: { balance: 100n * XRP, sequence: 40, owned: 5, requiresTags: true },
  tickets: [31, 32, 33, 34, 35],
  destinations: new Map([[stranger, open]]),
}
const funds: RippleFunds = {
  ...{ height: 90, publicKey: publicKey.toUpperCase(), committed: 0n, isDemandingTags: false },
  isFree: () => true,
}
const taken = (...places: number[]): RippleFunds => ({ ...funds, isFree: place => !places.includes(place) })

const order: Omit<Order, 'payments'> = { source: { index: 0, address: treasury }, treasury, limits: {} }
const payment = (fields: Partial<Payment> = {}): Payment => ({
  ...{ withdrawal: 'w-1', to: stranger, dataField: '7', asset: 'XRP', amount: '2000000' },
  ...fields,
})

const planOf = (payments: Payment[], its = facts, our = funds, limits: Order['limits'] = {}) =>
  planner.plan({ ...order, limits, payments }, our, its)
const passedOf = (payments: Payment[], its = facts, our = funds, limits: Order['limits'] = {}) =>
  planOf(payments, its, our, limits).passed.map(({ kind }) => kind)
const upkeepOf = (its = facts, our = funds) => planner.upkeep(order, our, its, [])
const inspect = ({ template }: Pick<Plan, 'template'>) => signable.inspect(template)

describe('a withdrawal', () => {
  test('spends the first free ticket, and pays what was asked for', () => {
    const plan = planOf([payment()], facts, taken(31, 32)) as Plan
    expect(plan).toMatchObject({
      ...{ purpose: 'payment', source: 0, paid: ['w-1'], passed: [], fee: '12', spendKeys: [`xrp:${treasury}:33`] },
    })
    expect(inspect(plan)).toMatchObject({
      outputs: [{ to: stranger, dataField: '7', asset: 'XRP', amount: '2000000' }],
      fee: '12',
      spendKeys: plan.spendKeys,
    })
  })

  test('X20: may be in a ledger for twenty from the last validated one on', () => {
    const { template } = planOf([payment()]) as Plan
    expect(template).toMatchObject({ transaction: { LastLedgerSequence: 112, Sequence: 0, TicketSequence: 31 } })
  })

  test('X20: one that has waited is made for later ledgers, on the same ticket, before it is signed', () => {
    const { template, spendKeys } = planOf([payment()]) as Plan
    expect(planner.renew!(template, 92)).toBeNull()
    expect(planner.renew!(template, 102)).toBeNull()
    const renewed = planner.renew!(template, 103)!
    expect(renewed).toMatchObject({ transaction: { LastLedgerSequence: 123 } })
    expect(inspect({ template: renewed })).toEqual({ ...inspect({ template }), spendKeys })
  })

  test('X9: names the network from 1025 on', () => {
    const far = networkOf({ networkId: 2000 })
    const plan = createPlanner('far', far, options).plan({ ...order, payments: [payment()] }, funds, facts) as Plan
    expect(createSignable('far', 'XRP', far, { maximumTickets: 0 }).inspect(plan.template).network).toBe('xrpl-2000')
    expect(plan.template).toMatchObject({ transaction: { NetworkID: 2000 } })
  })

  const facing = (destination: DestinationFacts) => ({ ...facts, destinations: new Map([[stranger, destination]]) })

  test.each([
    ['to nobody, below the reserve', facing({ ...open, exists: false }), payment({ amount: '999999' })],
    ['without the tag that is demanded', facing({ ...open, requiresTag: true }), payment({ dataField: null })],
    ['to whom takes nothing from us', facing({ ...open, isOpen: false }), payment()],
    ['to ourselves', { ...facts, destinations: new Map([[treasury, open]]) }, payment({ to: treasury })],
  ])('X9: %s is passed over, and the next is paid', (_, its, refused) => {
    const destinations = new Map([...its.destinations, [worldKey('other').account, open] as const])
    const other = payment({ withdrawal: 'w-2', to: worldKey('other').account })
    const plan = planOf([refused, other], { ...its, destinations })
    expect(plan).toMatchObject({ paid: ['w-2'], passed: [{ withdrawal: 'w-1', kind: 'refused' }] })
  })

  test('to nobody, with the reserve, makes the account', () => {
    expect(planOf([payment({ amount: '1000000' })], facing({ ...open, exists: false }))).toMatchObject({
      paid: ['w-1'],
    })
  })

  test('the reserves and what is under way are not spendable', () => {
    // 100 XRP without 1 for the account and 0.2 for each of five things that it owns.
    const all = 98n * XRP - 12n
    expect(passedOf([payment({ amount: String(all) })])).toEqual([])
    expect(passedOf([payment({ amount: String(all + 1n) })])).toEqual(['funds'])
    expect(passedOf([payment({ amount: String(all) })], facts, { ...funds, committed: 1n })).toEqual(['funds'])
    expect(passedOf([payment()], { ...facts, account: null })).toEqual(['funds'])
  })

  test("the signer's limits and the cap on fees", () => {
    const limit = (perTransaction: string | null, left: string | null) => ({ XRP: { perTransaction, left } })
    expect(passedOf([payment()], facts, funds, limit('1999999', null))).toEqual(['limit'])
    expect(passedOf([payment()], facts, funds, limit('2000011', null))).toEqual(['fee'])
    expect(passedOf([payment()], facts, funds, limit(null, '2000011'))).toEqual(['left'])
    expect(passedOf([payment()], facts, funds, limit('2000012', '2000012'))).toEqual([])
    expect(passedOf([payment(), payment({ withdrawal: 'w-2' })], { ...facts, fee: 1001n })).toEqual(['cap', 'cap'])
  })

  test('without a free ticket waits for upkeep', () => {
    expect(passedOf([payment()], facts, taken(...facts.tickets))).toEqual(['upkeep'])
  })

  test('of whom nobody has looked at waits its turn', () => {
    const other = payment({ withdrawal: 'w-0', to: worldKey('other').account })
    expect(planOf([other, payment()])).toMatchObject({ paid: ['w-1'], passed: [] })
    expect(planOf([other], { ...facts, isPartial: true })).toMatchObject({ passed: [] })
    expect(upkeepOf({ ...facts, isPartial: true })).toMatchObject({ plan: null, again: 0 })
  })

  test('A2: nothing is planned on facts of another block than ours', () => {
    expect(planOf([payment()], facts, { ...funds, height: 91 })).toMatchObject({ passed: [] })
    expect(planOf([payment()], facts, { ...funds, height: 91 })).toHaveProperty('shortfall')
    expect(upkeepOf(facts, { ...funds, height: 91 })).toEqual({ plan: null, again: 0, reason: null })
  })
})

describe('upkeep', () => {
  test('nothing where there is enough', () => {
    expect(upkeepOf()).toEqual({ plan: null, again: null, reason: null })
  })

  test('below the low mark tickets are filled up to the high one, by the sequence', () => {
    const { plan } = upkeepOf(facts, taken(31, 32, 33))
    expect(plan).toMatchObject({ purpose: 'upkeep', paid: [], spendKeys: [`xrp:${treasury}:40`] })
    expect(plan!.template).toMatchObject({
      transaction: { TransactionType: 'TicketCreate', TicketCount: 8, Sequence: 40 },
    })
    expect(inspect(plan!).outputs).toEqual([])
  })

  test('one making at a time', () => {
    expect(upkeepOf(facts, taken(31, 32, 33, 40)).plan).toBeNull()
  })

  test('no more than the reserve allows, nor than an account may hold', () => {
    const account = { balance: 3_400_012n, sequence: 40, owned: 5, requiresTags: true }
    expect(upkeepOf({ ...facts, account }, taken(31, 32, 33)).plan?.template).toMatchObject({
      transaction: { TicketCount: 7 },
    })
    const poor = upkeepOf({ ...facts, account: { ...account, balance: 2_000_100n } }, taken(31, 32, 33))
    expect(poor).toMatchObject({ plan: null, reason: expect.stringContaining('reserve') as string })
    const many = Array.from({ length: 248 }, (_, n) => n + 1)
    const rich = { ...account, balance: 1000n * XRP, sequence: 400 }
    expect(upkeepOf({ ...facts, account: rich, tickets: many }, taken(...many)).plan?.template).toMatchObject({
      transaction: { TicketCount: 2 },
    })
    expect(upkeepOf({ ...facts, account: null }).reason).toContain('base reserve')
  })

  test('X3: the account demands tags, once, on a ticket', () => {
    const account = { ...facts.account!, requiresTags: false }
    const { plan } = upkeepOf({ ...facts, account })
    expect(plan!.template).toMatchObject({
      transaction: { TransactionType: 'AccountSet', SetFlag: 1, TicketSequence: 31 },
    })
    expect(plan!.spendKeys).toEqual([`xrp:${treasury}:31`])
    expect(upkeepOf({ ...facts, account }, { ...funds, isDemandingTags: true }).plan).toBeNull()
  })

  test('nothing above the cap on fees', () => {
    expect(upkeepOf({ ...facts, fee: 1001n }, taken(31, 32, 33)).plan).toBeNull()
  })
})
