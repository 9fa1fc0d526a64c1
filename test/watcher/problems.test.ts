import type { Planner } from '../../adapters/adapter.ts'
import type { Trouble } from '../../src/kernel/trouble.ts'
import { describe, expect, test } from 'vitest'
import { invariant } from '../../src/kernel/fault.ts'
import { claim } from '../../src/kernel/untyped.ts'
import type { Inbound } from '../../src/orchestrator/inbound.ts'
import type { ChainHealth } from '../../src/watcher/health.ts'
import { createHealth, healthOf } from '../../src/watcher/health.ts'
import { attemptId } from '../../machines/ids.ts'
import {
  broadcastProblems,
  followingProblems,
  longestQueuedMs,
  presentReason,
  pulseProblems,
  queueProblems,
  replacementProblems,
  stoppedProblems,
  type ChainNow,
} from '../../src/watcher/problems.ts'
import { contextOf, createRig, funded, gathered, openChain, policy, requested, type Rig } from '../orchestrator/rig.ts'

const MINUTE_MS = 60_000
const NOW = 1_000 * MINUTE_MS
const fresh = healthOf(createHealth(['c']), 'c')
const well: ChainHealth = { ...fresh, nodeHeight: 100, movedAt: NOW, turnedAt: NOW, blockSeconds: 600 }
const following: ChainNow = { chain: 'c', state: 'following', height: 100, reason: null }
const trouble = (reason: string, minutes: number): Trouble => ({
  kind: 'node-refused',
  reason,
  since: NOW - minutes * MINUTE_MS,
  failures: 3,
})

describe('a chain that is followed', () => {
  test('at the tip of a node that moves has no problem', () => {
    expect(followingProblems(following, well, NOW)).toEqual([])
  })

  test.each<[string, Partial<ChainHealth>, RegExp | null]>([
    ['no block for hours', { movedAt: NOW - 201 * MINUTE_MS }, /no block for 3 h 21 min, where one comes every 10 min/],
    ['no block for longer than usual', { movedAt: NOW - 199 * MINUTE_MS }, null],
    ['no block since long before this process began', { movedAt: -5 * NOW }, /no block for 100 h 0 min/],
    ['blocks made at will', { movedAt: -5 * NOW, blockSeconds: null }, null],
    ['a fast chain that stands', { movedAt: NOW - 25 * MINUTE_MS, blockSeconds: 60 }, /no block for 25 min, .* 1 min/],
    ['a node that is lower', { nodeHeight: 90 }, /the node is at block 90, the ledger at 100/],
    [
      'a node that has just failed',
      { nodeTrouble: trouble('cannot reach h:1', 0) },
      /the node fails: cannot reach h:1/,
    ],
    ['a mempool that has just failed', { mempoolTrouble: trouble('slow down', 0) }, null],
    [
      'a mempool that fails',
      { mempoolTrouble: trouble('slow down', 2) },
      /unconfirmed transactions cannot be read: slow down/,
    ],
    ['turns that ended long ago', { turnedAt: NOW - 6 * MINUTE_MS }, /nothing has been asked of the node for 6 min/],
  ])('with %s', (_, known, expected) => {
    const problems = followingProblems(following, { ...well, ...known }, NOW)
    if (expected === null) expect(problems).toEqual([])
    else expect(problems.join()).toMatch(expected)
  })
})

describe('a chain that is not', () => {
  test.each<[string, Partial<ChainNow>, Partial<ChainHealth>, string]>([
    ['catches up', { state: 'syncing', height: 7 }, {}, 'c is syncing: at block 7 of 100'],
    [
      'has a node that downloads',
      { state: 'syncing' },
      { isNodeSyncing: true },
      'c is syncing: its node is downloading the chain',
    ],
    ['is halted', { state: 'halted', reason: 'a reorg' }, {}, 'c is halted: a reorg'],
    ['has not begun', { state: 'connecting', height: null }, { nodeHeight: null }, 'c is connecting'],
    [
      'is unreachable, with what its node fails with now',
      { state: 'unreachable', reason: 'connection refused' },
      { nodeTrouble: trouble('Loading block index', 1) },
      'c is unreachable: Loading block index',
    ],
    ['was unreachable before a restart', { state: 'unreachable', reason: 'refused' }, {}, 'c is unreachable: refused'],
  ])('%s', (_, chain, known, problem) => {
    expect(followingProblems({ ...following, ...chain }, { ...well, ...known, movedAt: 0 }, NOW)).toEqual([problem])
  })

  test('says in the API what its node fails with now', () => {
    const failing = { ...well, nodeTrouble: trouble('now', 1) }
    expect(presentReason('then', 'unreachable', failing)).toBe('now')
    expect(presentReason('why', 'halted', failing)).toBe('why')
  })
})

describe('a withdrawal that is not planned', () => {
  test('is a problem once it has waited for half an hour and the window of its batch', async () => {
    const rig = createRig()
    await openChain(rig)
    const { memory } = rig.orchestrator
    const asked = rig.now()
    expect(longestQueuedMs(memory, 'litecoin', asked)).toBeNull()
    await rig.send(requested('w-1', '5000'))
    expect(longestQueuedMs(memory, 'litecoin', asked + MINUTE_MS)).toBe(MINUTE_MS)
    const after = (minutes: number, windowMs = 0) =>
      queueProblems(memory, 'litecoin', windowMs, asked + minutes * MINUTE_MS)
    expect(after(30)).toEqual([])
    expect(after(31)).toEqual(['litecoin: withdrawal w-1 has been queued for 31 min: no reason is known'])
    expect(after(31, 5 * MINUTE_MS)).toEqual([])
  })
})

