/** The simulated node against what a real one has answered, and what can go wrong with it. */
import { describe, expect, test } from 'vitest'
import { hashOf, stateBlock } from '../../../adapters/nano/block.ts'
import { networkOf } from '../../../adapters/nano/network.ts'
import type { SignedBlock } from '../../../src/devnet/nano/block.ts'
import { decodeNanoHappening, encodeNanoHappening } from '../../../src/devnet/nano/history.ts'
import { createSimulatedNano, type SimulatedNano } from '../../../src/devnet/nano/node.ts'
import { recorded } from '../../adapters/nano/recorded.ts'
import { createNanoWallet } from './wallet.ts'

const NANO = 10n ** 30n
const network = networkOf('nano-dev')

const ask = (node: SimulatedNano, body: unknown): unknown =>
  node.handle({
    ...{ method: 'POST', path: '/', query: {}, headers: {} },
    body: new TextEncoder().encode(JSON.stringify(body)),
  }).body

/** Every block that stands anywhere in the recordings, signed and with its work. */
function blocksIn(value: unknown): SignedBlock[] {
  if (typeof value === 'string' && value.startsWith('{')) return blocksIn(JSON.parse(value))
  if (typeof value !== 'object' || value === null) return []
  const { signature, work, link_as_account: _, ...rest } = value as Record<string, unknown>
  const block = stateBlock.safeParse(rest)
  if (block.success && typeof signature === 'string' && typeof work === 'string')
    return [{ ...block.data, signature, work }]
  return Object.values(value).flatMap(blocksIn)
}

/** Built from all of them that stand on each other; without those from `cut` on: what stands on the same block as this one does. */
function replayed(cut?: Partial<SignedBlock>): SimulatedNano {
  const node = createSimulatedNano({ now: () => 1795361284000 })
  let left = recorded
    .filter(([name]) => !name.startsWith('process_error') && !name.includes('forced'))
    .flatMap(([, { response, request }]) => blocksIn([response, request]))
    .filter(({ account, previous }) => account !== cut?.account || previous !== cut.previous)
  for (let before = Infinity; left.length < before;) {
    before = left.length
    left = left.filter(block => !['Old block', null].includes(node.submit(block)))
  }
  node.confirmAll()
  return node
}

/** What is in an answer, and not which. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf)
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).map(([key, field]) => [shapeOf(key), shapeOf(field)] as const)
    return Object.fromEntries(fields.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)))
  }
  const text = String(value)
  const sorts = {
    hash: /^[0-9A-F]{64}$/,
    bytes: /^[0-9a-f]{16}$|^[0-9A-F]{128}$/,
    account: /^nano_/,
    flag: /^(true|false)$/,
    number: /^[0-9]+(\.[0-9]+)?$/,
    contents: /^\{/,
  }
  const sort = Object.entries(sorts).find(([, is]) => is.test(text))
  return sort === undefined ? text : sort[0]
}

/** Recorded while the ledger held other blocks than those that the recordings hold: before some had come, or after some that are missing. */
const OF_ANOTHER_MOMENT = [
  'account_info_unopened',
  'account_info_unopened_with_receivable',
  'account_history_unopened',
  'block_info_receive_of_unconfirmed_source',
  'block_info_change_confirmed',
  'block_info_unconfirmed_with_successor',
  'block_confirm_unconfirmed',
  'process_change',
  'process_error_change_as_send',
  'process_error_fork',
  'process_error_fork_not_hidden_without_subtype',
  'process_error_fork_unconfirmed',
  'process_error_fork_unconfirmed_no_subtype',
  'process_error_more_than_balance_as_send',
  'process_error_more_than_balance_no_subtype',
  'process_error_old_frontier_receive_no_subtype',
  'process_error_old_frontier_receive_subtype_receive',
  'process_error_old_frontier_send_subtype_send',
  'process_error_old_older_receive_no_subtype',
  'process_error_old_older_receive_subtype_receive',
  'process_error_old_rebroadcast_receive',
  'process_error_old_unconfirmed_no_subtype',
  'process_receive_5',
  'process_receive_of_unconfirmed_source',
  'process_send_5',
  'process_send_unconfirmed',
  'process_send_unconfirmed_2',
]

/** What watchers of nodes do not ask. */
const UNASKED = /^(confirmation|deterministic|epoch|key_expand|peers|representatives|uptime|wallet|no_such|active)/

describe('it answers as a real node has', () => {
  /** None of these questions changes it. */
  const whole = replayed()

  test('its first blocks, and every recorded block that stands on them, have the hashes of the real ones', () => {
    const hashes = [...whole.lattice.blocks.values()].slice(1).map(({ block }) => hashOf(block, network))
    expect([...whole.lattice.blocks.keys()].slice(1)).toEqual(hashes)
    expect(hashes).toEqual(
      expect.arrayContaining([
        '73FE787B09A48954FE7FA453ACE650FE63F46E097B01BDC6DBD67278EEA08FC4',
        '7442BB86A58594F1212F0AA9904E13F19816C211BA87F533F12407615A630419',
        '1400F3F1F9F3CBCA7B4D8D794888881DD0E4B160D1C999EEEE1816E6560D87F2',
        '7F55A8A1C6C6A426241DCB9AD98C668478EFF9630F7B1EAE2CDB1DEC14BB9C8D',
      ]),
    )
  })

  const asked = recorded.filter(
    ([name, { request }]) =>
      request?.action !== undefined && !UNASKED.test(request.action) && !OF_ANOTHER_MOMENT.includes(name),
  )
  test('there are many', () => expect(asked.length).toBeGreaterThan(70))

  test.each(asked)('%s', (name, { request, response }) => {
    const isJudged = /bad_signature|insufficient_work|balance_mismatch|gap_source/.test(name)
    const node = isJudged ? replayed(request?.block) : whole
    const answer = ask(node, request)
    const isEmptyNow = /receivable|pending/.test(name)
    const isTakenAlready = name.startsWith('process_') && response?.error === undefined && !name.includes('async')
    if (isTakenAlready) expect(answer).toHaveProperty('error')
    else if (isEmptyNow) expect(Object.keys(answer as object)).toEqual(Object.keys(response ?? {}))
    else expect(shapeOf(answer)).toEqual(shapeOf(response))
  })
})

