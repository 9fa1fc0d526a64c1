import { describe, expect, test } from 'vitest'
import { worldKey } from '../../../src/devnet/ripple/transaction.ts'
import { createWorld, followFrom, signed, treasury, type World } from './world.ts'

const stranger = worldKey('stranger').account
const XRP = 1_000_000n

/** Ours with 100 XRP and twenty tickets. */
function funded(rules = {}): World & { tickets: number[] } {
  const world = createWorld(rules)
  const { simulated } = world
  simulated.pay(treasury, 100n * XRP)
  simulated.mine(1)
  const { sequence } = simulated.account(treasury)!
  const { raw } = signed({
    TransactionType: 'TicketCreate',
    Sequence: sequence,
    TicketCount: 20,
    LastLedgerSequence: 99,
  })
  submit(world, raw)
  simulated.mine(1)
  return { ...world, tickets: [...simulated.account(treasury)!.tickets] }
}

function submit({ simulated }: World, raw: string): void {
  const body = new TextEncoder().encode(JSON.stringify({ method: 'submit', params: [{ tx_blob: raw }] }))
  simulated.handle({ method: 'POST', path: '/', query: {}, headers: {}, body })
}

const payment = (ticket: number, last: number, fields = {}) =>
  signed({
    TransactionType: 'Payment',
    ...{ Sequence: 0, TicketSequence: ticket, Destination: stranger, DestinationTag: 5, Amount: '2000000' },
    LastLedgerSequence: last,
    ...fields,
  })

describe('identify', () => {
  test('A3: the right network', async () => {
    const { node, simulated } = createWorld()
    expect(await node.identify()).toMatchObject({ mismatch: null, height: simulated.height(), syncing: false })
  })

  test('A3: another network is named', async () => {
    const { node } = createWorld({}, 1)
    expect((await node.identify()).mismatch).toContain('its network_id is 1, the configured one 0')
  })

  test('X10: a server that does not say is of the main network', async () => {
    const { node, simulated } = createWorld()
    simulated.faults.hidesNetworkId = true
    expect((await node.identify()).mismatch).toBeNull()
  })
})

describe('X12: a server whose word does not count holds the cursor, and says why', () => {
  test.each([
    [
      'blocked by an amendment',
      'node-amendment-blocked',
      (world: World) => (world.simulated.faults.isAmendmentBlocked = true),
    ],
    ['not in sync', 'node-not-synced', (world: World) => (world.simulated.faults.serverState = 'connected')],
    ['a Clio without its rippled', 'node-alone', (world: World) => (world.simulated.faults.clio = 'alone')],
    ['behind by minutes', 'node-stale', (world: World) => (world.simulated.faults.staleSeconds = 600)],
  ])('%s', async (_, kind, fail) => {
    const world = createWorld()
    fail(world)
    world.simulated.mine(1)
    await expect(world.node.identify()).rejects.toMatchObject({ type: 'operating', kind })
    await expect(followFrom(world, 2)).rejects.toMatchObject({ type: 'operating', kind })
  })

  test('a Clio with its rippled is followed', async () => {
    const world = createWorld()
    world.simulated.faults.clio = 'connected'
    world.simulated.mine(3)
    expect((await followFrom(world, 2)).steps).toHaveLength(3)
    expect((await world.node.identify()).version).toBe('Clio 2.4.0')
  })
})

