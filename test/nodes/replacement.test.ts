/** A withdrawal that is stuck gets a higher fee, through the whole system and on a real node that replaces by BIP-125. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { COIN as NODE } from './bitcoin-node.ts'
import { CHAIN, CREDIT, FINAL, startSystem, type Resource, type System } from './system.ts'

const COIN = 100_000_000n
/** What litecoind is told; later daemons of Core replace by themselves. */
const REPLACES = NODE.replaces ? [] : ['-mempoolreplacement=1']
const MAXIMUM_RATE = 200

let system: System
const pathOf = (id: string) => `/v1/withdrawals/${id}`
const newAddress = async () => (await system.node.rpc('getnewaddress', '', 'bech32')) as string
const mempool = async () => (await system.node.rpc('getrawmempool')) as string[]
const replace = (id: string, feeRate: number) => system.put(`/v1/transfers/${id}/replacement`, { feeRate })
const shown = async (id: string) => (await system.get(`/v1/transfers/${id}`)).body

interface MempoolEntry {
  ancestorcount: number
  ancestorsize: number
  fees: { ancestor: string }
}

const shownChain = async () => (await system.get(`/v1/chains/${CHAIN}`)).body

/** One transfer that pays these, its first attempt in the node's mempool. */
async function stuck(...ids: string[]): Promise<Resource> {
  for (const id of ids)
    expect((await system.withdraw(id, { to: await newAddress(), amountSat: COIN })).status).toBe(201)
  const withdrawals = await Promise.all(
    ids.map(id => system.until(pathOf(id), ({ transactionId }) => transactionId !== null)),
  )
  const [transfer] = new Set(withdrawals.map(({ transferId }) => transferId!))
  return published(transfer!, 1)
}

/** With so many attempts, the last of which is the only one that the node has. */
async function published(transfer: string, count: number): Promise<Resource> {
  const is = ({ attempts }: Resource) => attempts.length >= count && attempts[count - 1]!.state === 'published'
  const body = await system.until(`/v1/transfers/${transfer}`, is)
  expect(await mempool()).toEqual([body.attempts.at(-1)!.transactionId])
  return body
}

/** Each withdrawal names this attempt's transaction, and they share its fee. */
async function expectPaidBy(transfer: string, n: number, ids: string[]): Promise<void> {
  const { attempts, fee } = await shown(transfer)
  const attempt = attempts[n - 1]!
  const withdrawals = await Promise.all(ids.map(async id => (await system.get(pathOf(id))).body))
  expect(withdrawals.map(({ transactionId }) => transactionId)).toEqual(ids.map(() => attempt.transactionId))
  expect(fee).toBe(attempt.fee)
  expect(String(withdrawals.reduce((sum, each) => sum + BigInt(each.fee), 0n))).toBe(fee)
}

