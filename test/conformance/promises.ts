/** What every family is held to, on its simulated network: each promise of the product, and each row of the contract that a family could break. */
import { describe, expect, test } from 'vitest'
import type { Fall } from '../simulation/machine.ts'
import { storm } from './storm.ts'
import { CHAIN, loseLedger, openSystem, type Answer, type System } from './system.ts'
import type { Payee, Subject, SubjectAsset } from './subject.ts'

const CHAIN_PATH = `/v1/chains/${CHAIN}`

/** What stands for each state, in order. */
const statesOf = (body: Answer['body']): string[] => (body.history ?? []).map(({ to }) => to)

const isIn = (body: Answer['body'], ...states: string[]): boolean => states.includes(body.state!)

const depositsOf = async (system: System, payee: Payee): Promise<Answer['body'][]> =>
  (await system.list('deposits')).filter(
    ({ address, dataField }) => address === payee.address && (dataField ?? null) === payee.dataField,
  )

const depositOf = async (system: System, payee: Payee): Promise<Answer['body']> => {
  const found = await depositsOf(system, payee)
  expect(found).toHaveLength(1)
  return found[0]!
}

const pathOf = (kind: 'deposits' | 'withdrawals', { id }: Answer['body']): string =>
  `/v1/${kind}/${encodeURIComponent(id!)}`

/** What the API says that we have, and what the chain says. */
async function expectBalances(system: System): Promise<void> {
  const { subject, network } = system
  const addresses = await system.addresses()
  const { body } = await system.insist('GET', CHAIN_PATH)
  for (const { symbol } of subject.assets) {
    const { confirmed, pending } = body.balances!.find(({ asset }) => asset === symbol)!
    expect({ [symbol]: BigInt(confirmed) + BigInt(pending) }).toEqual({ [symbol]: network.holds(symbol, addresses) })
  }
}

/** Exactly what was asked for, once. */
function expectPaid({ network }: System, asset: SubjectAsset, payee: Payee, amount = asset.withdrawal): void {
  expect(network.received(asset.symbol, payee)).toEqual([amount])
}

/** Runs one story in a system of its own, which has begun. */
async function told(subject: Subject, story: (system: System) => Promise<void>): Promise<void> {
  const system = await openSystem(subject)
  await system.run(async () => {
    await system.begin()
    await story(system)
  })
}

function describeAddresses(subject: Subject): void {
  test('a reference has one address for ever, and no two references share one', () =>
    told(subject, async system => {
      const first = await system.assign('alice')
      expect(await system.assign('alice')).toEqual(first)
      const all = [first]
      for (const reference of ['bob', 'carol', 'dave', 'erin']) all.push(await system.assign(reference))
      expect(new Set(all.map(payee => JSON.stringify(payee))).size).toBe(all.length)
      const { body } = await system.insist('GET', `${CHAIN_PATH}/addresses/alice`)
      expect(body).toMatchObject({
        ...first,
        attestation: { key: expect.any(String) as string, signature: expect.any(String) as string },
      })
    }))
}

