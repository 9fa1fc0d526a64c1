/** A signer that serves a block lattice and a ledger with destination tags, asked over its API. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AuthorisedIntent, Intent, Json } from '../../machines/vocabulary.ts'
import { createDeriver as createNanoDeriver } from '../../adapters/nano/deriver.ts'
import { networkOf as nanoNetworkOf } from '../../adapters/nano/network.ts'
import { xAddressOf } from '../../adapters/ripple/address.ts'
import { createDeriver as createRippleDeriver } from '../../adapters/ripple/deriver.ts'
import { networkOf as rippleNetworkOf } from '../../adapters/ripple/network.ts'
import { checkProof, proveKeys } from '../../src/signer/offline/prove.ts'
import { createLattice } from '../adapters/nano/lattice.ts'
import * as rigs from './rig.ts'
import { ask, attemptPath, authorised, grow, reasonKinds } from './rig.ts'

const lattice = nanoNetworkOf('nano-dev')
const nanoKeys = createNanoDeriver(lattice)
const nano = (index: number): string => nanoKeys.derive(rigs.SEED, index).address
const PAYEE = 'nano_1sjkhzzeuhup4u9fbd9f77k9puwfbaadymfjnjgbtmiuchqqnmodbwrsnhn9'
const REPRESENTATIVE = 'nano_3e3j5tkog48pnny9dmfzj1r16pg8t1e76dz5tmac6iq689wyjfpiij4txtdo'

const ledger = rippleNetworkOf({ networkId: 0 })
const account = createRippleDeriver(ledger).derive(rigs.SEED, 0)
const RECEIVER = 'rPT1Sjq2YGrBMTttX4GZHjKu9dyfzbpAYe'

const YAML = `${rigs.standard({})}  nano: { family: nano, network: nano-dev, asset: XNO, representative: "${REPRESENTATIVE}", policy: { perTransaction: "5000" } }
  ripple: { family: ripple, network: { networkId: 0 }, asset: XRP, policy: { maximumFee: "1000", maximumTickets: 50, perDay: "5000000" } }
`

let rig: rigs.Rig
let signer: rigs.Signer
beforeEach(async () => {
  rig = await rigs.createRig(YAML)
  signer = await rigs.start(rig)
  await grow(signer, 3, 'nano')
  await grow(signer, 6, 'ripple')
})
afterEach(async () => {
  await signer.stop()
  await rigs.discard(rig)
})
const restart = async () => {
  await signer.stop()
  signer = await rigs.start(rig)
}

const one = (id: string, changes: Partial<Intent>): AuthorisedIntent[] => [authorised(rigs.intent(id, 1_000n, changes))]
const signOn =
  (chain: string) =>
  (name: string, n: number, template: Json, intents: AuthorisedIntent[] = []) =>
    ask(signer, 'PUT', attemptPath(name, n, chain), { template, intents })

describe('a signer of a block lattice', () => {
  const sign = signOn('nano')
  const { block, template, keyOf, hash } = createLattice(lattice, REPRESENTATIVE)
  const faucet = block(PAYEE, null, 10n ** 31n, 'A'.repeat(64))
  const paid = block(PAYEE, faucet, 10n ** 30n, keyOf(nano(0)))
  const opened = block(nano(0), null, 9n * 10n ** 30n, hash(paid))
  const send = (amount: bigint, to = PAYEE, previous = opened) =>
    template(block(nano(0), previous, BigInt(previous.balance) - amount, keyOf(to)), previous)
  const asked = (id: string, changes: Partial<Intent> = {}) =>
    one(id, { chain: 'nano', asset: 'XNO', to: PAYEE, ...changes })

  test('signs a receive, and a payment on top of it, the same bytes for ever', async () => {
    expect((await sign('t1', 1, template(opened, null, { block: paid, previous: faucet }))).status).toBe(200)
    const { status, body } = await sign('t2', 1, send(1_000n), asked('w-1'))
    expect(status).toBe(200)
    expect(body).toMatchObject({
      transactionId: hash(send(1_000n).block),
      spendKeys: [`nano:${nano(0)}:${hash(opened)}`],
    })
    await restart()
    expect((await sign('t2', 1, send(1_000n), asked('w-1'))).body).toEqual(body)
  })

  test.each([
    ['at once', async () => undefined],
    ['after a restart', restart],
  ])(
    'N7: no second block on one previous, %s: not for another transfer, and not as a further attempt',
    async (_, pass) => {
      const second = block(PAYEE, paid, 5n * 10n ** 29n, keyOf(nano(0)))
      const receive = template(block(nano(0), opened, BigInt(opened.balance) + 5n * 10n ** 29n, hash(second)), opened, {
        block: second,
        previous: paid,
      })
      expect((await sign('t1', 1, send(1_000n), asked('w-1'))).status).toBe(200)
      await pass()
      expect(reasonKinds(await sign('t2', 1, send(1_000n), asked('w-2')))).toEqual(['spend-key-bound'])
      expect(reasonKinds(await sign('t1', 2, send(1_000n), asked('w-1')))).toEqual(['spend-key-bound'])
      expect(reasonKinds(await sign('t2', 1, receive))).toEqual(['spend-key-bound'])
      expect(reasonKinds(await sign('t1', 2, receive))).toEqual(['spend-key-bound'])
    },
  )

  test('S2: pays what was authorised, and nobody else', async () => {
    expect(reasonKinds(await sign('t', 1, send(1_000n)))).toEqual(['unexplained-output'])
    expect(reasonKinds(await sign('t', 1, send(999n), asked('w-1')))).toEqual(['unexplained-output', 'intent-not-paid'])
    expect(reasonKinds(await sign('t', 1, send(5_001n), asked('w-1', { amount: '5001' })))).toEqual([
      'limit-per-transaction',
    ])
    const theirs = template(block(PAYEE, paid, 0n, keyOf(nano(0))), paid)
    expect(reasonKinds(await sign('t', 1, theirs))).toEqual(['foreign-input'])
    const change = send(1_000n)
    change.block.representative = PAYEE
    expect(reasonKinds(await sign('t', 1, change, asked('w-1')))).toEqual(['not-understood'])
  })

  test('a sweep to the treasury needs nobody, and one to another address is refused', async () => {
    const from = block(nano(1), null, 10n ** 30n, hash(paid))
    const sweep = (to: string) => template(block(nano(1), from, 0n, keyOf(to)), from)
    expect(reasonKinds(await sign('t', 1, sweep(nano(2))))).toEqual(['unexplained-output'])
    expect((await sign('t', 1, sweep(nano(0)))).status).toBe(200)
  })
})

describe('a signer of a ledger with destination tags', () => {
  const sign = signOn('ripple')
  const common = { Account: account.address, Fee: '12', Flags: 0, LastLedgerSequence: 500 }
  const own = { ...common, SigningPubKey: account.publicKey.toUpperCase() }
  const pay = (ticket: number, changes: Record<string, Json> = {}): Json => ({
    network: 'xrpl-0',
    transaction: {
      ...own,
      TransactionType: 'Payment',
      Sequence: 0,
      TicketSequence: ticket,
      Destination: RECEIVER,
      DestinationTag: 7,
      Amount: '1000',
      ...changes,
    },
  })
  const paying = (ticket: number) => (pay(ticket) as { transaction: Record<string, Json> }).transaction
  const tickets = (sequence: number, count: number): Json => ({
    network: 'xrpl-0',
    transaction: { ...own, TransactionType: 'TicketCreate', Sequence: sequence, TicketCount: count },
  })
  const asked = (id: string, changes: Partial<Intent> = {}) =>
    one(id, { chain: 'ripple', asset: 'XRP', to: RECEIVER, dataField: '7', ...changes })

  test('its addresses are one account, and tags from 1 on, each attested', async () => {
    await restart()
    const { body } = await ask(signer, 'GET', '/v1/chains/ripple/addresses?limit=6')
    const listed = (body.items ?? body) as { index: number; address: string; dataField: string | null }[]
    expect(listed.map(({ index, address, dataField }) => [index, address, dataField])).toEqual(
      [null, '1', '2', '3', '4', '5'].map((tag, index) => [index, account.address, tag]),
    )
    await grow(signer, 9, 'ripple')
    expect((await sign('t', 1, pay(3), asked('w-1'))).status).toBe(200)
  })

  test('pays the tag that was authorised, wherever it stood', async () => {
    const named = xAddressOf({ account: RECEIVER, tag: 7 }, ledger)
    expect((await sign('t1', 1, pay(3), asked('w-1'))).status).toBe(200)
    expect((await sign('t2', 1, pay(4), asked('w-2', { to: named, dataField: null }))).status).toBe(200)
    const unpaid = ['unexplained-output', 'intent-not-paid']
    expect(reasonKinds(await sign('t3', 1, pay(5, { DestinationTag: 8 }), asked('w-3')))).toEqual(unpaid)
    expect(reasonKinds(await sign('t3', 1, pay(5), asked('w-3', { dataField: null })))).toEqual(unpaid)
    expect(reasonKinds(await sign('t3', 1, pay(5, { Amount: '1001' }), asked('w-3')))).toEqual(unpaid)
    expect(reasonKinds(await sign('t3', 1, pay(5), asked('w-3', { to: named, dataField: '8' })))).toEqual([
      'invalid-destination',
      'unexplained-output',
    ])
  })

  test('X7: what has expired is made again on the same ticket; what another gave up serves another, and only one of them can ever be applied', async () => {
    const first = await sign('t1', 1, pay(3), asked('w-1'))
    await restart()
    const other = await sign('t2', 1, pay(3), asked('w-2'))
    expect([first.status, other.status]).toEqual([200, 200])
    expect(other.body['spendKeys']).toEqual(first.body['spendKeys'])
    expect(reasonKinds(await sign('t3', 1, pay(4), asked('w-2')))).toContain('could-pay-twice')
    expect(reasonKinds(await sign('t1', 2, pay(4), asked('w-1')))).toEqual(['could-pay-twice', 'not-an-attempt'])
    expect((await sign('t1', 2, pay(3, { LastLedgerSequence: 600 }), asked('w-1'))).status).toBe(200)
  })

  test.each([
    ['at once', async () => undefined],
    ['after a restart', restart],
  ])(
    'a ticket serves whoever holds it, an intent is paid on one ticket only, %s: whatever a hijacked watcher asks for, no two payments of it can both be applied',
    async (_, pass) => {
      const places = new Set<string>()
      const kinds: string[] = []
      const ask = async (transfer: string, n: number, template: Json, intents = asked('w-1')) => {
        const answer = await sign(transfer, n, template, intents)
        if (answer.status === 200) for (const key of answer.body['spendKeys'] as string[]) places.add(key)
        else kinds.push(...reasonKinds(answer))
      }
      await ask('t1', 1, pay(3))
      await pass()
      // Another took the ticket, as if the first had given it up.
      expect((await sign('t2', 1, pay(3), asked('w-2'))).status).toBe(200)
      await ask('t3', 1, pay(4))
      await ask('t1', 2, pay(4))
      await ask('t2', 2, pay(4))
      await pass()
      // The same on the same ticket, under any name and for longer: it excludes what there is.
      await ask('t4', 1, pay(3, { LastLedgerSequence: 900 }))
      await ask('t2', 2, pay(3, { LastLedgerSequence: 950 }))
      // With another intent beside it, or spelt otherwise.
      const both = [...asked('w-1'), ...asked('w-3')]
      await ask('t5', 1, pay(5), both)
      const named = xAddressOf({ account: RECEIVER, tag: 7 }, ledger)
      await ask('t6', 1, pay(5), asked('w-1', { to: named, dataField: null }))
      // What is spent by number is refused for payments: a ticket and a sequence cannot be mistaken for each other.
      await ask('t7', 1, { ...(pay(6) as object), transaction: { ...paying(6), Sequence: 6 } })
      expect([...places]).toEqual([`ripple:${account.address}:3`])
      expect(new Set(kinds)).toEqual(
        new Set(['could-pay-twice', 'not-an-attempt', 'intent-not-paid', 'intent-changed', 'not-understood']),
      )
      // Only the backend begins a further round, once it knows that the ticket was spent by another.
      const forged = asked('w-1').map(each => ({ ...each, round: 2 }))
      expect((await sign('t8', 1, pay(4), forged)).status).toBe(202)
      expect((await sign('t8', 1, pay(4), asked('w-1', { round: 2 }))).status).toBe(200)
      expect(reasonKinds(await sign('t9', 1, pay(3, { Fee: '13' }), asked('w-1')))).toEqual(['old-round'])
    },
  )

  test('makes tickets up to its policy, under the cap on fees', async () => {
    expect((await sign('t1', 1, tickets(70, 50))).status).toBe(200)
    expect(reasonKinds(await sign('t2', 1, tickets(121, 51)))).toEqual(['not-understood'])
    expect(reasonKinds(await sign('t2', 1, pay(3, { Fee: '1001' }), asked('w-1')))).toEqual(['fee-too-high'])
  })
})

test('every address proves control of its key', async () => {
  await signer.stop()
  const lines: string[] = []
  const asked = { passphrase: rigs.PASSPHRASE, challenge: 'a challenge', by: 'a test' }
  await proveKeys(rig.ports, rig.config, asked, line => lines.push(line))
  const all = async function* () {
    yield* lines
  }
  const { chains } = await checkProof(all(), 'a challenge')
  expect(chains.get('nano')).toBe(3)
  expect(chains.get('ripple')).toBe(6)
  await expect(checkProof(all(), 'another challenge')).rejects.toMatchObject({ kind: 'invalid-proof' })
  signer = await rigs.start(rig)
})
