import { describe, expect, test } from 'vitest'
import { createBook } from '../../adapters/bitcoin/book.ts'
import { coinId, depositId, withdrawalId, type IdOf } from '../../machines/ids.ts'
import type { Place } from '../../machines/vocabulary.ts'
import { isKind } from '../../src/kernel/entry.ts'
import {
  at,
  block,
  bookOptions,
  connected,
  contextOf,
  createRig,
  disconnected,
  gathered,
  openChain,
  paid,
  policy,
  requested,
  spent,
  valueOf,
  type Rig,
} from './rig.ts'

async function started(options: Parameters<typeof createRig>[0] = {}): Promise<Rig> {
  const rig = createRig(options)
  await openChain(rig)
  return rig
}

/** A chain whose transactions can take another id before they are in a block. */
const malleable = { ...policy, book: createBook({ ...bookOptions, hasMalleableIds: true }) }

async function follow(rig: Rig, from: number, to: number): Promise<void> {
  for (let height = from; height <= to; height++) await rig.send(connected(height))
}

/** A withdrawal paid from coin f by transaction t, published but not mined, at height 102. */
async function paying(
  options: Parameters<typeof createRig>[0] = {},
): Promise<{ rig: Rig; transfer: IdOf<'transfer'> }> {
  const rig = await started(options)
  await rig.send(connected(100, [paid('f', block(100))]))
  await follow(rig, 101, 102)
  await rig.send(requested('w-1', '1000'))
  await gathered(rig)
  const transfer = contextOf(rig, 'withdrawal/w-1').transfer!
  const attempt = rig.orchestrator.memory.list('attempt')[0]!
  const run = `${attempt.id}@${attempt.entered}`
  await rig.send({
    type: 'signing.completed',
    at,
    run,
    data: { id: attempt.id, transactionId: 't', raw: '00', earlier: null, position: null },
  })
  return { rig, transfer }
}

describe('a block that brings nothing', () => {
  const told = (rig: Rig, from: number) =>
    rig.commits.slice(from).map(({ entries }) => entries.map(({ event, image }) => `${image.id} ${event}`))

  test('and wakes nobody is one commit of one entry, below the tip and at it', async () => {
    const rig = await started()
    await rig.send(connected(100, [paid('f', block(100))]))
    const before = rig.commits.length
    await rig.send(connected(101))
    expect(told(rig, before)).toEqual([['chain/litecoin block.connected']])
    expect(contextOf(rig, 'chain/litecoin')).toMatchObject({ height: 101, applied: true })
  })

  test('and wakes somebody is applied last, after whoever it wakes', async () => {
    const rig = await started()
    await rig.send(connected(100, [paid('d', block(100))]))
    await follow(rig, 101, 101)
    const before = rig.commits.length
    await rig.send(connected(102))
    const all = told(rig, before).flat()
    expect(all[0]).toBe('chain/litecoin block.connected')
    expect(all.at(-1)).toBe('chain/litecoin block.applied')
    expect(all.some(line => line.endsWith(' height.reached'))).toBe(true)
  })
})