function describeDeposits(subject: Subject): void {
  const { confirmations, assets } = subject

  for (const asset of assets) {
    test(`${asset.symbol}: a payment is offered once it is deep enough, credited once, and ends final`, () =>
      told(subject, async system => {
        const payee = await system.assign('alice')
        system.network.pay(asset.symbol, payee, asset.deposit)
        await system.advance(confirmations.credit)
        const deposit = await depositOf(system, payee)
        expect(deposit).toMatchObject({
          state: 'confirmed',
          asset: asset.symbol,
          amount: String(asset.deposit),
          reference: 'alice',
        })
        const path = pathOf('deposits', deposit)
        for (let n = 0; n < 2; n++)
          expect(await system.insist('PUT', `${path}/credit`, {})).toMatchObject({
            status: 200,
            // Where a block is final at once, it may be that by now.
            body: { state: expect.stringMatching(/^(credited|final)$/) as string },
          })
        await system.finalise()
        const { body } = await system.insist('GET', path)
        expect(statesOf(body).slice(-3)).toEqual(['confirmed', 'credited', 'final'])
        expect(await system.insist('PUT', `${path}/credit`, {})).toMatchObject({
          status: 200,
          body: { state: 'final' },
        })
        expect(await depositsOf(system, payee)).toHaveLength(1)
        await expectBalances(system)
      }))

    if (asset.tooSmall !== null)
      test(`${asset.symbol}: what is below the minimum is ignored, and is ours all the same`, () =>
        told(subject, async system => {
          const payee = await system.assign('alice')
          system.network.pay(asset.symbol, payee, asset.tooSmall!)
          await system.advance(confirmations.credit)
          expect(await depositOf(system, payee)).toMatchObject({ state: 'ignored' })
          await expectBalances(system)
        }))
  }

  test('two payments to one address are two deposits', () =>
    told(subject, async system => {
      const [asset] = assets
      const payee = await system.assign('alice')
      system.network.pay(asset.symbol, payee, asset.deposit)
      system.network.pay(asset.symbol, payee, asset.deposit)
      await system.advance(confirmations.credit)
      const found = await depositsOf(system, payee)
      expect(found.map(({ state, amount }) => [state, amount])).toEqual(
        Array.from({ length: 2 }, () => ['confirmed', String(asset.deposit)]),
      )
      expect(new Set(found.map(({ id }) => id)).size).toBe(2)
    }))

  test('what only looks like a payment credits nothing', () =>
    told(subject, async system => {
      const payees = []
      for (const { send } of system.network.pretences) {
        const payee = await system.assign(`user-${payees.length}`)
        payees.push(payee)
        send(payee, assets[0].deposit)
      }
      expect(payees.length).toBeGreaterThan(0)
      await system.finalise()
      for (const [n, payee] of payees.entries()) {
        const credited = (await depositsOf(system, payee)).filter(body => isIn(body, 'confirmed', 'credited', 'final'))
        expect({ [system.network.pretences[n]!.words]: credited }).toEqual({ [system.network.pretences[n]!.words]: [] })
      }
    }))

  test('a deposit has the same id in a ledger that was begun anew, and the address is not given to another', () =>
    told(subject, async system => {
      const [asset] = assets
      const payee = await system.assign('alice')
      system.network.pay(asset.symbol, payee, asset.deposit)
      await system.advance(confirmations.credit)
      const { id } = await depositOf(system, payee)
      loseLedger(system)
      await system.until(CHAIN_PATH, body => body.state === 'following')
      await system.advance(1)
      const again = await depositOf(system, payee)
      expect(again).toMatchObject({ id, state: 'quarantined', reference: null })
      const other = await system.assign('bob')
      expect(other).not.toEqual(payee)
      const restored = await system.insist('PUT', `${CHAIN_PATH}/addresses/alice`, payee)
      expect(restored.status).toBeLessThan(300)
      await system.advance(confirmations.credit)
      expect(await depositOf(system, payee)).toMatchObject({ id, state: 'confirmed', reference: 'alice' })
      await expectBalances(system)
    }))
}

/** Everything but the ledger is still there. */
export function describeReorgs(subject: Subject): void {
  const { confirmations, assets } = subject
  const [asset] = assets

  test('a deposit whose block is left is taken back, and is offered again under its id when it is mined again', () =>
    told(subject, async system => {
      const payee = await system.assign('alice')
      system.network.pay(asset.symbol, payee, asset.deposit)
      await system.advance(confirmations.credit)
      const deposit = await depositOf(system, payee)
      const path = pathOf('deposits', deposit)
      await system.insist('PUT', `${path}/credit`, {})
      system.network.reorganise!(confirmations.credit)
      await system.until(path, body => body.state === 'reversed')
      expect((await system.insist('PUT', `${path}/credit`, {})).status).toBe(409)
      await system.advance(confirmations.credit + 1)
      expect(await depositOf(system, payee)).toMatchObject({ id: deposit.id, state: 'confirmed' })
      await expectBalances(system)
    }))

  test('a withdrawal whose block is left is paid once all the same', () =>
    told(subject, async system => {
      const payee = system.network.stranger()
      await system.withdraw({ id: 'w-1', asset, payee })
      await system.advance(2)
      expectPaid(system, asset, payee)
      system.network.reorganise!(2)
      await system.advance(1)
      await system.finalise()
      expectPaid(system, asset, payee)
      expect((await system.insist('GET', '/v1/withdrawals/w-1')).body.state).toBe('final')
      await expectBalances(system)
    }))
}

