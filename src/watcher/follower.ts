/**
 * Follows one chain: asks its node for one block on or one back, and hands over what it says. At its node's tip each block is durable
 * before the next is asked for; behind it a few are on their way to the disk. It decides nothing: the chain's machine does. A node that fails is tried again with back-off; the
 * ledger learns that it failed once, and once that it answers all that following needs again.
 */
import { chainId } from '../../machines/ids.ts'
import { stateOf } from '../kernel/entry.ts'
import type { Identity, Next, Node } from '../../adapters/adapter.ts'
import { Fault, reasonOf } from '../kernel/fault.ts'
import type { Clock, Log } from '../kernel/ports.ts'
import type { Place } from '../../machines/vocabulary.ts'
import { chainContext, type Orchestrator } from '../orchestrator/orchestrator.ts'
import { healthOf, type Health } from './health.ts'
import { createHints, type Hints } from './hints.ts'
import { startLoop, type Loop } from './loop.ts'
import { createRereading, type Rereading, type RereadingOptions } from './rereading.ts'
import { createProgress, type Progress } from './progress.ts'
import { createWatchman, type Watchman } from '../kernel/trouble.ts'

export interface FollowerOptions extends RereadingOptions {
  chain: string
  startHeight: number | 'latest'
  pollMs: number
  /** Depth beyond which nothing is taken back. */
  final: number
  /** Between two blocks on average, or null where blocks are made at will. */
  blockSeconds: number | null
  node: Node
  orchestrator: Orchestrator
  health: Health
  clock: Clock
  log: Log
  /** Has the signer's list compared with the ledger once more. */
  askSigner(): void
  /**
   * Fetches the addresses of whoever shares the signer: `grown` where some were not known, `unknown` where the signer does not say
   * and it matters.
   */
  completeAddresses(): Promise<'complete' | 'grown' | 'unknown'>
  /** Rejects when the chain may not start from the present tip: the signer has already given out addresses. */
  mayStartAtTip(): Promise<void>
}

interface Follower extends FollowerOptions {
  hints: Hints
  progress: Progress
  watchman: Watchman
  patience: Patience
  asked: Asked
  rereading: Rereading
  /** Blocks behind the node's tip that are applied and not yet durable, in their order. */
  unwritten: Promise<void>[]
}

/** The block for which the signer was asked again. */
interface Asked {
  hash: string | null
}

/** How long a node must have failed before the ledger hears of it: the more often it came and went, the longer. */
interface Patience {
  ms: number
  /** When it was last back. */
  backAt: number
}

const RECALL_WAIT_MS = 20
/** A node that is away is asked at least so often. */
const LONGEST_WAIT_MS = 5000
const FIRST_PATIENCE_MS = 1000
const LONGEST_PATIENCE_MS = 60_000
/** A node that has answered for so long may fail anew, and is told of at once. */
const CALM_MS = 10 * 60_000
const MILLISECONDS_PER_SECOND = 1000
/** What a crash loses of them is read again; each may wait for the disk while the next ones are read. */
const UNWRITTEN_MAXIMUM = 8

/** What cannot be read stops the chain; what may work later is an outage. */
const isFatal = (error: unknown): boolean =>
  error instanceof Fault && (error.type === 'invariant' || error.type === 'boundary')

const stateNow = ({ orchestrator, chain }: FollowerOptions): string => {
  const instance = orchestrator.memory.get(chainId(chain))
  return instance === undefined ? 'absent' : stateOf(instance)
}

/**
 * A reorg that we accept must not reach below the first block that we know: so a chain is followed from at least `final`
 * blocks below its tip, whatever is asked for. Nothing was paid to us in blocks that are older than our addresses.
 */
function firstHeight({ startHeight, final }: FollowerOptions, tipHeight: number): number {
  const deep = Math.max(1, tipHeight - final + 1)
  return startHeight === 'latest' ? deep : Math.min(startHeight, deep)
}

/** When the node's chain moved last, as its best block says; block times may lie in the future. */
const movedAt = ({ clock }: FollowerOptions, tipTime: number): number =>
  clock.monotonic() - Math.max(0, clock.now() - tipTime * MILLISECONDS_PER_SECOND)

async function identify(follower: Follower): Promise<Identity> {
  const { chain, node, health, log } = follower
  const identity = await node.identify()
  const { height, version, syncing, tipTime, warning = null } = identity
  log('debug', 'the node says what it is', { chain, version, height, syncing })
  if (warning !== null) log('warn', 'the node needs looking after', { chain, reason: warning })
  health.trigger.noted({ chain, nodeHeight: height, isNodeSyncing: syncing, movedAt: movedAt(follower, tipTime) })
  return identity
}

