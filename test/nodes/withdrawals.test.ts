/** Withdrawals through the whole system, on a real chain that reorganises. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addressOf, scriptOf } from '../../adapters/bitcoin/address.ts'
import { networkOf } from '../../adapters/bitcoin/network.ts'
import { scriptFor } from '../../adapters/bitcoin/script.ts'
import { addressIn } from './bitcoin-node.ts'
import { depositIn, rivals } from './payer.ts'
import { CHAIN, CREDIT, FINAL, NETWORK, startSystem, type Resource, type System } from './system.ts'

const COIN = 100_000_000n
const WINDOW_MS = 300
const network = networkOf(NETWORK)

let system: System
beforeAll(async () => {
  system = await startSystem({ chain: { batch: { windowMs: WINDOW_MS, maximum: 100 } } })
  await system.fund(5n * COIN, 5n * COIN, 5n * COIN, 5n * COIN)
})
afterAll(() => system.close())

const pathOf = (id: string) => `/v1/withdrawals/${id}`
const newAddress = async (type = 'bech32') => (await system.node.rpc('getnewaddress', '', type)) as string

/** Asked for and on its way: its transaction is signed and in the node's mempool. */
async function published(id: string, to: string, amountSat: bigint): Promise<Resource> {
  expect((await system.withdraw(id, { to, amountSat })).status).toBe(201)
  const withdrawal = await system.until(pathOf(id), ({ transactionId }) => transactionId !== null)
  await system.until(`/v1/transfers/${withdrawal.transferId!}`, ({ attempts }) => attempts[0]!.state === 'published')
  return withdrawal
}

async function spendsOf(id: string): Promise<string[]> {
  const { transferId } = (await system.get(pathOf(id))).body
  const { attempts } = (await system.get(`/v1/transfers/${transferId!}`)).body
  return attempts.flatMap(({ spendKeys }) => spendKeys)
}

describe('a withdrawal', () => {
  test('is paid to the base unit and final for every standard destination, in one transfer whose fee shares add up', async () => {
    const { segwit } = (await system.node.rpc('decodescript', '51')) as { segwit: Parameters<typeof addressIn>[0] }
    const destinations: Record<string, string> = {
      p2pkh: await newAddress('legacy'),
      p2sh: await newAddress('p2sh-segwit'),
      p2wpkh: await newAddress('bech32'),
      p2wsh: addressIn(segwit)!,
      // Its wallet cannot make one of these.
      p2tr: addressOf(scriptFor('p2tr', new Uint8Array(32).fill(7)), network)!,
    }
    const names = Object.keys(destinations)
    for (const [n, name] of names.entries())
      expect(
        (await system.withdraw(`to-${name}`, { to: destinations[name]!, amountSat: 1_000_001n + BigInt(n) })).status,
      ).toBe(201)
    await Promise.all(
      names.map(name => system.until(pathOf(`to-${name}`), ({ transactionId }) => transactionId !== null)),
    )
    const paying = await Promise.all(names.map(async name => (await system.get(pathOf(`to-${name}`))).body))
    expect(new Set(paying.map(({ transferId }) => transferId)).size).toBe(1)
    await system.until(`/v1/transfers/${paying[0]!.transferId!}`, ({ attempts }) => attempts[0]!.state === 'published')
    await system.mine(CREDIT)
    await Promise.all(names.map(name => system.reaches(pathOf(`to-${name}`), 'paid')))
    await system.mine(FINAL - CREDIT)
    for (const [n, name] of names.entries()) {
      await system.reaches(pathOf(`to-${name}`), 'final')
      const script = Buffer.from(scriptOf(destinations[name]!, network)).toString('hex')
      const paid = (await system.book.transactions()).flatMap(({ outputs }) =>
        outputs.filter(one => one.script === script),
      )
      expect(paid).toMatchObject([{ amountSat: 1_000_001n + BigInt(n), txid: paying[0]!.transactionId }])
    }
    const transfer = (await system.get(`/v1/transfers/${paying[0]!.transferId!}`)).body
    const shares = paying.reduce((sum, { fee }) => sum + BigInt(fee), 0n)
    expect(String(shares)).toBe(transfer.fee)
  })

  test('that is larger than the funds waits and says why, does not hold up a smaller one, and is paid when funds arrive', async () => {
    const [large, small] = [await newAddress(), await newAddress()]
    expect((await system.withdraw('large', { to: large, amountSat: 60n * COIN })).status).toBe(201)
    expect((await system.until(pathOf('large'), ({ reason }) => reason !== null)).reason).toMatch(
      /not enough spendable funds/,
    )
    expect((await system.get(pathOf('large'))).body.state).toBe('queued')
    await published('small', small, 1_000_000n)
    await system.fund(30n * COIN, 30n * COIN)
    await system.until(pathOf('large'), ({ transactionId }) => transactionId !== null)
    await system.mine(FINAL)
    await system.reaches(pathOf('small'), 'final')
    await system.mine(FINAL)
    await system.reaches(pathOf('large'), 'final')
    expect(await system.book.paidTo(large)).toMatchObject([{ amountSat: 60n * COIN }])
  })

  test('spends unconfirmed change of an earlier one', async () => {
    await system.mine(1)
    // All that there is goes into the first, so that only its change is left for the second.
    const { balances } = (await system.get(`/v1/chains/${CHAIN}`)).body
    const all = BigInt(balances[0]!.confirmed)
    const [one, other] = [await newAddress(), await newAddress()]
    const first = await published('first', one, all - 2n * COIN)
    const second = await published('second', other, COIN)
    expect(await spendsOf('second')).toEqual([expect.stringContaining(first.transactionId!)])
    await system.mine(FINAL)
    await system.reaches(pathOf('second'), 'final')
    expect(await system.book.paidTo(one)).toHaveLength(1)
    expect(await system.book.paidTo(other)).toMatchObject([{ txid: second.transactionId, amountSat: COIN }])
    await system.fund(5n * COIN, 5n * COIN)
  })

  test('whose block is reorganised away goes back from paid to paying, and is paid once in the end', async () => {
    const to = await newAddress()
    const { transactionId } = await published('reorganised', to, 3_000_000n)
    await system.mine(CREDIT)
    await system.reaches(pathOf('reorganised'), 'paid')
    await system.reorganise(CREDIT)
    await system.synced()
    await system.reaches(pathOf('reorganised'), 'paying')
    await system.mine(FINAL)
    const { history } = await system.reaches(pathOf('reorganised'), 'final')
    expect(history.filter(({ to: state, from }) => state === 'paid' && from === 'paying')).toHaveLength(2)
    expect(await system.book.paidTo(to)).toMatchObject([{ txid: transactionId }])
  })
})

