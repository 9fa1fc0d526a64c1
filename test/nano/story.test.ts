/** One long story, in virtual time: many deposits and many withdrawals at once, and whatever goes wrong with watcher, ledger and node. */
import { expect, test } from 'vitest'
import { nano, openNano } from '../conformance/nano.ts'
import { CHAIN, loseLedger, openSystem, type System } from '../conformance/system.ts'

const CHAIN_PATH = `/v1/chains/${CHAIN}`
const MANY = 30
const [asset] = nano.assets
/** Until whatever was rolled back was sent again: a minute each time. */
const PATIENCE = 120

const statesOf = async (system: System, kind: 'deposits' | 'withdrawals'): Promise<(string | undefined)[]> =>
  (await system.list(kind)).map(({ state }) => state)

async function untilAll(system: System, kind: 'deposits' | 'withdrawals', states: readonly string[]): Promise<void> {
  for (let n = 0; n < PATIENCE; n++) {
    const found = await statesOf(system, kind)
    if (found.length === MANY && found.every(state => states.includes(state!))) return
    await system.advance(1)
  }
  expect(await statesOf(system, kind)).toEqual(Array.from({ length: MANY }, () => states[0]))
}

/** What users paid in is credited once each, what they took out is paid once each, and the rest is where the ledger says. */
async function expectWhole(system: System, strangers: readonly string[], paidIn: bigint): Promise<void> {
  const { network } = system
  for (const address of strangers)
    expect(network.received(asset.symbol, { address, dataField: null })).toEqual([asset.withdrawal])
  const addresses = await system.addresses()
  const held = network.holds(asset.symbol, addresses)
  const { body } = await system.insist('GET', CHAIN_PATH)
  expect(BigInt(body.balances![0]!.confirmed)).toBe(held)
  expect(held).toBe(asset.funding + paidIn - BigInt(MANY) * asset.withdrawal)
  const credited = (await system.list('deposits')).reduce((sum, { amount }) => sum + BigInt(amount!), 0n)
  expect(credited).toBe(paidIn)
}

/** So often a block that the node has taken is gone again. */
const RATES = [0, 0.15]

test.each(RATES)('thirty deposits and thirty withdrawals, a restart and a lost ledger; rolled back: %s', async rate => {
  const system = await openSystem({ ...nano, open: now => openNano(now, rate) })
  await system.run(async () => {
    await system.begin()
    const users = []
    for (let n = 0; n < 5; n++) users.push(await system.assign(`user-${n}`))
    const payees = Array.from({ length: MANY }, () => system.network.stranger())
    const send = (n: number) => system.withdraw({ id: `w-${n}`, asset, payee: payees[n]! })
    let paidIn = 0n
    for (let n = 0; n < MANY; n++) {
      const amount = asset.deposit + BigInt(n)
      system.network.pay(asset.symbol, users[n % users.length]!, amount)
      paidIn += amount
      await send(n)
      if (n === 10) system.watcher.fall('kill')
    }
    await system.until('/v1/withdrawals/w-15', ({ transactionId }) => typeof transactionId === 'string')
    loseLedger(system)
    await system.until(CHAIN_PATH, ({ state }) => state === 'following')
    for (const [n, user] of users.entries()) {
      const path = `${CHAIN_PATH}/addresses/user-${n}`
      while ((await system.insist('PUT', path, user)).status >= 300) await system.world.sleep(500)
    }
    for (let n = 0; n < MANY; n++) await send(n)
    await untilAll(system, 'withdrawals', ['final'])
    await untilAll(system, 'deposits', ['confirmed'])
    for (const { id } of await system.list('deposits'))
      await system.insist('PUT', `/v1/deposits/${encodeURIComponent(id!)}/credit`, {})
    await untilAll(system, 'deposits', ['final'])
    await system.advance(5)
    await expectWhole(
      system,
      payees.map(({ address }) => address),
      paidIn,
    )
  })
})
