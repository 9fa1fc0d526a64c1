/** Fee replacement: whichever attempt is mined, each withdrawal is paid once, bears its share of that one's fee, and no coin stays behind. */
import { describe, expect, test } from 'vitest'
import { attemptId, nameOf, type Id, type IdOf } from '../../machines/ids.ts'
import type { Place, SignedReceipt } from '../../machines/vocabulary.ts'
import type { BitcoinFact } from '../../adapters/bitcoin/facts.ts'
import type { Planner } from '../../adapters/adapter.ts'
import type { CoinFunds } from '../../adapters/bitcoin/funds.ts'
import { claim } from '../../src/kernel/untyped.ts'
import type { Inbound, SignedRecord } from '../../src/orchestrator/inbound.ts'
import { runOf } from '../../src/kernel/entry.ts'
import { isOutbid } from '../../src/orchestrator/routes/replacing.ts'
import { policy, at, block, connected, contextOf, createRig, disconnected, FEE, funded, gathered, paid } from './rig.ts'
import { requested, spent, valueOf, type Rig } from './rig.ts'

const ACCOUNT = 'account/litecoin:0'
const W = 'withdrawal/w-1'
const AFTER_MS = policy.replaceAfterMs!

const transferOf = (rig: Rig) => contextOf(rig, W).transfer!
const nth = (rig: Rig, n: number) => attemptId(transferOf(rig), n)
const states = (rig: Rig, ...ids: Id[]) => ids.map(id => valueOf(rig, id))

/** What the signer answers for an attempt: its transaction is `t<n>`. */
function signs(rig: Rig, id: IdOf<'attempt'>): Promise<void> {
  const attempt = rig.orchestrator.memory.get(id)!
  const data = { id, transactionId: `t${attempt.context.n}`, raw: '00', earlier: null, position: null }
  return rig.send({ type: 'signing.completed', at: rig.now(), run: runOf(attempt), data })
}

function answered(rig: Rig, id: IdOf<'attempt'>, reason: string | null = null, isUnderpriced = false): Promise<void> {
  const run = runOf(rig.orchestrator.memory.get(id)!)
  if (reason === null) return rig.send({ type: 'publishing.answered', at: rig.now(), run, data: { id, reason } })
  return rig.send({ type: 'publishing.refused', at: rig.now(), run, data: { id, reason, isUnderpriced } })
}

/** One withdrawal of 2000 from the first of these coins, signed, published and in no block. */
async function stuck(amounts = ['5000', '7000']): Promise<Rig> {
  const rig = await funded(amounts)
  rig.orchestrator.start()
  await rig.send(requested('w-1', '2000'))
  await gathered(rig)
  await signs(rig, nth(rig, 1))
  await answered(rig, nth(rig, 1))
  return rig
}

/** One more attempt, signed and published: by itself, or because a person wants that fee. */
async function bump(rig: Rig, feeRate: number | null = null): Promise<IdOf<'attempt'>> {
  if (feeRate === null) await rig.pass(AFTER_MS)
  else await rig.send({ type: 'replacement.requested', at: rig.now(), data: { id: transferOf(rig), feeRate } })
  await gathered(rig)
  const id = nth(rig, contextOf(rig, transferOf(rig)).attempts)
  await signs(rig, id)
  await answered(rig, id)
  return id
}

/** Attempt `n` in a block, with its change. */
function mined(rig: Rig, n: number, place: Place): BitcoinFact[] {
  const { spendKeys, fee } = contextOf(rig, nth(rig, n))
  const sum = spendKeys.reduce((total, key) => total + BigInt(contextOf(rig, `coin/${key}`).amount), 0n)
  return [spent(spendKeys, `t${n}`, place), change(n, String(sum - 2000n - BigInt(fee)), place)]
}

const change = (n: number, amount: string, place: Place | null) =>
  paid(`t${n}`, place, { index: 0, address: 'a0', own: true, amount, output: 1 })

const follow = async (rig: Rig, from: number, to: number) => {
  for (let height = from; height <= to; height++) await rig.send(connected(height))
}

const request = (rig: Rig, feeRate: number) =>
  rig.send({ type: 'replacement.requested', at: rig.now(), data: { id: transferOf(rig), feeRate } })

