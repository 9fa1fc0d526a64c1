/** A signed transfer whose withdrawals are voided: what pays nobody takes its place, and whichever is mined decides what is said. */
import { describe, expect, test } from 'vitest'
import { attemptId, withdrawalId, type Id } from '../../machines/ids.ts'
import type { SignedReceipt } from '../../machines/vocabulary.ts'
import { runOf } from '../../src/kernel/entry.ts'
import type { SignedRecord } from '../../src/orchestrator/inbound.ts'
import { isOutbid } from '../../src/orchestrator/routes/replacing.ts'
import {
  at,
  block,
  connected,
  contextOf,
  disconnected,
  funded,
  gathered,
  paid,
  policy,
  requested,
  spent,
} from './rig.ts'
import { valueOf, type Rig } from './rig.ts'

const W = 'withdrawal/w-1'
const KEY = 'litecoin:f0:0'
const { planner } = policy
const policies = { litecoin: { ...policy, planner: { ...planner, cancel: planner.replace! } } }

const transferOf = (rig: Rig) => contextOf(rig, W).transfer!
const nth = (rig: Rig, n: number) => attemptId(transferOf(rig), n)
const endOf = (rig: Rig, id: Id) =>
  rig.commits.flatMap(({ entries }) => entries).findLast(({ image }) => image.id === id)!.image

function signs(rig: Rig, n: number, earlier: object | null = null): Promise<void> {
  const attempt = rig.orchestrator.memory.get(nth(rig, n))!
  const data = { id: attempt.id, transactionId: `t${n}`, raw: '00', earlier: earlier as null, position: null }
  return rig.send({ type: 'signing.completed', at: rig.now(), run: runOf(attempt), data })
}

const receiptOf = (id: string, signed: string[]): SignedReceipt => ({
  ...{ chain: 'litecoin', id, purpose: 'lockkeeper-void-v1', round: 1, signed, key: 'k', signature: 's' },
})
const voids = (rig: Rig, id: string, signed: string[]) =>
  rig.send({
    type: 'withdrawal.voided',
    at: rig.now(),
    data: {
      ...{ id: withdrawalId(id), chain: 'litecoin', position: null },
      ...{ receipt: receiptOf(id, signed), verdict: 'cancelled', reason: 'cancelled' },
    },
  })

/** One withdrawal, or two in one transfer; signed, and in no block. */
async function signed(...ids: string[]): Promise<Rig> {
  const rig = await funded(['5000'], { policies })
  rig.orchestrator.start()
  for (const id of ids) await rig.send(requested(id, '2000'))
  await gathered(rig)
  await signs(rig, 1)
  return rig
}

/** The second attempt pays nobody. */
async function cancelled(): Promise<Rig> {
  const rig = await signed('w-1')
  await voids(rig, 'w-1', ['t1'])
  await gathered(rig)
  await signs(rig, 2)
  return rig
}

const mined = (rig: Rig, n: number, branch = '') => {
  const { fee } = contextOf(rig, nth(rig, n))
  const amount = String((n === 1 ? 3000n : 5000n) - BigInt(fee))
  const place = block(103, branch)
  const back = paid(`t${n}`, place, { index: 0, address: 'a0', own: true, amount })
  return connected(103, [spent([KEY], `t${n}`, place), back], branch, 'b102')
}
const follow = async (rig: Rig, parent: string, branch = '') => {
  for (let height = 104; height <= 107; height++)
    await rig.send(connected(height, [], branch, height === 104 ? parent : `b${height - 1}${branch}`))
}

