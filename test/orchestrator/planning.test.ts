import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import type { Planner } from '../../adapters/adapter.ts'
import type { CoinFunds } from '../../adapters/bitcoin/funds.ts'
import { createBook } from '../../adapters/bitcoin/book.ts'
import { attemptId, coinId, nameOf, withdrawalId, type Id, type IdOf } from '../../machines/ids.ts'
import type { WithdrawalContext } from '../../machines/withdrawal.ts'
import { shareFee, type SignedReceipt } from '../../machines/vocabulary.ts'
import { runOf, type Instance, type InstanceOf } from '../../src/kernel/entry.ts'
import type { SignedRecord } from '../../src/orchestrator/inbound.ts'
import { NO_CAPS } from '../../src/orchestrator/routes/replacing.ts'
import { transferHash } from '../../src/orchestrator/routes/planning.ts'
import {
  at,
  block,
  bookOptions,
  connected,
  contextOf,
  createRig,
  disconnected,
  FEE,
  funded,
  gathered,
  openChain,
  paid,
  policy,
  requested,
  spent,
  valueOf,
} from './rig.ts'
import type { Rig } from './rig.ts'

const transferOf = (rig: Rig, id: IdOf<'withdrawal'>) => contextOf(rig, id).transfer!

describe('planning', () => {
  test('A2: transfer, attempt, reservations and bound withdrawals are one commit, with the coins held', async () => {
    const rig = await funded(['5000', '7000'])
    await rig.send(requested('w-1', '2000'))
    await gathered(rig)
    const commit = rig.commits.at(-1)!
    const transfer = transferOf(rig, 'withdrawal/w-1')
    expect(commit.reserve).toEqual([['litecoin:f0:0', transfer]])
    expect(commit.entries.map(({ image, to }) => `${image.id.split('/')[0]!} ${to}`)).toEqual([
      ...['account ready', 'transfer underway.waiting', 'coin reserved', 'withdrawal paying', 'attempt unsigned'],
    ])
    expect(contextOf(rig, 'coin/litecoin:f0:0').holder).toBe(transfer)
  })

  test('A2: a coin that one plan holds is not seen by the next', async () => {
    const rig = await funded(['5000', '7000'])
    await rig.send(requested('w-1', '2000'))
    await gathered(rig)
    await rig.send(requested('w-2', '2000'))
    await gathered(rig)
    expect(rig.commits.at(-1)!.reserve).toEqual([['litecoin:f1:0', transferOf(rig, 'withdrawal/w-2')]])
  })

  test('first come, first served, but one that is too large does not hold up those behind it', async () => {
    const rig = await funded(['5000'])
    for (const [id, amount] of [
      ['large', '9000'],
      ['small', '1000'],
      ['next', '2000'],
    ] as const)
      await rig.send(requested(id, amount))
    await gathered(rig)
    expect(valueOf(rig, 'withdrawal/large')).toBe('queued')
    expect([valueOf(rig, 'withdrawal/small'), valueOf(rig, 'withdrawal/next')]).toEqual(['paying', 'paying'])
    expect(transferOf(rig, 'withdrawal/small')).toBe(transferOf(rig, 'withdrawal/next'))
    expect(contextOf(rig, 'withdrawal/large').reason).toMatch(/not enough spendable funds/)
    expect(contextOf(rig, 'account/litecoin:0')).toMatchObject({
      dueAt: null,
      reason: expect.stringMatching(/not enough/) as string,
    })
  })

  test('what the fee does not leave room for waits, and the rest is paid', async () => {
    const rig = await funded(['5000'])
    for (const id of ['w-1', 'w-2']) await rig.send(requested(id, '2500'))
    await gathered(rig)
    expect([valueOf(rig, 'withdrawal/w-1'), valueOf(rig, 'withdrawal/w-2')]).toEqual(['paying', 'queued'])
  })

  test('a batch pays no more than its maximum', async () => {
    const rig = await funded(['90000'], { policies: { litecoin: { ...policy, batch: { windowMs: 0, maximum: 2 } } } })
    for (const id of ['w-1', 'w-2', 'w-3']) await rig.send(requested(id, '1000'))
    await gathered(rig)
    expect(['w-1', 'w-2', 'w-3'].map(id => valueOf(rig, `withdrawal/${id}`))).toEqual(['paying', 'paying', 'queued'])
  })

  test('a shortfall is said to the withdrawals, and funds wake the account', async () => {
    const rig = await funded(['5000'])
    await rig.send(requested('w-1', '9000'))
    await gathered(rig)
    expect(contextOf(rig, 'withdrawal/w-1').reason).toMatch(/not enough spendable funds/)
    expect(valueOf(rig, 'account/litecoin:0')).toBe('ready')
    await rig.send(connected(103))
    expect(valueOf(rig, 'account/litecoin:0')).toBe('gathering')
  })

  test('very many learn that they wait, and that they are held, some at a time, and the next come at once', async () => {
    const all = Array.from({ length: 450 }, (_, n) => `w-${n}`)
    const gatherAll = async (rig: Rig) => {
      const told: number[] = []
      while (valueOf(rig, 'account/litecoin:0') === 'gathering') {
        await gathered(rig)
        told.push(rig.commits.at(-1)!.entries.filter(({ event }) => event.startsWith('withdrawal.')).length)
        const { dueAt } = contextOf(rig, 'account/litecoin:0')
        if (dueAt !== null) await rig.send({ type: 'time.passed', at: dueAt, data: { ids: ['account/litecoin:0'] } })
      }
      return told
    }
    const short = await funded(['5000'])
    for (const id of all) await short.send(requested(id, '9000'))
    expect(await gatherAll(short)).toEqual([200, 200, 50])
    let isCapped = true
    const plan: Planner['plan'] = (order, funds, facts) =>
      isCapped
        ? {
            shortfall: 'cap',
            passed: order.payments.map(({ withdrawal }) => ({ withdrawal, kind: 'cap', reason: 'cap' })),
          }
        : policy.planner.plan(order, funds, facts)
    const capped = await funded(['5000'], {
      policies: { litecoin: { ...policy, planner: { ...policy.planner, plan } } },
    })
    for (const id of all) await capped.send(requested(id, '9000'))
    expect(await gatherAll(capped)).toEqual([200, 200, 50])
    isCapped = false
    await capped.send(connected(103))
    expect(await gatherAll(capped)).toEqual([200, 200, 50, 200, 200, 50])
  })

  test('whoever was passed over is tried first when funds arrive, before whoever came later', async () => {
    const rig = await funded(['5000'])
    await rig.send(requested('large', '9000'))
    await gathered(rig)
    await rig.pass(1000)
    await rig.send({ ...requested('later', '4000'), at: rig.now() })
    await rig.send(connected(103, [paid('more', block(103), { amount: '6000' })]))
    for (const height of [104, 105]) await rig.send(connected(height))
    await gathered(rig)
    expect(['large', 'later'].map(id => valueOf(rig, `withdrawal/${id}`))).toEqual(['paying', 'queued'])
  })

  test('the same shortfall again is no entry of its withdrawals, however often it is found', async () => {
    const rig = await funded(['5000'])
    for (const id of ['w-1', 'w-2', 'w-3']) await rig.send(requested(id, '9000'))
    await gathered(rig)
    const told = () =>
      rig.commits.flatMap(({ entries }) => entries).filter(({ event }) => event === 'withdrawal.delayed')
    expect(told().length).toBe(3)
    for (const height of [103, 104, 105]) {
      await rig.send(connected(height))
      await gathered(rig)
    }
    expect(told().length).toBe(3)
  })

  test('what the day leaves is paid, oldest first; what it does not leave reserves nothing and waits with the reason', async () => {
    const rig = await funded(['9000', '9000'])
    for (const id of ['w-1', 'w-2', 'w-3']) await rig.send(requested(id, '1500'))
    await gathered(rig, null, '3200')
    expect(['w-1', 'w-2', 'w-3'].map(id => valueOf(rig, `withdrawal/${id}`))).toEqual(['paying', 'paying', 'queued'])
    // Planned and not signed yet: the signer does not count it, and we do.
    await gathered(rig, null, '3200')
    expect(valueOf(rig, 'withdrawal/w-3')).toBe('queued')
    expect(rig.orchestrator.memory.list('coin', 'litecoin', 'reserved').length).toBe(1)
  })

  test('where nothing can be paid, what the account needs for that is done', async () => {
    for (const [count, purposes] of [
      [20, ['consolidation']],
      [19, []],
    ] as const) {
      const planner: Planner = {
        ...policy.planner,
        plan: ({ payments }) => ({
          shortfall: 'scattered',
          passed: payments.map(({ withdrawal }) => ({ withdrawal, kind: 'upkeep', reason: 'scattered' })),
        }),
        upkeep: (_, funds: CoinFunds, __, passed) => {
          const spendKeys = [...funds.smallestFirst()].map(({ key }) => key)
          const plan = { template: {}, spendKeys, fee: '7', paid: [], passed: [] }
          const isDone = passed.length > 0 && count >= 20
          return { plan: isDone ? { purpose: 'consolidation', source: 0, ...plan } : null, again: null, reason: null }
        },
      }
      const policies = { litecoin: { ...policy, planner } }
      const rig = await funded(Array<string>(count).fill('5000'), { policies })
      await rig.send(requested('w-1', '9000'))
      await gathered(rig)
      expect(contextOf(rig, 'withdrawal/w-1').reason).toBe('scattered')
      const transfers = rig.orchestrator.memory.list('transfer').map(({ context }) => context)
      expect(transfers.map(({ purpose }) => purpose)).toEqual(purposes)
      for (const { held, withdrawals } of transfers) expect([held.length, withdrawals]).toEqual([count, []])
    }
  })

  test('a treasury that waits for nothing is asked every sixth block what many coins need, and never while it stands behind', async () => {
    const book = createBook({ ...bookOptions, consolidatesAbove: 3 })
    const upkeep: Planner['upkeep'] = (_, funds: CoinFunds, __, passed) => {
      const spendKeys = [...funds.smallestFirst()].map(({ key }) => key)
      const plan = { template: { spendKeys, fee: '7' }, spendKeys, fee: '7', paid: [], passed: [], isPatient: true }
      return { plan: { purpose: 'consolidation', source: 0, ...plan }, again: null, reason: passed[0]?.reason ?? null }
    }
    const looked: Record<number, number[]> = {}
    for (const count of [3, 4]) {
      const policies = { litecoin: { ...policy, book, planner: { ...policy.planner, upkeep } } }
      const rig = await funded(Array<string>(count).fill('5000'), { policies })
      looked[count] = []
      for (let height = 103; height <= 114; height++) {
        await rig.send(connected(height))
        if (valueOf(rig, 'account/litecoin:0') !== 'gathering') continue
        looked[count].push(height)
        await gathered(rig)
      }
      const [transfer] = rig.orchestrator.memory.list('transfer')
      if (count === 4) expect(transfer?.context).toMatchObject({ purpose: 'consolidation', replaceAfterMs: null })
    }
    // The next look finds them reserved: then there are few.
    expect(looked).toEqual({ 3: [], 4: [103] })
  })

  test('what stays as it is, is looked at more and more seldom; what happens meanwhile is heard at once', async () => {
    const reason = 'the block before it is not signed'
    const planner: Planner = {
      ...policy.planner,
      plan: () => ({ shortfall: reason, passed: [] }),
      upkeep: () => ({ plan: null, again: 300, reason }),
    }
    const rig = await funded(['5000'], { policies: { litecoin: { ...policy, planner } } })
    await rig.send(requested('w-1', '1000'))
    const account = 'account/litecoin:0'
    const waits: number[] = []
    for (let n = 0; n < 12; n++) {
      await gathered(rig)
      const dueAt = contextOf(rig, account).dueAt!
      waits.push(dueAt - rig.now())
      await rig.send({ type: 'time.passed', at: rig.now(), data: { ids: [account] } })
    }
    expect(waits.slice(0, 4)).toEqual([300, 300, 600, 1200])
    expect(waits.at(-1)).toBe(120_000)
    await gathered(rig)
    expect(valueOf(rig, account)).toBe('ready')
    await rig.send(connected(103))
    expect(valueOf(rig, account)).toBe('gathering')
  })

  test('who waits for a transaction before his own hears that it is signed', async () => {
    const rig = await funded(['5000'])
    await rig.send(requested('w-1', '1000'))
    await gathered(rig)
    await rig.send(requested('w-2', '9000'))
    await gathered(rig)
    expect(contextOf(rig, 'account/litecoin:0').reason).toMatch(/not enough/)
    const id = attemptId(transferOf(rig, 'withdrawal/w-1'), 1)
    const run = runOf(rig.orchestrator.memory.get(id)!)
    const data = { id, transactionId: 't1', raw: '00', earlier: null, position: null }
    await rig.send({ type: 'signing.completed', at: rig.now(), run, data })
    expect(valueOf(rig, 'account/litecoin:0')).toBe('gathering')
  })

  test('a chain that does not stand at its tip plans nothing', async () => {
    const rig = await funded(['5000'])
    await rig.send(requested('w-1', '1000'))
    await rig.send({ type: 'node.failed', at, data: { chain: 'litecoin', reason: 'no answer' } })
    await gathered(rig)
    expect(valueOf(rig, 'withdrawal/w-1')).toBe('queued')
    expect(contextOf(rig, 'account/litecoin:0').reason).toBe('the chain is not at its tip')
  })

  test('what may not be paid for its fee is held with the reason and reserves nothing, until the node relays at the cap', async () => {
    const reason = 'the node relays nothing at fees.maximumRate'
    let isCapped = true
    const plan: Planner['plan'] = (order, funds, facts) =>
      isCapped
        ? { shortfall: reason, passed: order.payments.map(({ withdrawal }) => ({ withdrawal, kind: 'cap', reason })) }
        : policy.planner.plan(order, funds, facts)
    const rig = await funded(['5000'], { policies: { litecoin: { ...policy, planner: { ...policy.planner, plan } } } })
    await rig.send(requested('w-1', '2000'))
    await gathered(rig)
    expect(rig.orchestrator.memory.get('withdrawal/w-1')).toMatchObject({ value: 'held', context: { reason } })
    expect(rig.commits.flatMap(({ reserve }) => reserve)).toEqual([])
    await rig.send(connected(103))
    await gathered(rig)
    expect(rig.orchestrator.memory.get('withdrawal/w-1')!.value).toBe('held')
    isCapped = false
    await rig.send(connected(104))
    await gathered(rig)
    await gathered(rig)
    expect(rig.orchestrator.memory.get('withdrawal/w-1')!.value).toBe('paying')
  })

  test('A1: facts of a stale run plan nothing', async () => {
    const rig = await funded(['5000', '5000'])
    await rig.send(requested('w-1', '1000'))
    const account = rig.orchestrator.memory.get('account/litecoin:0')!
    const data = { id: account.id, facts: { feeRate: 1, floorRate: 1 }, limits: {}, caps: NO_CAPS }
    const stale = { type: 'facts.gathered', at, run: `${account.id}@${account.entered}`, data } as const
    await rig.send(stale)
    await rig.send(requested('w-2', '1000'))
    const count = rig.commits.length
    await rig.send(stale)
    expect(rig.commits.length).toBe(count)
    expect(valueOf(rig, 'withdrawal/w-2')).toBe('queued')
  })

  test('unconfirmed change is spent on a segwit chain only (B16)', async () => {
    for (const [spendsUnconfirmedChange, state] of [
      [true, 'paying'],
      [false, 'queued'],
    ] as const) {
      const book = createBook({ ...bookOptions, spendsUnconfirmedChange })
      const rig = createRig({ policies: { litecoin: { ...policy, book } } })
      await openChain(rig)
      const change = paid('c', null, { index: 0, own: true })
      await rig.send({ type: 'facts.pending', at, data: { chain: 'litecoin', facts: [change] } })
      await rig.send(requested('w-1', '1000'))
      await gathered(rig)
      expect(valueOf(rig, 'withdrawal/w-1')).toBe(state)
    }
  })

  test('nothing is built on change that stands on what was taken back', async () => {
    const rig = await funded(['5000'])
    const change = paid('t', null, { index: 0, own: true, inputs: ['litecoin:f0:0'] })
    const grandchild = paid('u', null, { index: 0, own: true, inputs: ['litecoin:t:0'], amount: '4000' })
    await rig.send(requested('w-1', '1000'))
    await gathered(rig)
    await rig.send({ type: 'facts.pending', at, data: { chain: 'litecoin', facts: [change, grandchild] } })
    for (const height of [102, 101, 100]) await rig.send(disconnected(height))
    for (const height of [100, 101]) await rig.send(connected(height, [], 'x', height === 100 ? 'b99' : 'b100x'))
    await rig.send(requested('w-2', '1000'))
    await gathered(rig)
    expect(valueOf(rig, 'withdrawal/w-2')).toBe('queued')
    const facts = [paid('f0', block(102, 'x'), { amount: '5000' })]
    await rig.send(connected(102, facts, 'x', 'b101x'))
    await gathered(rig)
    expect(valueOf(rig, 'withdrawal/w-2')).toBe('paying')
  })

  test('a planner that throws leaves the account stuck until a person resumes the chain', async () => {
    const plan = () => {
      throw new Error('a defect')
    }
    const rig = await funded(['5000'], { policies: { litecoin: { ...policy, planner: { ...policy.planner, plan } } } })
    await rig.send(requested('w-1', '1000'))
    await gathered(rig)
    expect(valueOf(rig, 'account/litecoin:0')).toBe('stuck')
    await rig.send({ type: 'chain.resumed', at, data: { chain: 'litecoin', reason: 'fixed', ended: [] } })
    expect(valueOf(rig, 'account/litecoin:0')).toBe('gathering')
  })

  test('shares of a fee are whole, differ only in the first, and add up to it', () => {
    const count = fc.integer({ min: 1, max: 100 })
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 20n }), count, (fee, ids) => {
        const shares = shareFee(
          String(fee),
          Array.from({ length: ids }, (_, i) => withdrawalId(String(i))),
        )
        expect(shares.reduce((sum, share) => sum + BigInt(share.fee), 0n)).toBe(fee)
        expect(new Set(shares.slice(1).map(share => share.fee)).size).toBeLessThan(2)
      }),
    )
    expect(shareFee('0', [])).toEqual([])
  })

  test('a transfer has the same name whatever order its keys and withdrawals come in, and another for another round', () => {
    const name = transferHash('litecoin', 'payment', ['b', 'a'], ['w-2@1', 'w-1@1'])
    expect(name).toMatch(/^[0-9a-f]{64}$/)
    expect(transferHash('litecoin', 'payment', ['a', 'b'], ['w-1@1', 'w-2@1'])).toBe(name)
    expect(transferHash('litecoin', 'payment', ['a', 'b'], ['w-1@2', 'w-2@1'])).not.toBe(name)
    expect(transferHash('dogecoin', 'payment', ['a', 'b'], ['w-1@1', 'w-2@1'])).not.toBe(name)
  })
})

