import { describe, expect, test } from 'vitest'
import { createBroadcast } from '../../../adapters/nano/broadcast.ts'
import { networkOf } from '../../../adapters/nano/network.ts'
import { createRpc, type Rpc } from '../../../adapters/nano/rpc.ts'
import { createWorkSource } from '../../../adapters/nano/work.ts'
import { createSearch, difficultyOf, workText } from '../../../adapters/nano/work-search.ts'
import { createSimulatedNano } from '../../../src/devnet/nano/node.ts'
import { createWorkers } from '../../../src/shell/work.ts'
import { blockOf, recorded } from './recorded.ts'

const dev = networkOf('nano-dev')
const ROOT = '7F55A8A1C6C6A426241DCB9AD98C668478EFF9630F7B1EAE2CDB1DEC14BB9C8D'
const root = Buffer.from(ROOT, 'hex')
const search = createSearch()
const silent = () => {}

describe('what work is worth', () => {
  const answered = recorded.filter(([, { request, response }]) => {
    return /^work_(generate|validate)$/.test(request?.action ?? '') && response?.error === undefined
  })
  test.each(answered)('as a real node has said: %s', (_, { request, response }) => {
    const { hash, work, difficulty } = { ...request, ...response } as Record<string, string>
    const worth = difficultyOf(Buffer.from(hash!, 'hex'), BigInt(`0x${work}`))
    expect(workText(worth)).toBe(difficulty)
  })

  test('N5: the blocks that it took were worth what their kind needs', () => {
    const taken = recorded.filter(([name]) => /^process_(send|receive)(_\d)?$/.test(name))
    expect(taken.length).toBeGreaterThan(4)
    for (const [name, exchange] of taken) {
      const worth = difficultyOf(
        Buffer.from(blockOf(exchange).previous, 'hex'),
        BigInt(`0x${exchange.request?.block?.work}`),
      )
      expect(worth >= dev.work[name.startsWith('process_send') ? 'send' : 'receive'], name).toBe(true)
    }
  })
})

describe('N14: where work comes from', () => {
  const node = createSimulatedNano({ now: () => 0 })
  const rpc = createRpc({ url: 'http://node' }, call => node.request(call))
  const failing: Rpc = createRpc({ url: 'http://away' }, () => Promise.reject(new Error('away')))
  const lying = createRpc({ url: 'http://lying' }, async () => ({
    ...{ status: 200, headers: {} },
    body: new TextEncoder().encode('{"work":"0000000000000001"}'),
  }))
  const local = async (of: Uint8Array, threshold: bigint) => search(of, threshold, 1n, 10_000_000)!
  const base = { chain: 'n', servers: [], node: failing, local: null, log: silent }
  const wanted = { root: ROOT, threshold: dev.work.send }
  const worth = (work: string) => difficultyOf(root, BigInt(`0x${work}`))

  test.each([
    ['the node, which is told how much it must be worth', { node: rpc }],
    ['a work server', { servers: [rpc] }],
    ['here, when nobody else gives any', { local }],
    ['here, when others give work that is worth nothing', { node: lying, servers: [lying], local }],
  ])('%s', async (_, options) => {
    const work = await createWorkSource({ ...base, ...options }).find(wanted)
    expect(worth(work) >= dev.work.send).toBe(true)
  })

  test('nobody: it says why, and what to do', async () => {
    const source = createWorkSource({ ...base, node: lying })
    await expect(source.find(wanted)).rejects.toMatchObject({ type: 'operating', kind: 'no-work' })
    await expect(source.find(wanted)).rejects.toThrow('configure work.servers')
  })

  test('what is made in advance is not made again, and what a node did not take is', async () => {
    let made = 0
    const counted = async (of: Uint8Array, threshold: bigint) => {
      made++
      return local(of, threshold)
    }
    const source = createWorkSource({ ...base, local: counted })
    source.prepare(wanted)
    const first = await source.find(wanted)
    expect(await source.find({ ...wanted, threshold: dev.work.receive })).toBe(first)
    expect(made).toBe(1)
    source.forget(ROOT)
    await source.find(wanted)
    expect(made).toBe(2)
  })

  test('a block that waits for work says so, and is sent when there is some', async () => {
    const [, exchange] = recorded.find(([name]) => name === 'process_send')!
    const raw = JSON.stringify({ ...blockOf(exchange), signature: exchange.request?.block?.['signature'] })
    const transaction = { transactionId: exchange.response!.hash!, raw, parents: [] }
    const idle = { prepare: () => undefined, forget: () => undefined }
    const publishing = (find: () => Promise<string>) =>
      createBroadcast({ rpc, network: dev, work: { ...idle, find }, pause: async () => undefined }).publish(transaction)
    expect(await publishing(() => new Promise(() => {}))).toEqual({
      ...{ kind: 'unknown', reason: expect.stringContaining('waits for work') as string },
    })
    expect(await publishing(async () => exchange.request!.block!['work']!)).toEqual({ kind: 'accepted' })
  })

  test('threads of our own find it, one root after the other', async () => {
    const { work, stop } = createWorkers(2)
    const threshold = 0xfffff00000000000n
    const roots = [root, Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
    const found = await Promise.all(roots.map(each => work(each, threshold, silent)))
    await stop()
    for (const [n, each] of roots.entries()) expect(difficultyOf(each, found[n]!) >= threshold).toBe(true)
  })
})