describe('next', () => {
  test.each([[false], [true]])('X13: payments in order, in both versions (old: %s)', async isOld => {
    const world = createWorld()
    const { simulated } = world
    simulated.faults.isOld = isOld
    simulated.pay(treasury, 50n * XRP, 1)
    simulated.mine(1)
    const ids = [simulated.pay(treasury, 2n * XRP, 3), simulated.pay(treasury, 3n * XRP)]
    simulated.mine(2)
    const { steps, facts } = await followFrom(world, 2)
    expect(steps).toHaveLength(3)
    const seen = facts.flatMap(fact => (fact.kind === 'payment.seen' ? [fact] : []))
    expect(seen.slice(1).map(({ transaction }) => transaction)).toEqual(ids)
    expect(seen).toMatchObject([
      { index: 1, amount: '50000000', doubt: null },
      { index: 3, amount: '2000000', doubt: null },
      { index: 0, amount: '3000000', dataField: null, doubt: 'it names no destination tag' },
    ])
  })

  test('X5: a gap in what the server has holds the cursor until it is filled', async () => {
    const world = createWorld()
    const { simulated } = world
    simulated.mine(4)
    simulated.faults.gaps = [[4, 4]]
    const recent = [{ height: 3, hash: simulated.hashAt(3) }]
    await expect(world.node.next(recent)).rejects.toMatchObject({
      kind: 'node-lacks-ledgers',
      message: expect.stringContaining('1-3,5-6') as string,
    })
    simulated.faults.gaps = []
    expect(await world.node.next(recent)).toMatchObject({ kind: 'connected', block: { height: 4 } })
  })

  test('X15: a ledger without its transactions is an outage, and one that is not validated no answer', async () => {
    const world = createWorld()
    const { simulated } = world
    simulated.pay(treasury, 50n * XRP, 1)
    simulated.mine(1)
    simulated.faults.hidesTransactions = true
    await expect(followFrom(world, 2)).rejects.toMatchObject({ kind: 'node-malformed' })
    simulated.faults.hidesTransactions = false
    simulated.faults.isUnvalidated = true
    expect((await followFrom(world, 2)).steps).toEqual([])
    simulated.faults.isUnvalidated = false
    expect((await followFrom(world, 2)).steps).toHaveLength(1)
  })

  test('A4: a server that lags leaves us where we are', async () => {
    const world = createWorld()
    const { simulated } = world
    simulated.mine(3)
    simulated.faults.lagLedgers = 2
    const tip = { height: 5, hash: simulated.hashAt(5) }
    expect(await world.node.next([tip])).toMatchObject({ kind: 'unchanged', nodeHeight: 3 })
  })

  test('a server of another past takes our ledger back, which halts the chain', async () => {
    const world = createWorld()
    world.simulated.mine(1)
    const other = { height: 2, hash: 'F'.repeat(64) }
    expect(await world.node.next([other])).toMatchObject({ kind: 'disconnected', block: other })
    const same = { height: 3, hash: 'F'.repeat(64) }
    expect(await world.node.next([same])).toMatchObject({ kind: 'disconnected', block: same })
  })

  test('X11: inner payments of a batch', async () => {
    const world = funded()
    const { simulated } = world
    const sequence = simulated.account(simulated.faucetAddress)!.sequence
    const inner = (tag: number, n: number) => ({
      RawTransaction: {
        TransactionType: 'Payment',
        ...{ Account: simulated.faucetAddress, Destination: treasury, DestinationTag: tag, Amount: '4000000' },
        ...{ Fee: '0', Flags: 0x4000_0000, Sequence: sequence + n, SigningPubKey: '' },
      },
    })
    const from = simulated.height()
    simulated.send({ TransactionType: 'Batch', Flags: 0x0008_0000, RawTransactions: [inner(1, 1), inner(2, 2)] })
    simulated.mine(1)
    const { facts } = await followFrom(world, from)
    const seen = facts.flatMap(fact => (fact.kind === 'payment.seen' ? [fact] : []))
    expect(seen).toMatchObject([
      { index: 1, amount: '4000000', doubt: null },
      { index: 2, amount: '4000000', doubt: null },
    ])
    expect(new Set(seen.map(({ transaction }) => transaction)).size).toBe(2)
  })

  test('X1, X2, X4: a partial payment, one that fails, and an account that leaves us what it had', async () => {
    const world = funded()
    const { simulated } = world
    const leaver = worldKey('leaver')
    simulated.pay(leaver.account, 10n * XRP)
    simulated.mine(1)
    const from = simulated.height()
    const token = { currency: 'USD', issuer: simulated.faucetAddress, value: '1' }
    const convert = { TransactionType: 'Payment', Destination: treasury, DestinationTag: 1, SendMax: token }
    simulated.send({ ...convert, Amount: '90000000', Flags: 0x0002_0000 })
    simulated.send({ ...convert, Amount: '90000000' })
    simulated.send({ ...convert, SendMax: undefined, Amount: { ...token, currency: 'XAU' } })
    simulated.send({ TransactionType: 'AccountDelete', Destination: treasury, DestinationTag: 2 }, leaver)
    simulated.mine(1)
    const { facts } = await followFrom(world, from)
    expect(facts.flatMap(fact => (fact.kind === 'payment.seen' ? [fact] : []))).toMatchObject([
      { amount: '1000000', doubt: expect.stringContaining('partial') as string },
      { amount: '9000000', dataField: '2', doubt: 'it is no payment: AccountDelete' },
    ])
  })
})