describe('a lattice', () => {
  const make = () => {
    let now = 0
    const node = createSimulatedNano({ now: () => now })
    return { node, wallet: createNanoWallet(node, 1), later: (ms: number) => void (now += ms) }
  }

  test('a send is receivable once it is confirmed, which takes a while, and until it was received', () => {
    const { node, wallet, later } = make()
    const receivable = () => ask(node, { action: 'receivable', account: wallet.address, count: '9' })
    const hash = node.pay(wallet.address, NANO)
    expect(receivable()).toEqual({ blocks: '' })
    later(199)
    expect(receivable()).toEqual({ blocks: '' })
    later(1)
    expect(receivable()).toEqual({ blocks: [hash] })
    expect(node.submit(wallet.receive(hash))).toBeNull()
    expect(receivable()).toEqual({ blocks: '' })
    expect(node.submit(wallet.receive(hash, { previous: node.lattice.head(wallet.address)! }))).toBe('Unreceivable')
  })

  test('a second block on one previous is a fork, and the same one again is old', () => {
    const { node, wallet } = make()
    const open = wallet.receive(node.pay(wallet.address, NANO))
    expect(node.submit(open)).toBeNull()
    expect(node.submit(open)).toBe('Old block')
    const first = wallet.send(wallet.address, 1n)
    const second = wallet.send(wallet.address, 2n)
    expect(node.submit(first)).toBeNull()
    expect(node.submit(second)).toBe('Fork')
  })

  test('N10: what is rolled back is not found with all that stands on it, and is taken again in its order', () => {
    const { node, wallet } = make()
    const taken = [wallet.receive(node.pay(wallet.address, NANO))]
    node.submit(taken[0]!)
    for (const amount of [1n, 2n, 3n]) {
      taken.push(wallet.send(wallet.address, amount))
      expect(node.submit(taken.at(-1)!)).toBeNull()
    }
    const hashes = taken.map(block => hashOf(block, network))
    node.confirm(hashes[0]!)
    node.rollBack(hashes[1]!)
    expect(ask(node, { action: 'block_info', hash: hashes[3], json_block: 'true' })).toEqual({
      error: 'Block not found',
    })
    expect(node.submit(taken[2]!)).toBe('Gap previous block')
    expect(taken.slice(1).map(block => node.submit(block))).toEqual([null, null, null])
    node.rollBack(hashes[0]!)
    expect(node.lattice.blocks.has(hashes[0]!)).toBe(true)
  })

  test('N10: beyond its backlog the youngest unconfirmed blocks go', () => {
    const { node, wallet } = make()
    node.faults.isStalled = true
    node.faults.backlog = 2
    const hashes = [1n, 2n, 3n].map(amount => node.pay(wallet.address, amount))
    expect(hashes.map(hash => node.lattice.blocks.has(hash))).toEqual([true, true, false])
  })

  test('a node that is made again from what has happened to it answers the same', () => {
    const lines: string[] = []
    const options = { now: () => 0 }
    const node = createSimulatedNano({ ...options, record: happening => lines.push(encodeNanoHappening(happening)) })
    const wallet = createNanoWallet(node, 1)
    node.submit(wallet.receive(node.pay(wallet.address, NANO)))
    node.confirmAll()
    node.submit(wallet.send(wallet.address, 5n))
    node.rollBack(node.lattice.head(wallet.address)!.hash)
    node.submit(wallet.send(wallet.address, 7n))
    const again = createSimulatedNano(options)
    again.restore(lines.map(decodeNanoHappening))
    const questions = [
      { action: 'account_info', account: wallet.address, include_confirmed: 'true', receivable: 'true' },
      { action: 'account_history', account: wallet.address, raw: 'true', count: '9' },
    ]
    for (const question of questions) expect(ask(again, question)).toEqual(ask(node, question))
    expect(() => decodeNanoHappening('{"type":"block.taken"}')).toThrow('cannot be read')
  })

  test('history is read in both directions, and from a block on', () => {
    const { node, wallet } = make()
    node.submit(wallet.receive(node.pay(wallet.address, NANO)))
    for (const amount of [1n, 2n, 3n]) node.submit(wallet.send(wallet.address, amount))
    const chain = node.lattice.accounts.get(wallet.address)!.chain
    const read = (options: object) => {
      const answer = ask(node, { action: 'account_history', account: wallet.address, ...options })
      return (answer as { history: { hash: string }[] }).history.map(({ hash }) => chain.indexOf(hash))
    }
    expect(read({ count: '9' })).toEqual([3, 2, 1, 0])
    expect(read({ count: '2', reverse: 'true' })).toEqual([0, 1])
    expect(read({ count: '9', reverse: 'true', head: chain[1], offset: '1' })).toEqual([2, 3])
  })
})
