import { describe, expect, test } from 'vitest'
import { checkWhole, factsOf } from '../../../adapters/ripple/block.ts'
import { ledgerShape, type LedgerAnswer } from '../../../adapters/ripple/shapes.ts'
import { createWatch } from '../../../adapters/ripple/watch.ts'
import { worldKey } from '../../../src/devnet/ripple/transaction.ts'
import { treasury } from './world.ts'

const stranger = worldKey('stranger').account
const HASH = 'A'.repeat(64)
const ID = 'B'.repeat(64)

const watch = createWatch()
watch.addAddress(0, treasury)
watch.addAddress(7, treasury)
const context = { chain: 'xrp', asset: 'XRP', watch }

/** Our balance before and after, as metadata say it. */
const changed = (before: string, after: string) => ({
  ModifiedNode: {
    LedgerEntryType: 'AccountRoot',
    FinalFields: { Account: treasury, Balance: after },
    PreviousFields: { Balance: before },
  },
})

const usual = {
  hash: ID,
  tx_json: {
    TransactionType: 'Payment',
    Account: stranger,
    Destination: treasury,
    DestinationTag: 7,
    DeliverMax: '500',
    Fee: '10',
    Flags: 0,
    Sequence: 4,
  },
  meta: {
    TransactionResult: 'tesSUCCESS',
    TransactionIndex: 0,
    AffectedNodes: [changed('100', '600')],
    delivered_amount: '500' as unknown,
  },
}

type Entry = typeof usual
const entry = (fields: object, meta: object = {}): Entry => ({
  ...usual,
  tx_json: { ...usual.tx_json, ...fields },
  meta: { ...usual.meta, ...meta },
})

function ledgerOf(...transactions: object[]): LedgerAnswer {
  const header = { ledger_hash: HASH, ledger_index: 9, parent_hash: HASH, transaction_hash: ID, close_time: 1 }
  return ledgerShape.parse({ validated: true, ledger: { ...header, transactions } }).ledger
}

const factsIn = (...transactions: object[]) => factsOf(context, ledgerOf(...transactions))
const paymentsIn = (...transactions: object[]) =>
  factsIn(...transactions).flatMap(fact => (fact.kind === 'payment.seen' ? [fact] : []))