describe('a transfer that is signed and in no block', () => {
  test('is due when it has waited, and its account plans the further attempt, with its keys, in one commit', async () => {
    const rig = await stuck()
    await rig.pass(AFTER_MS - 1)
    expect(states(rig, transferOf(rig), ACCOUNT)).toEqual(['underway.waiting', 'ready'])
    await rig.pass(1)
    expect(states(rig, transferOf(rig), ACCOUNT)).toEqual(['underway.due', 'gathering'])
    await gathered(rig)
    const commit = rig.commits.at(-1)!
    expect(commit.entries.map(({ image, to }) => `${image.id.split('/')[0]!} ${to}`)).toEqual([
      ...['account ready', 'transfer underway.waiting', 'attempt unsigned'],
    ])
    expect(contextOf(rig, nth(rig, 2))).toMatchObject({ n: 2, spendKeys: ['litecoin:f0:0'], fee: '151' })
    // Until that is signed the first one counts.
    expect(contextOf(rig, W)).toMatchObject({ transactionId: 't1', fee: String(FEE) })
    await signs(rig, nth(rig, 2))
    expect(contextOf(rig, W)).toMatchObject({ transactionId: 't2', fee: '151' })
    expect(contextOf(rig, transferOf(rig))).toMatchObject({ signed: ['t1', 't2'], dueAt: rig.now() + AFTER_MS })
  })

  test('is planned after a crash too: what is due stays due', async () => {
    const rig = await stuck()
    await rig.pass(AFTER_MS)
    const again = createRig({ commits: rig.commits })
    again.orchestrator.start()
    expect(states(again, transferOf(again), ACCOUNT)).toEqual(['underway.due', 'gathering'])
    await gathered(again)
    expect(valueOf(again, nth(again, 2))).toBe('unsigned')
  })

  test('is never due where nothing is replaced by itself, and a person may still want it', async () => {
    const rig = await funded(['5000'], { policies: { litecoin: { ...policy, replaceAfterMs: null } } })
    rig.orchestrator.start()
    await rig.send(requested('w-1', '2000'))
    await gathered(rig)
    await signs(rig, nth(rig, 1))
    await rig.pass(100 * AFTER_MS)
    expect(valueOf(rig, transferOf(rig))).toBe('underway.waiting')
    await bump(rig, 200)
    expect(contextOf(rig, W)).toMatchObject({ transactionId: 't2', fee: '200' })
  })

  test('is not due before it is signed', async () => {
    const rig = await funded(['5000'])
    rig.orchestrator.start()
    await rig.send(requested('w-1', '2000'))
    await gathered(rig)
    await rig.pass(10 * AFTER_MS)
    expect(valueOf(rig, transferOf(rig))).toBe('underway.waiting')
    await request(rig, 200)
    expect(valueOf(rig, transferOf(rig))).toBe('underway.waiting')
  })

  test('is replaced at the rate that a person wants; a higher one later counts, the same and a lower one do not', async () => {
    const rig = await stuck()
    await bump(rig, 200)
    await request(rig, 200)
    await request(rig, 150)
    expect(valueOf(rig, transferOf(rig))).toBe('underway.waiting')
    await bump(rig, 250)
    expect(contextOf(rig, transferOf(rig))).toMatchObject({ attempts: 3, askedRate: 250, fee: '250' })
  })

  test('holds up no payment, and one plan is made at a time', async () => {
    const rig = await stuck()
    await rig.send(requested('w-2', '1000'))
    await request(rig, 350)
    await gathered(rig)
    expect(contextOf(rig, nth(rig, 2)).spendKeys).toEqual(['litecoin:f0:0', 'litecoin:f1:0'])
    expect(valueOf(rig, 'withdrawal/w-2')).toBe('queued')
    await rig.pass(1)
    await gathered(rig)
    expect(valueOf(rig, 'chain/litecoin')).toBe('following')
    expect(contextOf(rig, 'withdrawal/w-2').reason).toMatch(/not enough/)
  })
})