describe('a withdrawal that is planned', () => {
  /** Told as the attempt's present run would tell it. */
  async function planned(): Promise<{ rig: Rig; report: (type: string, data: object) => Promise<void> }> {
    const rig = await funded(['5000'])
    await rig.send(requested('w-1', '1000'))
    await gathered(rig)
    const id = attemptId(contextOf(rig, 'withdrawal/w-1').transfer!, 1)
    const report = (type: string, data: object) => {
      const { entered } = rig.orchestrator.memory.get(id)!
      return rig.send(claim<Inbound>({ type, at: rig.now(), run: `${id}@${entered}`, data: { id, ...data } }))
    }
    return { rig, report }
  }
  const position = { sequence: 9, hash: 'h9' }

  test('and lost by the node says so at once, and is a problem after half an hour; one that is in its mempool is none', async () => {
    const { rig, report } = await planned()
    const { memory } = rig.orchestrator
    const after = (minutes: number) => broadcastProblems(memory, 'litecoin', rig.now() + minutes * MINUTE_MS)
    await report('signing.completed', { transactionId: 't1', raw: '00', earlier: null, position })
    await report('publishing.answered', { reason: null })
    expect(after(600)).toEqual([])
    const reason = "not in the node's mempool: mempool min fee not met"
    await report('publishing.refused', { reason })
    expect(contextOf(rig, 'withdrawal/w-1').reason).toBe(reason)
    expect(after(30)).toEqual([])
    const problem = `litecoin: the node has not taken transaction t1 (withdrawal w-1) for 31 min: ${reason}`
    expect(after(31)).toEqual([problem])
    await report('publishing.answered', { reason: null })
    expect(contextOf(rig, 'withdrawal/w-1').reason).toBeNull()
    expect(after(600)).toEqual([])
  })

  test('and whose fee cannot be raised is a problem the second time; what a later attempt has replaced is none', async () => {
    let isCapped = false
    const replace: Planner['replace'] = (...asked) =>
      isCapped ? { kind: 'cap', reason: 'over the cap' } : policy.planner.replace!(...asked)
    const planner = { ...policy.planner, replace }
    const rig = await funded(['5000'], { policies: { litecoin: { ...policy, planner } } })
    rig.orchestrator.start()
    await rig.send(requested('w-1', '1000'))
    await gathered(rig)
    const { memory } = rig.orchestrator
    const transfer = contextOf(rig, 'withdrawal/w-1').transfer!
    const tell = (n: number, type: string, data: object) => {
      const id = attemptId(transfer, n)
      const run = `${id}@${memory.get(id)!.entered}`
      return rig.send(claim<Inbound>({ type, at: rig.now(), run, data: { id, ...data } }))
    }
    const completed = { raw: '00', earlier: null, position }
    await tell(1, 'signing.completed', { ...completed, transactionId: 't1' })
    await tell(1, 'publishing.refused', { reason: 'mempool min fee not met', isUnderpriced: true })
    const lost = () => broadcastProblems(memory, 'litecoin', rig.now() + 31 * MINUTE_MS)
    expect(lost().join()).toMatch(/has not taken transaction t1/)
    await rig.pass(policy.replaceAfterMs!)
    await gathered(rig)
    await tell(2, 'signing.completed', { ...completed, transactionId: 't2' })
    await tell(2, 'publishing.answered', { reason: null })
    expect(lost()).toEqual([])
    isCapped = true
    const said: string[][] = []
    for (let n = 0; n < 2; n++) {
      await rig.pass(policy.replaceAfterMs!)
      await gathered(rig)
      said.push(replacementProblems(memory, 'litecoin'))
    }
    expect(said).toEqual([
      [],
      ['litecoin: withdrawal w-1 is in no block for long, and its fee is not raised: over the cap'],
    ])
  })

  test('and refused by the signer is a problem until somebody resumes it', async () => {
    const { rig, report } = await planned()
    expect(stoppedProblems(rig.orchestrator.memory, 'litecoin')).toEqual([])
    await report('signing.refused', { reason: 'over the cap', unsignable: [], isBound: false, position })
    expect(stoppedProblems(rig.orchestrator.memory, 'litecoin')).toEqual([
      'litecoin: the signer refuses withdrawal w-1: over the cap',
    ])
  })

  test('with what contradicts the ledger leaves its account stuck, which is a problem', async () => {
    const planner = {
      ...policy.planner,
      plan: () => {
        throw invariant('impossible-plan', 'a coin is not what it was')
      },
    }
    const rig = await funded(['5000'], { policies: { litecoin: { ...policy, planner } } })
    await rig.send(requested('w-1', '1000'))
    await gathered(rig)
    expect(stoppedProblems(rig.orchestrator.memory, 'litecoin')).toEqual([
      'litecoin: account 0 is stuck, nothing is paid from it: a coin is not what it was',
    ])
  })
})

test('a process that stood still says so, but not of the ordinary unrest of a machine', () => {
  expect(pulseProblems(4999)).toEqual([])
  expect(pulseProblems(7400).join()).toMatch(/stood still for 7 s within the last minute/)
})
