import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { decode, encode, encodeForSigning } from 'ripple-binary-codec'
import { deriveAddress, verify } from 'ripple-keypairs'
import { describe, expect, test } from 'vitest'
import { accountOf, xAddressOf } from '../../../adapters/ripple/address.ts'
import { createDeriver } from '../../../adapters/ripple/deriver.ts'
import { networkOf } from '../../../adapters/ripple/network.ts'
import { createSignable } from '../../../adapters/ripple/signable.ts'
import type { Json } from '../../../machines/vocabulary.ts'

const network = networkOf({ networkId: 0 })
const seed = new Uint8Array(64).fill(9)
const deriver = createDeriver(network)
const { address: treasury, publicKey } = deriver.derive(seed, 0)
const key = publicKey.toUpperCase()
const user = 'rPT1Sjq2YGrBMTttX4GZHjKu9dyfzbpAYe'
const signable = createSignable('r', 'XRP', network, { maximumTickets: 50 })

type Transaction = Record<string, Json>
const common = { Account: treasury, Fee: '12', Flags: 0, LastLedgerSequence: 120, SigningPubKey: key }
const payment: Transaction = {
  ...common,
  TransactionType: 'Payment',
  Sequence: 0,
  TicketSequence: 77,
  Destination: user,
  DestinationTag: 0,
  Amount: '1000000',
}
const tickets: Transaction = { ...common, TransactionType: 'TicketCreate', Sequence: 70, TicketCount: 20 }
const requireTags: Transaction = { ...common, TransactionType: 'AccountSet', Sequence: 69, SetFlag: 1 }
const templateOf = (transaction: Transaction): Json => ({ network: 'xrpl-0', transaction })
const without = (transaction: Transaction, field: string): Transaction =>
  Object.fromEntries(Object.entries(transaction).filter(([name]) => name !== field))

describe('what a template does', () => {
  test('a payment pays, tag 0 being a tag, and spends its ticket', () => {
    expect(signable.inspect(templateOf(payment))).toEqual({
      network: 'xrpl-0',
      outputs: [{ to: user, dataField: '0', asset: 'XRP', amount: '1000000' }],
      inputs: [{ address: treasury, amount: '1000012' }],
      fee: '12',
      feeRate: 0,
      spendKeys: [`r:${treasury}:77`],
      bindsSpendKeys: false,
      isReplaceable: true,
      transactionId: null,
    })
  })

  test('without a tag there is none', () => {
    const { outputs } = signable.inspect(templateOf(without(payment, 'DestinationTag')))
    expect(outputs).toMatchObject([{ to: user, dataField: null }])
  })

  test.each([
    ['tickets', tickets, 70],
    ['the demand for tags', requireTags, 69],
  ])('%s: nobody is paid, and the sequence is spent', (_, transaction, place) => {
    const { outputs, fee, inputs, spendKeys } = signable.inspect(templateOf(transaction))
    expect(outputs).toEqual([])
    expect(inputs).toEqual([{ address: treasury, amount: fee }])
    expect(spendKeys).toEqual([`r:${treasury}:${place}`])
  })

  test.each([payment, tickets, requireTags])(
    'signed, it verifies with ripple-keypairs: $TransactionType',
    transaction => {
      const { payloads, assemble } = signable.open(templateOf(transaction))
      const made = () =>
        deriver.sign(
          seed,
          payloads.map(payload => ({ index: 0, payload })),
        )
      const { transactionId, raw } = assemble(made())
      const { TxnSignature, ...rest } = decode(raw)
      expect(rest).toEqual(transaction)
      expect(encodeForSigning(rest)).toBe(encodeForSigning(transaction))
      expect(verify(encodeForSigning(rest), TxnSignature as string, key)).toBe(true)
      expect(transactionId).toMatch(/^[0-9A-F]{64}$/)
      expect(assemble(made())).toEqual({ transactionId, raw })
    },
  )
})

