/** The watcher's ledger is gone: `lockkeeper rebuild` makes a new one from the signer and the chain. */
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { begin, run, type Begun } from './daemon.ts'
import { CHAIN, CREDIT, FINAL, startSystem, type Resource, type System } from './system.ts'

const COIN = 100_000_000n
const chain = `/v1/chains/${CHAIN}`

let system: System
beforeAll(async () => {
  system = await startSystem()
  await system.fund(3n * COIN)
})
afterAll(() => system.close())

const directory = () => join(system.directory, 'data', 'watcher')
const rebuilding = (from = '1') => ['rebuild', '--config', join(system.directory, 'watcher.yaml'), '--from', from]
const rebuild = (from?: string) => run(rebuilding(from))

async function loseLedger(): Promise<void> {
  await system.watcher.stop()
  rmSync(directory(), { recursive: true })
}

async function says({ stdout }: Begun, words: RegExp | string): Promise<void> {
  await expect.poll(stdout).toMatch(words)
}

const newAddress = async () => (await system.node.rpc('getnewaddress', '', 'bech32')) as string
const everyDeposit = async () => (await system.get<{ items: Resource[] }>('/v1/deposits?limit=1000')).body.items

async function deposited(reference: string, amountSat: bigint): Promise<string> {
  const address = await system.address(reference)
  const txid = await system.node.pay(address, amountSat)
  await system.mine(CREDIT)
  const found = (await everyDeposit()).find(({ transactionId }) => transactionId === txid)
  await system.reaches(`/v1/deposits/${found!.id}`, 'confirmed')
  return found!.id
}

test('gives back every deposit under its old id, every withdrawal in its true state, and no address to anybody else', async () => {
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

  const refused = await rebuild()
  expect(refused.status).toBe(1)
  expect(refused.stderr).toContain('holds a ledger: move it away first')
  await loseLedger()
  const { status, stdout, stderr } = await rebuild()
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
  // Whose it is nobody knows yet: it waits until the backend has given the address back to its owner.
  await system.reaches(`/v1/deposits/${credited}`, 'quarantined')
  await system.reaches('/v1/withdrawals/old', 'final')
  expect((await system.get('/v1/withdrawals/young')).body).toMatchObject({ state: 'paying', transactionId })
  await system.until(chain, ({ balances: [balance] }) => balance!.pending !== '0')
  expect((await system.get(chain)).body.balances).toEqual(balances)

  const stranger = await system.address('carol')
  expect([alice, bob]).not.toContain(stranger)
  const restored = await system.put(`${chain}/addresses/alice`, { address: alice, dataField: null })
  expect(restored.status).toBe(201)
  await system.reaches(`/v1/deposits/${credited}`, 'confirmed')
  expect((await system.get(`/v1/deposits/${credited}`)).body.reference).toBe('alice')
  expect((await system.put(`${chain}/addresses/dave`, { address: alice, dataField: null })).status).toBe(409)

  await system.mine(FINAL)
  await system.reaches('/v1/withdrawals/young', 'final')
  expect(await system.book.paidTo(later)).toMatchObject([{ txid: transactionId, amountSat: 30_000_000n }])
  expect((await system.book.paidTo(to)).length).toBe(1)
})

test.each([
  ['before it stands on a block', 'getblockheader'],
  ['before the coins are counted', 'scantxoutset'],
])(
  'goes on when it is run again after it was killed %s; nobody takes the half of it for a ledger',
  async (_, method) => {
    const deposits = (await everyDeposit()).length
    await loseLedger()
    const first = begin(rebuilding())
    await system.toNode.once(
      'before',
      ({ rpc }) => rpc === method,
      async () => first.kill9(),
    )
    await first.ended
    await expect(system.watcher.start()).rejects.toThrow('run lockkeeper rebuild with --from 1 again')
    const other = await rebuild('2')
    expect(other.status).toBe(1)
    expect(other.stderr).toContain('go on with --from 1, or move it away')

    const { status, stdout, stderr } = await rebuild()
    expect(status, stderr).toBe(0)
    expect(stdout).toContain('going on with the rebuild that was interrupted')
    expect((await rebuild()).stderr).toContain('holds a ledger')
    await system.watcher.start()
    await system.synced()
    expect((await everyDeposit()).length).toBe(deposits)
  },
)

test('says whom it waits for, the signer or the node, and goes on when they are there', async () => {
  await loseLedger()
  system.toSigner.isDown = true
  const begun = begin(rebuilding())
  await says(begun, /the signer cannot be used/)
  system.toNode.isDown = true
  system.toSigner.isDown = false
  await says(begun, `${CHAIN} is unreachable`)
  system.toNode.isDown = false
  const { status, stderr } = await begun.ended
  expect(status, stderr).toBe(0)
  await system.watcher.start()
  await system.synced()
})

test('counts again when the node is lost while it counts, and whatever is mined meanwhile', async () => {
  await loseLedger()
  const begun = begin(rebuilding())
  await system.toNode.once(
    'before',
    ({ rpc }) => rpc === 'scantxoutset',
    () => system.node.mine(2),
  )
  const { status, stderr } = await begun.ended
  expect(status, stderr).toBe(0)
  await system.watcher.start()
  await system.synced()
})

test('fails where coins are older than the first block that it read, and says that a lower height is wanted', async () => {
  await loseLedger()
  const { status, stdout, stderr } = await rebuild('100000')
  expect(status, stdout).toBe(1)
  expect(stderr).toContain('Were they paid before block 100000? Then move')
  await expect(system.watcher.start()).rejects.toThrow('did not come to its end')
  rmSync(directory(), { recursive: true })
  expect((await rebuild()).status).toBe(0)
  await system.watcher.start()
  await system.synced()
})

test('gives no address to a second reference out of a ledger that was put back from an older copy', async () => {
  await system.address('erin')
  await system.watcher.stop()
  cpSync(directory(), `${directory()}-old`, { recursive: true })
  await system.watcher.start()
  await system.synced()
  const given = await Promise.all(['frank', 'grace'].map(reference => system.address(reference)))
  const to = await newAddress()
  await system.withdraw('after-the-copy', { to, amountSat: 10_000_000n })
  const { transactionId } = await system.until('/v1/withdrawals/after-the-copy', body => body.transactionId !== null)
  await loseLedger()
  cpSync(`${directory()}-old`, directory(), { recursive: true })
  await system.watcher.start()

  const strangers = await Promise.all(['heidi', 'ivan'].map(reference => system.address(reference)))
  for (const address of strangers) expect(given).not.toContain(address)
  for (const [n, reference] of ['frank', 'grace'].entries()) {
    const body = { address: given[n], dataField: null }
    expect((await system.put(`${chain}/addresses/${reference}`, body)).status).toBe(201)
  }
  await system.synced()
  await system.mine(FINAL)
  await system.reaches('/v1/withdrawals/after-the-copy', 'final')
  expect(await system.book.paidTo(to)).toMatchObject([{ txid: transactionId, amountSat: 10_000_000n }])
})
