/** The follower against the simulated node: what the ledger, the log and readiness learn of a node that fails. */
import { afterEach, describe, expect, test } from 'vitest'
import type { Node } from '../../adapters/adapter.ts'
import type { IdOf } from '../../machines/ids.ts'
import { networkOf } from '../../adapters/bitcoin/network.ts'
import { createBitcoinNode } from '../../adapters/bitcoin/node.ts'
import { createWatch } from '../../adapters/bitcoin/watch.ts'
import { operating } from '../../src/kernel/fault.ts'
import type { Disk, HttpCall, Request } from '../../src/kernel/ports.ts'
import { faucetKey } from '../../src/devnet/bitcoin/faucet.ts'
import { createSimulatedBitcoin, type SimulatedBitcoin } from '../../src/devnet/bitcoin/node.ts'
import { startFollower, type FollowerOptions } from '../../src/watcher/follower.ts'
import type { Orchestrator } from '../../src/orchestrator/orchestrator.ts'
import { createHealth, healthOf } from '../../src/watcher/health.ts'
import type { Loop } from '../../src/watcher/loop.ts'
import { followingProblems } from '../../src/watcher/problems.ts'
import { at, contextOf, createRig, openChain, policy, quiet, valueOf, type Rig } from '../orchestrator/rig.ts'

const network = networkOf('litecoin-regtest')
const credentials = { username: 'u', password: 'p' }
const ours = faucetKey('ours', network).address
const CHAIN = 'litecoin'
const POLL_MS = 1000
const FINAL = policy.final

const simulate = (seed = 'node') => createSimulatedBitcoin({ network, seed, now: () => at, ...credentials })

interface Following {
  rig: Rig
  health: ReturnType<typeof createHealth>
  /** Where requests go: another node can take the place of the first. */
  at: { node: SimulatedBitcoin }
  asked: string[]
  loop: Loop
  /** Lets time pass, long enough for the follower to have done all that it can meanwhile. */
  pass(ms: number): Promise<void>
  state(): string | undefined
  /** What the ledger has learnt of the chain. */
  events(): string[]
  problems(): string[]
}

const methodOf = ({ url, body }: HttpCall): string =>
  body === null
    ? url.replace(/[0-9a-f]{64}/, '…')
    : (JSON.parse(new TextDecoder().decode(body)) as { method: string }).method

const loops: Loop[] = []
afterEach(async () => {
  await Promise.all(loops.splice(0).map(loop => loop.stop()))
})

function follow(
  first: SimulatedBitcoin,
  options: Partial<FollowerOptions> = {},
  wrap = (node: Node) => node,
  disk: Promise<void> = Promise.resolve(),
): Following {
  const rig = createRig()
  const health = createHealth([CHAIN])
  health.trigger.noted({ chain: CHAIN, isReconciled: true })
  const place = { node: first }
  const asked: string[] = []
  const request: Request = call => (asked.push(methodOf(call)), place.node.request(call))
  const watch = createWatch(CHAIN, network)
  watch.addAddress(7, ours)
  const fees = { target: 3, fallbackRate: 2, maximumRate: 500 }
  const access = { url: 'http://node', ...credentials }
  const node = wrap(
    createBitcoinNode({ chain: CHAIN, asset: 'LTC', network, watch, request, disk: {} as Disk, node: access, fees }),
  )
  const dispatch: Orchestrator['dispatch'] = async event => {
    await rig.orchestrator.dispatch(event)
    if (event.type === 'block.connected') await disk
  }
  const loop = startFollower({
    ...{ chain: CHAIN, startHeight: 1, pollMs: POLL_MS, final: FINAL, blockSeconds: null },
    ...{ node, orchestrator: { ...rig.orchestrator, dispatch }, health, clock: rig.clock },
    log: (level, message, fields) => rig.log.push({ level, message, fields }),
    mayStartAtTip: () => Promise.resolve(),
    askSigner: () => undefined,
    areExplained: () => true,
    unheardOf: () => Promise.resolve([]),
    completeAddresses: () => Promise.resolve('complete' as const),
    ...options,
  })
  loops.push(loop)
  const settle = async () => {
    for (let i = 0; i < 50; i++) await quiet()
  }
  const context = () => contextOf(rig, `chain/${CHAIN}`) as { height: number; reason: string | null }
  return {
    ...{ rig, health, at: place, asked, loop },
    async pass(ms) {
      await settle()
      for (let passed = 0; passed < ms; passed += POLL_MS) {
        await rig.pass(Math.min(POLL_MS, ms - passed))
        await settle()
      }
    },
    state: () => valueOf(rig, `chain/${CHAIN}`),
    events: () =>
      rig.commits.flatMap(({ entries }) =>
        entries.filter(({ image }) => image.id === `chain/${CHAIN}`).map(({ event }) => event),
      ),
    problems: () =>
      followingProblems(
        { chain: CHAIN, state: valueOf(rig, `chain/${CHAIN}`)!, ...context() },
        healthOf(health, CHAIN),
        rig.clock.monotonic(),
      ),
  }
}

