/** A transaction of ours that is in a block and did not do what it was to: nothing of it is ever called paid. */
import { beforeEach, describe, expect, test } from 'vitest'
import type { SpendSeen } from '../../adapters/adapter.ts'
import { attemptId, transferId, type IdOf } from '../../machines/ids.ts'
import {
  at,
  block,
  connected,
  contextOf,
  disconnected,
  funded,
  gathered,
  requested,
  spent,
  valueOf,
  type Rig,
} from './rig.ts'

let rig: Rig
let transfer: IdOf<'transfer'>

const withdrawals: IdOf<'withdrawal'>[] = ['withdrawal/w-1', 'withdrawal/w-2']
const states = () => withdrawals.map(id => valueOf(rig, id))
const shares = () => withdrawals.map(id => contextOf(rig, id).fee)
const reasons = () => withdrawals.map(id => contextOf(rig, id).reason)

const mined = (height: number, also: Partial<SpendSeen> = {}, branch = ''): SpendSeen => ({
  ...spent(['litecoin:f0:0'], 't', block(height, branch)),
  ...also,
})

async function sign(earlier: { template: null; spendKeys: string[]; fee: string } | null = null): Promise<void> {
  const attempt = rig.orchestrator.memory.get(attemptId(transfer, 1))!
  const data = { id: attempt.id, transactionId: 't', raw: '00', earlier, position: null }
  await rig.send({ type: 'signing.completed', at, run: `${attempt.id}@${attempt.entered}`, data })
}

/** Two withdrawals that one transfer pays, for a fee of 101. */
beforeEach(async () => {
  rig = await funded(['9000'])
  for (const id of ['w-1', 'w-2']) await rig.send(requested(id, '1000'))
  await gathered(rig)
  transfer = contextOf(rig, 'withdrawal/w-1').transfer ?? transferId('none')
})

describe('a transaction that failed in its block', () => {
  test('fails its withdrawals when that is final, and never calls them paid', async () => {
    await sign()
    await rig.send(connected(103, [mined(103, { executed: false })]))
    expect([valueOf(rig, transfer), states()]).toEqual(['failing', ['paying', 'paying']])
    expect(reasons()[0]).toMatch(/^t is in a block, where what it was to do failed/)
    for (const height of [104, 105, 106]) await rig.send(connected(height))
    expect([valueOf(rig, transfer), states()]).toEqual(['failing', ['paying', 'paying']])
    await rig.send(connected(107))
    expect(states()).toEqual(['failed', 'failed'])
    expect(contextOf(rig, 'withdrawal/w-1').dead).toEqual(['t'])
    const told = rig.commits.flatMap(({ entries }) => entries)
    expect(told.filter(({ to }) => to === 'paid' || to === 'confirmed').map(({ image }) => image.id)).not.toEqual(
      expect.arrayContaining([withdrawals[0]]),
    )
    expect(told.findLast(({ image }) => image.id === transfer)!.to).toBe('dead')
  })

  test('may be taken back, and then pay after all', async () => {
    await sign()
    await rig.send(connected(103, [mined(103, { executed: false })]))
    await rig.send(disconnected(103))
    expect([valueOf(rig, transfer), states(), reasons()]).toEqual([
      ...['underway.waiting', ['paying', 'paying'], [null, null]],
    ])
    await rig.send(connected(103, [mined(103, {}, 'x')], 'x'))
    for (const height of [104, 105]) await rig.send(connected(height, [], 'x', height === 104 ? 'b103x' : 'b104x'))
    expect(states()).toEqual(['paid', 'paid'])
  })
})

describe('the shares of the fee add up to what was paid', () => {
  test('as it was signed for what was planned', async () => {
    await sign()
    expect(shares()).toEqual(['51', '50'])
  })

  test('where the signer had signed for another fee before', async () => {
    await sign({ template: null, spendKeys: ['litecoin:f0:0'], fee: '250' })
    expect(shares()).toEqual(['125', '125'])
    await rig.send(connected(103, [mined(103)]))
    expect([contextOf(rig, transfer).fee, shares()]).toEqual(['250', ['125', '125']])
  })

  test('where the chain took another than was signed for', async () => {
    await sign()
    await rig.send(connected(103, [mined(103, { fee: '88' })]))
    expect([contextOf(rig, transfer).fee, shares()]).toEqual(['88', ['44', '44']])
    expect(contextOf(rig, attemptId(transfer, 1)).fee).toBe('88')
  })
})