describe('payments', () => {
  test('one to a deposit address makes a coin and a deposit, one to the treasury a coin only', async () => {
    const rig = await started()
    await rig.send(connected(100, [paid('a', block(100)), paid('b', block(100), { index: 0 })]))
    expect(valueOf(rig, 'coin/litecoin:a:0')).toBe('unconfirmed')
    expect(valueOf(rig, 'deposit/litecoin:a:0')).toBe('confirming')
    expect(valueOf(rig, 'coin/litecoin:b:0')).toBe('unconfirmed')
    expect(valueOf(rig, 'deposit/litecoin:b:0')).toBeUndefined()
  })

  test('B7: one transaction that pays us twice is two deposits; a coinbase waits for its maturity', async () => {
    const rig = await started()
    await rig.send(connected(100, [paid('a', block(100)), paid('a', block(100), { output: 1, maturity: 4 })]))
    await follow(rig, 101, 102)
    expect(valueOf(rig, 'deposit/litecoin:a:0')).toBe('confirmed')
    expect(valueOf(rig, 'deposit/litecoin:a:1')).toBe('confirming')
    expect(valueOf(rig, 'coin/litecoin:a:1')).toBe('unconfirmed')
    await follow(rig, 103, 103)
    expect(valueOf(rig, 'deposit/litecoin:a:1')).toBe('confirmed')
  })

  test('B3: the same payment reported again, pending and in its block, is one deposit', async () => {
    const rig = await started()
    const facts = [paid('a', null)]
    await rig.send({ type: 'facts.pending', at, data: { chain: 'litecoin', facts } })
    await rig.send({ type: 'facts.pending', at, data: { chain: 'litecoin', facts } })
    await rig.send(connected(100, [paid('a', block(100)), paid('a', block(100))]))
    await rig.send({ type: 'facts.pending', at, data: { chain: 'litecoin', facts } })
    expect(rig.orchestrator.memory.list('deposit').map(({ id, value }) => [id, value])).toEqual([
      ['deposit/litecoin:a:0', 'confirming'],
    ])
  })

  test('unconfirmed dust is not remembered; in a block it is ignored', async () => {
    const rig = await started()
    await rig.send({
      type: 'facts.pending',
      at,
      data: { chain: 'litecoin', facts: [paid('a', null, { amount: '9' })] },
    })
    expect(valueOf(rig, 'coin/litecoin:a:0')).toBeUndefined()
    await rig.send(connected(100, [paid('a', block(100), { amount: '9' })]))
    expect(valueOf(rig, 'deposit/litecoin:a:0')).toBe('ignored.recent')
  })

  test('an output of nothing is no payment', async () => {
    const rig = await started()
    await rig.send({
      type: 'facts.pending',
      at,
      data: { chain: 'litecoin', facts: [paid('a', null, { amount: '0' })] },
    })
    await rig.send(connected(100, [paid('a', block(100), { amount: '0' })]))
    expect([valueOf(rig, 'coin/litecoin:a:0'), valueOf(rig, 'deposit/litecoin:a:0')]).toEqual([undefined, undefined])
  })

  test('B15: a deposit that we spend in the block in which it arrives is one deposit', async () => {
    const { rig } = await paying()
    const arrived = paid('n', block(103))
    await rig.send(connected(103, [arrived, spent(['litecoin:f:0', 'litecoin:n:0'], 't', block(103))]))
    expect(valueOf(rig, 'coin/litecoin:n:0')).toBe('reserved')
    expect(contextOf(rig, 'coin/litecoin:n:0').spent).toEqual({ transaction: 't', place: block(103) })
    expect(rig.orchestrator.memory.list('deposit', 'litecoin', 'confirming').map(({ id }) => id)).toEqual([
      'deposit/litecoin:n:0',
    ])
    expect(valueOf(rig, 'chain/litecoin')).toBe('following')
  })

  test('a quarantined deposit that a person accepts long after it was deep enough is offered with the next block', async () => {
    const rig = await started()
    await rig.send(connected(100, [paid('a', block(100), { doubt: 'no tag' })]))
    await follow(rig, 101, 103)
    const data = { id: depositId('litecoin:a:0'), accept: true, reference: 'alice', reason: 'asked' }
    await rig.send({ type: 'decision.made', at, data })
    await follow(rig, 104, 104)
    expect(valueOf(rig, 'deposit/litecoin:a:0')).toBe('confirmed')
  })

  test('a payment to an address of nobody waits until somebody has it, and then goes on from where the chain is', async () => {
    const rig = createRig()
    await openChain(rig, null)
    await rig.send(connected(100, [paid('a', block(100)), paid('b', block(100), { doubt: 'no tag' })]))
    await rig.send({ type: 'facts.pending', at, data: { chain: 'litecoin', facts: [paid('c', null)] } })
    await follow(rig, 101, 103)
    const [deep, doubtful, pending] = [depositId('litecoin:a:0'), depositId('litecoin:b:0'), depositId('litecoin:c:0')]
    expect([deep, doubtful, pending].map(id => valueOf(rig, id))).toEqual(Array(3).fill('quarantined'))
    expect(contextOf(rig, deep).reason).toMatch(/given to nobody/)
    await rig.send({ type: 'address.assigned', at, data: { chain: 'litecoin', index: 7, reference: 'alice' } })
    expect([deep, doubtful, pending].map(id => contextOf(rig, id).reference)).toEqual(Array(3).fill('alice'))
    expect([deep, doubtful, pending].map(id => valueOf(rig, id))).toEqual(['confirmed', 'quarantined', 'detected'])
  })
})

