import type { Transaction } from 'bitcoinjs-lib'
import { describe, expect, test } from 'vitest'
import type { Next, Node } from '../../../adapters/adapter.ts'
import type { BitcoinFact } from '../../../adapters/bitcoin/facts.ts'
import { networkOf } from '../../../adapters/bitcoin/network.ts'
import { createBitcoinNode } from '../../../adapters/bitcoin/node.ts'
import { transactionWeight, virtualBytes } from '../../../adapters/bitcoin/size.ts'
import { createWatch, type BitcoinWatch } from '../../../adapters/bitcoin/watch.ts'
import { Fault, unknownOutcome } from '../../../src/kernel/fault.ts'
import type { Disk, HttpCall, Request } from '../../../src/kernel/ports.ts'
import type { Place } from '../../../machines/vocabulary.ts'
import { ANYTHING } from './wallet.ts'
import type { spendableCoins } from '../../../src/devnet/bitcoin/faucet.ts'
import { faucetKey, buildPayment } from '../../../src/devnet/bitcoin/faucet.ts'
import { createSimulatedBitcoin, type SimulatedBitcoin } from '../../../src/devnet/bitcoin/node.ts'

const network = networkOf('litecoin-regtest')
const credentials = { username: 'u', password: 'p' }
const nowMs = Date.UTC(2026, 0, 1)
const ours = faucetKey('ours', network).address
const stranger = faucetKey('stranger', network).address

const simulate = (seed = 'simulated', isOld = false): SimulatedBitcoin =>
  createSimulatedBitcoin({ network, seed, now: () => nowMs, isOld, ...credentials })

/** A second node with the blocks of the first up to a height. */
function twinOf(first: SimulatedBitcoin, height: number, isOld = false): SimulatedBitcoin {
  const twin = simulate('twin', isOld)
  for (let at = 1; at <= height; at++) twin.submit(first.block(first.hashAt(at)))
  return twin
}

const usual = { target: 3, fallbackRate: 2, maximumRate: 500 }

function connectWith(watch: BitcoinWatch, request: Request, fees = usual, on = network): Node<BitcoinFact> {
  const node = { url: 'http://node', ...credentials }
  return createBitcoinNode({ chain: 'ltc', asset: 'LTC', network: on, watch, request, disk: {} as Disk, node, fees })
}

function connect(request: Request, fees = usual, on = network): Node<BitcoinFact> {
  const watch = createWatch('ltc', network)
  watch.addAddress(7, ours)
  return connectWith(watch, request, fees, on)
}

/** Follows to the node's tip; `recent` grows and shrinks as a chain machine's does. */
async function follow(
  node: Node<BitcoinFact>,
  recent: Place[],
): Promise<{ steps: Next<BitcoinFact>[]; facts: BitcoinFact[] }> {
  const steps: Next<BitcoinFact>[] = []
  for (let turn = 0; turn < 1000; turn++) {
    const step = await node.next(recent)
    if (step.kind === 'unchanged') break
    steps.push(step)
    if (step.kind === 'connected') recent.push({ height: step.block.height, hash: step.block.hash })
    else recent.pop()
  }
  return { steps, facts: steps.flatMap(step => (step.kind === 'connected' ? step.facts : [])) }
}

const kinds = (steps: readonly Next[]) => steps.map(step => step.kind).join(' ')
const methodOf = ({ body }: { body: Uint8Array | null }): string =>
  body && body.length > 0 ? (JSON.parse(new TextDecoder().decode(body)) as { method: string }).method : ''

/** A transaction of another wallet, not broadcast: as a signer would hand it over. */
function signedPayment(simulated: SimulatedBitcoin): {
  signed: Transaction
  transactionId: string
  raw: string
  parents: string[]
} {
  const key = faucetKey('ours', network)
  simulated.mine(1, { to: key.address })
  simulated.mine(100)
  const coin = simulated.block(simulated.hashAt(simulated.height() - 100)).transactions![0]!
  const from = [
    [`${coin.getId()}:0`, { valueSat: coin.outs[0]!.value, script: key.script, height: 0, isCoinbase: true }],
  ] as ReturnType<typeof spendableCoins>
  const signed = buildPayment(from, [{ address: stranger, amountSat: 1_000_000n }], 10n, key, network)
  return { signed, transactionId: signed.getId(), raw: signed.toHex(), parents: [] }
}

describe('identify', () => {
  test('A3: the right network has no mismatch', async () => {
    expect(await connect(simulate().request).identify()).toEqual({
      mismatch: null,
      height: 0,
      syncing: false,
      version: '/LitecoinCore:0.21.2.1/',
      tipTime: simulate().block(network.genesis).timestamp,
    })
  })

  test('A3: a node on another network is named with both genesis blocks', async () => {
    const other = networkOf('bitcoin-regtest')
    const { mismatch } = await connect(simulate().request, undefined, other).identify()
    expect(mismatch).toContain(other.genesis)
    expect(mismatch).toContain(network.genesis)
  })
})