function describeWithdrawals(subject: Subject): void {
  const { assets, confirmations, invalidDestinations } = subject
  const [native] = assets

  for (const asset of assets)
    test(`${asset.symbol}: the recipient gets exactly what was asked for, once; the same request answers the same`, () =>
      told(subject, async system => {
        const payee = system.network.stranger()
        expect((await system.withdraw({ id: 'w-1', asset, payee })).status).toBe(201)
        expect((await system.withdraw({ id: 'w-1', asset, payee })).status).toBe(200)
        await system.advance(confirmations.credit + 1)
        const { body } = await system.insist('GET', '/v1/withdrawals/w-1')
        expect(body.state).toMatch(/^(paid|final)$/)
        expect(body.transactionId).toEqual(expect.any(String))
        expect(BigInt(body.fee!)).toBeGreaterThanOrEqual(0n)
        expectPaid(system, asset, payee)
        await system.finalise()
        expect((await system.withdraw({ id: 'w-1', asset, payee })).body.state).toBe('final')
        expectPaid(system, asset, payee)
        await expectBalances(system)
        expect(await system.withdraw({ id: 'w-1', asset, payee, amount: asset.withdrawal + 1n })).toMatchObject({
          status: 409,
        })
      }))

  test('many at once are each paid once', () =>
    told(subject, async system => {
      const payees = Array.from({ length: 20 }, () => system.network.stranger())
      await Promise.all(payees.map((payee, n) => system.withdraw({ id: `w-${n}`, asset: native, payee })))
      for (let n = 0; n < 20 * confirmations.credit; n++) {
        await system.advance(1)
        if ((await system.list('withdrawals')).every(body => isIn(body, 'paid', 'final'))) break
      }
      for (const payee of payees) expectPaid(system, native, payee)
      await system.finalise()
      expect(new Set((await system.list('withdrawals')).map(({ state }) => state))).toEqual(new Set(['final']))
      await expectBalances(system)
    }))

  test('what cannot be paid is refused with the reason, and nothing is stored', () =>
    told(subject, async system => {
      const payee = system.network.stranger()
      const refusals = [
        ...invalidDestinations.map(address => ({ asset: native, payee: { ...payee, address } })),
        { asset: { ...native, symbol: 'NONE' }, payee },
        { asset: native, payee, amount: 0n },
      ]
      for (const [n, wish] of refusals.entries()) {
        const { status, body } = await system.withdraw({ id: `w-${n}`, ...wish })
        expect([status, typeof body['detail']]).toEqual([
          expect.toSatisfy(code => code === 422 || code === 400),
          'string',
        ])
      }
      expect(await system.list('withdrawals')).toEqual([])
    }))

  test('more than there is waits with the reason, and is paid when it comes; a smaller one passes it', () =>
    told(subject, async system => {
      const [big, small] = [system.network.stranger(), system.network.stranger()]
      const { body: before } = await system.insist('GET', CHAIN_PATH)
      const amount = BigInt(before.balances!.find(({ asset }) => asset === native.symbol)!.confirmed) + 1n
      await system.withdraw({ id: 'w-big', asset: native, payee: big, amount, approvals: 2 })
      await system.withdraw({ id: 'w-small', asset: native, payee: small })
      await system.advance(confirmations.credit + 1)
      expectPaid(system, native, small)
      expect((await system.insist('GET', '/v1/withdrawals/w-big')).body).toMatchObject({
        ...{ state: 'queued', reason: expect.any(String) as string, transferId: null },
      })
      system.network.fund(native.symbol, before.treasury!, native.funding)
      await system.advance(2 * confirmations.credit + 2)
      expectPaid(system, native, big, amount)
    }))

  test('one that waits for a second approval holds up nobody, and is paid when it comes', () =>
    told(subject, async system => {
      const [waiting, other] = [system.network.stranger(), system.network.stranger()]
      const wish = { id: 'w-1', asset: native, payee: waiting, amount: native.approvedAbove + 1n }
      expect((await system.withdraw(wish)).body.state).toBe('held')
      await system.withdraw({ id: 'w-2', asset: native, payee: other })
      await system.advance(confirmations.credit + 1)
      expectPaid(system, native, other)
      expect(system.network.received(native.symbol, waiting)).toEqual([])
      await system.withdraw({ ...wish, approvals: 2 })
      await system.advance(confirmations.credit + 1)
      expectPaid(system, native, waiting, wish.amount)
    }))

  test('one that is cancelled before it is signed is never paid, and the receipt says so', () =>
    told(subject, async system => {
      const payee = system.network.stranger()
      const wish = { id: 'w-1', asset: native, payee, amount: native.approvedAbove + 1n }
      await system.withdraw(wish)
      expect(await system.insist('PUT', '/v1/withdrawals/w-1/cancellation', {})).toMatchObject({
        status: 200,
        body: { state: 'cancelled', receipt: { signed: [] } },
      })
      await system.withdraw({ ...wish, approvals: 2 })
      await system.finalise()
      expect(system.network.received(native.symbol, payee)).toEqual([])
    }))

  test('one that is signed is cancelled as far as that can be: it is paid or has failed, and says which', () =>
    told(subject, async system => {
      const payee = system.network.stranger()
      await system.withdraw({ id: 'w-1', asset: native, payee })
      const { transactionId } = await system.until(
        '/v1/withdrawals/w-1',
        body => typeof body.transactionId === 'string',
      )
      const { status, body } = await system.insist('PUT', '/v1/withdrawals/w-1/cancellation', {})
      expect([status, body.kind]).toEqual([409, 'already-signed'])
      expect(JSON.stringify(body)).toContain(transactionId)
      await system.finalise()
      await system.finalise()
      const { state } = (await system.insist('GET', '/v1/withdrawals/w-1')).body
      expect(state).toMatch(/^(final|failed)$/)
      expect(system.network.received(native.symbol, payee)).toEqual(state === 'final' ? [native.withdrawal] : [])
      await expectBalances(system)
    }))
}