describe('reorganisations', () => {
  test('A6: one of two blocks takes its deposit back block by block, and B4: mined again it is confirming again', async () => {
    const rig = await started()
    await rig.send(connected(100, [paid('a', block(100))]))
    await follow(rig, 101, 102)
    expect(valueOf(rig, 'deposit/litecoin:a:0')).toBe('confirmed')
    for (const height of [102, 101]) await rig.send(disconnected(height))
    expect(valueOf(rig, 'deposit/litecoin:a:0')).toBe('confirmed')
    await rig.send(disconnected(100))
    expect(valueOf(rig, 'deposit/litecoin:a:0')).toBe('reversed')
    expect(valueOf(rig, 'coin/litecoin:a:0')).toBe('unconfirmed')
    await rig.send(connected(100, [paid('a', block(100, 'x'))], 'x'))
    expect(valueOf(rig, 'deposit/litecoin:a:0')).toBe('confirming')
    expect(valueOf(rig, 'chain/litecoin')).toBe('following')
  })

  test('a block that is not the next, and one that is not the tip, are facts of nothing', async () => {
    const rig = await started()
    await rig.send(connected(100, [paid('a', block(100))]))
    const count = rig.commits.length
    await rig.send(connected(100, [paid('b', block(100))]))
    await rig.send(connected(105, [paid('b', block(105))]))
    await rig.send(disconnected(100, 'x'))
    await rig.send(disconnected(99))
    expect(rig.commits.length).toBe(count)
  })

  test('a reorganisation deeper than final halts the chain and takes nothing back', async () => {
    const rig = await started()
    await rig.send(connected(100, [paid('a', block(100))]))
    await follow(rig, 101, 106)
    for (let height = 106; height >= 101; height--) await rig.send(disconnected(height))
    expect(valueOf(rig, 'chain/litecoin')).toBe('halted')
    expect(valueOf(rig, 'deposit/litecoin:a:0')).toBe('confirmed')
  })
})