describe('payments to us', () => {
  test('by what was delivered and by its tag, under the id of its transaction', () => {
    expect(factsIn(usual)).toEqual([
      {
        kind: 'payment.seen',
        ...{ id: `xrp:${ID}`, transaction: ID, output: 0, address: treasury, dataField: '7', index: 7 },
        ...{ asset: 'XRP', amount: '500', place: { height: 9, hash: HASH }, own: false, doubt: null },
      },
      { kind: 'balance.changed', transaction: ID, account: treasury, delta: '500', place: { height: 9, hash: HASH } },
    ])
  })

  test('X13: the same in the shape of version 1', () => {
    const { hash, tx_json, meta } = usual
    const { DeliverMax, ...fields } = tx_json
    expect(factsIn({ ...fields, Amount: DeliverMax, hash, metaData: meta })).toEqual(factsIn(usual))
  })

  test('X1: a partial payment is held, and is what it delivered', () => {
    const partial = entry(
      { DeliverMax: '9000', Flags: 0x0002_0000 },
      { delivered_amount: '1', AffectedNodes: [changed('100', '101')] },
    )
    expect(paymentsIn(partial)).toMatchObject([{ amount: '1', doubt: expect.stringContaining('partial') as string }])
  })

  test.each([['unavailable'], [undefined]])('X1: delivered %s is held, and is what has arrived', delivered => {
    const held = entry({ Flags: 0x0002_0000 }, { delivered_amount: delivered })
    expect(paymentsIn(held)).toMatchObject([{ amount: '500', doubt: expect.any(String) as string }])
  })

  test.each([
    ['an issued token that is called XRP', { currency: 'XRP', issuer: stranger, value: '500' }],
    ['an MPT', { mpt_issuance_id: '0'.repeat(48), value: '500' }],
  ])('X1: %s is no XRP', (_, delivered) => {
    expect(factsIn(entry({ DeliverMax: delivered }, { delivered_amount: delivered, AffectedNodes: [] }))).toEqual([])
  })

  test('X2: what failed credits nothing', () => {
    expect(factsIn(entry({}, { TransactionResult: 'tecPATH_PARTIAL', AffectedNodes: [] }))).toEqual([])
  })

  test('to another account, or of a transaction that names ours and changes nothing: nothing', () => {
    expect(factsIn(entry({ Destination: stranger }, { AffectedNodes: [] }))).toEqual([])
  })

  test.each([
    ['no tag', undefined, null, 'it names no destination tag'],
    ['tag 0', 0, '0', 'nobody has the destination tag 0'],
    ['a tag that was not made', 8, '8', 'nobody has the destination tag 8'],
  ])('X3: %s waits for a person', (_, DestinationTag, dataField, doubt) => {
    expect(paymentsIn(entry({ DestinationTag }))).toMatchObject([{ index: 0, dataField, doubt, amount: '500' }])
  })

  test('X4: what is no payment and brings us XRP is held', () => {
    const escrow = entry(
      { TransactionType: 'EscrowFinish', Destination: undefined, DestinationTag: undefined },
      { delivered_amount: undefined },
    )
    expect(paymentsIn(escrow)).toMatchObject([
      { amount: '500', dataField: null, doubt: 'it is no payment: EscrowFinish' },
    ])
  })

  test('X11: an inner payment of a batch has an id of its own, and the batch itself credits nothing', () => {
    const inner = { ...entry({ Fee: '0' }, { TransactionIndex: 1, ParentBatchID: HASH }), hash: 'C'.repeat(64) }
    const raw = [{ RawTransaction: usual.tx_json }]
    const outer = entry(
      { TransactionType: 'Batch', Destination: undefined, DestinationTag: undefined, RawTransactions: raw },
      { AffectedNodes: [], delivered_amount: undefined },
    )
    expect(paymentsIn(outer, inner)).toMatchObject([{ id: `xrp:${'C'.repeat(64)}`, amount: '500', doubt: null }])
  })

  test('an account that is made begins with what it was paid', () => {
    const created = {
      CreatedNode: { LedgerEntryType: 'AccountRoot', NewFields: { Account: treasury, Balance: '500' } },
    }
    expect(factsIn(entry({}, { AffectedNodes: [created] }))).toEqual(factsIn(usual))
  })

  test('metadata that say otherwise than the amount delivered are an outage', () => {
    expect(() => factsIn(entry({}, { AffectedNodes: [changed('100', '601')] }))).toThrow('our balance changed by 501')
  })
})

describe('what is spent', () => {
  const ours = { Account: treasury, Destination: stranger, DestinationTag: undefined }

  test('a ticket, with the fee and what left', () => {
    const facts = factsIn(
      entry({ ...ours, Sequence: 0, TicketSequence: 12 }, { AffectedNodes: [changed('600', '90')] }),
    )
    expect(facts).toEqual([
      {
        kind: 'spend.seen',
        ...{ keys: [`xrp:${treasury}:12`], transaction: ID, place: { height: 9, hash: HASH } },
        ...{ executed: true, fee: '10' },
      },
      { kind: 'balance.changed', transaction: ID, account: treasury, delta: '-510', place: { height: 9, hash: HASH } },
    ])
  })

  test('X2: one that failed has spent its place and its fee', () => {
    const failed = entry(ours, { TransactionResult: 'tecUNFUNDED_PAYMENT', AffectedNodes: [changed('600', '590')] })
    expect(factsIn(failed)).toMatchObject([
      { kind: 'spend.seen', keys: [`xrp:${treasury}:4`], executed: false },
      { kind: 'balance.changed', delta: '-10' },
    ])
  })
})

describe('X15: a whole ledger', () => {
  const first = entry({}, { TransactionIndex: 0 })
  const second = { ...entry({}, { TransactionIndex: 1 }), hash: 'C'.repeat(64) }

  test('has its transactions in any order, and is read in its own', () => {
    checkWhole(ledgerOf(second, first))
    expect(paymentsIn(second, first).map(({ transaction }) => transaction)).toEqual([ID, 'C'.repeat(64)])
  })

  test.each([
    ['without any, though it names some', []],
    ['with the first missing', [second]],
    ['with one twice', [first, first]],
  ])('%s is an outage', (_, transactions) => {
    expect(() => checkWhole(ledgerOf(...transactions))).toThrow(/ledger 9 with/)
  })

  test('that is empty is whole', () => {
    checkWhole({ ...ledgerOf(), transaction_hash: '0'.repeat(64) })
  })
})
