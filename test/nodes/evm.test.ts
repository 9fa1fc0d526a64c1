/** A real node, real processes: deposits of ether and a token, withdrawals, sweeps, reorganisations, restarts and lost ledgers. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { canonical } from '../../adapters/ethereum/address.ts'
import { ETHER } from '../devnet/ethereum/calls.ts'
import { TEST_MS } from '../patience.ts'
import { run } from './daemon.ts'
import { CHAIN, CREDIT, FINAL, startEvm, TOKEN, type EvmSystem } from './evm.ts'

const CHAIN_PATH = `/v1/chains/${CHAIN}`
let system: EvmSystem

beforeAll(async () => {
  system = await startEvm()
}, TEST_MS)
afterAll(() => system.close(), TEST_MS)

const stranger = (n: number): string => canonical(`0x${n.toString(16).padStart(4, '0').repeat(10)}`)
const deposits = async () =>
  (await system.get<{ items: Record<string, string>[] }>('/v1/deposits?limit=1000')).body.items

/** What the API says that we have is what the node says, to the last unit. */
async function expectBalances(): Promise<void> {
  const addresses = await system.ours()
  const { balances } = (await system.get(CHAIN_PATH)).body
  for (const asset of ['ETH', TOKEN]) {
    const { confirmed, pending } = balances.find(one => one.asset === asset)!
    const amounts = await Promise.all(addresses.map(address => system.balance(asset, address)))
    expect({ [asset]: BigInt(confirmed) + BigInt(pending) }).toEqual({ [asset]: amounts.reduce((a, b) => a + b, 0n) })
  }
}

const ENDED = ['final', 'dead', 'failed', 'cancelled']
const ROUNDS = 200
const PAUSE_MS = 100

/** Blocks until all that was asked for and all that is under way is beyond any reorg, and nothing new is begun. */
/** Until nothing is under way any more. */
async function settle(): Promise<void> {
  interface Listed {
    id: string
    state: string
    reason: string | null
  }
  const openIn = async (list: string) =>
    (await system.get<{ items: Listed[] }>(`/v1/${list}?limit=1000`)).body.items.filter(
      ({ state }) => !ENDED.includes(state),
    )
  let open: Listed[] = []
  for (let quiet = 0, n = 0; quiet < 3; n++) {
    if (n === ROUNDS) throw new Error(`still under way: ${JSON.stringify(open.slice(0, 3))}`)
    await system.mine(FINAL + 1)
    open = [...(await openIn('transfers')), ...(await openIn('withdrawals'))]
    quiet = open.length === 0 ? quiet + 1 : 0
    await pause(PAUSE_MS)
  }
}

/** A token's sweep waits for its gas, which waits until it is final: as many blocks as that takes. */
async function gathered(asset: string, address: string): Promise<void> {
  for (let n = 0; n < ROUNDS && (await system.balance(asset, address)) > 0n; n++) {
    await system.mine(1)
    await pause(PAUSE_MS)
  }
  await settle()
}

test(
  'deposits of both assets are credited once and gathered; withdrawals of both are paid exactly',
  { timeout: TEST_MS },
  async () => {
    const { treasury } = await system.until(CHAIN_PATH, body => (body.treasury as string | null) !== null)
    await system.pay('ETH', treasury, 5n * ETHER)
    await system.pay(TOKEN, treasury, 10_000_000n)
    await system.mine(CREDIT)
    const [alice, bob] = [await system.address('alice'), await system.address('bob')]
    await system.pay('ETH', alice, ETHER / 2n)
    await system.pay(TOKEN, bob, 3_000_000n)
    await system.mine(CREDIT)
    expect((await deposits()).map(({ asset, amount, state }) => [asset, amount, state]).sort()).toEqual([
      ['ETH', String(ETHER / 2n), 'confirmed'],
      [TOKEN, '3000000', 'confirmed'],
    ])
    await system.withdraw('w-1', { to: stranger(1), amountSat: ETHER / 10n })
    await system.withdraw('w-2', { to: stranger(2), amountSat: 1_234_567n, asset: TOKEN })
    for (const id of ['w-1', 'w-2']) await system.until(`/v1/withdrawals/${id}`, body => body.transactionId !== null)
    await gathered(TOKEN, bob)
    for (const id of ['w-1', 'w-2']) await system.reaches(`/v1/withdrawals/${id}`, 'final')
    expect(await system.balance('ETH', stranger(1))).toBe(ETHER / 10n)
    expect(await system.balance(TOKEN, stranger(2))).toBe(1_234_567n)
    expect(await system.balance(TOKEN, bob)).toBe(0n)
    expect(await system.balance('ETH', alice)).toBeLessThan(ETHER / 100n)
    const { items } = (await system.get<{ items: { purpose: string }[] }>('/v1/transfers')).body
    expect(items.map(({ purpose }) => purpose).sort()).toEqual(['funding', 'payment', 'payment', 'sweep', 'sweep'])
    await expectBalances()
  },
)