describe('of many attempts', () => {
  test.each([1, 2, 3, 4])(
    'the one of number %i is mined: its fee is shared, the others end, and no coin stays behind',
    async n => {
      const rig = await stuck()
      await bump(rig)
      await bump(rig, 200)
      await bump(rig, 350)
      expect(valueOf(rig, 'coin/litecoin:f1:0')).toBe('reserved')
      await rig.send(connected(103, mined(rig, n, block(103))))
      const { fee } = contextOf(rig, nth(rig, n))
      expect(contextOf(rig, W)).toMatchObject({ transactionId: `t${n}`, fee })
      expect(contextOf(rig, transferOf(rig))).toMatchObject({
        fee,
        transactionId: `t${n}`,
        place: block(103),
        dueAt: null,
      })
      const ids = [1, 2, 3, 4].map(each => nth(rig, each))
      const transfer = transferOf(rig)
      await follow(rig, 104, 107)
      const ended = new Map(rig.commits.flatMap(({ entries }) => entries.map(({ image }) => [image.id, image.value])))
      expect(ended.get(transfer)).toBe('final')
      expect(ids.map(id => ended.get(id))).toEqual([1, 2, 3, 4].map(each => (each === n ? 'final' : 'superseded')))
      expect(ended.get(W)).toBe('final')
      // The fourth alone has spent the second coin.
      expect(ended.get('coin/litecoin:f1:0')).toBe(n === 4 ? 'spent' : 'spendable')
      expect(rig.orchestrator.memory.holder('litecoin:f1:0')).toBeUndefined()
      const [balance] = policy.book.balances({ memory: rig.orchestrator.memory, policy })
      expect(balance).toMatchObject({ confirmed: String(12_000n - 2000n - BigInt(fee)), pending: '0', reserved: '0' })
    },
  )

  test('each is mined in a branch of its own: a reorg brings every case back', async () => {
    const rig = await stuck()
    await bump(rig)
    await bump(rig, 350)
    for (const [height, n] of [1, 3, 2, 1].entries()) {
      const branch = String(height)
      const facts = mined(rig, n, block(103, branch)).map(fact => ({ ...fact, place: block(103, branch) }))
      await rig.send(connected(103, facts, branch, 'b102'))
      expect(contextOf(rig, W)).toMatchObject({ transactionId: `t${n}`, fee: contextOf(rig, nth(rig, n)).fee })
      expect(valueOf(rig, transferOf(rig))).toBe('confirming')
      await rig.send(disconnected(103, branch))
      expect(states(rig, transferOf(rig), W, nth(rig, n))).toEqual(['underway.waiting', 'paying', 'published'])
      expect(contextOf(rig, transferOf(rig)).dueAt).toBeGreaterThan(rig.now())
    }
    expect(valueOf(rig, 'chain/litecoin')).toBe('reorganising')
  })

  test('one that is signed only when another is in a block is known, and is mined after a reorg', async () => {
    const rig = await stuck()
    await rig.pass(AFTER_MS)
    await gathered(rig)
    await rig.send(connected(103, mined(rig, 1, block(103))))
    await signs(rig, nth(rig, 2))
    expect(contextOf(rig, W)).toMatchObject({ transactionId: 't1', fee: String(FEE) })
    expect(contextOf(rig, transferOf(rig))).toMatchObject({ transactionId: 't1', signed: ['t1', 't2'] })
    await rig.send(disconnected(103))
    await rig.send(connected(103, mined(rig, 2, block(103, 'x')), 'x', 'b102'))
    expect(contextOf(rig, W)).toMatchObject({ transactionId: 't2', fee: '151' })
  })

  test('none is, when what has paid their common coin was replaced, finally: all of them are dead', async () => {
    const rig = await stuck()
    await bump(rig, 350)
    const transfer = transferOf(rig)
    for (const height of [102, 101, 100]) await rig.send(disconnected(height))
    const place = block(100, 'x')
    const facts = [spent(['litecoin:in-f0:0'], 'other', place), paid('f1', place, { amount: '7000' })]
    await rig.send(connected(100, facts, 'x', 'b99'))
    for (const height of [101, 102, 103, 104]) await rig.send(connected(height, [], 'x', `b${height - 1}x`))
    const ended = new Map(rig.commits.flatMap(({ entries }) => entries.map(({ image }) => [image.id, image.value])))
    const ids = [attemptId(transfer, 1), attemptId(transfer, 2), transfer, W] as const
    expect(ids.map(id => ended.get(id))).toEqual(['dead', 'dead', 'dead', 'failed'])
    expect(ended.get('coin/litecoin:f1:0')).toBe('spendable')
    expect(contextOf(rig, W).dead).toEqual(['t1', 't2'])
  })
})