/** Whether the signer lets a new ledger begin at the tip; it may be away, which is no failure of the node. */
async function isStartAllowed(follower: Follower): Promise<boolean> {
  if (follower.startHeight !== 'latest') return true
  try {
    await follower.mayStartAtTip()
    return true
  } catch (error) {
    if (!(error instanceof Fault) || isFatal(error)) throw error
    return false
  }
}

async function connect(follower: Follower): Promise<number> {
  const { chain, node, orchestrator, clock, pollMs } = follower
  const { mismatch, height, syncing } = await identify(follower)
  if (mismatch !== null) {
    await orchestrator.dispatch({ type: 'node.mismatched', at: clock.now(), data: { chain, reason: mismatch } })
    return 0
  }
  let base: Place | null = null
  if (chainContext(orchestrator.memory, chain)!.blocks.length === 0) {
    if (!(await isStartAllowed(follower))) return pollMs
    const block = await node.base(firstHeight(follower, height))
    base = { height: block.height, hash: block.hash }
  }
  await orchestrator.dispatch({ type: 'node.identified', at: clock.now(), data: { chain, base, syncing } })
  return 0
}

/** The blocks whose next one is asked for: a crash may have left the tip's block half applied, and then it is read again. */
function standing({ orchestrator, chain }: Follower): Place[] {
  const { blocks, applied } = chainContext(orchestrator.memory, chain)!
  return applied ? blocks : blocks.slice(0, -1)
}

/** Everything that following needs is asked for, and nothing is done with it: the node is back only if all of it is answered. */
async function probe(follower: Follower): Promise<number> {
  const { chain, node, orchestrator, clock } = follower
  const { mismatch, height } = await identify(follower)
  const recent = standing(follower)
  if (mismatch === null && recent.length > 0) await node.next(recent)
  if (mismatch === null && recent.length === 0) await node.base(firstHeight(follower, height))
  await orchestrator.dispatch({ type: 'node.answered', at: clock.now(), data: { chain } })
  follower.patience.ms = Math.min(Math.max(follower.patience.ms * 2, FIRST_PATIENCE_MS), LONGEST_PATIENCE_MS)
  return 0
}

/** Resolves when at most so many blocks wait for the disk; they become durable in their order. Rejects as the first of them does. */
async function written({ unwritten }: Follower, durable: Promise<void>, most: number): Promise<void> {
  // Each is waited for in its turn.
  durable.catch(() => {})
  unwritten.push(durable)
  while (unwritten.length > most) await unwritten.shift()
}

async function handOver(follower: Follower, next: Exclude<Next, { kind: 'unchanged' }>): Promise<void> {
  const { chain, node, orchestrator, clock, health, progress, log } = follower
  if (next.kind === 'disconnected') {
    const standing = await node.left(next.block)
    log('debug', 'block taken back', { chain, ...next.block, standing: standing.length })
    const data = { chain, ...next.block, standing }
    return orchestrator.dispatch({ type: 'block.disconnected', at: clock.now(), data })
  }
  const at = clock.now()
  const { block, facts, nodeHeight } = next
  await written(
    follower,
    orchestrator.dispatch({ type: 'block.connected', at, data: { chain, block, facts, nodeHeight } }),
    block.height < nodeHeight ? UNWRITTEN_MAXIMUM : 0,
  )
  if (block.height >= nodeHeight) health.trigger.noted({ chain, movedAt: movedAt(follower, block.time) })
  log('debug', 'block applied', { chain, height: block.height, hash: block.hash, facts: facts.length, nodeHeight })
  progress.applied(block.height, nodeHeight)
}

/** What is half applied is taken back when the node has left it. */
function repeated(tip: Place, next: Exclude<Next, { kind: 'unchanged' }>): Exclude<Next, { kind: 'unchanged' }> {
  const isSame = next.kind === 'connected' && next.block.hash === tip.hash
  return isSame ? next : { kind: 'disconnected', block: tip, nodeHeight: next.nodeHeight }
}

/**
 * A spend that the ledger does not know may be one that another watcher has had signed: before it counts as a stranger's,
 * the signer is asked, and nothing is said as long as it does not answer.
 */
function isBeingAsked(follower: Follower, next: Next): boolean {
  if (next.kind !== 'connected' || follower.areExplained(next.facts)) return false
  const { health, chain, log, asked } = follower
  const { hash } = next.block
  if (asked.hash === hash) return !healthOf(health, chain).isReconciled
  asked.hash = hash
  log('warn', 'a spend of our coins is not known here: the signer is asked', { chain, block: hash })
  health.trigger.noted({ chain, isReconciled: false })
  follower.askSigner()
  return true
}