async function pooled(count: number): Promise<void> {
  await expect.poll(() => system.node.rpc('getrawmempool')).toHaveLength(count)
}

/** A withdrawal that is paid from a deposit of which the payer holds a double spend, both mined in one reorganisation's reach. */
async function paidFromDeposit(id: string) {
  const { node } = system
  const address = await system.address(`payer-of-${id}`)
  const { raw, rival } = await rivals(node, address)
  const { path } = await depositIn(node, raw, address)
  const before = BigInt((await system.get(`/v1/chains/${CHAIN}`)).body.balances[0]!.confirmed)
  await node.rpc('generateblock', await newAddress(), [raw])
  await system.mine(CREDIT - 1)
  await system.reaches(path, 'confirmed')
  const to = await newAddress()
  // More than there was without it.
  await published(id, to, before + 1_000_000n)
  expect((await spendsOf(id)).some(key => path.endsWith(key))).toBe(true)
  return { raw, rival, path, to }
}

describe('a reorganisation that takes away the deposit that a withdrawal is paid from', () => {
  test('and replaces it by a double spend kills the transfer, fails the withdrawal with the reason, and a new round pays it once', async () => {
    const { rival, path, to } = await paidFromDeposit('without-parent')
    const { transferId, amount } = (await system.get(pathOf('without-parent'))).body
    await system.reorganise(CREDIT, [rival])
    await system.synced()
    await system.reaches(path, 'reversed')
    expect((await system.get(pathOf('without-parent'))).body.state).toBe('paying')
    await system.mine(FINAL)
    expect((await system.reaches(pathOf('without-parent'), 'failed')).reason).toMatch(/lost to a final conflict/)
    await system.reaches(`/v1/transfers/${transferId!}`, 'dead')
    await system.fund(50n * COIN)
    const again = { to, amountSat: BigInt(amount), round: 2 }
    expect((await system.withdraw('without-parent', again)).body).toMatchObject({ round: 2 })
    await system.until(
      pathOf('without-parent'),
      ({ transactionId, state }) => state === 'paying' && transactionId !== null,
    )
    const second = (await system.get(pathOf('without-parent'))).body
    expect(second.transferId).not.toBe(transferId)
    await system.until(`/v1/transfers/${second.transferId!}`, ({ attempts }) => attempts[0]!.state === 'published')
    await system.mine(FINAL)
    await system.reaches(pathOf('without-parent'), 'final')
    expect(await system.book.paidTo(to)).toMatchObject([{ amountSat: BigInt(amount) }])
  })

  test('is survived by publishing the deposit and the withdrawal again, also when the node has forgotten both', async () => {
    const { path, to } = await paidFromDeposit('with-parent')
    await system.mine(CREDIT)
    await system.reaches(pathOf('with-parent'), 'paid')
    system.toNode.isDown = true
    await system.reorganise(2 * CREDIT)
    await system.node.restart(['-persistmempool=0', '-walletbroadcast=0'])
    expect(await system.node.rpc('getrawmempool')).toEqual([])
    system.toNode.isDown = false
    await system.synced()
    await system.until(pathOf('with-parent'), ({ state }) => state === 'paying')
    await pooled(2)
    await system.mine(FINAL)
    await system.reaches(path, 'confirmed')
    await system.reaches(pathOf('with-parent'), 'final')
    expect(await system.book.paidTo(to)).toHaveLength(1)
  })
})
