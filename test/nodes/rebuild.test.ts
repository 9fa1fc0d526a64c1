/** The watcher's ledger is gone: `lockkeeper rebuild` makes a new one from the signer and the chain. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { run } from './daemon.ts'
import { CHAIN, CREDIT, FINAL, startSystem, type Resource, type System } from './system.ts'

const COIN = 100_000_000n
const chain = `/v1/chains/${CHAIN}`

let system: System
beforeAll(async () => {
  system = await startSystem()
  await system.fund(3n * COIN)
})
afterAll(() => system.close())

const newAddress = async () => (await system.litecoind.rpc('getnewaddress', '', 'bech32')) as string
const everyDeposit = async () => (await system.get<{ items: Resource[] }>('/v1/deposits?limit=1000')).body.items

async function deposited(reference: string, amountSat: bigint): Promise<string> {
  const address = await system.address(reference)
  const txid = await system.litecoind.pay(address, amountSat)
  await system.mine(CREDIT)
  const found = (await everyDeposit()).find(({ transactionId }) => transactionId === txid)
  await system.reaches(`/v1/deposits/${found!.id}`, 'confirmed')
  return found!.id
}

it('gives back every deposit under its old id, every withdrawal in its true state, and no address to anybody else', async () => {
  const config = join(system.directory, 'watcher.yaml')
  const credited = await deposited('alice', COIN)
  await system.put(`/v1/deposits/${credited}/credit`)
  const offered = await deposited('bob', 2n * COIN)
  const [to, later] = [await newAddress(), await newAddress()]
  await system.withdraw('old', { to, amountSat: 40_000_000n })
  await system.until('/v1/withdrawals/old', ({ transactionId }) => transactionId !== null)
  await system.mine(FINAL)
  await system.reaches('/v1/withdrawals/old', 'final')
  await system.withdraw('young', { to: later, amountSat: 30_000_000n })
  const { transactionId } = await system.until('/v1/withdrawals/young', body => body.transactionId !== null)
  // The change of the young one is pending as soon as it is seen in the mempool.
  await system.until(chain, ({ balances: [balance] }) => balance!.pending !== '0')
  const balances = (await system.get(chain)).body.balances
  const [alice, bob] = [await system.address('alice'), await system.address('bob')]

  expect(await run(['rebuild', '--config', config, '--from', '1'])).toMatchObject({ status: 1 })
  await system.watcher.stop()
  rmSync(join(system.directory, 'data', 'watcher'), { recursive: true })
  const { status, stdout, stderr } = await run(['rebuild', '--config', config, '--from', '1'])
  expect(status, stderr).toBe(0)
  expect(stdout).toMatch(/block \d+ of \d+/)
  expect(stdout).toMatch(/\d+ coins, \d+ base units, as the node counts them/)

  await system.watcher.start()
  await system.synced()
  expect((await everyDeposit()).map(({ id, amount }) => [id, amount]).sort()).toEqual(
    [
      [credited, String(COIN)],
      [offered, String(2n * COIN)],
    ].sort(),
  )
  await system.reaches(`/v1/deposits/${credited}`, 'confirmed')
  await system.reaches('/v1/withdrawals/old', 'final')
  expect((await system.get('/v1/withdrawals/young')).body).toMatchObject({ state: 'paying', transactionId })
  await system.until(chain, ({ balances: [balance] }) => balance!.pending !== '0')
  expect((await system.get(chain)).body.balances).toEqual(balances)

  const stranger = await system.address('carol')
  expect([alice, bob]).not.toContain(stranger)
  const restored = await system.put(`${chain}/addresses/alice`, { address: alice, dataField: null })
  expect(restored.status).toBe(201)
  expect((await system.get(`/v1/deposits/${credited}`)).body.reference).toBe('alice')
  expect((await system.put(`${chain}/addresses/dave`, { address: alice, dataField: null })).status).toBe(409)

  await system.mine(FINAL)
  await system.reaches('/v1/withdrawals/young', 'final')
  expect(await system.book.paidTo(later)).toMatchObject([{ txid: transactionId, amountSat: 30_000_000n }])
  expect((await system.book.paidTo(to)).length).toBe(1)
})
