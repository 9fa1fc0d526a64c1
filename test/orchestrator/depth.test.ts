/** A conflict is followed through all that a payment stands on, as deep as it goes. */
import { describe, expect, test } from 'vitest'
import type { BitcoinFact, TransactionSeen } from '../../adapters/bitcoin/facts.ts'
import { fundsOf } from '../../adapters/bitcoin/funds.ts'
import { balancesOf } from '../../src/watcher/balances.ts'
import {
  at,
  block,
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

const standing = (transaction: string, ...inputs: string[]): TransactionSeen => ({
  kind: 'transaction.seen',
  transaction,
  raw: null,
  inputs,
})

const pending = (rig: Rig, ...facts: BitcoinFact[]) =>
  rig.send({ type: 'facts.pending', at, data: { chain: 'litecoin', facts } })

async function started(): Promise<Rig> {
  const rig = createRig()
  await openChain(rig)
  return rig
}

async function follow(rig: Rig, from: number, to: number): Promise<void> {
  for (let height = from; height <= to; height++) await rig.send(connected(height))
}

/** What memory keeps of transactions. */
const kept = (rig: Rig) => rig.orchestrator.memory.list('transaction').map(({ id }) => id)

describe('a payment whose strange parent', () => {
  const onGrandparent = [standing('g', 'litecoin:x:0'), standing('p', 'litecoin:g:0')]
  const child = paid('d', null, { inputs: ['litecoin:p:1'] })

  test('or grandparent is double-spent is dropped when that is final, and was never counted meanwhile', async () => {
    const rig = await started()
    await pending(rig, ...onGrandparent, child)
    expect(balancesOf(rig.orchestrator.memory, policy)[0]!.pending).toBe('5000')
    await rig.send(connected(100, [spent(['litecoin:x:0'], 'rival', block(100))]))
    expect(contextOf(rig, 'deposit/litecoin:d:0').reason).toMatch(/rival/)
    expect(balancesOf(rig.orchestrator.memory, policy)[0]!.pending).toBe('0')
    await follow(rig, 101, 105)
    expect(valueOf(rig, 'deposit/litecoin:d:0')).toBeUndefined()
    expect(rig.orchestrator.memory.count('coin', 'litecoin', 'unconfirmed')).toBe(0)
    expect(kept(rig)).toEqual([])
  })

  test('is beyond any reorg with it needs no memory of the parent any more', async () => {
    const rig = await started()
    await pending(rig, ...onGrandparent, child)
    await rig.send(connected(100, [{ ...child, place: block(100) }]))
    await follow(rig, 101, 103)
    await rig.send({ type: 'credit.acknowledged', at, data: { id: 'deposit/litecoin:d:0' } })
    expect(kept(rig).sort()).toEqual(['transaction/litecoin:d', 'transaction/litecoin:g', 'transaction/litecoin:p'])
    await follow(rig, 104, 105)
    expect(kept(rig)).toEqual(['transaction/litecoin:d'])
  })

  test('was seen before a block, and is double-spent at a node that never had that block, is dropped', async () => {
    const rig = await started()
    await pending(rig, ...onGrandparent, child)
    await rig.send(connected(100, [{ ...child, place: block(100) }]))
    await rig.send(connected(101))
    // The node in the place of the lost one cannot say what was in these blocks.
    for (const height of [101, 100]) await rig.send(disconnected(height))
    await rig.send(connected(100, [spent(['litecoin:x:0'], 'rival', block(100, 'x'))], 'x'))
    for (let height = 101; height <= 105; height++) await rig.send(connected(height, [], 'x', `b${height - 1}x`))
    expect(valueOf(rig, 'deposit/litecoin:d:0')).toBeUndefined()
    expect(rig.orchestrator.memory.list('coin')).toEqual([])
  })

  test('is taken back together with it and replaced takes the deposit, what spends it, and the change of that', async () => {
    const rig = await started()
    await rig.send(connected(100, [paid('d', block(100), { inputs: ['litecoin:p:1'] })]))
    await follow(rig, 101, 102)
    await rig.send({ type: 'credit.acknowledged', at, data: { id: 'deposit/litecoin:d:0' } })
    await rig.send(requested('w-1', '1000'))
    await gathered(rig)
    const transfer = contextOf(rig, 'withdrawal/w-1').transfer!
    const attempt = rig.orchestrator.memory.list('attempt')[0]!
    const data = { id: attempt.id, transactionId: 't', raw: '00', earlier: null, position: null }
    await rig.send({ type: 'signing.completed', at, run: `${attempt.id}@${attempt.entered}`, data })
    await pending(rig, paid('t', null, { index: 0, own: true, inputs: ['litecoin:d:0'], amount: '3899' }))
    expect([...fundsOf({ memory: rig.orchestrator.memory, policy, at }, true).largestFirst()]).toHaveLength(1)
    for (const height of [102, 101]) await rig.send(disconnected(height))
    await rig.send(disconnected(100, '', [standing('p', 'litecoin:x:0')]))
    expect(valueOf(rig, 'deposit/litecoin:d:0')).toBe('reversed')
    expect([...fundsOf({ memory: rig.orchestrator.memory, policy, at }, true).largestFirst()]).toEqual([])
    await rig.send(connected(100, [spent(['litecoin:x:0'], 'rival', block(100, 'x'))], 'x'))
    await rig.send(connected(101, [], '', 'b100x'))
    expect(balancesOf(rig.orchestrator.memory, policy)[0]).toMatchObject({ confirmed: '0', pending: '0' })
    await follow(rig, 102, 104)
    expect(valueOf(rig, transfer)).toBeUndefined()
    expect(valueOf(rig, 'withdrawal/w-1')).toBe('failed')
    expect(valueOf(rig, 'deposit/litecoin:d:0')).toBeUndefined()
    expect(rig.orchestrator.memory.list('coin')).toEqual([])
  })

  test('comes into a block again after all is as if nothing had been', async () => {
    const rig = await started()
    await rig.send(connected(100, [paid('d', block(100), { inputs: ['litecoin:p:1'] })]))
    await rig.send(disconnected(100, '', [standing('p', 'litecoin:x:0')]))
    await rig.send(connected(100, [spent(['litecoin:x:0'], 'p', block(100, 'x'))], 'x'))
    expect(contextOf(rig, 'deposit/litecoin:d:0').conflict).toBeNull()
  })

  test('is one of two hundred ends all of them', async () => {
    const rig = await started()
    const children = Array.from({ length: 200 }, (_, n) => paid(`d${n}`, null, { inputs: [`litecoin:p${n}:0`] }))
    const parents = children.map((_, n) => standing(`p${n}`, `litecoin:x:${n}`))
    await pending(rig, ...parents, ...children)
    expect(rig.orchestrator.memory.count('deposit', 'litecoin', 'detected')).toBe(200)
    const rivals = children.map((_, n) => spent([`litecoin:x:${n}`], `rival${n}`, block(100)))
    await rig.send(connected(100, rivals))
    await follow(rig, 101, 105)
    expect(rig.orchestrator.memory.count('deposit', 'litecoin', 'detected')).toBe(0)
    expect(kept(rig)).toEqual([])
  })
})