const count = (list: readonly string[], wanted: string) => list.filter(each => each === wanted).length
const said = ({ rig }: Following, message: string) => rig.log.filter(line => line.message === message)

async function following(
  first = simulate(),
  options?: Partial<FollowerOptions>,
  wrap?: (node: Node) => Node,
): Promise<Following> {
  if (first.height() === 0) first.mine(10)
  const followed = follow(first, options, wrap)
  await followed.pass(3 * POLL_MS)
  expect(followed.state()).toBe('following')
  return followed
}

describe('a node that fails', () => {
  const HOUR_MS = 3_600_000
  const reasons = [
    { code: -32007, message: 'request limit reached', status: 429 },
    { code: -32603, message: "Can't read block from disk" },
  ]

  test('while it can be identified: the ledger learns it once, with what it began with; what it says now is kept beside', async () => {
    const followed = await following()
    const before = followed.events().length
    const { faults } = followed.at.node
    followed.at.node.mine(1)
    faults.errors.set('getblockhash', reasons[0]!)
    faults.errors.set('getblock', reasons[0]!)
    followed.at.node.serveRest(false)
    // The genesis block is asked for when it is identified, so that must work.
    followed.at.node.intercept(request =>
      new TextDecoder().decode(request.body).includes('"getblockhash","params":[0]')
        ? { status: 200, body: JSON.stringify({ result: network.genesis, error: null, id: idOf(request.body) }) }
        : null,
    )
    await followed.pass(60_000)
    expect(followed.state()).toBe('unreachable')
    for (const method of ['getblockhash', 'getblock']) faults.errors.set(method, reasons[1]!)
    await followed.pass(60_000)
    expect(followed.events().slice(before)).toEqual(['node.failed'])
    expect(contextOf(followed.rig, `chain/${CHAIN}`).reason).toContain('request limit reached')
    expect(followed.problems().join()).toMatch(/is unreachable: .*Can't read block from disk/)
    faults.errors.clear()
    await followed.pass(10_000)
    expect(followed.state()).toBe('following')
    expect(followed.events().slice(before)).toEqual([
      ...['node.failed', 'node.answered', 'node.identified'],
      'block.connected',
    ])
    expect(followed.problems()).toEqual([])
  })

  const idOf = (body: Uint8Array) => (JSON.parse(new TextDecoder().decode(body)) as { id: number }).id

  test('is asked less and less often, is told of once and then summed up, and its return is told once', async () => {
    const followed = await following()
    followed.at.node.stop()
    followed.asked.length = 0
    await followed.pass(HOUR_MS / 2)
    const tries = count(followed.asked, 'getblockchaininfo')
    expect(tries).toBeGreaterThan(300)
    expect(tries).toBeLessThan(400)
    const lines = said(followed, 'the node fails')
    expect(lines).toHaveLength(3)
    expect(lines[2]!.fields).toMatchObject({ chain: CHAIN, failures: expect.any(Number) as number })
    followed.at.node.start()
    await followed.pass(10_000)
    expect(said(followed, 'the node answers again')).toHaveLength(1)
    expect(followed.state()).toBe('following')
  })

  test('that comes and goes fills neither ledger nor log, and is seen at once all the same', async () => {
    const followed = await following()
    const before = followed.events().length
    for (let n = 0; n < 200; n++) {
      followed.at.node.stop()
      await followed.pass(2 * POLL_MS)
      expect(followed.problems()).not.toEqual([])
      followed.at.node.start()
      await followed.pass(6 * POLL_MS)
      expect(followed.problems()).toEqual([])
    }
    expect(count(followed.events(), 'node.failed')).toBeLessThan(5)
    expect(followed.events().length - before).toBeLessThan(20)
    expect(followed.rig.log.length).toBeLessThan(100)
  })

  test('lacks what it has pruned: one entry, and the reason says what to do', async () => {
    const node = simulate()
    node.mine(30)
    node.faults.prunedHeight = 20
    const followed = follow(node)
    await followed.pass(HOUR_MS / 6)
    expect(followed.state()).toBe('unreachable')
    expect(count(followed.events(), 'node.failed')).toBe(1)
    expect(followed.events().length).toBeLessThan(6)
    expect(followed.problems().join()).toMatch(/has pruned block .*: use a node that has kept its blocks/)
    expect(healthOf(followed.health, CHAIN).nodeTrouble).toMatchObject({ kind: 'node-pruned' })
    node.faults.prunedHeight = -1
    await followed.pass(60_000)
    expect(followed.state()).toBe('following')
  })

  test('is down at the start: the chain is unreachable, and is followed when the node is there', async () => {
    const node = simulate()
    node.mine(10)
    node.stop()
    const followed = follow(node)
    await followed.pass(60_000)
    expect(followed.events()).toEqual(['chain.opened', 'node.failed'])
    expect(followed.problems().join()).toMatch(/is unreachable: cannot reach node/)
    node.start()
    await followed.pass(10_000)
    expect(followed.state()).toBe('following')
  })

  test('is followed at the same pace when the date is set back an hour', async () => {
    const followed = await following()
    followed.rig.skew.ms = -HOUR_MS
    followed.at.node.stop()
    await followed.pass(5000)
    followed.at.node.start()
    followed.at.node.mine(2)
    await followed.pass(10_000)
    expect(followed.state()).toBe('following')
    expect(contextOf(followed.rig, `chain/${CHAIN}`).height).toBe(12)
  })

  test('is no failure of the signer: while that is away, a new chain waits', async () => {
    const node = simulate()
    node.mine(10)
    let isAway = true
    const mayStartAtTip = () =>
      isAway ? Promise.reject(operating('unreachable', 'the signer is away')) : Promise.resolve()
    const followed = follow(node, { startHeight: 'latest', mayStartAtTip })
    await followed.pass(60_000)
    expect(followed.events()).toEqual(['chain.opened'])
    isAway = false
    await followed.pass(5000)
    expect(followed.state()).toBe('following')
  })
})

describe('another node in the place of a lost one', () => {
  function twin(of: SimulatedBitcoin, height: number): SimulatedBitcoin {
    const node = simulate('twin')
    for (let n = 1; n <= height; n++) node.submit(of.block(of.hashAt(n)))
    return node
  }

  test('that never had the last block is followed on its own branch, and what stood in that block is taken back', async () => {
    const lost = simulate()
    lost.mine(110)
    const followed = await following(lost)
    await openAddresses(followed.rig)
    const txid = lost.pay(ours, 5_000_000n)
    lost.mine(3)
    await followed.pass(3 * POLL_MS)
    const deposit: IdOf<'deposit'> = `deposit/${CHAIN}:${txid}:${lost.block(lost.hashAt(111)).transactions![1]!.outs.findIndex(({ value }) => value === 5_000_000n)}`
    expect(valueOf(followed.rig, deposit)).toBe('confirmed')
    const other = twin(lost, 110)
    other.mine(3)
    followed.at.node = other
    await followed.pass(10 * POLL_MS)
    expect(followed.state()).toBe('following')
    expect(contextOf(followed.rig, `chain/${CHAIN}`).blocks).toMatchObject({ length: expect.any(Number) as number })
    expect((contextOf(followed.rig, `chain/${CHAIN}`).blocks as { hash: string }[]).at(-1)!.hash).toBe(other.tip())
    expect(valueOf(followed.rig, deposit)).toBe('reversed')
    expect(followed.problems()).toEqual([])
  })

  test('whose branch forks deeper than what is final halts the chain', async () => {
    const lost = simulate()
    lost.mine(20)
    const followed = await following(lost)
    const other = twin(lost, 20 - FINAL)
    other.mine(FINAL)
    followed.at.node = other
    await followed.pass(10 * POLL_MS)
    expect(followed.state()).toBe('halted')
    expect(contextOf(followed.rig, `chain/${CHAIN}`).reason).toMatch(/counts as final/)
  })

  test('that lags is told of, and does not make the chain follow after a restart', async () => {
    const lost = simulate()
    lost.mine(20)
    const followed = await following(lost)
    const other = twin(lost, 18)
    followed.at.node = other
    await followed.pass(5 * POLL_MS)
    expect(followed.problems()).toEqual(['litecoin: the node is at block 18, the ledger at 20'])
    await followed.rig.send({ type: 'process.started', at, data: {} })
    await followed.pass(5 * POLL_MS)
    expect(followed.state()).toBe('syncing')
    other.mine(2)
    await followed.pass(10 * POLL_MS)
    expect(followed.state()).toBe('following')
  })
})

/** Who is paid must be known before a block that pays him. */
async function openAddresses(rig: Rig): Promise<void> {
  await openChain(rig)
}

describe('unconfirmed transactions', () => {
  test('that cannot be read keep nobody from following blocks, and are told of when that lasts', async () => {
    const followed = await following()
    const before = followed.events().length
    followed.at.node.faults.errors.set('getrawmempool', { code: -32007, message: 'request limit reached', status: 429 })
    await followed.pass(30_000)
    followed.at.node.mine(1)
    await followed.pass(5000)
    expect(followed.events().slice(before)).toEqual(['block.connected'])
    expect(followed.problems()).toEqual([])
    await followed.pass(60_000)
    expect(followed.problems().join()).toMatch(/unconfirmed transactions cannot be read: .*request limit/)
    followed.at.node.faults.errors.clear()
    await followed.pass(120_000)
    expect(followed.problems()).toEqual([])
    expect(said(followed, 'unconfirmed transactions can be read again')).toHaveLength(1)
  })

  test.each([0, 40, 100, 2000])(
    'are looked for so seldom that %i ms a look cost at most a twentieth of a processor',
    async costMs => {
      const used = { ms: 0, looks: 0 }
      const followed = await following(simulate(), {}, node => ({
        ...node,
        pending: limit => {
          used.looks++
          rigOf.current!.used.ms += costMs
          return node.pending(limit)
        },
      }))
      rigOf.current = followed.rig
      await followed.pass(POLL_MS)
      const [looks, spent] = [used.looks, followed.rig.used.ms]
      const spanMs = 600_000
      await followed.pass(spanMs)
      const share = (followed.rig.used.ms - spent) / spanMs
      expect(share).toBeLessThanOrEqual(0.05 + costMs / spanMs)
      expect(used.looks - looks).toBeGreaterThan(costMs === 0 ? 500 : 10)
      expect(said(followed, 'a large mempool: it is looked at less often').length).toBe(costMs > 100 ? 1 : 0)
      expect(healthOf(followed.health, CHAIN).mempoolPauseMs).toBe(costMs * 20 > POLL_MS ? costMs * 20 : 0)
    },
  )
  const rigOf: { current: Rig | null } = { current: { used: { ms: 0 } } as Rig }
})

describe('catching up', () => {
  test('is told with how far it is, and when it is over', async () => {
    const node = simulate()
    node.mine(300)
    const followed = follow(node)
    for (let n = 0; n < 40 && followed.state() !== 'following'; n++) await followed.pass(POLL_MS)
    expect(followed.state()).toBe('following')
    expect(said(followed, 'catching up')[0]!.fields).toMatchObject({ chain: CHAIN, height: 1, nodeHeight: 300 })
    expect(said(followed, 'caught up')).toHaveLength(1)
    node.mine(3)
    await followed.pass(5000)
    expect(said(followed, 'caught up')).toHaveLength(1)
  })

  test('a few blocks wait for the disk together, and no more', async () => {
    const node = simulate()
    node.mine(60)
    let sync = () => {}
    const disk = new Promise<void>(resolve => (sync = resolve))
    const followed = follow(node, {}, each => each, disk)
    await followed.pass(5 * POLL_MS)
    const height = () => (contextOf(followed.rig, `chain/${CHAIN}`) as { height: number }).height
    expect(height()).toBe(9)
    sync()
    await followed.pass(5 * POLL_MS)
    expect(height()).toBe(60)
    expect(followed.state()).toBe('following')
  })
})
