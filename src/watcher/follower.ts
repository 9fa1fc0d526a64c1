/**
 * Follows one chain: asks its node for one block on or one back, and hands over what it says. Each block is durable
 * before the next is asked for. It decides nothing: the chain's machine does.
 */
import { chainId } from '../../machines/ids.ts'
import { stateOf } from '../kernel/entry.ts'
import type { Fact, Next, Node } from '../../adapters/adapter.ts'
import { Fault, reasonOf } from '../kernel/fault.ts'
import type { Clock, Log } from '../kernel/ports.ts'
import type { Place } from '../../machines/vocabulary.ts'
import { chainContext, type Orchestrator } from '../orchestrator/orchestrator.ts'
import { healthOf, type Health } from './health.ts'
import { startLoop, type Loop } from './loop.ts'

export interface FollowerOptions {
  chain: string
  startHeight: number | 'latest'
  pollMs: number
  /** Depth beyond which nothing is taken back. */
  final: number
  node: Node
  orchestrator: Orchestrator
  health: Health
  clock: Clock
  log: Log
  /** Whether every spend of our coins among these is one that the ledger knows to be signed. */
  areExplained(facts: readonly Fact[]): boolean
  /** Has the signer's list compared with the ledger once more. */
  askSigner(): void
  /** Rejects when the chain may not start from the present tip: the signer has already given out addresses. */
  mayStartAtTip(): Promise<void>
}

/** Unconfirmed transactions read in one poll. */
const MAXIMUM_PENDING = 500
const RECALL_WAIT_MS = 20

type Failure = 'node.failed' | 'invariant.violated'

/** What cannot be read stops the chain; what may work later is an outage. */
const failureOf = (error: unknown): Failure =>
  error instanceof Fault && (error.type === 'invariant' || error.type === 'boundary')
    ? 'invariant.violated'
    : 'node.failed'

const note = ({ health, chain }: FollowerOptions, nodeHeight: number) => health.trigger.noted({ chain, nodeHeight })

/**
 * A reorg that we accept must not reach below the first block that we know: so a chain is followed from at least `final`
 * blocks below its tip, whatever is asked for. Nothing was paid to us in blocks that are older than our addresses.
 */
function firstHeight({ startHeight, final }: FollowerOptions, tipHeight: number): number {
  const deep = Math.max(1, tipHeight - final + 1)
  return startHeight === 'latest' ? deep : Math.min(startHeight, deep)
}

async function connect(options: FollowerOptions): Promise<void> {
  const { chain, node, orchestrator, clock, health, startHeight } = options
  const { mismatch, height, syncing, version } = await node.identify()
  health.trigger.noted({ chain, nodeHeight: height, nodeVersion: version })
  if (mismatch !== null) {
    return orchestrator.dispatch({ type: 'node.mismatched', at: clock.now(), data: { chain, reason: mismatch } })
  }
  let base: Place | null = null
  if (chainContext(orchestrator.memory, chain)!.blocks.length === 0) {
    if (startHeight === 'latest') await options.mayStartAtTip()
    const block = await node.base(firstHeight(options, height))
    base = { height: block.height, hash: block.hash }
  }
  return orchestrator.dispatch({ type: 'node.identified', at: clock.now(), data: { chain, base, syncing } })
}

function handOver(
  { chain, orchestrator, clock }: FollowerOptions,
  next: Exclude<Next, { kind: 'unchanged' }>,
): Promise<void> {
  const at = clock.now()
  if (next.kind === 'disconnected')
    return orchestrator.dispatch({ type: 'block.disconnected', at, data: { chain, ...next.block } })
  const { block, facts, nodeHeight } = next
  return orchestrator.dispatch({ type: 'block.connected', at, data: { chain, block, facts, nodeHeight } })
}