test(
  'what a reorganisation drops from chain and pool is taken back, published again and paid once',
  { timeout: TEST_MS },
  async () => {
    const carol = await system.address('carol')
    const raw = await system.pay('ETH', carol, ETHER / 4n)
    await system.withdraw('w-3', { to: stranger(3), amountSat: ETHER / 20n })
    await system.until('/v1/withdrawals/w-3', body => body.transactionId !== null)
    await system.mine(CREDIT)
    await system.reaches('/v1/withdrawals/w-3', 'paid')
    await system.rpc('anvil_reorg', CREDIT + 1, [])
    await system.until('/v1/withdrawals/w-3', body => body.state === 'paying')
    const [taken] = (await deposits()).filter(({ transactionId }) => transactionId === raw)
    expect(taken!['state']).toBe('reversed')
    // At its start it publishes again at once what is in no block.
    await system.watcher.kill9()
    await system.watcher.start()
    // Without it the sweep of what it had brought waits for ever: it is signed, and the account holds nothing.
    await system.sendAgain()
    await settle()
    await system.reaches('/v1/withdrawals/w-3', 'final')
    expect(await system.balance('ETH', stranger(3))).toBe(ETHER / 20n)
    await expectBalances()
  },
)

interface Shown {
  state: string
  fee: string
  transactionId: string | null
  attempts: {
    state: string
    fee: string
    transactionId: string
    signedTransaction: string
    isCancelling: boolean
    spendKeys: string[]
    decoded?: { feeRate: number }
  }[]
}

const transferShown = async (id: string) => (await system.get<Shown>(`/v1/transfers/${id}?decoded=true`)).body

/** Its first attempt is with the node, and nothing is mined. */
async function stuck(id: string, to: string, amount: bigint, asset = 'ETH'): Promise<string> {
  await system.withdraw(id, { to, amountSat: amount, asset })
  const { transferId } = await system.until(`/v1/withdrawals/${id}`, body => body.transactionId !== null)
  await published(transferId!, 1)
  return transferId!
}

/** The node has the last of so many attempts. */
async function published(transfer: string, count: number): Promise<Shown> {
  await system.until<Shown>(`/v1/transfers/${transfer}`, ({ attempts }) => attempts[count - 1]?.state === 'published')
  const shown = await transferShown(transfer)
  const found = await system.rpc('eth_getTransactionByHash', shown.attempts[count - 1]!.transactionId)
  expect(found).toMatchObject({ blockHash: null })
  return shown
}

/** The last so many blocks are left, and this transaction is in the first of those that come. */
const broughtIn = (depth: number, raw: string) => system.rpc('anvil_reorg', depth, [[raw, 0]])

test(
  'E11: a stuck withdrawal is bumped three times, and the first attempt is mined after all: that is what it cost',
  { timeout: TEST_MS },
  async () => {
    for (const [n, asset] of ['ETH', TOKEN].entries()) {
      const [id, to, amount] = [`stuck-${n}`, stranger(50 + n), 4321n + BigInt(n)]
      const transfer = await stuck(id, to, amount, asset)
      for (let bump = 1; bump <= 3; bump++) {
        const before = (await transferShown(transfer)).attempts.at(-1)!
        const feeRate = Math.ceil(before.decoded!.feeRate * 1.25)
        const { status } = await system.put(`/v1/transfers/${transfer}/replacement`, { feeRate })
        expect(status).toBe(bump === 1 ? 201 : 200)
        const { attempts } = await published(transfer, bump + 1)
        expect(attempts[bump]!.spendKeys).toEqual(before.spendKeys)
        expect(attempts[bump]!.decoded!.feeRate).toBe(feeRate)
        expect(await system.rpc('eth_getTransactionByHash', before.transactionId)).toBeNull()
      }
      await system.mine(CREDIT)
      await system.reaches(`/v1/withdrawals/${id}`, 'paid')
      const fourth = await transferShown(transfer)
      expect(fourth.transactionId).toBe(fourth.attempts[3]!.transactionId)
      await broughtIn(CREDIT, fourth.attempts[0]!.signedTransaction)
      await system.until<Shown>(
        `/v1/transfers/${transfer}`,
        body => body.transactionId === fourth.attempts[0]!.transactionId,
      )
      await settle()
      const { attempts, fee, state } = await transferShown(transfer)
      expect([state, ...attempts.map(each => each.state)]).toEqual([
        ...['final', 'final', 'superseded', 'superseded', 'superseded'],
      ])
      const { body } = await system.get<{ state: string; fee: string }>(`/v1/withdrawals/${id}`)
      expect([body.state, body.fee]).toEqual(['final', fee])
      expect(await system.balance(asset, to)).toBe(amount)
    }
    await expectBalances()
  },
)