describe('a void of all that a signed transfer pays', () => {
  test('plans at once what pays nobody, on the same keys, and the latest is published', async () => {
    const rig = await signed('w-1')
    await voids(rig, 'w-1', ['t1'])
    expect(valueOf(rig, transferOf(rig))).toBe('underway.due')
    await gathered(rig)
    expect(contextOf(rig, nth(rig, 2))).toMatchObject({ isCancelling: true, spendKeys: [KEY] })
    expect(contextOf(rig, nth(rig, 1)).isCancelling).toBe(false)
    await signs(rig, 2)
    const { memory } = rig.orchestrator
    expect([1, 2].map(n => isOutbid(memory, memory.get(nth(rig, n))!))).toEqual([true, false])
    expect(valueOf(rig, W)).toBe('paying')
  })

  test('in a block, it says that nothing is paid; beyond any reorg the withdrawal has failed and its money is free', async () => {
    const rig = await cancelled()
    const transfer = transferOf(rig)
    await rig.send(mined(rig, 2))
    expect(valueOf(rig, transfer)).toBe('failing')
    expect(contextOf(rig, W)).toMatchObject({ transactionId: 't2', reason: expect.stringMatching(/^t2 is in a block in the place of/) as string }) // prettier-ignore
    const { fee } = contextOf(rig, nth(rig, 2))
    expect(contextOf(rig, W).fee).toBe(fee)
    await follow(rig, 'b103')
    expect(endOf(rig, W)).toMatchObject({ value: 'failed', context: { dead: ['t1', 't2'] } })
    expect([endOf(rig, transfer).value, endOf(rig, attemptId(transfer, 1)).value]).toEqual(['dead', 'dead'])
    expect(rig.orchestrator.memory.holder(KEY)).toBeUndefined()
    const [balance] = policy.book.balances({ memory: rig.orchestrator.memory, policy })
    expect(balance).toMatchObject({ confirmed: String(5000n - BigInt(fee)), pending: '0', reserved: '0' })
  })

  test('the payment is mined after all: then it is paid, and says so', async () => {
    const rig = await cancelled()
    const transfer = transferOf(rig)
    await rig.send(mined(rig, 1))
    expect(contextOf(rig, W)).toMatchObject({ transactionId: 't1', reason: null })
    await follow(rig, 'b103')
    expect([endOf(rig, W).value, endOf(rig, transfer).value]).toEqual(['final', 'final'])
    expect(endOf(rig, attemptId(transfer, 2)).value).toBe('superseded')
  })

  test('a reorg decides anew, in either direction', async () => {
    const rig = await cancelled()
    const transfer = transferOf(rig)
    await rig.send(mined(rig, 2, 'x'))
    await rig.send(disconnected(103, 'x'))
    expect([valueOf(rig, transfer), contextOf(rig, W).reason]).toEqual(['underway.waiting', null])
    await rig.send(mined(rig, 1, 'y'))
    expect([valueOf(rig, transfer), contextOf(rig, W).transactionId]).toEqual(['confirming', 't1'])
    await rig.send(disconnected(103, 'y'))
    await rig.send(mined(rig, 2, 'z'))
    await follow(rig, 'b103z', 'z')
    expect([endOf(rig, W).value, endOf(rig, transfer).value]).toEqual(['failed', 'dead'])
  })

  test('and it is stuck itself: it is replaced by another one that pays nobody', async () => {
    const rig = await cancelled()
    await rig.pass(policy.replaceAfterMs!)
    await gathered(rig)
    expect(contextOf(rig, nth(rig, 3))).toMatchObject({ isCancelling: true })
  })

  test('what the signer had signed under its name for somebody else pays: then it is not taken for what pays nobody', async () => {
    const rig = await signed('w-1')
    await voids(rig, 'w-1', ['t1'])
    await gathered(rig)
    expect(contextOf(rig, nth(rig, 2)).isCancelling).toBe(true)
    await signs(rig, 2, { template: { spendKeys: [KEY], fee: '151' }, spendKeys: [KEY], fee: '151' })
    await rig.send(mined(rig, 2))
    expect(valueOf(rig, transferOf(rig))).toBe('confirming')
  })
})

test('of two withdrawals in one transfer one alone is not cancelled: the other is to be paid; both are', async () => {
  const rig = await signed('w-1', 'w-2')
  await voids(rig, 'w-1', ['t1'])
  await gathered(rig)
  expect(contextOf(rig, transferOf(rig))).toMatchObject({ attempts: 1, reason: expect.stringMatching(/w-1 is cancelled/) as string }) // prettier-ignore
  await voids(rig, 'w-2', ['t1'])
  await gathered(rig)
  expect(contextOf(rig, nth(rig, 2)).isCancelling).toBe(true)
})

test('a void that comes before the answer that it is signed waits until the transfer is due', async () => {
  const rig = await funded(['5000'], { policies })
  rig.orchestrator.start()
  await rig.send(requested('w-1', '2000'))
  await gathered(rig)
  await voids(rig, 'w-1', ['t1'])
  expect(valueOf(rig, transferOf(rig))).toBe('underway.waiting')
  await signs(rig, 1)
  await rig.pass(policy.replaceAfterMs!)
  await gathered(rig)
  expect(contextOf(rig, nth(rig, 2)).isCancelling).toBe(true)
})

test('a ledger that was lost learns from the signer which attempt pays nobody', async () => {
  const rig = await funded(['5000'], { policies })
  const intent = {
    ...{ id: 'w-1', chain: 'litecoin', asset: 'LTC', to: 'x', dataField: null, amount: '2000' },
    ...{ expiresAt: null, round: 1, memory: null, authorisations: [] },
  }
  const record = (n: number, intents: SignedRecord['intents'], fee: string): SignedRecord => ({
    ...{ transferId: 'ab', n, template: { spendKeys: [KEY], fee }, transactionId: `t${n}`, raw: '00' },
    ...{ spendKeys: [KEY], intents },
  })
  const records = [record(1, [intent], '101'), record(2, [], '151')]
  const data = { chain: 'litecoin', records, receipts: [receiptOf('w-1', ['t1'])], ended: [], until: 3, position: null }
  await rig.send({ type: 'signer.recalled', at, data })
  expect([1, 2].map(n => contextOf(rig, attemptId('transfer/ab', n)).isCancelling)).toEqual([false, true])
  await rig.send(mined(rig, 2))
  await follow(rig, 'b103')
  expect([endOf(rig, W).value, endOf(rig, 'transfer/ab').value]).toEqual(['failed', 'dead'])
})