/** A crash has left the tip's block half applied: it is read again, or taken back when the node has left it. */
async function repeatTip(options: FollowerOptions, blocks: readonly Place[]): Promise<number> {
  const next = await options.node.next(blocks.slice(0, -1))
  note(options, next.nodeHeight)
  if (next.kind === 'unchanged') return options.pollMs
  const tip = blocks.at(-1)!
  const isSame = next.kind === 'connected' && next.block.hash === tip.hash
  await handOver(options, isSame ? next : { kind: 'disconnected', block: tip, nodeHeight: next.nodeHeight })
  return 0
}

async function hint(options: FollowerOptions): Promise<void> {
  const { chain, node, orchestrator, clock } = options
  const facts = await node.pending(MAXIMUM_PENDING)
  if (facts.length > 0) await orchestrator.dispatch({ type: 'facts.pending', at: clock.now(), data: { chain, facts } })
}

/** The block for which the signer was asked again. */
interface Asked {
  hash: string | null
}

/**
 * A spend that the ledger does not know may be one that another watcher has had signed: before it counts as a stranger's,
 * the signer is asked, and nothing is said as long as it does not answer.
 */
function isBeingAsked(options: FollowerOptions, asked: Asked, next: Next): boolean {
  if (next.kind !== 'connected' || options.areExplained(next.facts)) return false
  const { health, chain, log } = options
  const { hash } = next.block
  if (asked.hash === hash) return !healthOf(health, chain).isReconciled
  asked.hash = hash
  log('warn', 'a spend of our coins is not known here: the signer is asked', { chain, block: hash })
  health.trigger.noted({ chain, isReconciled: false })
  options.askSigner()
  return true
}

async function advance(options: FollowerOptions, asked: Asked): Promise<number> {
  const { chain, node, orchestrator, clock, pollMs } = options
  const { blocks, applied, height } = chainContext(orchestrator.memory, chain)!
  if (!applied) return repeatTip(options, blocks)
  const next = await node.next(blocks)
  note(options, next.nodeHeight)
  if (isBeingAsked(options, asked, next)) return pollMs
  if (next.kind !== 'unchanged') {
    await handOver(options, next)
    return 0
  }
  const state = stateOf(orchestrator.memory.get(chainId(chain))!)
  if (state !== 'following' && !next.syncing && next.nodeHeight <= height)
    await orchestrator.dispatch({ type: 'node.caughtUp', at: clock.now(), data: { chain } })
  await hint(options)
  return pollMs
}

async function turn(options: FollowerOptions, asked: Asked): Promise<number> {
  const { chain, orchestrator, clock, pollMs, node } = options
  const instance = orchestrator.memory.get(chainId(chain))
  const at = clock.now()
  switch (instance === undefined ? 'absent' : stateOf(instance)) {
    case 'absent':
      await orchestrator.dispatch({ type: 'chain.opened', at, data: { chain } })
      return 0
    case 'connecting': {
      // No block is followed before the signer has been asked: without its addresses deposits would be passed over,
      // without what it has signed our own spends would look like a stranger's.
      if (!healthOf(options.health, chain).isReconciled) return RECALL_WAIT_MS
      await connect(options)
      return 0
    }
    case 'unreachable':
      await node.identify()
      await orchestrator.dispatch({ type: 'node.answered', at: clock.now(), data: { chain } })
      return 0
    case 'halted':
      return pollMs
    default:
      return advance(options, asked)
  }
}

async function guardedTurn(options: FollowerOptions, asked: Asked): Promise<number> {
  const { chain, orchestrator, clock, pollMs, log } = options
  try {
    return await turn(options, asked)
  } catch (error) {
    const type = failureOf(error)
    const reason = reasonOf(error)
    const isDefect = !(error instanceof Fault)
    const stack = isDefect && error instanceof Error ? { stack: error.stack } : {}
    log(isDefect || type === 'invariant.violated' ? 'error' : 'warn', 'node trouble', { chain, reason, ...stack })
    await orchestrator.dispatch({ type, at: clock.now(), data: { chain, reason } }).catch(() => {})
    return pollMs
  }
}

export function startFollower(options: FollowerOptions): Loop {
  const asked: Asked = { hash: null }
  return startLoop(options.clock, () => guardedTurn(options, asked))
}