describe('a stuck withdrawal', () => {
  beforeAll(async () => {
    const chain = {
      batch: { windowMs: 300, maximum: 100 },
      fees: { maximumRate: MAXIMUM_RATE },
      replaceAfterMs: 3_600_000,
    }
    system = await startSystem({ chain, extra: REPLACES })
    await system.fund(5n * COIN, 5n * COIN, 5n * COIN)
  })
  afterAll(() => system.close())

  test('is bumped three times by a person, the last is mined, a reorg brings in the first after all, and that is what it cost', async () => {
    const ids = ['one', 'two']
    const { id: transfer } = await stuck(...ids)
    const statuses: number[] = []
    for (const [n, feeRate] of [10, 25, 60].entries()) {
      statuses.push((await replace(transfer, feeRate)).status)
      const { attempts } = await published(transfer, n + 2)
      const [before, now] = attempts.slice(-2)
      for (const key of before!.spendKeys) expect(now!.spendKeys).toContain(key)
      expect(BigInt(now!.fee)).toBeGreaterThan(BigInt(before!.fee))
    }
    expect(statuses).toEqual([201, 200, 200])
    await expectPaidBy(transfer, 4, ids)
    const raws = (await shown(transfer)).attempts.map(({ signedTransaction }) => signedTransaction)
    await system.mine(CREDIT)
    await Promise.all(ids.map(id => system.reaches(pathOf(id), 'paid')))
    await expectPaidBy(transfer, 4, ids)
    await system.reorganise(CREDIT, [raws[0]!])
    await system.synced()
    await Promise.all(ids.map(id => system.reaches(pathOf(id), 'paid')))
    await expectPaidBy(transfer, 1, ids)
    await system.mine(FINAL)
    await Promise.all(ids.map(id => system.reaches(pathOf(id), 'final')))
    const states = (await system.reaches(`/v1/transfers/${transfer}`, 'final')).attempts.map(({ state }) => state)
    expect(states).toEqual(['final', 'superseded', 'superseded', 'superseded'])
    await expectPaidBy(transfer, 1, ids)
    for (const id of ids) {
      const { to } = (await system.get<{ to: string }>(pathOf(id))).body
      expect(await system.book.paidTo(to)).toMatchObject([{ amountSat: COIN }])
    }
    expect((await shownChain()).balances[0]).toMatchObject({ pending: '0', reserved: '0' })
  })

  test('is answered by what a replacement may be: the same again, a lower, too little, and too high a rate', async () => {
    const { id: transfer } = await stuck('asked')
    expect((await replace(transfer, 20)).status).toBe(201)
    await published(transfer, 2)
    expect(await replace(transfer, 20)).toMatchObject({ status: 200, body: { replacement: { feeRate: 20 } } })
    expect(await replace(transfer, 19)).toMatchObject({ status: 409, body: { kind: 'conflict' } })
    expect(await replace(transfer, 20.1)).toMatchObject({
      status: 409,
      body: { kind: 'conflict', detail: expect.stringMatching(/from 21[\d.]* sat\/vB on/) as string },
    })
    expect(await replace(transfer, MAXIMUM_RATE + 1)).toMatchObject({
      status: 422,
      body: { kind: 'fee-over-cap', detail: expect.stringMatching(/fees\.maximumRate/) as string },
    })
    expect((await replace(transfer, -1)).status).toBe(400)
    expect((await shown(transfer)).attempts).toHaveLength(2)
    await system.mine(FINAL)
    await system.reaches(pathOf('asked'), 'final')
    expect((await replace(transfer, 20)).status).toBe(200)
    expect(await replace(transfer, 30)).toMatchObject({ status: 409, body: { kind: 'conflict' } })
  })

  test('whose change is spent by another cannot be bumped, and says by which; bumping that one pays for both', async () => {
    // All that there is goes into the first, so that only its change is left for the second.
    const confirmed = (await shownChain()).balances[0]!.confirmed
    const all = { to: await newAddress(), amountSat: BigInt(confirmed) - 2n * COIN }
    expect((await system.withdraw('parent', all)).status).toBe(201)
    const { transferId: parent, transactionId } = await system.until(
      pathOf('parent'),
      body => body.transactionId !== null,
    )
    await published(parent!, 1)
    expect((await system.withdraw('child', { to: await newAddress(), amountSat: COIN })).status).toBe(201)
    const { transferId: child } = await system.until(pathOf('child'), body => body.transactionId !== null)
    await system.until(`/v1/transfers/${child!}`, ({ attempts }) => attempts[0]!.state === 'published')
    expect((await shown(child!)).attempts[0]!.spendKeys).toEqual([expect.stringContaining(transactionId!)])
    expect(await replace(parent!, 50)).toMatchObject({
      status: 422,
      body: { kind: 'not-replaceable', detail: expect.stringContaining(`the transfer ${child!}`) as string },
    })
    expect((await replace(child!, 50)).status).toBe(201)
    const { attempts } = await system.until(`/v1/transfers/${child!}`, body => body.attempts[1]?.state === 'published')
    const entry = (await system.node.rpc('getmempoolentry', attempts[1]!.transactionId)) as MempoolEntry
    expect(entry.ancestorcount).toBe(2)
    expect((Number(entry.fees.ancestor) * Number(COIN)) / entry.ancestorsize).toBeGreaterThanOrEqual(50)
    await system.mine(FINAL)
    for (const id of ['parent', 'child']) await system.reaches(pathOf(id), 'final')
    await system.fund(5n * COIN, 5n * COIN)
  })

  test.runIf(!NODE.replaces)('on a node that replaces nothing is said, and the first attempt is mined', async () => {
    await system.node.restart([])
    await system.synced()
    const { id: transfer, attempts } = await stuck('unreplaced')
    expect((await replace(transfer, 30)).status).toBe(201)
    const { reason } = await system.until(pathOf('unreplaced'), body => body.reason !== null)
    expect(reason).toMatch(/^txn-mempool-conflict: .*-mempoolreplacement=1/)
    expect(await mempool()).toEqual([attempts[0]!.transactionId])
    await system.mine(FINAL)
    await system.reaches(pathOf('unreplaced'), 'final')
    await expectPaidBy(transfer, 1, ['unreplaced'])
  })
})

describe('by itself', () => {
  beforeAll(async () => {
    const chain = { fees: { fallbackRate: 2, maximumRate: 5 }, replaceAfterMs: 1000 }
    system = await startSystem({ chain, extra: REPLACES })
    await system.fund(5n * COIN)
  })
  afterAll(() => system.close())

  test('a withdrawal that waits for long is bumped, again and again up to the cap, and then says that', async () => {
    const { id: transfer } = await stuck('waiting')
    const { reason } = await system.until(pathOf('waiting'), body => /fees\.maximumRate/.test(body.reason ?? ''))
    expect(reason).toMatch(/over fees\.maximumRate \(5 sat\/vB\): raise it/)
    const { attempts, fee } = await shown(transfer)
    const fees = attempts.map(each => Number(each.fee))
    expect(fees).toEqual([...fees].sort((x, y) => x - y))
    expect(fees.at(-1)! / fees[0]!).toBeCloseTo(2.5, 1)
    expect(await mempool()).toEqual([attempts.at(-1)!.transactionId])
    expect(fee).toBe(attempts.at(-1)!.fee)
    await system.mine(FINAL)
    await system.reaches(pathOf('waiting'), 'final')
    await expectPaidBy(transfer, attempts.length, ['waiting'])
  })
})