describe('base', () => {
  test('is the tip for latest, else the block below the height', async () => {
    const simulated = simulate()
    simulated.mine(5)
    const node = connect(simulated.request)
    expect(await node.base('latest')).toMatchObject({ height: 5, hash: simulated.tip(), parent: simulated.hashAt(4) })
    expect(await node.base(3)).toMatchObject({ height: 2, hash: simulated.hashAt(2) })
    expect(await node.base(0)).toMatchObject({ height: 0, hash: network.genesis })
    await expect(node.base(9)).rejects.toMatchObject({ type: 'operating', kind: 'node-behind' })
  })
})

describe('next', () => {
  async function start(simulated: SimulatedBitcoin) {
    simulated.mine(105)
    const node = connect(simulated.request)
    const recent: Place[] = [await node.base(0)]
    await follow(node, recent)
    return { node, recent }
  }

  test('the next blocks are asked for, and one of them downloaded, while the present one is applied', async () => {
    const simulated = simulate()
    simulated.mine(40)
    const asked: string[] = []
    const node = connect(
      call => (asked.push(call.url.includes('/rest/') ? 'block' : methodOf(call)), simulated.request(call)),
    )
    const recent: Place[] = [await node.base(1)]
    await node.next(recent)
    expect(asked.filter(what => what === 'block')).toHaveLength(2)
    recent.push({ height: 1, hash: simulated.hashAt(1) })
    await follow(node, recent)
    expect(recent.at(-1)).toEqual({ height: 40, hash: simulated.tip() })
    // Every block once, its hash once or twice, and the node is looked at now and then only.
    expect(asked.filter(what => what === 'block')).toHaveLength(40)
    expect(asked.filter(what => what === 'getblockchaininfo').length).toBeLessThan(10)
    expect(asked.filter(what => what === 'getblockhash').length).toBeLessThan(80)
  })

  test('A7: what was asked for in advance and has been left since is not followed', async () => {
    const simulated = simulate()
    simulated.mine(30)
    const node = connect(simulated.request)
    const recent: Place[] = [await node.base(1)]
    for (let height = 1; height <= 5; height++) {
      const step = await node.next(recent)
      expect(step.kind).toBe('connected')
      recent.push({ height, hash: simulated.hashAt(height) })
    }
    simulated.invalidate(simulated.hashAt(3))
    simulated.mine(35)
    await follow(node, recent)
    expect(recent.map(({ height, hash }) => [height, hash])).toEqual(
      recent.map((_, height) => [height, simulated.hashAt(height)]),
    )
    expect(recent.at(-1)!.height).toBe(simulated.height())
  })

  test('A7: after downtime every block is followed, none skipped', async () => {
    const simulated = simulate()
    const { node, recent } = await start(simulated)
    const paid = Array.from({ length: 4 }, (_, n) => {
      const txid = simulated.pay(ours, 1_000_000n + BigInt(n))
      simulated.mine(2)
      return txid
    })
    const { steps, facts } = await follow(connect(simulated.request), recent)
    expect(steps).toHaveLength(8)
    expect(facts.map(fact => fact.transaction)).toEqual(paid)
    expect(recent.map(place => place.height)).toEqual(Array.from({ length: 114 }, (_, height) => height))
    expect(await node.next(recent)).toEqual({ kind: 'unchanged', nodeHeight: 113, syncing: false })
  })

  test.each([1, 2, 6])('A6: a reorganisation %i blocks deep gives every step back and on', async depth => {
    const simulated = simulate()
    const { node, recent } = await start(simulated)
    const old = recent.slice(-depth).map(place => place.hash)
    simulated.invalidate(old[0]!)
    simulated.mine(depth + 1)
    const { steps } = await follow(node, recent)
    expect(kinds(steps)).toBe(
      [...Array<string>(depth).fill('disconnected'), ...Array<string>(depth + 1).fill('connected')].join(' '),
    )
    expect(steps.slice(0, depth).map(step => (step.kind === 'disconnected' ? step.block.hash : ''))).toEqual(
      old.reverse(),
    )
    expect(recent.at(-1)!.hash).toBe(simulated.tip())
  })

  test('A4: a rollback to a lower height is a rollback', async () => {
    const simulated = simulate()
    const { node, recent } = await start(simulated)
    simulated.invalidate(simulated.hashAt(104))
    const { steps } = await follow(node, recent)
    expect(kinds(steps)).toBe('disconnected disconnected')
    expect(recent.at(-1)!.height).toBe(103)
  })

  test('A4: a node that lacks our block does not move us, and does once it has caught up', async () => {
    const simulated = simulate()
    const { recent } = await start(simulated)
    const lagging = simulate('lagging')
    const node = connect(lagging.request)
    for (let height = 1; height <= 100; height++) lagging.submit(simulated.block(simulated.hashAt(height)))
    expect(await node.next(recent)).toEqual({ kind: 'unchanged', nodeHeight: 100, syncing: false })
    simulated.mine(1)
    for (let height = 101; height <= 106; height++) lagging.submit(simulated.block(simulated.hashAt(height)))
    expect((await follow(node, recent)).steps).toMatchObject([{ kind: 'connected', block: { height: 106 } }])
  })

  test('A4: a node that has only the header of our block is syncing, and does not move us', async () => {
    const simulated = simulate()
    const { node, recent } = await start(simulated)
    const tip = recent.at(-1)!.hash
    simulated.invalidate(tip)
    simulated.faults.headersOnly.add(tip)
    expect(await node.next(recent)).toEqual({ kind: 'unchanged', nodeHeight: 104, syncing: true })
  })

  test('A7: a node exchanged between two calls for one on another branch gives back what it does not share', async () => {
    const simulated = simulate()
    const { recent } = await start(simulated)
    const other = simulate('other')
    for (let height = 1; height <= 103; height++) other.submit(simulated.block(simulated.hashAt(height)))
    const branch = other.mine(4)
    for (const height of [104, 105]) other.submit(simulated.block(simulated.hashAt(height)))
    const { steps } = await follow(connect(other.request), recent)
    expect(kinds(steps)).toBe('disconnected disconnected connected connected connected connected')
    expect(recent.slice(-4).map(place => place.hash)).toEqual(branch)
  })

  test.each([
    ['as high as the lost one', 0],
    ['higher than the lost one', 3],
  ])('another node in the place of a lost one, %s, whose last block it never had', async (_, more) => {
    const lost = simulate()
    const { recent } = await start(lost)
    lost.pay(ours, 1_000_000n)
    lost.mine(1)
    await follow(connect(lost.request), recent)
    const other = twinOf(lost, 104)
    const branch = other.mine(2 + more)
    const { steps } = await follow(connect(other.request), recent)
    expect(kinds(steps)).toBe(['disconnected disconnected', ...branch.map(() => 'connected')].join(' '))
    expect(recent.slice(-branch.length).map(place => place.hash)).toEqual(branch)
  })

  test('another node in the place of a lost one that is lower moves us only once it is not', async () => {
    const lost = simulate()
    const { recent } = await start(lost)
    const other = twinOf(lost, 103)
    const node = connect(other.request)
    expect(await node.next(recent)).toEqual({ kind: 'unchanged', nodeHeight: 103, syncing: false })
    other.mine(1)
    expect(await node.next(recent)).toEqual({ kind: 'unchanged', nodeHeight: 104, syncing: false })
    other.mine(1)
    expect(kinds((await follow(node, recent)).steps)).toBe('disconnected disconnected connected connected')
    expect(recent.at(-1)!.hash).toBe(other.tip())
  })

  test('a node that is exchanged between any two answers leads to its own tip in the end, and skips nothing', async () => {
    const lost = simulate()
    const { recent } = await start(lost)
    lost.mine(3)
    const other = twinOf(lost, 106)
    other.mine(4)
    let asked = 0
    const flapping: Request = call => (asked++ % 3 === 0 ? lost : other).request(call)
    const node = connect(flapping)
    for (let turn = 0; turn < 40; turn++) {
      const step = await node.next(recent).catch((error: unknown) => {
        expect(error).toMatchObject({ type: 'operating' })
        return { kind: 'unchanged' as const }
      })
      if (step.kind === 'connected') recent.push({ height: step.block.height, hash: step.block.hash })
      if (step.kind === 'disconnected') recent.pop()
      for (const [i, { height, hash }] of recent.slice(1).entries()) {
        const known = [lost, other].find(at => at.height() >= height && at.hashAt(height) === hash)!
        expect(Buffer.from(known.block(hash).prevHash!).reverse().toString('hex')).toBe(recent[i]!.hash)
      }
    }
    await follow(connect(other.request), recent)
    expect(recent.at(-1)!.hash).toBe(other.tip())
  })

  const noAnswers = [
    { code: -32007, message: '15/second request limit reached', status: 429 },
    { code: -32603, message: "Can't read block from disk" },
    { code: -28, message: 'Loading block index...' },
    { code: -1, message: 'std::bad_alloc' },
    { code: -1, message: 'JSON value is not a boolean as expected' },
    { code: -32000, message: 'upstream timed out', status: 200 },
  ]
  const methods = ['getblockchaininfo', 'getblockhash', 'getblockheader', 'getblock', '*']
  const cases = noAnswers.flatMap(error => methods.map(method => [method, error.code, error.message, error] as const))

  test.each(cases)('an error never decides: %s answers %i, %s', async (method, _, __, error) => {
    for (const isOld of [false, true])
      for (const hasRest of [true, false])
        for (const situation of ['ahead', 'rolledBack', 'forked'] as const) {
          const simulated = simulate('simulated', isOld)
          simulated.mine(6)
          simulated.serveRest(hasRest)
          const recent = [{ height: 4, hash: simulated.hashAt(4) }]
          if (situation !== 'ahead') simulated.invalidate(simulated.hashAt(4))
          if (situation === 'forked') simulated.mine(3)
          const truth = await connect(simulated.request).next(recent)
          simulated.faults.errors.set(method, error)
          const outcome = await connect(simulated.request)
            .next(recent)
            .catch((fault: unknown) => fault)
          if (outcome instanceof Fault) expect(outcome.type).toBe('operating')
          else expect(outcome).toEqual(truth)
          simulated.faults.errors.clear()
          expect(await connect(simulated.request).next(recent)).toEqual(truth)
        }
  })

  test('an error where a block is asked for as JSON is an outage, and does not halt the chain', async () => {
    const simulated = simulate()
    const [hash] = simulated.mine(1)
    const raw = Buffer.from(simulated.block(hash!).toBuffer())
    simulated.intercept(request => {
      if (request.path.startsWith('/rest/')) return { status: 200, body: Buffer.concat([raw, Buffer.of(0)]) }
      if (methodOf(request) !== 'getblock') return null
      const { id, params } = JSON.parse(new TextDecoder().decode(request.body)) as { id: number; params: unknown[] }
      const error = { code: -32007, message: 'slow down' }
      return params[1] === 0
        ? { status: 200, body: { result: `${raw.toString('hex')}00`, error: null, id } }
        : { status: 429, body: { result: null, error, id } }
    })
    await expect(connect(simulated.request).next([{ height: 0, hash: network.genesis }])).rejects.toMatchObject({
      type: 'operating',
      kind: 'node-refused',
    })
  })

  test.each([true, false])('a daemon that wants booleans is followed, REST %s, also back', async hasRest => {
    const simulated = simulate('old', true)
    simulated.serveRest(hasRest)
    const { node, recent } = await start(simulated)
    simulated.pay(ours, 1_000_000n)
    simulated.mine(2)
    const { facts } = await follow(node, recent)
    expect(facts).toMatchObject([{ amount: '1000000' }])
    simulated.invalidate(simulated.hashAt(105))
    expect(kinds((await follow(node, recent)).steps)).toBe('disconnected disconnected disconnected')
    simulated.mine(4)
    await follow(node, recent)
    expect(recent.at(-1)!.hash).toBe(simulated.tip())
  })

  test('a daemon that wants booleans and has only the header of our block does not move us', async () => {
    const simulated = simulate('old', true)
    const { node, recent } = await start(simulated)
    simulated.invalidate(recent.at(-1)!.hash)
    simulated.faults.headersOnly.add(recent.at(-1)!.hash)
    // It says the same of a disk that it cannot read.
    await expect(node.next(recent)).rejects.toMatchObject({ type: 'operating', kind: 'node-refused' })
  })

  test('a daemon may be exchanged for one of another age at any time', async () => {
    const young = simulate()
    const { recent } = await start(young)
    young.serveRest(false)
    const old = twinOf(young, 105, true)
    old.serveRest(false)
    let current = young
    const node = connect(call => current.request(call))
    for (const next of [young, old, young, old]) {
      current = next
      const [hash] = young.mine(1)
      old.submit(young.block(hash!))
      expect(await node.next(recent)).toMatchObject({ kind: 'connected', block: { hash } })
      recent.push({ height: young.height(), hash: hash! })
    }
  })

  test.each([true, false])('a block that the node has pruned is an outage that says so, REST %s', async hasRest => {
    const simulated = simulate()
    simulated.mine(10)
    simulated.serveRest(hasRest)
    simulated.faults.prunedHeight = 5
    const at = (height: number) => connect(simulated.request).next([{ height, hash: simulated.hashAt(height) }])
    await expect(at(3)).rejects.toMatchObject({ type: 'operating', kind: 'node-pruned' })
    expect(await at(5)).toMatchObject({ kind: 'connected' })
  })

  test('a node that has pruned our block and has left it moves us back', async () => {
    const simulated = simulate('old', true)
    const { node, recent } = await start(simulated)
    simulated.invalidate(recent.at(-1)!.hash)
    simulated.faults.prunedHeight = 105
    expect(await node.next(recent)).toMatchObject({ kind: 'disconnected' })
  })

  test('the next block is on its way while this one is applied, and is matched against what is watched then', async () => {
    const simulated = simulate()
    simulated.mine(110)
    const paths: string[] = []
    const node = connect(call => {
      if (call.method === 'GET') paths.push(call.url)
      return simulated.request(call)
    })
    const first = await node.next([{ height: 105, hash: simulated.hashAt(105) }])
    expect(first.kind).toBe('connected')
    const wanted = [106, 107].map(height => `http://node/rest/block/${simulated.hashAt(height)}.bin`)
    expect(paths).toEqual(wanted)
    await node.next([{ height: 106, hash: simulated.hashAt(106) }])
    expect(paths).toEqual([...wanted, `http://node/rest/block/${simulated.hashAt(108)}.bin`])
  })

  test('what begins to be watched while a block is on its way is found in it', async () => {
    const simulated = simulate()
    simulated.mine(105)
    simulated.mine(1)
    simulated.pay(stranger, 1_000_000n)
    simulated.mine(1)
    const watch = createWatch('ltc', network)
    const node = connectWith(watch, simulated.request)
    await node.next([{ height: 105, hash: simulated.hashAt(105) }])
    watch.addAddress(9, stranger)
    expect(await node.next([{ height: 106, hash: simulated.hashAt(106) }])).toMatchObject({ facts: [{ index: 9 }] })
  })

  test('a block that could not be fetched ahead is fetched when it is wanted', async () => {
    const simulated = simulate()
    simulated.mine(110)
    let isFailing = false
    const node = connect(call => {
      if (call.url.endsWith(`${simulated.hashAt(107)}.bin`) && (isFailing = !isFailing))
        return Promise.reject(unknownOutcome('no-answer', 'reset'))
      return simulated.request(call)
    })
    const recent = [{ height: 105, hash: simulated.hashAt(105) }]
    const { steps } = await follow(node, recent)
    expect(steps).toHaveLength(5)
  })

  test('B13: raw over REST, raw over RPC and JSON give equal facts', async () => {
    const simulated = simulate()
    simulated.mine(105)
    simulated.pay(ours, 1_234_567n)
    simulated.payMany([
      { address: ours, amountSat: 5_000_000n },
      { address: ours, amountSat: 6_000_000n },
    ])
    simulated.mine(1, { to: ours })
    const base = [{ height: 105, hash: simulated.hashAt(105) }]
    const overRest = await connect(simulated.request).next(base)
    simulated.serveRest(false)
    const overRpc = await connect(simulated.request).next(base)
    simulated.intercept(cutGetblock)
    const asJson = await connect(simulated.request).next(base)
    expect(overRest).toMatchObject({ kind: 'connected', facts: [{ maturity: 100 }, { amount: '1234567' }, {}, {}] })
    expect(overRpc).toEqual(overRest)
    expect(asJson).toEqual(overRest)

    /** A format that we cannot read: something is left over behind the block. */
    function cutGetblock(request: Parameters<SimulatedBitcoin['handle']>[0]) {
      if (methodOf(request) !== 'getblock') return null
      const { id, params } = JSON.parse(new TextDecoder().decode(request.body)) as {
        id: number
        params: [string, number]
      }
      const raw = Buffer.from(simulated.block(params[0]).toBuffer()).toString('hex')
      return params[1] === 0 ? { status: 200, body: { result: `${raw}00`, error: null, id } } : null
    }
  })

  test('B13: a block that no form can tell stops the chain', async () => {
    const simulated = simulate()
    const [hash] = simulated.mine(1)
    const raw = Buffer.from(simulated.block(hash!).toBuffer())
    simulated.intercept(request => {
      if (request.path.startsWith('/rest/')) return { status: 200, body: Buffer.concat([raw, Buffer.of(0)]) }
      if (methodOf(request) !== 'getblock') return null
      const { id, params } = JSON.parse(new TextDecoder().decode(request.body)) as {
        id: number
        params: [string, number]
      }
      return {
        status: 200,
        body: { result: params[1] === 0 ? `${raw.toString('hex')}00` : { tx: [] }, error: null, id },
      }
    })
    await expect(connect(simulated.request).next([{ height: 0, hash: network.genesis }])).rejects.toMatchObject({
      type: 'invariant',
    })
  })

  test('A5: a block cut short over REST is read otherwise', async () => {
    const simulated = simulate()
    const [hash] = simulated.mine(1)
    const raw = Buffer.from(simulated.block(hash!).toBuffer())
    simulated.intercept(request =>
      request.path.startsWith('/rest/') ? { status: 200, body: raw.subarray(0, 120) } : null,
    )
    const step = await connect(simulated.request).next([{ height: 0, hash: network.genesis }])
    expect(step).toMatchObject({ kind: 'connected', block: { height: 1, hash } })
  })

  test.each([
    ['HTML', { status: 200, body: '<html></html>' }],
    ['an empty body', { status: 200, body: '' }],
    ['half an answer', { status: 200, body: '{"result":{"blo' }],
    ['status 500', { status: 500, body: 'oops' }],
    ['status 403', { status: 403, body: '' }],
    ['another shape', { status: 200, body: { result: {}, error: null, id: 1 } }],
  ])('A5: %s is an outage for every call', async (_, answer) => {
    const simulated = simulate()
    simulated.intercept(() => answer)
    const node = connect(simulated.request)
    const place = { height: 0, hash: network.genesis }
    const transaction = { transactionId: '0'.repeat(64), raw: '00', parents: [] }
    for (const call of [
      node.identify(),
      node.base('latest'),
      node.next([place]),
      node.pending(5),
      node.gather(ANYTHING),
      node.locate(transaction),
      node.publish(transaction),
    ])
      await expect(call).rejects.toMatchObject({ type: 'operating' })
  })

  test('A5: a stopped node is an outage, and the chain goes on where it was', async () => {
    const simulated = simulate()
    const { node, recent } = await start(simulated)
    simulated.stop()
    await expect(node.next(recent)).rejects.toMatchObject({ type: 'operating', kind: 'node-unreachable' })
    simulated.start()
    simulated.mine(1)
    expect(await node.next(recent)).toMatchObject({ kind: 'connected', block: { height: 106 } })
  })

  test('costs one call while nothing happens', async () => {
    const simulated = simulate()
    const { recent } = await start(simulated)
    const methods: string[] = []
    const counted = (call: HttpCall) => (methods.push(methodOf(call)), simulated.request(call))
    await connect(counted).next(recent)
    expect(methods).toEqual(['getblockchaininfo'])
  })
})