describe('what is published', () => {
  const outbid = (rig: Rig) =>
    [1, 2, 3].map(n => {
      const attempt = rig.orchestrator.memory.get(nth(rig, n))
      return attempt === undefined ? null : isOutbid(rig.orchestrator.memory, attempt)
    })

  test('is the latest that is signed; the one before where a node turns it down; none where one is in a block', async () => {
    const rig = await stuck()
    await rig.pass(AFTER_MS)
    await gathered(rig)
    expect(outbid(rig)).toEqual([false, false, null])
    await signs(rig, nth(rig, 2))
    expect(outbid(rig)).toEqual([true, false, null])
    await answered(rig, nth(rig, 2), 'insufficient fee', true)
    expect(outbid(rig)).toEqual([false, false, null])
    await bump(rig)
    expect(outbid(rig)).toEqual([true, true, false])
    await rig.send(connected(103, mined(rig, 1, block(103))))
    expect(outbid(rig)).toEqual([true, true, true])
  })

  test('is said where a node turns it down, and for its fee alone it is replaced again', async () => {
    const rig = await stuck()
    await rig.pass(AFTER_MS)
    await gathered(rig)
    await signs(rig, nth(rig, 2))
    await answered(rig, nth(rig, 2), 'insufficient fee', true)
    expect(contextOf(rig, W)).toMatchObject({ reason: 'insufficient fee' })
    await bump(rig)
    expect(contextOf(rig, W)).toMatchObject({ reason: null, fee: '201' })
  })

  test('is not replaced where a node turns it down for another reason, but for a person', async () => {
    const rig = await stuck()
    await rig.pass(AFTER_MS)
    await gathered(rig)
    await signs(rig, nth(rig, 2))
    await answered(rig, nth(rig, 2), 'txn-mempool-conflict')
    await rig.pass(AFTER_MS)
    await gathered(rig)
    expect(contextOf(rig, transferOf(rig))).toMatchObject({
      attempts: 2,
      reason: expect.stringMatching(/higher fee would not help: txn-mempool-conflict/) as string,
    })
    await bump(rig, 250)
    expect(contextOf(rig, transferOf(rig)).attempts).toBe(3)
  })
})

describe('unconfirmed change', () => {
  const overheard = (rig: Rig, n: number, amount: string) =>
    rig.send({ type: 'facts.pending', at: rig.now(), data: { chain: 'litecoin', facts: [change(n, amount, null)] } })
  const pay = async (rig: Rig) => {
    await rig.send(requested('w-2', '1000'))
    await gathered(rig)
  }

  test('of a transfer with one attempt is spent, and then that transfer is not replaced: whoever wants it is told by what', async () => {
    const rig = await stuck(['5000'])
    await overheard(rig, 1, '2899')
    await pay(rig)
    expect(valueOf(rig, 'withdrawal/w-2')).toBe('paying')
    await rig.pass(AFTER_MS)
    await gathered(rig)
    const other = contextOf(rig, 'withdrawal/w-2').transfer!
    expect(contextOf(rig, transferOf(rig))).toMatchObject({ attempts: 1, reason: `${nameOf(other)} spends its change` })
    expect(contextOf(rig, W)).toMatchObject({ reason: `${nameOf(other)} spends its change` })
  })

  test('of a transfer that is replaced, or about to be, is not spent, and counts once', async () => {
    const rig = await stuck(['5000'])
    await overheard(rig, 1, '2899')
    await rig.pass(AFTER_MS)
    const { memory } = rig.orchestrator
    const funds = claim<CoinFunds>(policy.book.funds({ memory, policy, at }, { index: 0, address: 'a0' }))
    expect([...funds.largestFirst()]).toEqual([])
    await gathered(rig)
    await signs(rig, nth(rig, 2))
    await overheard(rig, 2, '2849')
    await pay(rig)
    expect(valueOf(rig, 'withdrawal/w-2')).toBe('queued')
    const [balance] = policy.book.balances({ memory: rig.orchestrator.memory, policy })
    expect(balance).toMatchObject({ pending: '2849' })
  })
})