describe('keys', () => {
  test('one account, and a tag an address', () => {
    expect(deriveAddress(key)).toBe(treasury)
    expect(deriver.derive(seed, 0)).toMatchObject({ dataField: null, path: "m/44'/144'/0'/0/0" })
    expect(deriver.derive(seed, 7)).toEqual({ ...deriver.derive(seed, 0), index: 7, dataField: '7' })
  })

  test('X19: no key serves two networks', () => {
    const addresses = [0, 1, 2, 1024, 21337].map(
      networkId => createDeriver(networkOf({ networkId })).derive(seed, 0).address,
    )
    expect(new Set(addresses).size).toBe(addresses.length)
  })

  test("ripple-keypairs' own key has the address that it says", () => {
    const { secp256k1: vector } = JSON.parse(readFileSync('test/vectors/ripple/keypairs.json', 'utf8')) as {
      secp256k1: { keypair: { publicKey: string }; address: string }
    }
    expect(accountOf(Buffer.from(vector.keypair.publicKey, 'hex'))).toBe(vector.address)
  })
})

describe('X17: what is not known by a list is refused', () => {
  const cases: [string, Transaction, string?][] = [
    ['a partial payment', { ...payment, Flags: 0x0002_0000 }],
    ['limit quality', { ...payment, Flags: 0x0004_0000 }],
    ['SendMax', { ...payment, SendMax: '2000000' }],
    ['DeliverMin', { ...payment, DeliverMin: '1' }],
    ['Paths', { ...payment, Paths: [] }],
    ['Memos', { ...payment, Memos: [] }],
    ['SourceTag', { ...payment, SourceTag: 1 }],
    ['InvoiceID', { ...payment, InvoiceID: 'A'.repeat(64) }],
    ['Delegate', { ...payment, Delegate: user }],
    ['Sponsor', { ...payment, Sponsor: user }],
    ['Signers', { ...payment, Signers: [] }],
    ['a signature', { ...payment, TxnSignature: '00' }],
    ['an issued token', { ...payment, Amount: { currency: 'XRP', issuer: user, value: '1' } }],
    ['an amount of nothing', { ...payment, Amount: '0' }],
    ['more than there is', { ...payment, Amount: '100000000000000001' }],
    ['an amount with a point', { ...payment, Amount: '1.0' }],
    ['a payment by sequence', { ...without(payment, 'TicketSequence'), Sequence: 71 }],
    ['sequence and ticket', { ...payment, Sequence: 71 }],
    ['no last ledger', without(payment, 'LastLedgerSequence')],
    ['no fee', without(payment, 'Fee')],
    ['no flags', without(payment, 'Flags')],
    ['an empty key', { ...payment, SigningPubKey: '' }],
    ['another key', { ...payment, SigningPubKey: `02${'1'.repeat(64)}` }, 'not that of the account'],
    ['another account', { ...payment, Account: user, Destination: treasury }, 'not that of the account'],
    ['a payment to itself', { ...payment, Destination: treasury }, 'to itself'],
    [
      'an X-address, in which a tag could hide',
      { ...payment, Destination: xAddressOf({ account: user, tag: 5 }, network) },
    ],
    ['a destination that is none', { ...payment, Destination: 'rrrrrrrrrrrrrrrrrrrrrrrrrrrrr' }, 'is no account'],
    ['an account id below 1025', { ...payment, NetworkID: 1 }, 'NetworkID is to be absent'],
    ['more tickets than the policy allows', { ...tickets, TicketCount: 51 }, 'over the limit of 50'],
    ['more tickets than there can be', { ...tickets, TicketCount: 251 }],
    ['no tickets', { ...tickets, TicketCount: 0 }],
    ['tickets by a ticket', { ...tickets, Sequence: 0, TicketSequence: 77 }],
    ['another flag of the account', { ...requireTags, SetFlag: 4 }],
    ['a flag that is cleared', { ...without(requireTags, 'SetFlag'), ClearFlag: 1 }],
    ['a flag and more', { ...requireTags, TransferRate: 1_200_000_000 }],
    ...[
      'SetRegularKey',
      'SignerListSet',
      'AccountDelete',
      'EscrowCreate',
      'CheckCreate',
      'TrustSet',
      'OfferCreate',
      'Batch',
      'DelegateSet',
    ].map((TransactionType): [string, Transaction] => [TransactionType, { ...common, TransactionType, Sequence: 71 }]),
  ]
  test.each(cases)('%s', (_, transaction, message = 'no transaction that is signed here') => {
    expect(() => signable.open(templateOf(transaction))).toThrow(message)
    expect(() => signable.inspect(templateOf(transaction))).toThrow(
      expect.objectContaining({ kind: 'invalid-template' }),
    )
  })

  test('another network', () => {
    expect(() => signable.inspect({ network: 'xrpl-1', transaction: payment })).toThrow('not for xrpl-0')
  })

  test('X9: from 1025 on the id stands in the transaction', () => {
    const named = networkOf({ networkId: 21_337 })
    const own = createDeriver(named).derive(seed, 0)
    const there = { ...payment, Account: own.address, SigningPubKey: own.publicKey.toUpperCase() }
    const other = createSignable('x', 'XAH', named, { maximumTickets: 1 })
    const at = (transaction: Transaction): Json => ({ network: 'xrpl-21337', transaction })
    expect(() => other.inspect(at(there))).toThrow('NetworkID is to be 21337')
    expect(() => other.inspect(at({ ...there, NetworkID: 21_338 }))).toThrow('NetworkID is to be 21337')
    expect(other.inspect(at({ ...there, NetworkID: 21_337 })).outputs).toHaveLength(1)
  })

  test('a payment that anything was done to is refused, or does what it says', () => {
    const fields = fc.oneof(
      fc.record({ Amount: fc.bigInt({ min: 0n, max: 10n ** 18n }).map(String) }),
      fc.record({ DestinationTag: fc.nat(2 ** 33) }),
      fc.record({ Flags: fc.nat() }),
      fc.record({ TicketSequence: fc.nat() }),
      fc.dictionary(fc.string({ minLength: 1, maxLength: 12 }), fc.jsonValue(), { minKeys: 1, maxKeys: 2 }),
    )
    fc.assert(
      fc.property(fields, change => {
        const transaction: Transaction = { ...payment, ...(change as Transaction) }
        let found
        try {
          found = signable.inspect(templateOf(transaction))
        } catch (error) {
          expect(error).toMatchObject({ type: 'boundary', kind: 'invalid-template' })
          return
        }
        expect(found.outputs).toEqual([
          { to: user, dataField: JSON.stringify(transaction.DestinationTag), asset: 'XRP', amount: transaction.Amount },
        ])
      }),
      { numRuns: 1_000 },
    )
  })

  test("ripple-binary-codec's own transactions: none is one of ours, payments included", () => {
    const { whole_objects: all } = JSON.parse(readFileSync('test/vectors/ripple/data-driven-tests.json', 'utf8')) as {
      whole_objects: { tx_json: Transaction; blob_with_no_signing: string }[]
    }
    expect(all.length).toBeGreaterThan(10)
    for (const { tx_json: transaction, blob_with_no_signing: blob } of all) {
      expect(encode(transaction)).toBe(blob)
      expect(() => signable.inspect(templateOf(transaction))).toThrow('no transaction that is signed here')
    }
  })
})

describe('destinations', () => {
  const tagged = xAddressOf({ account: user, tag: 5 }, network)
  test('X3: tag 0 is a tag, and an X-address is taken apart', () => {
    expect(signable.destination(user, '0')).toEqual({ canonical: user, dataField: '0' })
    expect(signable.destination(user, null)).toEqual({ canonical: user, dataField: null })
    expect(signable.destination(tagged, null)).toEqual({ canonical: user, dataField: '5' })
    expect(signable.destination(tagged, '5')).toEqual({ canonical: user, dataField: '5' })
  })
  test.each([
    [tagged, '6', 'names the tag 5'],
    [user, '-1', 'destination tag'],
    [user, '05', 'destination tag'],
    [user, '4294967296', 'destination tag'],
    [user, 'five', 'destination tag'],
    [xAddressOf({ account: user, tag: 5 }, networkOf({ networkId: 1 })), null, 'no address of xrpl-0'],
    [`${user}x`, null, 'no address of xrpl-0'],
  ])('%s with %s is refused', (to, dataField, message) => {
    expect(signable.destination(to, dataField)).toEqual({ refused: expect.stringContaining(message) as string })
  })
})