describe('pending', () => {
  test('tells each transaction once, at most so many a call, and again when it has come back', async () => {
    const simulated = simulate()
    simulated.mine(110)
    const node = connect(simulated.request)
    const paid = [1n, 2n, 3n].map(n => simulated.pay(ours, 1_000_000n * n))
    const first = await node.pending(2)
    const second = await node.pending(2)
    expect([...first, ...second].map(fact => fact.transaction)).toEqual(paid)
    expect(first[0]).toMatchObject({ kind: 'payment.seen', place: null, index: 7, amount: '1000000' })
    expect(await node.pending(2)).toEqual([])
    const [hash] = simulated.mine(1)
    expect(await node.pending(5)).toEqual([])
    simulated.invalidate(hash!)
    expect((await node.pending(5)).map(fact => fact.transaction)).toEqual(paid)
  })

  test('a transaction that is gone between two calls is passed over', async () => {
    const simulated = simulate()
    simulated.mine(102)
    simulated.pay(ours, 1_000_000n)
    const request = (call: HttpCall) => {
      if (methodOf(call) === 'getrawtransaction' && simulated.pending().length > 0) simulated.mine(1)
      return simulated.request(call)
    }
    expect(await connect(request).pending(5)).toEqual([])
  })

  test('a conflict of a pending payment that we watch is told', async () => {
    const simulated = simulate()
    simulated.mine(102)
    const txid = simulated.pay(ours, 1_000_000n)
    const input = simulated.transaction(txid)!.ins[0]!
    const watch = createWatch('ltc', network)
    watch.addKey(`ltc:${Buffer.from(input.hash).reverse().toString('hex')}:${input.index}`, 'conflict')
    const node = connectWith(watch, simulated.request)
    const conflict = simulated.doubleSpend(txid)
    expect(await node.pending(5)).toMatchObject([{ kind: 'spend.seen', transaction: conflict, place: null }])
  })
})