test(
  'E10: a signed withdrawal that is cancelled is never paid once nothing to ourselves is mined on its nonce; else it is paid',
  { timeout: TEST_MS },
  async () => {
    const cancelled = async (id: string, to: string, asset: string) => {
      const transfer = await stuck(id, to, 777n, asset)
      const { status, body } = await system.put<{ kind: string }>(`/v1/withdrawals/${id}/cancellation`)
      expect([status, body.kind]).toEqual([409, 'already-signed'])
      const { attempts } = await published(transfer, 2)
      expect(attempts.map(({ isCancelling }) => isCancelling)).toEqual([false, true])
      return transfer
    }
    const never = await cancelled('never', stranger(60), TOKEN)
    // Another one behind it is in nobody's way.
    await system.withdraw('behind', { to: stranger(61), amountSat: 778n })
    await system.until('/v1/withdrawals/behind', body => body.transactionId !== null)
    await settle()
    await system.reaches('/v1/withdrawals/never', 'failed')
    await system.reaches('/v1/withdrawals/behind', 'final')
    expect((await transferShown(never)).state).toBe('dead')
    expect([await system.balance(TOKEN, stranger(60)), await system.balance('ETH', stranger(61))]).toEqual([0n, 778n])
    const after = await cancelled('after-all', stranger(62), 'ETH')
    await system.mine(CREDIT)
    const { attempts } = await system.until<Shown>(`/v1/transfers/${after}`, body => body.state === 'failing')
    await broughtIn(CREDIT, attempts[0]!.signedTransaction)
    await settle()
    await system.reaches('/v1/withdrawals/after-all', 'final')
    expect(await system.balance('ETH', stranger(62))).toBe(777n)
    await expectBalances()
  },
)

test('processes that are killed in the middle of a burst', { timeout: TEST_MS }, async () => {
  const ids = Array.from({ length: 20 }, (_, n) => n)
  const to = (n: number) => stranger(100 + n)
  const ask = (n: number) => system.insist(() => system.withdraw(`b-${n}`, { to: to(n), amountSat: 1000n + BigInt(n) }))
  for (const n of ids.slice(0, 7)) await ask(n)
  await system.watcher.kill9()
  await system.watcher.start()
  for (const n of ids.slice(7, 14)) await ask(n)
  await system.signer.kill9()
  await system.signer.start()
  for (const n of ids.slice(14)) await ask(n)
  for (let n = 0; n < 8; n++) await system.mine(1)
  await settle()
  for (const n of ids) {
    await system.reaches(`/v1/withdrawals/b-${n}`, 'final')
    expect(await system.balance('ETH', to(n))).toBe(1000n + BigInt(n))
  }
  await expectBalances()
})

test(
  'a ledger that is lost is built again from signer and chain, counts what the node counts, and pays nothing twice',
  { timeout: TEST_MS },
  async () => {
    const { directory } = system.place
    await system.withdraw('w-9', { to: stranger(9), amountSat: ETHER / 50n })
    await system.until('/v1/withdrawals/w-9', body => body.transactionId !== null)
    await system.watcher.kill9()
    rmSync(join(directory, 'data', 'watcher'), { recursive: true })
    const { status, stdout, stderr } = await run([
      'rebuild',
      '--config',
      join(directory, 'watcher.yaml'),
      '--from',
      '1',
    ])
    expect(`${status} ${stdout}${stderr}`).toMatch(/^0 /)
    await system.watcher.start()
    await system.withdraw('w-9', { to: stranger(9), amountSat: ETHER / 50n })
    await settle()
    await system.reaches('/v1/withdrawals/w-9', 'final')
    expect(await system.balance('ETH', stranger(9))).toBe(ETHER / 50n)
    await expectBalances()
  },
)