const BAD: System['sky']['weather'] = { drop: 0.1, loseAnswer: 0.25, duplicate: 0.15, garble: 0.1, stall: 0.1 }

function describeFaults(subject: Subject): void {
  const { assets, confirmations } = subject
  const [native] = assets

  test('answers that are lost after their effect, requests that come twice: each is credited and paid once', async () => {
    for (const seed of [1, 2, 3]) {
      const system = await openSystem(subject, seed)
      await system.run(async () => {
        await system.begin()
        system.sky.weather = BAD
        const payees = Array.from({ length: 5 }, () => system.network.stranger())
        const ours = await system.assign('alice')
        for (let n = 0; n < payees.length; n++) {
          system.network.pay(native.symbol, ours, native.deposit)
          await system.withdraw({ id: `w-${n}`, asset: native, payee: payees[n]! })
          await system.advance(1)
        }
        await system.advance(5)
        system.sky.weather = CALM_AGAIN
        await system.world.sleep(60_000)
        await system.finalise()
        for (const payee of payees) expectPaid(system, native, payee)
        expect((await depositsOf(system, ours)).map(({ state }) => state)).toEqual(payees.map(() => 'confirmed'))
        await expectBalances(system)
      })
    }
  })

  test('a node that is away is an outage of its chain, which says so, and nothing is lost', () =>
    told(subject, async system => {
      const payee = await system.assign('alice')
      system.sky.node = 'down'
      await system.until(CHAIN_PATH, body => body.state === 'unreachable')
      expect((await system.ask('GET', '/readyz')).status).toBe(503)
      system.network.pay(native.symbol, payee, native.deposit)
      for (let n = 0; n < confirmations.credit; n++) system.network.advance()
      system.sky.node = 'up'
      await system.until(CHAIN_PATH, body => body.state === 'following')
      await system.advance(1)
      expect(await depositOf(system, payee)).toMatchObject({ state: 'confirmed' })
      expect((await system.ask('GET', '/readyz')).status).toBe(200)
    }))

  test('a node of another network halts the chain', () =>
    told(subject, async system => {
      system.sky.node = 'foreign'
      system.watcher.fall('kill')
      await system.until(CHAIN_PATH, body => body.state === 'halted')
      expect((await system.ask('GET', '/readyz')).status).toBe(503)
    }))

  test('a ledger that is lost in the middle is built again from signer and chain, and nothing is paid twice', () =>
    told(subject, async system => {
      const payees = Array.from({ length: 4 }, () => system.network.stranger())
      const send = (n: number) => system.withdraw({ id: `w-${n}`, asset: native, payee: payees[n]! })
      await send(0)
      await system.advance(1)
      for (const n of [1, 2]) await send(n)
      await system.until('/v1/withdrawals/w-2', body => typeof body.transactionId === 'string')
      loseLedger(system)
      await system.until(CHAIN_PATH, body => body.state === 'following')
      for (const n of [0, 1, 2, 3]) await send(n)
      await system.advance(3 * confirmations.credit)
      await system.finalise()
      for (const payee of payees) expectPaid(system, native, payee)
      await expectBalances(system)
    }))
}