describe('adoption', () => {
  const record: SignedRecord = {
    transferId: 'ab',
    n: 1,
    template: { spendKeys: ['litecoin:f0:0'], fee: String(FEE) },
    intents: [
      {
        ...{ id: 'w-1', chain: 'litecoin', asset: 'LTC', to: 'x', dataField: null, amount: '1000' },
        ...{ expiresAt: null, round: 1, memory: null, authorisations: [] },
      },
    ],
    transactionId: 't',
    raw: '00',
    spendKeys: ['litecoin:f0:0'],
  }
  const recalled = (records: SignedRecord[], until: number, ended: Instance[] = []) =>
    ({
      type: 'signer.recalled',
      at,
      data: { chain: 'litecoin', records, receipts: [] as SignedReceipt[], ended, until, position: null },
    }) as const

  test('A1: what the signer has signed and the ledger lacks is reserved, bound and owed a broadcast', async () => {
    const rig = await funded(['5000'])
    await rig.send(recalled([record], 1))
    expect(rig.orchestrator.memory.holder('litecoin:f0:0')).toBe('transfer/ab')
    expect(valueOf(rig, 'coin/litecoin:f0:0')).toBe('reserved')
    expect(contextOf(rig, 'withdrawal/w-1')).toMatchObject({
      transfer: 'transfer/ab',
      fee: String(FEE),
      transactionId: 't',
    })
    expect(valueOf(rig, 'attempt/ab:1')).toBe('signed')
    expect(contextOf(rig, 'chain/litecoin').recalled).toBe(1)
  })

  test('A1: a withdrawal that the backend asks for again is the one that was adopted', async () => {
    const rig = await funded(['5000', '5000'])
    await rig.send(recalled([record], 1))
    await rig.send(requested('w-1', '1000'))
    await gathered(rig)
    expect(transferOf(rig, 'withdrawal/w-1')).toBe('transfer/ab')
    expect(rig.orchestrator.memory.list('transfer').length).toBe(1)
  })

  test('a queued withdrawal is bound to what was signed for it', async () => {
    const rig = await funded(['5000'])
    await rig.send(requested('w-1', '1000'))
    await rig.send(recalled([record], 1))
    expect(valueOf(rig, 'withdrawal/w-1')).toBe('paying')
    await gathered(rig)
    expect(rig.orchestrator.memory.list('transfer').length).toBe(1)
  })

  test('what was signed for coins that have ended here is dead with the next block, and the coins are not made anew', async () => {
    const coin: InstanceOf<'coin'> = {
      id: coinId('litecoin:aa:1'),
      ...{ version: 1, revision: 4, seq: 4, at, entered: 4, ended: true },
      value: 'spent',
      context: {
        ...{ chain: 'litecoin', key: 'litecoin:aa:1', index: 7, address: 'x', publicKey: '02', asset: 'LTC' },
        ...{ amount: '5000', transactionId: 'aa', outputIndex: 1, own: false, ripe: 3, final: policy.final },
        ...{ place: { height: 80, hash: 'b80' }, failures: 0, dueAt: null, dueHeight: 90, holder: null, rivals: [] },
        ...{ spent: { transaction: 'bb', place: { height: 81, hash: 'b81' } }, conflict: null },
      },
    }
    const spendKeys = [coin.context.key]
    const signed = { ...record, spendKeys, template: { spendKeys, fee: String(FEE) } }
    const rig = await funded(['5000'])
    await rig.send(recalled([signed], 1, [coin]))
    expect(valueOf(rig, coin.id)).toBe('reserved')
    expect(valueOf(rig, 'transfer/ab')).toBe('underway.waiting')
    await rig.send(connected(103))
    expect(rig.orchestrator.memory.get(coin.id)).toBeUndefined()
    expect(rig.orchestrator.memory.get('transfer/ab')).toBeUndefined()
    const images = rig.commits.flatMap(({ entries }) => entries.map(({ image }) => image))
    expect(images.findLast(({ id }) => id === coin.id)).toMatchObject({ value: 'spent', revision: 6 })
    expect(images.findLast(({ id }) => id === 'transfer/ab')).toMatchObject({ value: 'dead' })
    expect(images.findLast(({ id }) => id === 'withdrawal/w-1')).toMatchObject({ value: 'failed' })
  })

  describe('a withdrawal that had ended here', () => {
    const ended = (value: string, also: Partial<WithdrawalContext> = {}): InstanceOf<'withdrawal'> => ({
      id: 'withdrawal/w-1',
      ...{ version: 2, revision: 4, seq: 4, at, entered: 4, ended: true },
      value,
      context: {
        ...record.intents[0]!,
        ...{ expiresAtMs: null, required: 3, requestedAt: at, failures: 0, dueAt: null, dueHeight: null },
        ...{ reason: 'expired', receipt: null, transfer: null, transactionId: null, fee: null, place: null, dead: [] },
        ...also,
      },
    })
    const receipt: SignedReceipt = {
      ...{
        chain: 'litecoin',
        id: 'w-1',
        purpose: 'lockkeeper-void-v1',
        round: 1,
        signed: [],
        key: 'k',
        signature: 's',
      },
    }
    /** Another transfer, signed later, spends its coin, for good. */
    async function beaten(rig: Rig): Promise<void> {
      await rig.send(recalled([{ ...record, transferId: 'ff', transactionId: 'other', intents: [] }], 9))
      await rig.send(connected(103, [spent(['litecoin:f0:0'], 'other', block(103))]))
      for (const height of [104, 105, 106, 107, 108]) await rig.send(connected(height))
    }
    const imagesOf = (rig: Rig, id: string) =>
      rig.commits.flatMap(({ entries }) => entries.filter(({ image }) => image.id === id).map(({ image }) => image))

    test.each(['cancelled', 'rejected'])(
      '%s, and for which something is signed, goes on under its revision',
      async value => {
        const rig = await funded(['5000'])
        await rig.send(recalled([record], 1, [ended(value)]))
        expect(valueOf(rig, 'withdrawal/w-1')).toBe('paying')
        expect(rig.orchestrator.memory.get('withdrawal/w-1')).toMatchObject({ revision: 6 })
        expect(contextOf(rig, 'withdrawal/w-1')).toMatchObject({ transfer: 'transfer/ab', transactionId: 't' })
      },
    )

    test.each([
      ['is paid beyond any reorg', ended('final', { transfer: 'transfer/cd', transactionId: 'u' })],
      ["has the signer's promise that nothing is signed", ended('cancelled', { receipt })],
      ['was of a later round', ended('cancelled', { round: 2 })],
    ])('and %s, stays so: it is neither made anew nor told that it failed', async (_, withdrawal) => {
      const rig = await funded(['5000'])
      await rig.send(recalled([record], 1, [withdrawal]))
      expect(rig.orchestrator.memory.holder('litecoin:f0:0')).toBe('transfer/ab')
      expect(imagesOf(rig, 'withdrawal/w-1')).toEqual([])
      await beaten(rig)
      expect(valueOf(rig, 'transfer/ab')).toBeUndefined()
      expect(imagesOf(rig, 'withdrawal/w-1')).toEqual([])
    })

    test('failed, and has something else signed in the same round, is being paid', async () => {
      const rig = await funded(['5000', '5000'])
      await rig.send(recalled([record], 1))
      await beaten(rig)
      expect(valueOf(rig, 'withdrawal/w-1')).toBe('failed')
      const spendKeys = ['litecoin:f1:0']
      const second = { ...record, transferId: 'cd', transactionId: 'u', spendKeys, template: { spendKeys, fee: '101' } }
      await rig.send(recalled([second], 2))
      expect(contextOf(rig, 'withdrawal/w-1')).toMatchObject({ transfer: 'transfer/cd', dead: ['t'] })
      expect(valueOf(rig, 'withdrawal/w-1')).toBe('paying')
    })
  })

  describe('a transfer that had ended here', () => {
    test('unsigned, and was signed for another watcher, goes on under its revision', async () => {
      const rig = await funded(['9000', '9000'])
      await rig.send(requested('w-1', '1000'))
      await gathered(rig)
      const id = transferOf(rig, 'withdrawal/w-1')
      const spendKeys = ['litecoin:f1:0']
      const rival = { ...record, transferId: 'ef', intents: [], spendKeys: [...contextOf(rig, id).spendKeys] }
      await rig.send(recalled([{ ...rival, template: { spendKeys: rival.spendKeys, fee: '101' } }], 1))
      expect([valueOf(rig, id), valueOf(rig, 'withdrawal/w-1')]).toEqual([undefined, 'queued'])
      const images = rig.commits.flatMap(({ entries }) => entries.map(({ image }) => image))
      const ended = [id, attemptId(id, 1)].map(each => images.findLast(image => image.id === each)!)
      const same = { ...record, transferId: nameOf(id), spendKeys, template: { spendKeys, fee: '101' } }
      await rig.send(recalled([same], 2, ended))
      expect(valueOf(rig, id)).toBe('underway.waiting')
      expect(rig.orchestrator.memory.get(id)!.revision).toBeGreaterThan(ended[0]!.revision)
      expect(valueOf(rig, attemptId(id, 1))).toBe('signed')
      expect(contextOf(rig, 'withdrawal/w-1')).toMatchObject({ transfer: id, transactionId: 't' })
    })

    test('final, with a further attempt that was signed for another watcher, stays so', async () => {
      const rig = await funded(['5000'])
      await rig.send(recalled([record], 1))
      await rig.send(connected(103, [spent(['litecoin:f0:0'], 't', block(103))]))
      for (const height of [104, 105, 106, 107, 108]) await rig.send(connected(height))
      const images = rig.commits.flatMap(({ entries }) => entries.map(({ image }) => image))
      const ids = ['transfer/ab', 'attempt/ab:1', 'withdrawal/w-1', 'coin/litecoin:f0:0']
      const ended = ids.map(id => images.findLast(image => image.id === id)!)
      expect(ended.map(({ value }) => value)).toEqual(['final', 'final', 'final', 'spent'])
      const before = rig.commits.length
      await rig.send(recalled([{ ...record, n: 2, transactionId: 'u' }], 2, ended))
      for (const id of ids) expect(rig.orchestrator.memory.get(id as Id)).toBeUndefined()
      const since = rig.commits.slice(before).flatMap(({ entries }) => entries.map(({ image }) => image.id))
      expect(since).toEqual(['chain/litecoin'])
    })
  })

  test('adopting the same again changes nothing', async () => {
    const rig = await funded(['5000'])
    await rig.send(recalled([record], 1))
    const count = rig.commits.length
    await rig.send(recalled([record], 1))
    expect(rig.commits.length).toBe(count)
  })

  test('of two rounds of one withdrawal the later one is bound, and nothing halts', async () => {
    const rig = await funded(['5000', '5000'])
    const intents = record.intents.map(intent => ({ ...intent, round: 2 }))
    const second = { ...record, transferId: 'cd', intents, transactionId: 'u', spendKeys: ['litecoin:f1:0'] }
    const template = { spendKeys: second.spendKeys, fee: String(FEE) }
    await rig.send(recalled([record, { ...second, template }], 2))
    expect(transferOf(rig, 'withdrawal/w-1')).toBe('transfer/cd')
    expect(contextOf(rig, 'withdrawal/w-1').round).toBe(2)
    expect([valueOf(rig, 'transfer/ab'), valueOf(rig, 'transfer/cd')]).toEqual(['underway.waiting', 'underway.waiting'])
    expect(valueOf(rig, 'chain/litecoin')).toBe('following')
  })

  describe('what is only planned gives way to what is signed', () => {
    const signed = (key: string): SignedRecord => ({
      ...record,
      spendKeys: [key],
      template: { spendKeys: [key], fee: String(FEE) },
    })

    /** One plan that pays w-1 and w-2 with f0, and was never signed. */
    async function planned(): Promise<[Rig, IdOf<'transfer'>]> {
      const rig = await funded(['9000', '9000'])
      await rig.send(requested('w-1', '1000'))
      await rig.send(requested('w-2', '1000'))
      await gathered(rig)
      return [rig, transferOf(rig, 'withdrawal/w-1')]
    }

    test.each([
      ['the same coin', 'litecoin:f0:0'],
      ['another coin', 'litecoin:f1:0'],
    ])('that spends %s: its withdrawal is bound to it, its partner is planned anew', async (_, key) => {
      const [rig, plan] = await planned()
      await rig.send(recalled([signed(key)], 1))
      expect(valueOf(rig, 'chain/litecoin')).toBe('following')
      expect(valueOf(rig, plan)).toBeUndefined()
      expect(contextOf(rig, 'withdrawal/w-1')).toMatchObject({ transfer: 'transfer/ab', transactionId: 't' })
      expect(rig.orchestrator.memory.holder(key)).toBe('transfer/ab')
      expect(contextOf(rig, coinId(key)).holder).toBe('transfer/ab')
      expect(valueOf(rig, 'withdrawal/w-2')).toBe('queued')
      await gathered(rig)
      expect(contextOf(rig, 'withdrawal/w-2')).not.toMatchObject({ transfer: 'transfer/ab' })
      expect(valueOf(rig, 'withdrawal/w-2')).toBe('paying')
    })

    test('but not a plan for a later round than was signed', async () => {
      const rig = await funded(['9000', '9000'])
      await rig.send(requested('w-1', '1000', { round: 2 }))
      await gathered(rig)
      const plan = transferOf(rig, 'withdrawal/w-1')
      await rig.send(recalled([signed('litecoin:f1:0')], 1))
      expect(transferOf(rig, 'withdrawal/w-1')).toBe(plan)
      expect(valueOf(rig, plan)).toBe('underway.waiting')
    })
  })

  test.each([
    ['one list', 2],
    ['two lists', 1],
  ])('of two signed transfers that share a coin the later one has it, in %s', async (_, atOnce) => {
    const rig = await funded(['5000', '5000'])
    const [shared, own] = ['litecoin:f0:0', 'litecoin:f1:0']
    const both = (transferId: string, id: string, spendKeys: string[]): SignedRecord => ({
      ...{ ...record, transferId, transactionId: `t-${id}`, spendKeys },
      ...{ intents: record.intents.map(intent => ({ ...intent, id })), template: { spendKeys, fee: String(FEE) } },
    })
    const records = [both('ab', 'w-1', [shared, own]), both('cd', 'w-2', [shared])]
    for (let n = 0; n < 2; n += atOnce) await rig.send(recalled(records.slice(n, n + atOnce), n + atOnce))
    expect(valueOf(rig, 'chain/litecoin')).toBe('following')
    expect([valueOf(rig, 'transfer/ab'), valueOf(rig, 'transfer/cd')]).toEqual(['underway.waiting', 'underway.waiting'])
    expect(rig.orchestrator.memory.holder(shared)).toBe('transfer/cd')
    expect(rig.orchestrator.memory.holder(own)).toBe('transfer/ab')
    expect(contextOf(rig, coinId(shared)).holder).toBe('transfer/cd')
    expect(contextOf(rig, coinId(own)).holder).toBe('transfer/ab')
  })

  test.each([
    ['one list', 2],
    ['two lists', 1],
  ])('a further attempt that spends a further coin holds it too, in %s: no plan wants it', async (_, atOnce) => {
    const rig = await funded(['5000', '5000'])
    const [first, further] = ['litecoin:f0:0', 'litecoin:f1:0']
    const bumped = { ...record, n: 2, transactionId: 'u', spendKeys: [first, further] }
    const records = [record, { ...bumped, template: { spendKeys: [first, further], fee: '150' } }]
    for (let n = 0; n < 2; n += atOnce) await rig.send(recalled(records.slice(n, n + atOnce), n + atOnce))
    expect([valueOf(rig, 'attempt/ab:1'), valueOf(rig, 'attempt/ab:2')]).toEqual(['signed', 'signed'])
    for (const key of [first, further]) {
      expect(rig.orchestrator.memory.holder(key)).toBe('transfer/ab')
      expect(rig.orchestrator.memory.get(coinId(key))).toMatchObject({
        value: 'reserved',
        context: { holder: 'transfer/ab' },
      })
    }
    expect(contextOf(rig, 'transfer/ab')).toMatchObject({ attempts: 2, fee: '150', held: [first, further].map(coinId) })
    expect(contextOf(rig, 'withdrawal/w-1').fee).toBe('150')
    await rig.send(requested('w-2', '1000'))
    await gathered(rig)
    expect(valueOf(rig, 'withdrawal/w-2')).toBe('queued')
    expect([valueOf(rig, 'account/litecoin:0'), valueOf(rig, 'chain/litecoin')]).toEqual(['ready', 'following'])
  })

  test('a coin that appears only after its transfer was adopted is held by it from the start', async () => {
    const rig = await funded([])
    await rig.send(recalled([record], 1))
    await rig.send(connected(103, [paid('f0', block(103))]))
    expect(valueOf(rig, 'coin/litecoin:f0:0')).toBe('reserved')
    expect(contextOf(rig, 'coin/litecoin:f0:0').holder).toBe('transfer/ab')
  })
})
