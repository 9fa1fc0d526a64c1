/** Deposits through the whole system, on a real chain that reorganises. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fromSatoshi } from '../../adapters/bitcoin/rpc.ts'
import { deposit, depositIn, rawOf, rivals } from './payer.ts'
import { CHAIN, CREDIT, FINAL, startSystem, type Resource, type System } from './system.ts'

let system: System
beforeAll(async () => {
  system = await startSystem()
})
afterAll(() => system.close())

let references = 0
async function newAddress() {
  const reference = `customer-${++references}`
  return { reference, address: await system.address(reference) }
}

async function confirmed(amountSat?: bigint) {
  const { address } = await newAddress()
  const paid = await deposit(system, address, amountSat)
  await system.mine(CREDIT)
  await system.reaches(paid.path, 'confirmed')
  return paid
}

const timesOf = ({ history }: Resource, state: string) =>
  history.filter(({ to, from }) => to === state && from !== to).length

describe('a deposit', () => {
  test('is detected in the mempool, confirming in a block, confirmed, credited and final', async () => {
    const { address, reference } = await newAddress()
    const { path, txid } = await deposit(system, address)
    expect(await system.reaches(path, 'detected')).toMatchObject({ reference, amount: '5000000', confirmations: 0 })
    await system.mine(1)
    expect(await system.reaches(path, 'confirming')).toMatchObject({ confirmations: 1, transactionId: txid })
    expect((await system.put(`${path}/credit`)).body).toMatchObject({ status: 409, kind: 'not-creditable' })
    await system.mine(CREDIT - 1)
    await system.reaches(path, 'confirmed')
    expect((await system.put(`${path}/credit`)).status).toBe(200)
    expect((await system.put(`${path}/credit`)).body.state).toBe('credited')
    await system.mine(FINAL - CREDIT)
    const { history } = await system.reaches(path, 'final')
    expect(history.map(({ to }) => to)).toEqual(['detected', 'confirming', 'confirmed', 'credited', 'final'])
    expect((await system.put(`${path}/credit`)).status).toBe(200)
  })

  test('below the minimum is ignored', async () => {
    const { address } = await newAddress()
    const { path } = await deposit(system, address, 99_999n)
    await system.mine(1)
    expect(await system.reaches(path, 'ignored')).toMatchObject({ reason: 'below the minimum deposit' })
    await system.mine(CREDIT)
    expect((await system.put(`${path}/credit`)).status).toBe(409)
  })

  test('to an address of the pool that nobody has yet is followed all the same', async () => {
    const config = JSON.parse(readFileSync(join(system.directory, 'signer.yaml'), 'utf8')) as { listen: string }
    const token = readFileSync(join(system.directory, 'secrets', 'signer-token'), 'utf8').trim()
    const answer = await fetch(`http://${config.listen}/v1/chains/${CHAIN}/addresses?from=15&limit=1`, {
      headers: { authorization: `Bearer ${token}` },
    })
    const [{ address }] = (await answer.json()) as [{ address: string }]
    const { path } = await deposit(system, address)
    await system.mine(CREDIT)
    expect(await system.reaches(path, 'confirmed')).toMatchObject({ reference: null })
  })

  test('B7: two outputs of one transaction, and two payments to one address, are separate deposits', async () => {
    const { node } = system
    const [one, other] = [await newAddress(), await newAddress()]
    const amounts = { [one.address]: fromSatoshi(1_000_000n), [other.address]: fromSatoshi(2_000_000n) }
    const raw = await rawOf(node, (await node.rpc('sendmany', '', amounts)) as string)
    const first = await depositIn(node, raw, one.address)
    const second = await depositIn(node, raw, other.address)
    const again = await deposit(system, one.address, 3_000_000n)
    await system.mine(CREDIT)
    expect(first.txid).toBe(second.txid)
    expect(await system.reaches(first.path, 'confirmed')).toMatchObject({ amount: '1000000', reference: one.reference })
    expect(await system.reaches(second.path, 'confirmed')).toMatchObject({ amount: '2000000' })
    expect(await system.reaches(again.path, 'confirmed')).toMatchObject({ amount: '3000000' })
    const { body } = await system.get<{ items: Resource[] }>(`/v1/deposits?reference=${one.reference}`)
    expect(body.items.map(({ id }) => id).sort()).toEqual([first.id, again.id].sort())
  })
})

describe('a reorganisation', () => {
  test.each([1, 2, 6])(
    'A6: of %i blocks before the credit takes a deposit back, and it comes again when mined again',
    async depth => {
      const { address } = await newAddress()
      // The blocks below it are its own, so that the reorganisation reaches nothing else.
      await system.mine(depth)
      const { path, txid } = await deposit(system, address)
      const raw = await rawOf(system.node, txid)
      await system.mine(1)
      await system.reaches(path, 'confirming')
      await system.reorganise(depth)
      await system.synced()
      expect(await system.reaches(path, 'detected')).toMatchObject({ confirmations: 0, blockHash: null })
      await system.reorganise(1, [raw])
      const { history } = await system.reaches(path, 'confirmed')
      expect(history.filter(({ to }) => to === 'confirmed')).toHaveLength(1)
    },
  )

  test.each([1, 2, 6])(
    'A6: %i blocks deep after the credit reverses a deposit, and never credits it twice',
    async depth => {
      const { path, txid } = await confirmed()
      const raw = await rawOf(system.node, txid)
      await system.put(`${path}/credit`)
      // A reorganisation of one block does not reach a deposit that is two deep.
      const further = Math.max(0, depth - CREDIT)
      if (further > 0) await system.mine(further)
      await system.reorganise(depth)
      await system.synced()
      if (depth < CREDIT) {
        expect((await system.get(path)).body.state).toBe('credited')
        return
      }
      expect((await system.reaches(path, 'reversed')).reason).toMatch(/left the chain/)
      expect((await system.put(`${path}/credit`)).status).toBe(409)
      await system.reorganise(1, [raw], CREDIT)
      const again = await system.reaches(path, 'confirmed')
      expect(timesOf(again, 'credited')).toBe(1)
      expect((await system.put(`${path}/credit`)).body.state).toBe('credited')
      await system.mine(FINAL)
      await system.reaches(path, 'final')
    },
  )

  test('that replaces an unconfirmed deposit by a double spend drops it, when that is final', async () => {
    const { node } = system
    const { address } = await newAddress()
    const { raw, rival } = await rivals(node, address)
    const { path } = await depositIn(node, raw, address)
    await node.rpc('generateblock', await node.rpc('getnewaddress'), [raw])
    await system.reaches(path, 'confirming')
    await system.reorganise(1, [rival])
    await system.synced()
    expect((await system.reaches(path, 'detected')).reason).toMatch(/its inputs were spent by/)
    await system.mine(FINAL)
    await system.reaches(path, 'dropped')
  })

  test('that replaces a credited deposit by a double spend reverses it, and it is lost when that is final', async () => {
    const { node } = system
    const { address } = await newAddress()
    const { raw, rival } = await rivals(node, address)
    const { path } = await depositIn(node, raw, address)
    await node.rpc('generateblock', await node.rpc('getnewaddress'), [raw])
    await system.mine(CREDIT - 1)
    await system.reaches(path, 'confirmed')
    await system.put(`${path}/credit`)
    await system.reorganise(CREDIT, [rival])
    await system.reaches(path, 'reversed')
    await system.mine(FINAL)
    expect((await system.reaches(path, 'lost')).reason).toMatch(/its inputs were spent by/)
    expect((await system.put(`${path}/credit`)).status).toBe(409)
  })

  test('deeper than final halts the chain until a person resumes it', async () => {
    const { path } = await confirmed()
    await system.put(`${path}/credit`)
    await system.mine(FINAL - CREDIT)
    await system.reaches(path, 'final')
    const chain = `/v1/chains/${CHAIN}`
    await system.reorganise(FINAL + 1)
    expect((await system.reaches(chain, 'halted')).reason).toMatch(/what has 8 confirmations counts as final/)
    expect((await system.get<{ problems: string[] }>('/readyz')).body.problems.join()).toMatch(`${CHAIN} is halted`)
    const before = (await system.get(chain)).body
    await system.node.mine(1)
    expect((await system.get(chain)).body.blockHash).toBe(before.blockHash)
    const { status } = await system.put(`${chain}/resumption`, { reason: 'looked at it with the node operators' })
    expect(status).toBe(200)
    await system.synced()
    expect((await system.get('/readyz')).status).toBe(200)
    const next = await confirmed()
    expect((await system.put(`${next.path}/credit`)).status).toBe(200)
  })
})