describe('quote', () => {
  const weightOfTwoCoins = transactionWeight(2, [new Uint8Array(34), new Uint8Array(34)], network)
  test('asks for later and for sooner, and costs what a plan of two coins would', async () => {
    const simulated = simulate()
    simulated.intercept(request => {
      if (methodOf(request) !== 'estimatesmartfee') return null
      const { id, params } = JSON.parse(new TextDecoder().decode(request.body)) as { id: number; params: [number] }
      const feerate = params[0] === 1 ? '0.00050000' : params[0] === usual.target ? '0.00020000' : '0.00030000'
      return { status: 200, body: { result: { feerate, blocks: params[0] }, error: null, id } }
    })
    // An estimate for later that is higher than one for sooner is not taken.
    expect(await connect(simulated.request).quote()).toEqual({
      unit: 'sat/vB',
      rates: { low: 20, normal: 20, high: 50 },
      withdrawal: { LTC: String(20 * virtualBytes(weightOfTwoCoins)) },
      reason: null,
    })
  })
  test('says what a plan says where the node relays nothing at the highest rate', async () => {
    const simulated = simulate()
    simulated.faults.mempoolFloor = 700_000n
    const { rates, reason } = await connect(simulated.request).quote()
    expect(rates).toEqual({ low: 500, normal: 500, high: 500 })
    expect(reason).toMatch(/fees.maximumRate \(500 sat\/vB\)/)
  })
})

