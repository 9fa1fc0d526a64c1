import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { createMempool } from '../../../adapters/bitcoin/mempool.ts'
import { networkOf } from '../../../adapters/bitcoin/network.ts'
import { createRpc } from '../../../adapters/bitcoin/rpc.ts'
import { createWatch } from '../../../adapters/bitcoin/watch.ts'
import type { Disk, Request } from '../../../src/kernel/ports.ts'
import { createClock } from '../../../src/shell/ports.ts'

const network = networkOf('bitcoin-regtest')
const idOf = (n: number) => createHash('sha256').update(String(n)).digest('hex')
const idsOf = (from: number, count: number) => Array.from({ length: count }, (_, n) => idOf(from + n))
const bytesOf = (text: string) => new TextEncoder().encode(text)

/** A node whose list of ids is any text, and which tells what it was asked for. */
function node() {
  const state = { list: '[]', failing: false, asked: [] as string[] }
  const request: Request = async ({ body }) => {
    const { id, method, params } = JSON.parse(new TextDecoder().decode(body)) as {
      id: number
      method: string
      params: string[]
    }
    if (method === 'getrawmempool') return answer(`{"result":${state.list},"error":null,"id":${id}}`)
    if (state.failing) return answer(`{"result":null,"error":{"code":-32007,"message":"slow down"},"id":${id}}`)
    state.asked.push(params[0]!)
    return answer(`{"result":null,"error":{"code":-5,"message":"No such mempool transaction"},"id":${id}}`)
  }
  const answer = (text: string) => ({ status: 200, headers: {}, body: bytesOf(text) })
  const rpc = createRpc({ url: 'http://node' }, request, {} as Disk)
  const mempool = createMempool(rpc, { chain: 'b', asset: 'BTC', network, watch: createWatch('b', network) })
  const poll = async (limit: number, ids?: string[]) => {
    if (ids !== undefined) state.list = JSON.stringify(ids)
    state.asked = []
    await mempool.pending(limit)
    return state.asked
  }
  return { state, poll }
}

describe('which transactions are examined', () => {
  test('each once, at most so many a poll', async () => {
    const { poll } = node()
    const ids = idsOf(0, 5)
    expect(await poll(3, ids)).toEqual(ids.slice(0, 3))
    expect(await poll(3, ids)).toEqual(ids.slice(3))
    expect(await poll(3, ids)).toEqual([])
  })

  test('what has just come before what has waited: a long mempool does not hide a new payment', async () => {
    const { poll } = node()
    const backlog = idsOf(0, 1000)
    await poll(10, backlog)
    const fresh = idsOf(5000, 2)
    expect((await poll(10, [...backlog, ...fresh])).slice(0, 2)).toEqual(fresh)
  })

  test('again, what had left and is back; also where the node names one twice', async () => {
    const { poll } = node()
    const [a, b, c] = idsOf(0, 3) as [string, string, string]
    expect(await poll(9, [a, b, c])).toEqual([a, b, c])
    expect(await poll(9, [a, a])).toEqual([])
    expect(await poll(9, [a, b])).toEqual([b])
    expect(await poll(9, [])).toEqual([])
    expect(await poll(9, [a, c])).toEqual([a, c])
  })

  test('thousands come and go, and nothing is forgotten or examined twice', async () => {
    const { poll } = node()
    const examined: string[] = []
    for (let round = 0; round < 20; round++) examined.push(...(await poll(10_000, idsOf(round * 500, 2000))))
    expect(examined).toHaveLength(500 * 19 + 2000)
    expect(new Set(examined).size).toBe(examined.length)
  })

  test('the rest of what could not be read because the node failed', async () => {
    const { state, poll } = node()
    const ids = idsOf(0, 4)
    state.failing = true
    await expect(poll(9, ids)).rejects.toMatchObject({ type: 'operating', kind: 'node-refused' })
    state.failing = false
    expect(await poll(2, ids)).toEqual(ids.slice(0, 2))
    state.failing = true
    await expect(poll(9, ids)).rejects.toMatchObject({ type: 'operating' })
    state.failing = false
    expect(await poll(9, ids)).toEqual(ids.slice(2))
  })
})

describe('the list', () => {
  const [a, b] = idsOf(0, 2) as [string, string]

  test.each([
    ['no ids', '[]', []],
    ['one', `["${a}"]`, [a]],
    ['spaces between them', `[ "${a}" ,\n  "${b}" ]`, [a, b]],
    ['capital letters', `["${a.toUpperCase()}"]`, [a.toUpperCase()]],
  ])('of %s is read', async (_, list, expected) => {
    const { state, poll } = node()
    state.list = list
    expect(await poll(9)).toEqual(expected)
  })

  test.each([
    ['numbers', '[1,2]'],
    ['short ids', `["${a.slice(2)}"]`],
    ['long ids', `["${a}00"]`],
    ['ids that are no hashes', `["${'z'.repeat(64)}"]`],
    ['ids without a comma between them', `["${a}""${b}"]`],
    ['objects', `[{"txid":"${a}"}]`],
    ['lists', `[["${a}"]]`],
    ['an object of ids', `{"${a}":{}}`],
    ['nothing', 'null'],
  ])('A5: of %s is an outage', async (_, list) => {
    const { state, poll } = node()
    state.list = list
    await expect(poll(9)).rejects.toMatchObject({ type: 'operating' })
  })
})

test('a poll of 300,000 ids costs at most twice a bare JSON.parse of the same answer', async () => {
  const end = '],"error":null,"id":       0}'
  const text = `{"result":["${idsOf(0, 300_000).join('","')}"${end}`
  const answered = Buffer.from(text)
  // The answer is made beforehand: what a node and a network do is not what a poll costs.
  const request: Request = async ({ body }) => {
    const { id } = JSON.parse(new TextDecoder().decode(body)) as { id: number }
    answered.write(`${String(id).padStart(8)}}`, answered.length - 9)
    return { status: 200, headers: {}, body: answered }
  }
  const rpc = createRpc({ url: 'http://node' }, request, {} as Disk)
  const mempool = createMempool(rpc, { chain: 'b', asset: 'BTC', network, watch: createWatch('b', network) })
  const clock = createClock()
  const costOf = async (work: () => unknown): Promise<number> => {
    const before = clock.processor()
    await work()
    return clock.processor() - before
  }
  // Others use the machine too: the least of a few tries is what the work itself costs.
  const [bare, poll]: [number[], number[]] = [[], []]
  for (let n = 0; n < 8; n++) {
    bare.push(await costOf(() => JSON.parse(text)))
    poll.push(await costOf(() => mempool.pending(0)))
  }
  expect(Math.min(...poll) / Math.min(...bare)).toBeLessThan(2)
})
