import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addressOf, accountKeyOf } from '../../../adapters/nano/address.ts'
import { hashOf, ZERO_HASH, type StateBlock } from '../../../adapters/nano/block.ts'
import { createDeriver } from '../../../adapters/nano/deriver.ts'
import { verify } from '../../../adapters/nano/ed25519.ts'
import { networkOf } from '../../../adapters/nano/network.ts'
import { createSignable } from '../../../adapters/nano/signable.ts'
import type { Json } from '../../../machines/vocabulary.ts'
import { createLattice, type NanoTemplate } from './lattice.ts'

const network = networkOf('nano-dev')
const seed = new Uint8Array(64).fill(7)
const deriver = createDeriver(network)
const [treasury, deposit, user, representative] = [0, 1, 50, 60].map(index => deriver.derive(seed, index).address)
if (!treasury || !deposit || !user || !representative) throw new Error('four accounts')
const signable = createSignable('n', 'XNO', network, { representative })
const { keyOf, block, template, hash } = createLattice(network, representative)
const NANO = 10n ** 30n

/** The treasury has 10, and the sender that paid it 5 left of 15. */
const faucet = block(user, null, 15n * NANO, 'A'.repeat(64))
const paid = block(user, faucet, 5n * NANO, keyOf(treasury))
const opened = block(treasury, null, 10n * NANO, hash(paid))
const send = template(block(treasury, opened, 7n * NANO, keyOf(user)), opened)
const open = template(opened, null, { block: paid, previous: faucet })
const paidAgain = block(user, paid, 1n * NANO, keyOf(treasury))
const receive = template(block(treasury, opened, 14n * NANO, hash(paidAgain)), opened, {
  block: paidAgain,
  previous: paid,
})

describe('what a template does', () => {
  test('a send pays what the balance falls by', () => {
    expect(signable.inspect(send)).toEqual({
      network: 'nano-dev',
      outputs: [{ to: user, dataField: null, asset: 'XNO', amount: String(3n * NANO) }],
      inputs: [{ address: treasury, amount: String(3n * NANO) }],
      fee: '0',
      feeRate: 0,
      spendKeys: [`n:${treasury}:${send.block.previous}`],
      bindsSpendKeys: true,
      isReplaceable: false,
      transactionId: hashOf(send.block, network),
    })
  })

  test.each([
    ['the first of an account', open, ZERO_HASH],
    ['a later one', receive, hashOf(opened, network)],
  ])('a receive pays nobody, and uses up its source: %s', (_, template, previous) => {
    const { outputs, inputs, spendKeys } = signable.inspect(template)
    expect(outputs).toEqual([])
    expect(inputs).toEqual([{ address: treasury, amount: '0' }])
    expect(spendKeys).toEqual([`n:${treasury}:${previous}`, `n:${template.block.link}`])
  })

  test('N5: what is signed is the hash, without work, and the same each time', () => {
    const { payloads, assemble } = signable.open(send)
    const made = () =>
      deriver.sign(
        seed,
        payloads.map(payload => ({ index: 0, payload })),
      )
    const { transactionId, raw } = assemble(made())
    const { signature, ...rest } = JSON.parse(raw) as StateBlock & { signature: string }
    expect(rest).toEqual(send.block)
    expect(hashOf(rest, network)).toBe(transactionId)
    const message = Uint8Array.from(Buffer.from(transactionId, 'hex'))
    expect(verify(Buffer.from(signature, 'hex'), message, accountKeyOf(treasury, network))).toBe(true)
    expect(assemble(made())).toEqual({ transactionId, raw })
  })

  test('a key signs for its own account only', () => {
    const { payloads } = signable.open(send)
    const sign = () =>
      deriver.sign(
        seed,
        payloads.map(payload => ({ index: 1, payload })),
      )
    expect(sign).toThrow('a payload for')
  })
})