describe('gather', () => {
  test('B10: without an estimate the configured rate stands in', async () => {
    expect(await connect(simulate().request).gather(ANYTHING)).toEqual({ feeRate: 2, floorRate: 1 })
  })

  test.each([
    [20_500n, 20.5],
    [100n, 1],
    [90_000_000n, 500],
  ])('B10: an estimate of %i sat/kvB is used within what is relayed and allowed', async (estimate, feeRate) => {
    const simulated = simulate()
    simulated.setEstimate(estimate)
    expect(await connect(simulated.request).gather(ANYTHING)).toEqual({ feeRate, floorRate: 1 })
  })

  test.each([
    ['-1', { result: { feerate: -1, blocks: 3 }, error: null }],
    ['0', { result: { feerate: 0, blocks: 3 }, error: null }],
    ['0.00000000', { result: { feerate: '0.00000000', blocks: 3 }, error: null }],
    ['a method that it does not know', { result: null, error: { code: -32601, message: 'Method not found' } }],
    ['no estimation at all', { result: null, error: { code: -32603, message: 'Fee estimation disabled' } }],
    ['a target too far away', { result: null, error: { code: -8, message: 'Invalid conf_target' } }],
  ])('B10: a node that answers %s has no estimate', async (_, answer) => {
    const simulated = simulate()
    simulated.intercept(request => {
      if (methodOf(request) !== 'estimatesmartfee') return null
      const { id } = JSON.parse(new TextDecoder().decode(request.body)) as { id: number }
      return { status: answer.error ? 500 : 200, body: { ...answer, id } }
    })
    expect(await connect(simulated.request).gather(ANYTHING)).toEqual({ feeRate: 2, floorRate: 1 })
  })

  test('B10: a daemon of Core 0.14’s age has no estimate, and says its minimum elsewhere', async () => {
    const fees = { ...usual, fallbackRate: 0.1 }
    expect(await connect(simulate('old', true).request, fees).gather(ANYTHING)).toEqual({
      feeRate: 1,
      floorRate: 1,
    })
  })

  test.each(['estimatesmartfee', 'getmempoolinfo'])('A5: an error of %s is an outage, not a rate', async method => {
    const simulated = simulate()
    simulated.faults.errors.set(method, { code: -32603, message: 'cannot read' })
    await expect(connect(simulated.request).gather(ANYTHING)).rejects.toMatchObject({ type: 'operating' })
  })

  test('tells what a full mempool asks for, above the cap too', async () => {
    const simulated = simulate()
    simulated.faults.mempoolFloor = 700_000n
    const gathered = await connect(simulated.request).gather(ANYTHING)
    expect(gathered).toEqual({ feeRate: 500, floorRate: 700 })
  })
})

