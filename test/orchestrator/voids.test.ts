/** What becomes of withdrawals, their batch partners, coins and transfers when the signer voids or refuses. */
import { describe, expect, test } from 'vitest'
import { attemptId, withdrawalId, type IdOf } from '../../machines/ids.ts'
import type { SignedReceipt } from '../../machines/vocabulary.ts'
import type { Inbound, SignedRecord } from '../../src/orchestrator/inbound.ts'
import { FEE, at, block, connected, contextOf, createRig, funded, gathered, requested, spent, valueOf } from './rig.ts'
import type { Rig } from './rig.ts'

const receiptOf = (id: string, signed: string[] = [], round = 1): SignedReceipt => ({
  ...{ chain: 'litecoin', id, purpose: 'lockkeeper-void-v1', round, signed, key: 'k', signature: 's' },
})
const voided = (id: string, signed: string[] = [], round = 1): Inbound => ({
  type: 'withdrawal.voided',
  at,
  data: {
    ...{ id: withdrawalId(id), chain: 'litecoin', position: null },
    ...{ receipt: receiptOf(id, signed, round), verdict: 'cancelled', reason: 'cancelled' },
  },
})

const transferOf = (rig: Rig, id: string) => contextOf(rig, withdrawalId(id)).transfer!
const attemptOf = (rig: Rig, id: string) => attemptId(transferOf(rig, id), 1)
const runOf = (rig: Rig, id: IdOf<'attempt'>) => `${id}@${rig.orchestrator.memory.get(id)!.entered}`
const endOf = (rig: Rig, id: string) =>
  rig.commits.flatMap(({ entries }) => entries).findLast(one => one.image.id === id)
const states = (rig: Rig, ...ids: string[]) =>
  ids.map(id => valueOf(rig, `withdrawal/${id}`) ?? endOf(rig, `withdrawal/${id}`)!.to)

async function batched(rig: Rig, ...ids: string[]): Promise<void> {
  for (const id of ids) await rig.send(requested(id, '1000'))
  await gathered(rig)
}

function refused(rig: Rig, id: string, verdict: 'cancelled' | 'rejected', signed: string[] = []): Promise<void> {
  const attempt = attemptOf(rig, id)
  const unsignable = [{ id: withdrawalId(id), receipt: receiptOf(id, signed), verdict, reason: 'never' }]
  const data = { id: attempt, reason: 'never', unsignable, isBound: false, position: null }
  return rig.send({ type: 'signing.refused', at, run: runOf(rig, attempt), data })
}

function signed(rig: Rig, id: string, transactionId: string): Promise<void> {
  const attempt = attemptOf(rig, id)
  const data = { id: attempt, transactionId, raw: '00', earlier: null, position: { sequence: 9, hash: 'h9' } }
  return rig.send({ type: 'signing.completed', at, run: runOf(rig, attempt), data })
}

describe('a spend key that was signed for another transfer', () => {
  const bound = (rig: Rig, attempt: IdOf<'attempt'>) => {
    const data = { id: attempt, reason: 'spend-key-bound', unsignable: [], isBound: true, position: null }
    return rig.send({ type: 'signing.refused', at, run: runOf(rig, attempt), data })
  }

  test('dissolves what was planned on it: its withdrawals are planned anew', async () => {
    const rig = await funded(['5000', '5000'])
    await batched(rig, 'w-1')
    const first = contextOf(rig, 'withdrawal/w-1').transfer
    await bound(rig, attemptOf(rig, 'w-1'))
    expect(states(rig, 'w-1')).toEqual(['queued'])
    expect(rig.orchestrator.memory.get(first!)).toBeUndefined()
    expect([...rig.orchestrator.memory.reservations()]).toEqual([])
    await gathered(rig)
    expect(states(rig, 'w-1')).toEqual(['paying'])
  })
})