describe('where there is none', () => {
  const capped: Planner['replace'] = () => ({ kind: 'cap', reason: 'a higher fee would be over the cap' })
  const refusing = async () => {
    const policies = { litecoin: { ...policy, planner: { ...policy.planner, replace: capped } } }
    const rig = await funded(['5000'], { policies })
    rig.orchestrator.start()
    await rig.send(requested('w-1', '2000'))
    await gathered(rig)
    await signs(rig, nth(rig, 1))
    await answered(rig, nth(rig, 1))
    return rig
  }

  test('the reason is said, and it is looked at more and more seldom', async () => {
    const rig = await refusing()
    const times: number[] = []
    for (let n = 0; n < 6; n++) {
      const from = rig.now()
      while (valueOf(rig, transferOf(rig)) === 'underway.waiting') await rig.pass(AFTER_MS)
      times.push((rig.now() - from) / AFTER_MS)
      await gathered(rig)
    }
    expect(times).toEqual([1, 1, 2, 4, 8, 8])
    expect(contextOf(rig, W)).toMatchObject({ reason: 'a higher fee would be over the cap' })
    expect(states(rig, W, ACCOUNT)).toEqual(['paying', 'ready'])
  })

  test('what a person wanted is forgotten, so that it can be asked for again', async () => {
    const rig = await refusing()
    for (let n = 0; n < 2; n++) {
      await request(rig, 200)
      expect(valueOf(rig, transferOf(rig))).toBe('underway.asked')
      await gathered(rig)
      expect(contextOf(rig, transferOf(rig))).toMatchObject({ askedRate: null, attempts: 1 })
    }
  })

  test("the signer's limits count what it adds, and the most that it signs", async () => {
    const rig = await stuck()
    await rig.pass(AFTER_MS)
    await gathered(rig, '2150', null)
    expect(contextOf(rig, transferOf(rig))).toMatchObject({
      attempts: 1,
      reason: expect.stringMatching(/cap/) as string,
    })
    await rig.pass(AFTER_MS)
    await gathered(rig, null, '49')
    expect(contextOf(rig, transferOf(rig)).attempts).toBe(1)
    await rig.pass(2 * AFTER_MS)
    await gathered(rig, '2151', '50')
    expect(contextOf(rig, transferOf(rig)).attempts).toBe(2)
  })

  test('and the signer refuses it: that is said, holds up nobody, and the first attempt is mined', async () => {
    const rig = await stuck()
    await rig.pass(AFTER_MS)
    await gathered(rig)
    const [id, reason] = [nth(rig, 2), 'fee-too-high: the fee 151 is over the cap of 150']
    const run = runOf(rig.orchestrator.memory.get(id)!)
    await rig.send({
      type: 'signing.refused',
      at: rig.now(),
      run,
      data: { id, reason, unsignable: [], isBound: false, position: null },
    })
    expect(states(rig, id, W)).toEqual(['refused', 'paying'])
    expect(contextOf(rig, W)).toMatchObject({ reason, transactionId: 't1' })
    await rig.send(connected(103, mined(rig, 1, block(103))))
    expect(contextOf(rig, W)).toMatchObject({ reason: null, fee: String(FEE), place: block(103) })
    const transfer = transferOf(rig)
    await follow(rig, 104, 107)
    const ended = new Map(rig.commits.flatMap(({ entries }) => entries.map(({ image }) => [image.id, image.value])))
    expect([ended.get(transfer), ended.get(attemptId(transfer, 2)), ended.get(W)]).toEqual([
      ...['final', 'superseded', 'final'],
    ])
  })

  test('because its withdrawal is cancelled: the receipt lists what was signed, and whichever is mined pays it once', async () => {
    const rig = await stuck()
    await bump(rig)
    const receipt: SignedReceipt = {
      ...{ chain: 'litecoin', id: 'w-1', round: 1, signed: ['t1', 't2'], key: 'k', signature: 's' },
      purpose: 'lockkeeper-void-v1',
    }
    const data = { chain: 'litecoin', id: W, receipt, reason: 'cancelled', position: null } as const
    await rig.send({ type: 'withdrawal.voided', at: rig.now(), data: { ...data, verdict: 'cancelled' } })
    expect(valueOf(rig, W)).toBe('paying')
    await rig.pass(AFTER_MS)
    await gathered(rig)
    expect(contextOf(rig, transferOf(rig))).toMatchObject({
      attempts: 2,
      reason: expect.stringMatching(/w-1 is cancelled: the signer signs nothing more/) as string,
    })
    await rig.send(connected(103, mined(rig, 1, block(103))))
    await follow(rig, 104, 107)
    const ended = new Map(rig.commits.flatMap(({ entries }) => entries.map(({ image }) => [image.id, image.value])))
    expect(ended.get(W)).toBe('final')
  })
})