describe('spends', () => {
  test('ours is mined, confirmed and final, and then nothing of it is left in memory', async () => {
    const { rig, transfer } = await paying()
    expect(rig.orchestrator.memory.holder('litecoin:f:0')).toBe(transfer)
    await rig.send(connected(103, [spent(['litecoin:f:0'], 't', block(103))]))
    expect(valueOf(rig, transfer)).toBe('confirming')
    await follow(rig, 104, 105)
    expect(valueOf(rig, 'withdrawal/w-1')).toBe('paid')
    await follow(rig, 106, 107)
    const all = [withdrawalId('w-1'), transfer, coinId('litecoin:f:0')]
    expect(all.map(id => valueOf(rig, id))).toEqual(Array(3).fill(undefined))
    expect([...rig.orchestrator.memory.reservations()]).toEqual([])
  })

  test('A6: ours goes back to published when its block is taken back, and is confirmed in the other one', async () => {
    const { rig, transfer } = await paying()
    await rig.send(connected(103, [spent(['litecoin:f:0'], 't', block(103))]))
    await rig.send(disconnected(103))
    expect(valueOf(rig, transfer)).toBe('underway.waiting')
    expect(rig.orchestrator.memory.list('attempt')[0]!.value).toBe('published')
    expect(contextOf(rig, 'coin/litecoin:f:0').spent).toBeNull()
    await rig.send(connected(103, [spent(['litecoin:f:0'], 't', block(103, 'x'))], 'x'))
    expect(valueOf(rig, transfer)).toBe('confirming')
  })

  test('A8: one that nobody here made halts the chain, and the coin is not spent again', async () => {
    const rig = await started()
    await rig.send(connected(100, [paid('f', block(100))]))
    await rig.send(connected(101, [spent(['litecoin:f:0'], 'thief', block(101))]))
    expect(valueOf(rig, 'chain/litecoin')).toBe('halted')
    expect(contextOf(rig, 'chain/litecoin').reason).toMatch(/thief spends our litecoin:f:0/)
    expect(valueOf(rig, 'coin/litecoin:f:0')).toBe('reserved')
    await rig.send(connected(102, [paid('a', block(102))]))
    expect(valueOf(rig, 'deposit/litecoin:a:0')).toBeUndefined()
  })

  test('B8: without segwit our transfer is recognised under another id by what it spends', async () => {
    const { rig, transfer } = await paying({ policies: { litecoin: malleable } })
    await rig.send(connected(103, [spent(['litecoin:f:0'], 'malleated', block(103))]))
    expect(valueOf(rig, transfer)).toBe('confirming')
    expect(contextOf(rig, 'withdrawal/w-1').transactionId).toBe('malleated')
    expect(valueOf(rig, 'chain/litecoin')).toBe('following')
  })

  test('B8: with segwit another id is another transaction, and halts the chain', async () => {
    const { rig } = await paying()
    await rig.send(connected(103, [spent(['litecoin:f:0'], 'malleated', block(103))]))
    expect(valueOf(rig, 'chain/litecoin')).toBe('halted')
  })

  test('a final conflict drops the pending deposit and its coin; taken back in time, nothing is dropped', async () => {
    const rig = await started()
    await rig.send({ type: 'facts.pending', at, data: { chain: 'litecoin', facts: [paid('a', null)] } })
    await rig.send(connected(100, [spent(['litecoin:in-a:0'], 'rival', block(100))]))
    expect(contextOf(rig, 'deposit/litecoin:a:0').conflict).toEqual(block(100))
    await rig.send(disconnected(100))
    expect(contextOf(rig, 'deposit/litecoin:a:0').conflict).toBeNull()
    await rig.send(connected(100, [spent(['litecoin:in-a:0'], 'rival', block(100, 'x'))], 'x'))
    await rig.send(connected(101, [], '', 'b100x'))
    await follow(rig, 102, 104)
    expect([valueOf(rig, 'deposit/litecoin:a:0'), valueOf(rig, 'coin/litecoin:a:0')]).toEqual([undefined, undefined])
    expect(rig.commits.at(-1)!.entries.map(({ image, to }) => [image.id, to])).toEqual(
      expect.arrayContaining([['deposit/litecoin:a:0', 'dropped']]),
    )
  })

  test('a transfer whose input is lost to a final conflict dies, and its withdrawal fails with the reason', async () => {
    const { rig, transfer } = await paying()
    for (const height of [102, 101, 100]) await rig.send(disconnected(height))
    await rig.send(connected(100, [spent(['litecoin:in-f:0'], 'rival', block(100, 'x'))], 'x'))
    await rig.send(connected(101, [], '', 'b100x'))
    await follow(rig, 102, 104)
    expect(valueOf(rig, transfer)).toBeUndefined()
    expect(valueOf(rig, 'withdrawal/w-1')).toBe('failed')
    expect(contextOf(rig, 'withdrawal/w-1').reason).toMatch(/litecoin:f:0 was lost/)
    expect([...rig.orchestrator.memory.reservations()]).toEqual([])
  })
})