const CALM_AGAIN: System['sky']['weather'] = { drop: 0, loseAnswer: 0, duplicate: 0, garble: 0, stall: 0 }

const PATIENCE_BLOCKS = 10

/** One withdrawal and one deposit, from the request to the end; `machine` falls at its n-th await. */
async function fallAt(subject: Subject, name: 'watcher' | 'signer', n: number, how: Fall): Promise<number> {
  const [native] = subject.assets
  const system = await openSystem(subject)
  let awaits = 0
  await system.run(async () => {
    await system.begin()
    const ours = await system.assign('alice')
    const payee = system.network.stranger()
    const machine = system[name]
    const before = machine.awaits()
    if (n > 0) machine.fallAt(n, how)
    system.network.pay(native.symbol, ours, native.deposit)
    await system.withdraw({ id: 'w-1', asset: native, payee })
    // A question whose answer died with the signer is asked again after half a minute.
    for (let block = 0; block < 3 * subject.confirmations.credit + PATIENCE_BLOCKS; block++) {
      await system.advance(1)
      const { body } = await system.insist('GET', '/v1/withdrawals/w-1')
      if (isIn(body, 'paid', 'final')) break
    }
    awaits = machine.awaits() - before
    await system.advance(subject.confirmations.credit)
    expectPaid(system, native, payee)
    expect((await depositsOf(system, ours)).map(({ state, amount }) => [state, amount])).toEqual([
      ['confirmed', String(native.deposit)],
    ])
    await expectBalances(system)
  })
  return awaits
}

/** Of a story's awaits so many are fallen at, spread evenly; `FALLS=1000` falls at each. */
const FALLS = Number(process.env['FALLS'] ?? 8)

function describeFalls(subject: Subject): void {
  for (const name of ['watcher', 'signer'] as const)
    for (const how of ['kill', 'power'] as const)
      test(`the ${name} may fall at any moment (${how}): each is credited and paid once`, async () => {
        const awaits = await fallAt(subject, name, 0, how)
        expect(awaits).toBeGreaterThan(3)
        const step = Math.max(1, Math.floor(awaits / FALLS))
        for (let n = 1; n <= awaits; n += step) await fallAt(subject, name, n, how)
      })
}

/** `npm run storms` runs more, and with `--size 300` larger ones. */
const STORMS = 4
const THRONG = 30

function describeStorms(subject: Subject): void {
  test(`${STORMS} storms come to their one right end`, async () => {
    for (let seed = 1; seed <= STORMS; seed++) {
      const { wrong } = await storm(subject, seed)
      expect(wrong, `seed ${seed}`).toBeNull()
    }
  })

  test(`${THRONG} deposits and ${THRONG} withdrawals in one of them: all is accounted for`, async () => {
    expect((await storm(subject, 1, THRONG)).wrong).toBeNull()
  })
}

/** Every test is a story in a system of its own. */
export function describeConformance(subject: Subject): void {
  describe('addresses', () => describeAddresses(subject))
  describe('deposits', () => describeDeposits(subject))
  describe('withdrawals', () => describeWithdrawals(subject))
  if (subject.open(() => 0).reorganise !== undefined) describe('reorgs', () => describeReorgs(subject))
  describe('faults', () => describeFaults(subject))
  describe('falls', () => describeFalls(subject))
  describe('storms', () => describeStorms(subject))
}