describe('what is not understood entirely is refused', () => {
  const changed = (template: NanoTemplate, change: Partial<StateBlock>): Json => ({
    ...template,
    block: { ...template.block, ...change },
  })
  const cases: [string, Json, string][] = [
    [
      'N4: a balance from another previous block',
      { ...send, previous: { ...opened, balance: '1' } },
      'previous block is not',
    ],
    ['a previous block that is missing', { ...send, previous: null }, 'is missing'],
    [
      'a previous block of another account',
      { ...send, previous: paid, block: block(treasury, paid, 1n, keyOf(user)) },
      'another account',
    ],
    ['N15: a send with another representative', changed(send, { representative: user }), 'the representative'],
    ['N15: a first block with another representative', changed(open, { representative: user }), 'the representative'],
    [
      'N15: a change of representative alone',
      changed(send, { balance: opened.balance, representative: user }),
      'the representative',
    ],
    ['an epoch block, or any other that moves nothing', changed(send, { balance: opened.balance }), 'moves nothing'],
    ['N19: a send to the burn account', changed(send, { link: ZERO_HASH }), 'burn account'],
    ['a send with a source', { ...send, source: open.source }, 'no source'],
    ['a receive without its source', { ...receive, source: null }, 'is missing'],
    ['a receive of another source', { ...receive, source: open.source }, 'the source is not'],
    ['a receive of more than was sent', changed(receive, { balance: String(15n * NANO) }), 'the balance grows by'],
    ['a receive of less than was sent', changed(receive, { balance: String(11n * NANO) }), 'the balance grows by'],
    [
      'a receive of what was sent to another',
      { ...open, block: block(deposit, null, 10n * NANO, hash(paid)) },
      'does not pay this account',
    ],
    [
      'a source without its own previous block',
      { ...receive, source: { block: paidAgain, previous: faucet } },
      'previous block is not',
    ],
    ['a balance over 128 bits', changed(receive, { balance: String(1n << 128n) }), 'not of the form'],
    ['a balance below zero', changed(send, { balance: '-1' }), 'not of the form'],
    ['a balance with leading zeros', changed(send, { balance: '07' }), 'not of the form'],
    ['a balance that is no number', changed(send, { balance: 'one' }), 'not of the form'],
    ['a hash in small letters', changed(send, { link: send.block.link.toLowerCase() }), 'not of the form'],
    ['another field', { ...send, work: '0' }, 'not of the form'],
    ['another network', { ...send, network: 'nano' }, 'not for nano-dev'],
    ['an account that is none', changed(send, { account: `${treasury.slice(0, -1)}1` }), 'checksum'],
    ['no object', null, 'not of the form'],
  ]
  test.each(cases)('%s', (_, template, message) => {
    expect(() => signable.inspect(template)).toThrow(message)
    expect(() => signable.open(template)).toThrow(expect.objectContaining({ kind: 'invalid-template' }))
  })

  test('whatever a changed template does, it says so: another field, another hash, another inspection', () => {
    const hex = fc.stringMatching(/^[0-9A-F]{64}$/)
    const field = fc.oneof(
      fc.record({ balance: fc.bigInt({ min: 0n, max: 10n * NANO }).map(String) }),
      fc.record({ link: hex }),
      fc.record({ previous: hex }),
      fc.record({ account: hex.map(key => addressOf(Buffer.from(key, 'hex'), network)) }),
      fc.record({ representative: hex.map(key => addressOf(Buffer.from(key, 'hex'), network)) }),
    )
    fc.assert(
      fc.property(fc.constantFrom(send, open, receive), field, (template, change) => {
        const mutant = changed(template, change)
        fc.pre(!isDeepStrictEqual(mutant, template))
        let found
        try {
          found = signable.inspect(mutant)
        } catch (error) {
          expect(error).toMatchObject({ type: 'boundary', kind: 'invalid-template' })
          return
        }
        // Only a send can be another send of the same account: to somebody else, or of another amount.
        expect(template).toBe(send)
        const { block: own } = mutant as NanoTemplate
        expect(found.outputs).toEqual([
          {
            to: addressOf(Buffer.from(own.link, 'hex'), network),
            dataField: null,
            asset: 'XNO',
            amount: String(BigInt(opened.balance) - BigInt(own.balance)),
          },
        ])
        expect(found.transactionId).toBe(hashOf(own, network))
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('destinations', () => {
  test('one form for equal ones', () => {
    expect(signable.destination(user.replace('nano_', 'xrb_'), null)).toEqual({ canonical: user, dataField: null })
  })
  test('N19: the burn account', () => {
    expect(signable.destination(addressOf(new Uint8Array(32), network), null)).toHaveProperty('refused')
  })
  test('there are no data fields', () => {
    expect(signable.destination(user, '1')).toEqual({ refused: 'nano-dev has no data field' })
  })
})