describe('a ledger that was lost', () => {
  const record = (n: number, spendKeys: string[], fee: string): SignedRecord => ({
    ...{ transferId: 'ab', n, template: { spendKeys, fee }, transactionId: `t${n}`, raw: '00', spendKeys },
    intents: [
      {
        ...{ id: 'w-1', chain: 'litecoin', asset: 'LTC', to: 'x', dataField: null, amount: '2000' },
        ...{ expiresAt: null, round: 1, memory: null, authorisations: [] },
      },
    ],
  })
  const recalled = (records: SignedRecord[], until: number): Inbound => ({
    type: 'signer.recalled',
    at,
    data: { chain: 'litecoin', records, receipts: [], ended: [], until, position: null },
  })

  test.each([1, 2, 3])('adopts every attempt, and number %i is mined', async n => {
    const rig = await funded(['5000', '7000'])
    const keys = ['litecoin:f0:0']
    await rig.send(
      recalled([record(1, keys, '101'), record(2, keys, '151'), record(3, [...keys, 'litecoin:f1:0'], '350')], 3),
    )
    expect(states(rig, 'attempt/ab:1', 'attempt/ab:2', 'attempt/ab:3')).toEqual(['signed', 'signed', 'signed'])
    await rig.send(connected(103, mined(rig, n, block(103))))
    expect(contextOf(rig, W)).toMatchObject({ transactionId: `t${n}`, fee: ['101', '151', '350'][n - 1] })
    await follow(rig, 104, 107)
    const ended = new Map(rig.commits.flatMap(({ entries }) => entries.map(({ image }) => [image.id, image.value])))
    expect(ended.get('transfer/ab')).toBe('final')
    expect(ended.get('coin/litecoin:f1:0')).toBe(n === 3 ? 'spent' : 'spendable')
  })

  test('and an older copy, in which the first is in a block, knows the second when a reorg brings that in', async () => {
    const rig = await funded(['5000', '7000'])
    const keys = ['litecoin:f0:0']
    await rig.send(recalled([record(1, keys, '101')], 1))
    await rig.send(connected(103, mined(rig, 1, block(103))))
    await rig.send(recalled([record(2, [...keys, 'litecoin:f1:0'], '350')], 2))
    expect(states(rig, 'transfer/ab', 'attempt/ab:2', 'coin/litecoin:f1:0')).toEqual([
      'confirming',
      'signed',
      'reserved',
    ])
    expect(contextOf(rig, W)).toMatchObject({ transactionId: 't1', fee: '101' })
    await rig.send(disconnected(103))
    await rig.send(connected(103, mined(rig, 2, block(103, 'x')), 'x', 'b102'))
    expect(valueOf(rig, 'chain/litecoin')).toBe('following')
    expect(contextOf(rig, W)).toMatchObject({ transactionId: 't2', fee: '350' })
  })
})

test('an attempt that shares no spend key with an earlier one stops the chain, and nothing of it is kept', async () => {
  const astray: Planner['replace'] = () => ({
    template: { spendKeys: ['litecoin:f1:0'], fee: '350' },
    spendKeys: ['litecoin:f1:0'],
    fee: '350',
  })
  const policies = { litecoin: { ...policy, planner: { ...policy.planner, replace: astray } } }
  const rig = await funded(['5000', '7000'], { policies })
  rig.orchestrator.start()
  await rig.send(requested('w-1', '2000'))
  await gathered(rig)
  await signs(rig, nth(rig, 1))
  await rig.pass(AFTER_MS)
  await gathered(rig)
  expect(valueOf(rig, 'chain/litecoin')).toBe('halted')
  expect(contextOf(rig, 'chain/litecoin').reason).toMatch(/shares no spend key/)
  expect(valueOf(rig, nth(rig, 2))).toBeUndefined()
})