describe('publish and locate', () => {
  test('B9: accepted once, known ever after, also when mined', async () => {
    const simulated = simulate()
    const payment = signedPayment(simulated)
    const node = connect(simulated.request)
    expect(await node.locate(payment)).toEqual({ kind: 'absent' })
    expect(await node.publish(payment)).toEqual({ kind: 'accepted' })
    expect(await node.locate(payment)).toEqual({ kind: 'pending' })
    expect(await node.publish(payment)).toEqual({ kind: 'known' })
    const [hash] = simulated.mine(1)
    simulated.mine(3)
    expect(await node.locate(payment)).toEqual({ kind: 'placed', place: { height: simulated.height() - 3, hash } })
    expect(await node.publish(payment)).toEqual({ kind: 'known' })
  })

  test('A1: an answer lost after the effect is unknown, and known at the next try', async () => {
    const simulated = simulate()
    const payment = signedPayment(simulated)
    const losing: Request = async call => {
      const result = await simulated.request(call)
      if (methodOf(call) === 'sendrawtransaction') throw unknownOutcome('no-answer', 'connection reset')
      return result
    }
    expect(await connect(losing).publish(payment)).toMatchObject({ kind: 'unknown' })
    expect(simulated.pending()).toEqual([payment.transactionId])
    expect(await connect(simulated.request).publish(payment)).toEqual({ kind: 'known' })
  })

  test('B9: missing inputs are refused with the reason, and parents are published first where they help', async () => {
    const simulated = simulate()
    const parent = signedPayment(simulated)
    const key = faucetKey('ours', network)
    const change = parent.signed.outs[1]!
    const from = [
      [`${parent.transactionId}:1`, { valueSat: change.value, script: key.script, height: 0, isCoinbase: false }],
    ] as ReturnType<typeof spendableCoins>
    const child = buildPayment(from, [{ address: stranger, amountSat: 2_000_000n }], 10n, key, network)
    const signed = { transactionId: child.getId(), raw: child.toHex(), parents: [] as string[] }
    const node = connect(simulated.request)
    expect(await node.publish(signed)).toEqual({
      kind: 'refused',
      reason: 'its inputs are missing or spent (missing-inputs)',
    })
    expect(await node.publish({ ...signed, parents: [parent.raw] })).toEqual({ kind: 'accepted' })
    expect(simulated.pending()).toEqual([parent.transactionId, signed.transactionId])
  })

  test('B9: too small a fee, too high a fee and a wrong signature are refused in the node’s words', async () => {
    const simulated = simulate()
    const { signed } = signedPayment(simulated)
    const node = connect(simulated.request, { target: 3, fallbackRate: 2, maximumRate: 5 })
    const offer = (transaction: Transaction) =>
      node.publish({ transactionId: transaction.getId(), raw: transaction.toHex(), parents: [] })
    expect(await offer(signed)).toEqual({ kind: 'refused', reason: 'max-fee-exceeded', isUnderpriced: false })
    const forged = signed.clone()
    forged.outs[1]!.value += 1000n
    expect(await offer(forged)).toMatchObject({
      kind: 'refused',
      reason: expect.stringContaining('script-verify') as string,
    })
    const free = signed.clone()
    free.outs[1]!.value = 5_000_000_000n - 1_000_000n
    expect(await offer(free)).toMatchObject({
      kind: 'refused',
      reason: 'min relay fee not met',
      isUnderpriced: true,
    })
    expect(simulated.pending()).toEqual([])
  })

  test.each([
    [79_999, '0.99998750'],
    [80_000, '0.99999999'],
    [100_000, '0.99999999'],
    [500, '0.00625000'],
  ])('with a cap of %i sat/vB the node is told %s: Core 27 and later refuse 1 and more', async (maximumRate, told) => {
    const simulated = simulate()
    const payment = signedPayment(simulated)
    const rates: unknown[] = []
    const node = connect(
      call => {
        const { method, params } = JSON.parse(new TextDecoder().decode(call.body)) as {
          method: string
          params: unknown[]
        }
        if (/^(test|send)/.test(method)) rates.push(params[1])
        return simulated.request(call)
      },
      { ...usual, maximumRate },
    )
    expect(await node.publish(payment)).toEqual({ kind: 'accepted' })
    expect(rates).toEqual([told, told])
    expect(Number(told)).toBeLessThan(1)
  })

  test('a daemon that wants a boolean for high fees accepts a payment and its parents', async () => {
    const simulated = simulate('old', true)
    const parent = signedPayment(simulated)
    const key = faucetKey('ours', network)
    const coin = { valueSat: parent.signed.outs[1]!.value, script: key.script, height: 0, isCoinbase: false }
    const to = [{ address: stranger, amountSat: 2_000_000n }]
    const child = buildPayment([[`${parent.transactionId}:1`, coin]], to, 10n, key, network)
    const node = connect(simulated.request)
    const signed = { transactionId: child.getId(), raw: child.toHex(), parents: [parent.raw] }
    expect(await node.publish(signed)).toEqual({ kind: 'accepted' })
    expect(await node.publish(signed)).toEqual({ kind: 'accepted' })
    const [hash] = simulated.mine(1)
    expect(await node.publish(signed)).toEqual({ kind: 'known' })
    expect(await node.locate(signed)).toMatchObject({ kind: 'placed', place: { hash } })
  })

  test.each(['testmempoolaccept', 'sendrawtransaction', 'getmempoolentry', 'gettxout', 'getrawtransaction'])(
    'an error of %s that says nothing of the transaction refuses nothing',
    async method => {
      for (const error of [
        { code: -32007, message: '15/second request limit reached', status: 429 },
        { code: -32603, message: 'internal error' },
        { code: -1, message: 'out of memory' },
      ]) {
        const simulated = simulate()
        const payment = signedPayment(simulated)
        simulated.faults.errors.set(method, error)
        const node = connect(simulated.request)
        const outcomes = await Promise.all(
          [node.publish(payment), node.locate(payment)].map(asked => asked.catch((fault: unknown) => fault)),
        )
        for (const outcome of outcomes) {
          if (outcome instanceof Fault) expect(outcome.type).toBe('operating')
          else expect(outcome).not.toMatchObject({ kind: 'refused' })
        }
        simulated.faults.errors.clear()
        expect(await node.publish(payment)).toMatchObject({ kind: expect.stringMatching(/accepted|known/) as string })
      }
    },
  )

  test('B17: a chain that is too long means wait', async () => {
    const simulated = simulate()
    const payment = signedPayment(simulated)
    const key = faucetKey('ours', network)
    const node = connect(simulated.request)
    const publish = (transaction: Transaction) =>
      node.publish({ transactionId: transaction.getId(), raw: transaction.toHex(), parents: [] })
    let last = payment.signed
    const extend = (): Transaction => {
      const coin = { valueSat: last.outs[1]!.value, script: key.script, height: 0, isCoinbase: false }
      last = buildPayment(
        [[`${last.getId()}:1`, coin]],
        [{ address: stranger, amountSat: 1_000_000n }],
        10n,
        key,
        network,
      )
      return last
    }
    await publish(last)
    for (let depth = 1; depth < 25; depth++) expect(await publish(extend())).toEqual({ kind: 'accepted' })
    expect(await publish(extend())).toEqual({ kind: 'unknown', reason: 'wait: too-long-mempool-chain' })
  })

  test('B6: what the node says of replaceability is never asked for', async () => {
    const simulated = simulate()
    const payment = signedPayment(simulated)
    const methods = new Set<string>()
    const node = connect(call => (methods.add(methodOf(call)), simulated.request(call)))
    await node.publish(payment)
    await node.locate(payment)
    await node.pending(5)
    expect([...methods].sort()).toEqual([
      'getmempoolancestors',
      'getmempoolentry',
      'getrawmempool',
      'getrawtransaction',
      'sendrawtransaction',
      'testmempoolaccept',
    ])
    simulated.intercept(request =>
      methodOf(request) === 'getmempoolentry'
        ? {
            status: 200,
            body: {
              result: { 'bip125-replaceable': false },
              error: null,
              id: (JSON.parse(new TextDecoder().decode(request.body)) as { id: number }).id,
            },
          }
        : null,
    )
    expect(await node.locate(payment)).toEqual({ kind: 'pending' })
  })
})

