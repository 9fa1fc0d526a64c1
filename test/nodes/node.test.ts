/** The bitcoin family's node against a real daemon: what the simulated node cannot vouch for, Litecoin's MWEB above all. */
import { Transaction } from 'bitcoinjs-lib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { Next, Node } from '../../adapters/adapter.ts'
import type { BitcoinFact } from '../../adapters/bitcoin/facts.ts'
import { networkOf } from '../../adapters/bitcoin/network.ts'
import { createBitcoinNode } from '../../adapters/bitcoin/node.ts'
import { createWatch } from '../../adapters/bitcoin/watch.ts'
import type { Disk, HttpCall, Request } from '../../src/kernel/ports.ts'
import type { Place } from '../../machines/vocabulary.ts'
import { buildPayment, faucetKey } from '../../src/devnet/bitcoin/faucet.ts'
import { createRequest } from '../../src/shell/request.ts'
import { ANYTHING } from '../adapters/bitcoin/wallet.ts'
import { COIN, startNode, type BitcoinNode } from './bitcoin-node.ts'

const network = networkOf(COIN.network)
const key = faucetKey('ours', network)
const stranger = faucetKey('stranger', network).address
const hasMweb = COIN.mwebHeight !== null
/** From here on blocks are read: there are mature coins, and an MWEB where the coin has one. */
const FIRST_HEIGHT = COIN.mwebHeight ?? 120
const fees = { target: 3, fallbackRate: 2, maximumRate: 500 }
const requester = createRequest(null)

let daemon: BitcoinNode
beforeAll(async () => {
  daemon = await startNode()
  await daemon.mine(FIRST_HEIGHT + 8)
})
afterAll(async () => {
  await daemon.stop()
  requester.close()
})

function connect(at: BitcoinNode, request: Request = requester.request, on = network): Node<BitcoinFact> {
  const watch = createWatch('ltc', network)
  watch.addAddress(7, key.address)
  return createBitcoinNode({
    chain: 'ltc',
    asset: COIN.asset,
    network: on,
    watch,
    request,
    disk: {} as Disk,
    node: at,
    fees,
  })
}

async function follow(
  node: Node<BitcoinFact>,
  recent: Place[],
): Promise<{ steps: Next<BitcoinFact>[]; facts: BitcoinFact[] }> {
  const steps: Next<BitcoinFact>[] = []
  for (let turn = 0; turn < 2000; turn++) {
    const step = await node.next(recent)
    if (step.kind === 'unchanged') break
    steps.push(step)
    if (step.kind === 'connected') recent.push({ height: step.block.height, hash: step.block.hash })
    else recent.pop()
  }
  return { steps, facts: steps.flatMap(step => (step.kind === 'connected' ? step.facts : [])) }
}

const askedOf = ({ body }: HttpCall) =>
  body ? (JSON.parse(new TextDecoder().decode(body)) as { method: string; params: unknown[] }) : null
const withoutRest: Request = async call =>
  call.url.includes('/rest/') ? { status: 404, headers: {}, body: new Uint8Array() } : requester.request(call)
