/** What a rebuilt ledger is compared with: the node's own count, as of the block at which it counted. */
import { claim } from '../../src/kernel/untyped.ts'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Counted, Node } from '../../adapters/adapter.ts'
import type { Archive, Query } from '../../src/ledger/engine.ts'
import type { Place } from '../../machines/vocabulary.ts'
import { audit, beginningOf, isOlderThan, type Audit } from '../../src/watcher/audit.ts'
import {
  at,
  block,
  connected,
  createRig,
  disconnected,
  openChain,
  paid,
  policy,
  spent,
  valueOf,
  type Rig,
} from '../orchestrator/rig.ts'

const CHAIN = 'litecoin'
const key = (txid: string) => `${CHAIN}:${txid}:0`
const agreed: Audit = { count: 1, total: '5000', missing: [], surplus: [] }

/** A node that has counted these coins, of 5000 each, at this block. */
const counting = (place: Place, ...txids: string[]): Node => {
  const counted: Counted = { at: place, holdings: txids.map(txid => ({ key: key(txid), amount: '5000' })) }
  return claim<Node>({
    count: async () => counted,
    base: async () => ({ ...place, parent: '', time: at / 1000 }),
  })
}

let rig: Rig
const compare = (node: Node) => audit(rig.orchestrator.memory, policy, node)

beforeEach(async () => {
  rig = createRig()
  await openChain(rig)
  await rig.send(connected(100, [paid('first', block(100))]))
  await rig.send(connected(101, [paid('second', block(101)), spent([key('first')], 'stranger', block(101))]))
})

describe('the audit', () => {
  test('compares as of the block of the count, though the chain has gone on since', async () => {
    expect(await compare(counting(block(100), 'first'))).toEqual(agreed)
    expect(await compare(counting(block(101), 'second'))).toEqual(agreed)
  })

  test('names what the node has and the ledger lacks, and the other way round', async () => {
    const found = await compare(counting(block(101), 'first', 'older'))
    expect(found).toMatchObject({ missing: [key('first'), key('older')], surplus: [key('second')] })
  })

  test('asks for another count when the count was of a block that is not ours', async () => {
    expect(await compare(counting(block(102), 'second'))).toBe('moved')
    expect(await compare(counting(block(101, 'x'), 'second'))).toBe('moved')
    await rig.send({ type: 'chain.resumed', at, data: { chain: CHAIN, reason: 'the stranger is known', ended: [] } })
    await rig.send({ type: 'node.identified', at, data: { chain: CHAIN, base: null, syncing: false } })
    await rig.send(disconnected(101))
    expect(await compare(counting(block(101), 'second'))).toBe('moved')
  })

  test('says nothing where the node cannot count', async () => {
    expect(await compare(claim<Node>({ count: async () => null }))).toBeNull()
  })
})

describe('coins that are not explained', () => {
  /** An archive of what has ended in this rig. */
  const archived = (): Archive => {
    const ended = rig.commits.flatMap(({ entries }) => entries.map(({ image }) => image)).filter(image => image.ended)
    const list = async ({ kind, state, after, limit }: Query) =>
      ended.filter(one => one.id.startsWith(`${kind}/`) && one.value === state && one.seq > after).slice(0, limit)
    return claim<Archive>({ list })
  }
  /** A stranger's spend has halted the chain. */
  async function resume(): Promise<void> {
    await rig.send({ type: 'chain.resumed', at, data: { chain: CHAIN, reason: 'the stranger is known', ended: [] } })
    await rig.send({ type: 'node.identified', at, data: { chain: CHAIN, base: null, syncing: false } })
    await rig.send({ type: 'node.caughtUp', at, data: { chain: CHAIN } })
  }
  const unexplained = () => policy.book.unexplained(rig.orchestrator.memory, archived(), CHAIN)

  test('are none where all payments were read', async () => {
    await resume()
    for (let height = 102; height < 130; height++) await rig.send(connected(height))
    expect(valueOf(rig, `coin/${key('first')}`)).toBeUndefined()
    expect(await unexplained()).toEqual({ earlier: [], unseen: [] })
  })

  test('are those that have ended though no block that was read has paid them', async () => {
    await resume()
    await rig.send({ type: 'facts.pending', at, data: { chain: CHAIN, facts: [paid('old', null)] } })
    await rig.send(connected(102, [spent([key('old')], 'stranger', block(102))]))
    await resume()
    for (let height = 103; height < 130; height++) await rig.send(connected(height))
    expect(valueOf(rig, `coin/${key('old')}`)).toBeUndefined()
    expect(await unexplained()).toEqual({ earlier: [key('old')], unseen: [] })
  })
})

describe('where a ledger is to begin', () => {
  const made = Date.parse('2026-01-01T00:00:00.000Z') / 1000
  /** A block an hour, the one at `height` when the addresses were made. */
  const hourly = (height: number) =>
    claim<Node>({
      base: async (h: number) => ({ ...block(h - 1), parent: '', time: made + (h - 1 - height) * 3600 }),
    })

  test.each([
    ['two hours below the addresses', 50, 49],
    ['no higher than it was asked for', 500, 90],
    ['at the first block where all are young', 0, 1],
  ])('%s', async (_, height, expected) => {
    expect(await beginningOf(rig.orchestrator.memory, CHAIN, hourly(height), 90)).toBe(expected)
  })
})

describe('addresses that are older than the first block that is read', () => {
  const HOUR_S = 3600
  const at2026 = Date.parse('2026-01-01T00:00:00.000Z') / 1000
  const starting = (time: number) => claim<Node>({ base: async () => ({ ...block(90), parent: '', time }) })

  test.each([
    ['are noticed', at2026 + 3 * HOUR_S, true],
    ['are not mistaken for it because of a block with a clock ahead', at2026 + HOUR_S, false],
    ['are not those of a chain that is followed from before them', at2026 - HOUR_S, false],
  ])('%s', async (_, time, expected) => {
    expect(await isOlderThan(rig.orchestrator.memory, CHAIN, starting(time), 91)).toBe(expected)
  })
})