describe('the count of unspent outputs', () => {
  const answering =
    (answer: { result: unknown; error: unknown }): Request =>
    async call => {
      const { id } = JSON.parse(new TextDecoder().decode(call.body)) as { id: number }
      return { status: 200, headers: {}, body: new TextEncoder().encode(JSON.stringify({ ...answer, id })) }
    }
  const unspents = [{ txid: 'aa', vout: 1, amount: '0.5' }]

  test('is of one block', async () => {
    const result = { success: true, height: 7, bestblock: 'bb', unspents }
    const counted = await connect(answering({ result, error: null })).count([ours])
    expect(counted).toEqual({ at: { height: 7, hash: 'bb' }, holdings: [{ key: 'ltc:aa:1', amount: '50000000' }] })
  })

  test.each([
    ['does not know the command', { result: null, error: { code: -32601, message: 'Method not found' } }],
    ['does not name the block', { result: { success: true, unspents }, error: null }],
    ['was told to stop', { result: { success: false, unspents: [] }, error: null }],
  ])('is none of a node that %s', async (_, answer) => {
    expect(await connect(answering(answer)).count([ours])).toBeNull()
  })

  test('is asked for again while the node still counts for somebody else', async () => {
    const error = { code: -8, message: 'Scan already in progress, use action "abort" or "status"' }
    const asked = connect(answering({ result: null, error })).count([ours])
    await expect(asked).rejects.toMatchObject({ type: 'operating', kind: 'node-refused' })
  })
})