describe('a block of 2,000 payments', () => {
  const facts = Array.from({ length: 2000 }, (_, i) => paid(`p${i}`, block(100)))

  test('is committed in slices, and applied only with the last', async () => {
    const rig = await started()
    const before = rig.commits.length
    await rig.send(connected(100, facts))
    const chains = rig.commits.slice(before).map(({ entries }) => {
      const images = entries.map(({ image }) => image)
      return images.findLast(image => isKind(image, 'chain'))
    })
    expect(chains.length).toBe(14)
    expect(chains[0]!.context.applied).toBe(false)
    expect(chains.slice(1, -1).every(image => image === undefined)).toBe(true)
    expect(chains.at(-1)!.context.applied).toBe(true)
  })

  test('is read again after a crash in the middle, and nothing comes twice', async () => {
    const rig = await started()
    const before = rig.commits.length
    await rig.send(connected(100, facts))
    const again = createRig({ commits: rig.commits.slice(0, before + 4) })
    expect(contextOf(again, 'chain/litecoin').applied).toBe(false)
    await again.send(connected(101))
    expect(again.commits.length).toBe(before + 4)
    await again.send(connected(100, facts))
    expect(contextOf(again, 'chain/litecoin').applied).toBe(true)
    const states = (one: Rig) => one.orchestrator.memory.counts().filter(({ count }) => count > 0)
    const sorted = (one: Rig) =>
      states(one)
        .map(state => JSON.stringify(state))
        .sort()
    expect(sorted(again)).toEqual(sorted(rig))
    await again.send(connected(100, facts))
    expect(sorted(again)).toEqual(sorted(rig))
  })
})

describe('one large transaction of a thousand outputs to us', () => {
  const COUNT = 1000
  const raw = '0'.repeat(60_000)
  const outputs = (place: Place | null, amount = '5000') =>
    Array.from({ length: COUNT }, (_, output) => paid('many', place, { output, amount, raw }))
  /** In characters as JSON. */
  const largest = (rig: Rig, from: number) =>
    Math.max(...rig.commits.slice(from).map(commit => JSON.stringify(commit).length))
  const MOST = 6 * 1024 * 1024

  test(
    'is detected, confirmed, taken back and mined again in commits of a bounded size',
    { timeout: 120_000 },
    async () => {
      const rig = await started()
      const before = rig.commits.length
      await rig.send({ type: 'facts.pending', at, data: { chain: 'litecoin', facts: outputs(null) } })
      expect(rig.orchestrator.memory.count('deposit', 'litecoin', 'detected')).toBe(COUNT)
      await rig.send(connected(100, outputs(block(100))))
      await follow(rig, 101, 102)
      expect(rig.orchestrator.memory.count('deposit', 'litecoin', 'confirmed')).toBe(COUNT)
      for (const height of [102, 101, 100]) await rig.send(disconnected(height))
      expect(rig.orchestrator.memory.count('deposit', 'litecoin', 'reversed')).toBe(COUNT)
      expect(valueOf(rig, 'chain/litecoin')).toBe('reorganising')
      expect(contextOf(rig, 'chain/litecoin')).toMatchObject({ height: 99, applied: true })
      expect(largest(rig, before)).toBeLessThan(MOST)
    },
  )

  test(
    'a crash while it is taken back leaves its block to be read again, or taken back to the end',
    { timeout: 120_000 },
    async () => {
      const rig = await started()
      await rig.send(connected(100, outputs(block(100), '9')))
      const before = rig.commits.length
      await rig.send(disconnected(100))
      expect(rig.commits.length - before).toBeGreaterThan(3)
      const half = rig.commits.slice(0, before + 3)
      const placed = (one: Rig) =>
        one.orchestrator.memory.list('deposit').filter(({ context }) => context.place !== null).length
      const restarted = () => createRig({ commits: half })
      const [back, forth] = [restarted(), restarted()]
      expect(contextOf(back, 'chain/litecoin')).toMatchObject({ height: 100, applied: false })
      expect([placed(back) > 0, placed(back) < COUNT]).toEqual([true, true])
      await back.send(disconnected(100))
      expect(placed(back)).toBe(0)
      await forth.send(connected(100, outputs(block(100), '9')))
      expect(placed(forth)).toBe(COUNT)
      expect(contextOf(forth, 'chain/litecoin')).toMatchObject({ height: 100, applied: true })
    },
  )
})