async function advance(follower: Follower): Promise<number> {
  const { chain, node, orchestrator, clock, health, hints, pollMs } = follower
  const { blocks, applied, height } = chainContext(orchestrator.memory, chain)!
  const next = await node.next(standing(follower))
  const { nodeHeight } = next
  health.trigger.noted({ chain, nodeHeight, ...(next.kind === 'unchanged' && { isNodeSyncing: next.syncing }) })
  // What a block pays to was made before it: an address that is learnt only now is looked for in it again.
  const addresses = next.kind === 'connected' ? await follower.completeAddresses() : 'complete'
  if (addresses !== 'complete') return addresses === 'grown' ? 0 : pollMs
  if (isBeingAsked(follower, next)) return pollMs
  if (next.kind !== 'unchanged') {
    await handOver(follower, applied ? next : repeated(blocks.at(-1)!, next))
    return 0
  }
  if (!applied) return pollMs
  // One that is lower than we are cannot say that our tip is the chain's.
  if (stateNow(follower) !== 'following' && !next.syncing && nodeHeight === height)
    await orchestrator.dispatch({ type: 'node.caughtUp', at: clock.now(), data: { chain } })
  await follower.rereading.read()
  await hints.look()
  return pollMs
}

async function turn(follower: Follower): Promise<number> {
  const { chain, orchestrator, clock, pollMs, health } = follower
  switch (stateNow(follower)) {
    case 'absent':
      await orchestrator.dispatch({ type: 'chain.opened', at: clock.now(), data: { chain } })
      return 0
    case 'connecting':
      // No block is followed before the signer has been asked: without its addresses deposits would be passed over,
      // without what it has signed our own spends would look like a stranger's.
      return healthOf(health, chain).isReconciled ? connect(follower) : RECALL_WAIT_MS
    case 'unreachable':
      return probe(follower)
    case 'halted':
      return pollMs
    default:
      return advance(follower)
  }
}

/** The node has failed: the chain is told once, and waits. One that comes and goes is not told of each time. */
async function onOutage(follower: Follower, error: unknown): Promise<number> {
  const { chain, orchestrator, clock, health, watchman, patience } = follower
  const waitMs = watchman.failed(error)
  const now = clock.monotonic()
  if (now - patience.backAt > CALM_MS) patience.ms = 0
  const { since } = healthOf(health, chain).nodeTrouble!
  const data = { chain, reason: reasonOf(error) }
  if (stateNow(follower) !== 'unreachable' && now - since >= patience.ms)
    await orchestrator.dispatch({ type: 'node.failed', at: clock.now(), data }).catch(() => {})
  return waitMs
}

function worked({ chain, clock, health, watchman, patience }: Follower): void {
  if (healthOf(health, chain).nodeTrouble === null) return
  patience.backAt = clock.monotonic()
  watchman.worked()
}

async function onFatal({ chain, orchestrator, clock, pollMs, log }: Follower, error: unknown): Promise<number> {
  const reason = reasonOf(error)
  log('error', 'the chain cannot be followed', { chain, reason })
  const data = { chain, reason }
  await orchestrator.dispatch({ type: 'invariant.violated', at: clock.now(), data }).catch(() => {})
  return pollMs
}

/** The watcher stops: nothing has failed. */
const isStopping = (error: unknown): boolean => error instanceof Fault && error.kind === 'stopping'

async function guardedTurn(follower: Follower): Promise<number> {
  const { chain, health, clock, pollMs } = follower
  const wasAway = stateNow(follower) === 'unreachable'
  try {
    const waitMs = await turn(follower)
    // A chain that is only asked for is not followed yet: whether its node is back is known when it was.
    if (wasAway || stateNow(follower) !== 'connecting') worked(follower)
    return waitMs
  } catch (error) {
    if (isStopping(error)) return pollMs
    return await (isFatal(error) ? onFatal(follower, error) : onOutage(follower, error))
  } finally {
    health.trigger.noted({ chain, turnedAt: clock.monotonic() })
  }
}

/** A loop that may be told where something of ours stands. */
export interface FollowerLoop extends Loop {
  /** A transaction of ours stands in this block: where that was applied already, it is read again. */
  reread(place: Place): void
}

export function startFollower(options: FollowerOptions): FollowerLoop {
  const { chain, pollMs, blockSeconds, health, clock, log } = options
  health.trigger.noted({ chain, blockSeconds })
  const watchman = createWatchman({
    what: 'the node fails',
    over: 'the node answers again',
    fields: { chain },
    ...{ firstMs: pollMs, longestMs: LONGEST_WAIT_MS, clock, log },
    note: nodeTrouble => health.trigger.noted({ chain, nodeTrouble }),
  })
  const follower: Follower = {
    ...options,
    watchman,
    hints: createHints(options),
    progress: createProgress(chain, clock, log),
    patience: { ms: 0, backAt: -Infinity },
    asked: { hash: null },
    rereading: createRereading(options),
    unwritten: [],
  }
  const loop = startLoop(clock, () => guardedTurn(follower))
  return { ...loop, reread: place => follower.rereading.want(place) }
}