describe('a void', () => {
  test('of a queued withdrawal of which nothing was signed cancels it, with the receipt, and no funds are planned for it', async () => {
    const rig = await funded(['5000'])
    await rig.send(requested('w-1', '1000'))
    await rig.send(voided('w-1'))
    expect(endOf(rig, 'withdrawal/w-1')).toMatchObject({
      to: 'cancelled',
      image: { context: { receipt: receiptOf('w-1') } },
    })
    await gathered(rig)
    expect(rig.orchestrator.memory.list('transfer')).toEqual([])
  })

  test('of one of a batch gives the coins back and plans the others anew, in one commit', async () => {
    const rig = await funded(['5000'])
    await batched(rig, 'w-1', 'w-2', 'w-3')
    const [transfer, attempt] = [transferOf(rig, 'w-1'), attemptOf(rig, 'w-1')]
    const before = rig.commits.length
    await rig.send(voided('w-2'))
    expect(rig.commits.length).toBe(before + 1)
    expect(states(rig, 'w-1', 'w-2', 'w-3')).toEqual(['queued', 'cancelled', 'queued'])
    expect([endOf(rig, transfer)!.to, endOf(rig, attempt)!.to]).toEqual(['dead', 'dead'])
    expect(rig.commits.at(-1)!.release).toEqual(['litecoin:f0:0'])
    expect(valueOf(rig, 'coin/litecoin:f0:0')).toBe('spendable')
    expect(valueOf(rig, 'account/litecoin:0')).toBe('gathering')
    await gathered(rig)
    expect(transferOf(rig, 'w-1')).toBe(transferOf(rig, 'w-3'))
    expect(transferOf(rig, 'w-1')).not.toBe(transfer)
    expect(states(rig, 'w-1', 'w-3')).toEqual(['paying', 'paying'])
  })

  test('of what was signed keeps the receipt and has something else in its place, unless others are paid with it', async () => {
    const rig = await funded(['5000'])
    await batched(rig, 'w-1', 'w-2')
    await signed(rig, 'w-1', 't1')
    await rig.send(voided('w-1', ['t1']))
    expect(states(rig, 'w-1', 'w-2')).toEqual(['paying', 'paying'])
    expect(contextOf(rig, 'withdrawal/w-1').receipt).toEqual(receiptOf('w-1', ['t1']))
    expect(valueOf(rig, transferOf(rig, 'w-1'))).toBe('underway.due')
    await gathered(rig)
    expect(valueOf(rig, transferOf(rig, 'w-1'))).toBe('underway.waiting')
    expect(contextOf(rig, 'withdrawal/w-1').reason).toMatch(
      /w-1 is cancelled: the signer signs nothing more that pays it/,
    )
  })

  test('A1: of what the signer has signed and whose answer was lost leaves the transfer alone', async () => {
    const rig = await funded(['5000'])
    await batched(rig, 'w-1')
    await rig.send(voided('w-1', ['t1']))
    expect(states(rig, 'w-1')).toEqual(['paying'])
    await signed(rig, 'w-1', 't1')
    expect(valueOf(rig, attemptOf(rig, 'w-1'))).toBe('signed')
    expect(contextOf(rig, 'withdrawal/w-1').transactionId).toBe('t1')
  })

  test('whose receipt lists nothing, though this ledger has the signed transaction, cancels nothing', async () => {
    const rig = await funded(['5000'])
    await batched(rig, 'w-1')
    await signed(rig, 'w-1', 't1')
    await rig.send(voided('w-1', []))
    expect(states(rig, 'w-1')).toEqual(['paying'])
  })

  test('of an earlier round says nothing about this one', async () => {
    const rig = await funded(['5000'])
    await rig.send(requested('w-1', '1000', { round: 2 }))
    await rig.send(voided('w-1', [], 1))
    expect(states(rig, 'w-1')).toEqual(['queued'])
  })

  test('of a second round, when all that was signed in the first is dead, fails it: a refund has the chain as its evidence', async () => {
    const rig = await funded(['5000', '6000'])
    await batched(rig, 'w-1')
    await signed(rig, 'w-1', 't1')
    const transfer = transferOf(rig, 'w-1')
    // Its input was double-spent, finally.
    await rig.send(connected(103, [spent(['litecoin:in-f0:0'], 'x', block(103))]))
    for (let height = 104; height <= 110; height++) await rig.send(connected(height))
    expect(endOf(rig, transfer)).toMatchObject({ to: 'dead' })
    expect(states(rig, 'w-1')).toEqual(['failed'])
    await rig.send(requested('w-1', '1000', { round: 2 }))
    await gathered(rig)
    expect(states(rig, 'w-1')).toEqual(['paying'])
    await rig.send(voided('w-1', ['t1'], 2))
    expect(states(rig, 'w-1')).toEqual(['failed'])
    expect(contextOf(rig, 'withdrawal/w-1').receipt).toEqual(receiptOf('w-1', ['t1'], 2))
    expect(valueOf(rig, 'coin/litecoin:f1:0')).toBe('spendable')
  })

  test('that was declared while this ledger was away is heard of at the start', async () => {
    const rig = await funded(['5000'])
    await rig.send(requested('w-1', '1000'))
    const receipts = [receiptOf('w-1'), receiptOf('unknown')]
    await rig.send({
      type: 'signer.recalled',
      at,
      data: { chain: 'litecoin', records: [], receipts, ended: [], until: 3, position: null },
    })
    expect(states(rig, 'w-1')).toEqual(['cancelled'])
    expect(valueOf(rig, 'withdrawal/unknown')).toBeUndefined()
    expect(contextOf(rig, 'chain/litecoin').recalled).toBe(3)
  })
})