describe('publish and locate', () => {
  test('X21: taken, pending, and placed when its ledger is validated', async () => {
    const world = funded()
    const { simulated, node } = world
    const transaction = payment(world.tickets[0]!, simulated.height() + 20)
    expect(await node.locate(transaction)).toEqual({ kind: 'absent' })
    expect(await node.publish(transaction)).toEqual({ kind: 'accepted' })
    expect(await node.locate(transaction)).toEqual({ kind: 'pending' })
    expect(await node.publish(transaction)).toEqual({ kind: 'known' })
    simulated.mine(1)
    const place = { height: simulated.height(), hash: simulated.tip() }
    expect(await node.locate(transaction)).toEqual({ kind: 'placed', place })
    simulated.faults.isOld = true
    expect(await node.locate(transaction)).toEqual({ kind: 'placed', place })
  })

  test('X7: expired where its ticket is still there at its last ledger, not before', async () => {
    const world = funded()
    const { simulated, node } = world
    const transaction = payment(world.tickets[0]!, simulated.height() + 3)
    simulated.mine(2)
    expect(await node.locate(transaction)).toEqual({ kind: 'absent' })
    simulated.mine(1)
    const at = { height: simulated.height(), hash: simulated.tip() }
    expect(await node.locate(transaction)).toEqual({ kind: 'expired', at })
    expect(await node.publish(transaction)).toMatchObject({ kind: 'unknown' })
  })

  test('X7: a ticket that something else has spent proves nothing, and a server that has not searched says so', async () => {
    const world = funded()
    const { simulated, node } = world
    const [ticket] = world.tickets
    const lost = payment(ticket!, simulated.height() + 2)
    submit(world, payment(ticket!, simulated.height() + 2, { Amount: '3000000' }).raw)
    simulated.mine(3)
    expect(await node.locate(lost)).toEqual({ kind: 'absent' })
    expect(await node.publish(lost)).toMatchObject({
      kind: 'unknown',
      reason: expect.stringContaining('tef') as string,
    })
    simulated.faults.gaps = [[1, 2]]
    await expect(node.locate(lost)).rejects.toMatchObject({ kind: 'node-lacks-history' })
  })

  test('X8: what is not final at submit is unknown; what can never be is refused', async () => {
    const world = funded({ ledgerSize: 2 })
    const { simulated, node } = world
    const last = simulated.height() + 20
    const [first, ...others] = world.tickets
    for (const ticket of others.slice(0, 2))
      expect(await node.publish(payment(ticket, last))).toEqual({ kind: 'accepted' })
    // The open ledger is full, and what must not be relayed when it fails is not queued.
    expect(await node.publish(payment(first!, last))).toMatchObject({ kind: 'unknown' })
    simulated.mine(1)
    expect(await node.publish(payment(first!, last))).toEqual({ kind: 'accepted' })
    simulated.mine(1)
    const future = payment(first! + 1000, last)
    expect(await node.publish(future)).toMatchObject({
      kind: 'unknown',
      reason: expect.stringContaining('terPRE_TICKET') as string,
    })
    expect(await node.publish(payment(first!, last, { Amount: '1' }))).toMatchObject({
      kind: 'refused',
      reason: expect.stringContaining('tefNO_TICKET') as string,
    })
    expect(
      await node.publish({ ...payment(others[5]!, last), raw: `${payment(others[5]!, last).raw.slice(0, -2)}00` }),
    ).toMatchObject({ kind: 'refused' })
  })

  test('X21: what would fail is refused and not relayed', async () => {
    const world = funded()
    const { simulated, node } = world
    const transaction = payment(world.tickets[0]!, simulated.height() + 20, {
      Amount: '5',
      Destination: worldKey('nobody').account,
    })
    expect(await node.publish(transaction)).toMatchObject({
      kind: 'refused',
      reason: expect.stringContaining('tecNO_DST_INSUF_XRP') as string,
    })
    expect(simulated.pending()).toEqual([])
  })

  test('A1: an answer that was lost is unknown, and the same bytes are known then', async () => {
    const world = funded()
    const { simulated, node } = world
    const transaction = payment(world.tickets[0]!, simulated.height() + 20)
    simulated.setFates(() => ({ arrivals: 1, answer: 'lost', delayMs: 0 }))
    expect(await node.publish(transaction)).toMatchObject({ kind: 'unknown' })
    simulated.setFates(null)
    expect(await node.publish(transaction)).toEqual({ kind: 'known' })
  })

  test('a server that forgot it is given the same again', async () => {
    const world = funded()
    const { simulated, node } = world
    const transaction = payment(world.tickets[0]!, simulated.height() + 20)
    await node.publish(transaction)
    simulated.restart()
    expect(await node.locate(transaction)).toEqual({ kind: 'absent' })
    expect(await node.publish(transaction)).toEqual({ kind: 'accepted' })
  })
})

test('quote: what the open ledger asks for, under the cap', async () => {
  const { node, simulated } = createWorld({ ledgerSize: 1 })
  expect(await node.quote()).toEqual({
    ...{ unit: 'drops', rates: { low: 10, normal: 10, high: 10 }, withdrawal: { XRP: '10' }, reason: null },
  })
  simulated.pay(treasury, 5n * XRP)
  const quote = await node.quote()
  expect(quote.withdrawal).toEqual({ XRP: '1000' })
  expect(quote.reason).toContain('fees.maximumFee (1000 drops)')
})

test('count: what the account has as of one ledger', async () => {
  const { node, simulated } = createWorld()
  expect((await node.count([treasury]))?.holdings).toEqual([])
  simulated.pay(treasury, 5n * XRP)
  simulated.mine(1)
  expect(await node.count([treasury, treasury])).toEqual({
    at: { height: simulated.height(), hash: simulated.tip() },
    holdings: [{ key: `xrp:${treasury}`, amount: '5000000' }],
  })
})