/** Raw blocks of a format that we cannot read: something is left over. */
const withoutRaw: Request = async call => {
  const asked = askedOf(call)
  const answer = await withoutRest(call)
  if (asked?.method !== 'getblock' || asked.params[1] !== 0) return answer
  const text = new TextDecoder().decode(answer.body).replace(/("result":"[0-9a-f]{160})([0-9a-f]*)/, '$1ff$2')
  return { ...answer, body: new TextEncoder().encode(text) }
}
const tipOf = async (): Promise<string> => z.string().parse(await daemon.rpc('getbestblockhash'))
const pendingIds = async (): Promise<string[]> => z.array(z.string()).parse(await daemon.rpc('getrawmempool'))

describe('following a daemon', () => {
  /** With all other coins locked, the wallet pays out of the MWEB. */
  async function payOutOfMweb(amountSat: bigint): Promise<void> {
    const others = z
      .array(z.object({ txid: z.string(), vout: z.number(), address: z.string() }).partial())
      .parse(await daemon.rpc('listunspent'))
    const classic = others.filter(coin => coin.vout !== undefined && coin.address?.startsWith('tmweb') !== true)
    const locks = classic.map(({ txid, vout }) => ({ txid, vout }))
    await daemon.rpc('lockunspent', false, locks)
    await daemon.pay(key.address, amountSat)
    await daemon.rpc('lockunspent', true, locks)
  }

  const peculiar = hasMweb ? ' with a HogEx, peg-ins and peg-outs' : ''
  test(`B13: blocks${peculiar} read alike over REST, over RPC and as JSON`, async () => {
    const base = await connect(daemon).base(FIRST_HEIGHT)
    if (hasMweb) await daemon.pay(z.string().parse(await daemon.rpc('getnewaddress', '', 'mweb')), 500_000_000n)
    await daemon.pay(key.address, 7_000_000n)
    await daemon.mine(2)
    await (hasMweb ? payOutOfMweb(30_000_000n) : daemon.pay(key.address, 30_000_000n))
    await daemon.mine(2)
    const read = async (request?: Request) => follow(connect(daemon, request), [base])
    const [overRest, overRpc, asJson] = [await read(), await read(withoutRest), await read(withoutRaw)]
    expect(overRest.steps.length).toBeGreaterThanOrEqual(12)
    expect(overRest.facts.map(fact => (fact.kind === 'payment.seen' ? fact.amount : ''))).toContain('7000000')
    expect(overRest.facts).toContainEqual(expect.objectContaining({ amount: '30000000', maturity: hasMweb ? 6 : 0 }))
    expect(overRpc).toEqual(overRest)
    expect(asJson).toEqual(overRest)
  })

  test.each([1, 2, 6])('A6: a reorganisation %i blocks deep gives every step', async depth => {
    const node = connect(daemon)
    const recent: Place[] = [await node.base((await node.identify()).height - 10)]
    await follow(node, recent)
    const old = recent.slice(-depth).map(place => place.hash)
    await daemon.rpc('invalidateblock', old[0])
    const back = await follow(node, recent)
    expect(back.steps.map(step => step.kind)).toEqual(Array<string>(depth).fill('disconnected'))
    await daemon.mine(depth + 1)
    const on = await follow(node, recent)
    expect(on.steps.map(step => step.kind)).toEqual(Array<string>(depth + 1).fill('connected'))
    expect(recent.at(-1)!.hash).toBe(await tipOf())
  })

  test('A7: a node that was stopped or killed and started again goes on without a gap', async () => {
    const own = await startNode()
    try {
      const node = connect(own)
      await own.mine(3)
      const recent: Place[] = [await node.base('latest')]
      await own.mine(2)
      await own.restart()
      const mined = await own.mine(2)
      const { steps } = await follow(node, recent)
      expect(steps.map(step => step.kind)).toEqual(Array<string>(4).fill('connected'))
      expect(recent.at(-1)).toEqual({ height: 7, hash: mined[1] })
      await own.kill9()
      await expect(node.next(recent)).rejects.toMatchObject({ type: 'operating' })
      // What it had not flushed is lost to it: then it lags behind us (A4).
      await own.restart()
      expect(await node.next(recent)).toMatchObject({ kind: 'unchanged' })
    } finally {
      await own.stop()
    }
  })

  test('A4: a node that lags, or knows only headers, does not move us; A3: another network is named', async () => {
    const lagging = await startNode({ rest: false })
    try {
      const ahead: Place[] = [await connect(daemon).base('latest')]
      const node = connect(lagging)
      expect(await node.next(ahead)).toMatchObject({ kind: 'unchanged', nodeHeight: 0 })
      const blocks = 5
      const hashes: string[] = []
      for (let height = 1; height <= blocks; height++)
        hashes.push(z.string().parse(await daemon.rpc('getblockhash', height)))
      for (const hash of hashes) await lagging.rpc('submitheader', await daemon.rpc('getblockheader', hash, false))
      expect(await node.next([{ height: blocks, hash: hashes.at(-1)! }])).toEqual({
        kind: 'unchanged',
        nodeHeight: 0,
        syncing: true,
      })
      for (const hash of hashes) await lagging.rpc('submitblock', await daemon.rpc('getblock', hash, 0))
      const { steps } = await follow(node, [await node.base(0)])
      expect(steps.map(step => (step.kind === 'connected' ? step.block.hash : ''))).toEqual(hashes)
      const { mismatch } = await connect(lagging, undefined, networkOf(COIN.chain)).identify()
      expect(mismatch).toContain(network.genesis)
    } finally {
      await lagging.stop()
    }
  })
})

describe('broadcasting through a daemon', () => {
  async function coinOfOurs(amountSat: bigint) {
    const txid = await daemon.pay(key.address, amountSat)
    await daemon.mine(1)
    const coin = z.object({ hex: z.string() }).parse(await daemon.rpc('gettransaction', txid))
    const vout = Transaction.fromHex(coin.hex).outs.findIndex(({ script }) => Buffer.compare(script, key.script) === 0)
    return { name: `${txid}:${vout}`, coin: { valueSat: amountSat, script: key.script, height: 0, isCoinbase: false } }
  }
  function payment(from: Awaited<ReturnType<typeof coinOfOurs>>, amountSat: bigint, rate = 10n) {
    const transaction = buildPayment([[from.name, from.coin]], [{ address: stranger, amountSat }], rate, key, network)
    return { transactionId: transaction.getId(), raw: transaction.toHex(), parents: [] as string[], transaction }
  }

  test('B9: accepted, pending, known, placed, and known again', async () => {
    const node = connect(daemon)
    const signed = payment(await coinOfOurs(50_000_000n), 20_000_000n)
    expect(await node.locate(signed)).toEqual({ kind: 'absent' })
    expect(await node.publish(signed)).toEqual({ kind: 'accepted' })
    expect(await node.publish(signed)).toEqual({ kind: 'known' })
    expect(await node.locate(signed)).toEqual({ kind: 'pending' })
    const [hash] = await daemon.mine(1)
    await daemon.mine(2)
    const place = { height: z.number().parse(await daemon.rpc('getblockcount')) - 2, hash }
    expect(await node.locate(signed)).toEqual({ kind: 'placed', place })
    expect(await node.publish(signed)).toEqual({ kind: 'known' })
  })

  test('B9: missing inputs are refused, parents are published where they help, fees keep to the cap', async () => {
    const node = connect(daemon)
    const parent = payment(await coinOfOurs(60_000_000n), 20_000_000n)
    const change = parent.transaction.outs[1]!
    const from = {
      name: `${parent.transactionId}:1`,
      coin: { valueSat: change.value, script: key.script, height: 0, isCoinbase: false },
    }
    const child = payment(from, 5_000_000n)
    expect(await node.publish(child)).toMatchObject({
      kind: 'refused',
      reason: expect.stringContaining('missing') as string,
    })
    expect(await node.publish({ ...child, parents: [parent.raw] })).toEqual({ kind: 'accepted' })
    expect((await pendingIds()).sort()).toEqual([parent.transactionId, child.transactionId].sort())
    expect(await node.publish(payment(await coinOfOurs(90_000_000n), 1_000_000n, 5_000n))).toEqual({
      kind: 'refused',
      reason: 'max-fee-exceeded',
      isUnderpriced: false,
    })
  })

  test('a conflict that pays no more is refused while the other is pending, and any once it is mined', async () => {
    const node = connect(daemon)
    const from = await coinOfOurs(70_000_000n)
    expect(await node.publish(payment(from, 10_000_000n, 20n))).toEqual({ kind: 'accepted' })
    expect(await node.publish(payment(from, 11_000_000n, 20n))).toMatchObject({
      kind: 'refused',
      reason: expect.stringMatching(/txn-mempool-conflict|insufficient fee|replacement/) as string,
    })
    await daemon.mine(1)
    expect(await node.publish(payment(from, 11_000_000n, 50n))).toMatchObject({
      kind: 'refused',
      reason: expect.stringContaining('missing') as string,
    })
  })

  test(`a conflict that pays more ${COIN.replaces ? 'takes the place of' : 'is refused beside'} a pending one`, async () => {
    const node = connect(daemon)
    const from = await coinOfOurs(70_000_000n)
    const [first, better] = [payment(from, 10_000_000n), payment(from, 11_000_000n, 50n)]
    expect(await node.publish(first)).toEqual({ kind: 'accepted' })
    const answer = await node.publish(better)
    if (COIN.replaces) expect(answer).toEqual({ kind: 'accepted' })
    else
      expect(answer).toEqual({
        kind: 'refused',
        reason: expect.stringMatching(/^txn-mempool-conflict: .*-mempoolreplacement=1/) as string,
        isUnderpriced: false,
      })
    const [kept, gone] = COIN.replaces ? [better, first] : [first, better]
    expect(await node.locate(kept)).toEqual({ kind: 'pending' })
    expect(await node.locate(gone)).toEqual({ kind: 'absent' })
    await daemon.mine(1)
    expect(await node.publish(gone)).toMatchObject({ kind: 'refused' })
  })

  test('pending payments to us are told once, before they are mined', async () => {
    const node = connect(daemon)
    await daemon.mine(1)
    expect(await node.pending(10)).toEqual([])
    const txid = await daemon.pay(key.address, 3_000_000n)
    expect(await node.pending(10)).toMatchObject([
      { kind: 'payment.seen', transaction: txid, amount: '3000000', place: null, index: 7 },
    ])
    expect(await node.pending(10)).toEqual([])
  })

  test('B10: a regtest knows no fee rate, so the configured one stands in', async () => {
    expect(await connect(daemon).gather(ANYTHING)).toEqual({ feeRate: 2, floorRate: 1 })
  })
})