describe('a refusal', () => {
  test('of one withdrawal for ever rejects it and plans its batch partners anew', async () => {
    const rig = await funded(['5000'])
    await batched(rig, 'w-1', 'w-2')
    const transfer = transferOf(rig, 'w-1')
    await refused(rig, 'w-1', 'rejected')
    expect(endOf(rig, 'withdrawal/w-1')).toMatchObject({
      to: 'rejected',
      image: { context: { reason: 'never', receipt: receiptOf('w-1') } },
    })
    expect(endOf(rig, transfer)!.to).toBe('dead')
    expect(states(rig, 'w-2')).toEqual(['queued'])
    await gathered(rig)
    expect(states(rig, 'w-2')).toEqual(['paying'])
  })

  test('A1: of a run that is over changes nothing', async () => {
    const rig = await funded(['5000'])
    await batched(rig, 'w-1')
    const attempt = attemptOf(rig, 'w-1')
    const run = runOf(rig, attempt)
    await signed(rig, 'w-1', 't1')
    const count = rig.commits.length
    const unsignable = [
      { id: withdrawalId('w-1'), receipt: receiptOf('w-1'), verdict: 'rejected', reason: 'never' },
    ] as const
    await rig.send({
      type: 'signing.refused',
      at,
      run,
      data: { id: attempt, reason: 'never', unsignable: [...unsignable], isBound: false, position: null },
    })
    expect(rig.commits.length).toBe(count)
  })

  test('of a withdrawal that the signer has signed another transfer for holds it until that one is adopted', async () => {
    const rig = await funded(['5000', '5000', '5000'])
    await batched(rig, 'w-1', 'w-2')
    await refused(rig, 'w-1', 'cancelled', ['t0'])
    expect(states(rig, 'w-1', 'w-2')).toEqual(['held', 'queued'])
    expect(contextOf(rig, 'withdrawal/w-1').reason).toMatch(/signed t0 for it/)
    await gathered(rig)
    expect(states(rig, 'w-1', 'w-2')).toEqual(['held', 'paying'])
    await rig.send({ type: 'withdrawals.approved', at, data: { chain: 'litecoin', ids: ['withdrawal/w-1'] } })
    expect(states(rig, 'w-1')).toEqual(['held'])
    const record: SignedRecord = {
      ...{ transferId: 'ab', n: 1, template: { spendKeys: ['litecoin:f2:0'], fee: String(FEE) }, raw: '00' },
      ...{ transactionId: 't0', spendKeys: ['litecoin:f2:0'] },
      intents: [
        {
          ...{ id: 'w-1', chain: 'litecoin', asset: 'LTC', to: 'x', dataField: null, amount: '1000', expiresAt: null },
          ...{ round: 1, memory: null, authorisations: [] },
        },
      ],
    }
    const data = {
      chain: 'litecoin',
      records: [record],
      receipts: [receiptOf('w-1', ['t0'])],
      ended: [],
      until: 2,
      position: null,
    }
    await rig.send({ type: 'signer.recalled', at, data })
    expect(states(rig, 'w-1')).toEqual(['paying'])
    expect(transferOf(rig, 'w-1')).toBe('transfer/ab')
    expect(contextOf(rig, 'withdrawal/w-1').receipt).toEqual(receiptOf('w-1', ['t0']))
  })
})

describe('what is held back', () => {
  const authorisation = { key: 'k2', signature: 's2' }

  test('from the start for want of an authorisation is planned once there are enough', async () => {
    const rig = await funded(['5000'])
    await rig.send(requested('w-1', '1000', { held: 'needs 2' }))
    expect([valueOf(rig, 'withdrawal/w-1'), valueOf(rig, 'account/litecoin:0')]).toEqual(['held', 'ready'])
    const data = { id: withdrawalId('w-1'), ...authorisation }
    await rig.send({ type: 'authorisation.added', at, data: { ...data, key: 'k1', isEnough: false } })
    expect(states(rig, 'w-1')).toEqual(['held'])
    await rig.send({ type: 'authorisation.added', at, data: { ...data, isEnough: true } })
    await gathered(rig)
    expect(states(rig, 'w-1')).toEqual(['paying'])
    expect(contextOf(rig, 'withdrawal/w-1').authorisations).toHaveLength(2)
  })

  test('an authorisation that comes when its withdrawal has ended changes nothing, and is no defect', async () => {
    const rig = await funded(['5000'])
    const data = { id: withdrawalId('long-final'), isEnough: true, ...authorisation }
    await rig.send({ type: 'authorisation.added', at, data })
    expect(rig.log.filter(({ level }) => level === 'error')).toEqual([])
  })

  test('by the signer shows as held with the reason, and is asked for again at once when an authorisation is added', async () => {
    const rig = await funded(['5000'])
    await batched(rig, 'w-1', 'w-2')
    const attempt = attemptOf(rig, 'w-1')
    const data = { id: attempt, reason: 'w-1 needs 2', lacksApprovals: true }
    await rig.send({ type: 'signing.pended', at, run: runOf(rig, attempt), data })
    expect(states(rig, 'w-1', 'w-2')).toEqual(['held', 'held'])
    expect(contextOf(rig, 'withdrawal/w-2').reason).toBe('w-1 needs 2')
    await rig.send({
      type: 'authorisation.added',
      at,
      data: { id: 'withdrawal/w-1', isEnough: true, ...authorisation },
    })
    expect(valueOf(rig, attempt)).toBe('unsigned')
    await signed(rig, 'w-1', 't1')
    expect(states(rig, 'w-1', 'w-2')).toEqual(['paying', 'paying'])
    expect(contextOf(rig, 'withdrawal/w-1').reason).toBeNull()
  })

  test('can be cancelled, and gives back what was reserved for it', async () => {
    const rig = await funded(['5000'])
    await batched(rig, 'w-1')
    const attempt = attemptOf(rig, 'w-1')
    const data = { id: attempt, reason: 'limit-per-day', lacksApprovals: false }
    await rig.send({ type: 'signing.pended', at, run: runOf(rig, attempt), data })
    await rig.send(voided('w-1'))
    expect(states(rig, 'w-1')).toEqual(['cancelled'])
    expect(valueOf(rig, 'coin/litecoin:f0:0')).toBe('spendable')
  })

  test('by the limit per transaction is only what is over it alone, and reserves nothing: batches are cut', async () => {
    const rig = await funded(['9000', '9000'])
    await rig.send(requested('large', '5000'))
    for (const id of ['w-1', 'w-2', 'w-3']) await rig.send(requested(id, '1500'))
    await gathered(rig, '3200')
    expect(states(rig, 'large', 'w-1', 'w-2', 'w-3')).toEqual(['held', 'paying', 'paying', 'queued'])
    expect(contextOf(rig, 'withdrawal/large')).toMatchObject({ transfer: null, reason: 'it is over the limit' })
    expect(rig.orchestrator.memory.list('coin', 'litecoin', 'reserved').length).toBe(1)
    await rig.send({ type: 'withdrawals.approved', at, data: { chain: 'litecoin', ids: [withdrawalId('large')] } })
    await gathered(rig)
    expect(states(rig, 'large', 'w-3')).toEqual(['paying', 'paying'])
  })

  test('expires only while it is bound to nothing', async () => {
    const rig = await funded(['5000'])
    await rig.send(requested('w-1', '1000', { held: 'needs 2', expiresAt: 'x', expiresAtMs: at + 1000 }))
    await rig.send(requested('w-2', '1000', { expiresAt: 'x', expiresAtMs: at + 1000 }))
    await gathered(rig)
    rig.orchestrator.start()
    await rig.pass(2000)
    expect(states(rig, 'w-1', 'w-2')).toEqual(['cancelled', 'paying'])
    expect(endOf(rig, 'withdrawal/w-1')!.image.context).toMatchObject({ reason: 'expired' })
  })
})

describe("the signer's memory", () => {
  test('S3: the highest that was seen is kept with the account, over a restart, until a person lets it go', async () => {
    const rig = await funded(['5000', '5000'])
    await batched(rig, 'w-1')
    await signed(rig, 'w-1', 't1')
    const seen = (one: Rig) => contextOf(one, 'account/litecoin:0').seen
    expect(seen(rig)).toEqual({ sequence: 9, hash: 'h9' })
    const data = {
      ...{ chain: 'litecoin', records: [], receipts: [], ended: [], until: 0 },
      position: { sequence: 8, hash: 'h8' },
    }
    await rig.send({ type: 'signer.recalled', at, data })
    expect(seen(rig)).toEqual({ sequence: 9, hash: 'h9' })
    const restarted = createRig({ commits: rig.commits })
    expect(seen(restarted)).toEqual({ sequence: 9, hash: 'h9' })
    await restarted.send({ type: 'signer.replaced', at, data: {} })
    expect(seen(restarted)).toBeNull()
  })
})
