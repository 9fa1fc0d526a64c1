/** What keeps a chain from being followed, in sentences for whoever runs it. Moments are of the clock that only goes forward. */
import { nameOf, type IdOf } from '../../machines/ids.ts'
import type { Instance } from '../kernel/entry.ts'
import type { LiveMemory } from '../orchestrator/memory.ts'
import { isOutbid } from '../orchestrator/routes/replacing.ts'
import type { Trouble } from '../kernel/trouble.ts'
import type { ChainHealth } from './health.ts'
import type { HookTrouble } from './notify.ts'

export interface ChainNow {
  chain: string
  state: string
  /** Of its tip; null before the first block is known. */
  height: number | null
  /** What the ledger says of its state. */
  reason: string | null
}

/** No block for so many times the usual interval: by chance that happens once in many years. */
const SLOW_BLOCKS = 20
/** A batch's window comes on top. */
const LONG_QUEUED_MS = 30 * 60_000
/** A node that was restarted, or a mempool that is full for a moment, takes it back within this time. */
const LONG_UNKNOWN_MS = 30 * 60_000
/** Once may be chance: a stranger has built on it, or the node had dropped it for a moment. */
const OFTEN_DECLINED = 2
/** Shorter ones are said in the log and in the metrics. */
const LONG_STANDSTILL_MS = 5000
/** Calls to a node end after half a minute; a turn makes a few of them. */
const STUCK_MS = 5 * 60_000
/** Hints that fail for a moment are nothing to act on. */
const HINTLESS_MS = 60_000
const MILLISECONDS_PER_SECOND = 1000
const MILLISECONDS_PER_MINUTE = 60_000
const MINUTES_PER_HOUR = 60

function spoken(ms: number): string {
  const minutes = Math.round(ms / MILLISECONDS_PER_MINUTE)
  if (minutes < MINUTES_PER_HOUR) return `${minutes} min`
  return `${Math.floor(minutes / MINUTES_PER_HOUR)} h ${minutes % MINUTES_PER_HOUR} min`
}

/** Why it is in its state: where the node fails, what it fails with now. */
export const presentReason = (reason: string | null, state: string, { nodeTrouble }: ChainHealth): string | null =>
  state === 'unreachable' ? (nodeTrouble?.reason ?? reason) : reason

function ofState({ chain, state, height, reason }: ChainNow, health: ChainHealth): string | null {
  const { nodeHeight, nodeTrouble, isNodeSyncing } = health
  const why = presentReason(reason, state, health)
  if (state === 'following') return nodeTrouble === null ? null : `${chain}: the node fails: ${nodeTrouble.reason}`
  if (state !== 'syncing') return `${chain} is ${state}${why === null ? '' : `: ${why}`}`
  if (height !== null && nodeHeight !== null && nodeHeight > height)
    return `${chain} is syncing: at block ${height} of ${nodeHeight}`
  return `${chain} is syncing${isNodeSyncing ? ': its node is downloading the chain' : ''}`
}

function ofTip(
  { chain, state }: ChainNow,
  { movedAt, blockSeconds, nodeTrouble }: ChainHealth,
  now: number,
): string | null {
  if (state !== 'following' || movedAt === null || blockSeconds === null || nodeTrouble !== null) return null
  const usualMs = blockSeconds * MILLISECONDS_PER_SECOND
  if (now - movedAt <= SLOW_BLOCKS * usualMs) return null
  return `${chain}: no block for ${spoken(now - movedAt)}, where one comes every ${spoken(usualMs)}: is the node connected to its network?`
}

const isLasting = (trouble: Trouble | null, now: number): trouble is Trouble =>
  trouble !== null && now - trouble.since >= HINTLESS_MS

/** Empty when the chain is followed at its node's tip, and that tip moves. */
export function followingProblems(chain: ChainNow, health: ChainHealth, now: number): string[] {
  const { nodeHeight, mempoolTrouble, turnedAt } = health
  const { chain: name, height, state } = chain
  const isBehind = nodeHeight !== null && height !== null && nodeHeight < height
  const isStuck = turnedAt !== null && now - turnedAt > STUCK_MS
  const all = [
    ofState(chain, health),
    // It is taken for lagging and nothing is taken back, but nothing new is seen through it either.
    isBehind ? `${name}: the node is at block ${nodeHeight}, the ledger at ${height}` : null,
    ofTip(chain, health, now),
    isLasting(mempoolTrouble, now) && state === 'following'
      ? `${name}: unconfirmed transactions cannot be read: ${mempoolTrouble.reason}`
      : null,
    isStuck ? `${name}: nothing has been asked of the node for ${spoken(now - turnedAt)}: restart the watcher` : null,
  ]
  return all.filter(problem => problem !== null)
}

/** How long nothing has changed for the withdrawal that waits longest to be planned, by the clock on the wall; null where none waits. */
export function longestQueuedMs(memory: LiveMemory, chain: string, now: number): number | null {
  const [oldest] = memory.list('withdrawal', chain, 'queued')
  return oldest === undefined ? null : Math.max(0, now - oldest.at)
}

/** Empty when what was asked for is planned in time. `windowMs`: how long a batch may wait for others. */
export function queueProblems(memory: LiveMemory, chain: string, windowMs: number, now: number): string[] {
  const ms = longestQueuedMs(memory, chain, now)
  if (ms === null || ms <= LONG_QUEUED_MS + windowMs) return []
  const [oldest] = memory.list('withdrawal', chain, 'queued')
  const { id, reason } = oldest!.context
  return [`${chain}: withdrawal ${id} has been queued for ${spoken(ms)}: ${reason ?? 'no reason is known'}`]
}

/** Whom an attempt was to pay, for a sentence: the first of them by name. */
function payeesOf(memory: LiveMemory, transfer: IdOf<'transfer'>): string {
  const { withdrawals = [] } = memory.get(transfer)?.context ?? {}
  const [first] = withdrawals
  if (first === undefined) return `transfer ${nameOf(transfer)}`
  const more = withdrawals.length > 1 ? ` and ${withdrawals.length - 1} more` : ''
  return `withdrawal ${nameOf(first.id)}${more}`
}

/** One sentence for all that have the same trouble, so that a thousand of them stay readable. */
function saidOnce<I extends Instance>(instances: readonly I[], say: (first: I) => string): string[] {
  const [first] = instances
  if (first === undefined) return []
  return [instances.length > 1 ? `${say(first)} (and ${instances.length - 1} more such transactions)` : say(first)]
}

/**
 * Empty when what is signed is on its way. A transaction that the node does not have in its mempool, and does not take again,
 * is never mined by waiting. Moments are of the clock on the wall, because the ledger's are.
 */
export function broadcastProblems(memory: LiveMemory, chain: string, now: number): string[] {
  const outgoing = [...memory.list('attempt', chain, 'signed'), ...memory.list('attempt', chain, 'published')]
  const silent = outgoing.filter(({ at, context }) => context.reason !== null && now - at > LONG_UNKNOWN_MS)
  // Of what a later attempt has taken the place of nobody wants that the node has it.
  const lost = silent.filter(attempt => !isOutbid(memory, attempt))
  return saidOnce(
    lost,
    ({ at, context: { transactionId, transfer, reason } }) =>
      `${chain}: the node has not taken transaction ${transactionId} (${payeesOf(memory, transfer)}) for ${spoken(now - at)}: ${reason}`,
  )
}

/** Empty when what waits for long in no block can be given a higher fee. */
export function replacementProblems(memory: LiveMemory, chain: string): string[] {
  const declined = memory
    .list('transfer', chain, 'underway')
    .filter(({ context }) => context.failures >= OFTEN_DECLINED)
  return saidOnce(
    declined,
    ({ id, context: { reason } }) =>
      `${chain}: ${payeesOf(memory, id)} is in no block for long, and its fee is not raised: ${reason ?? 'it is tried again'}`,
  )
}

/** Empty when nothing waits for a person to resume it. */
export function stoppedProblems(memory: LiveMemory, chain: string): string[] {
  const stuck = memory.list('account', chain, 'stuck').map(({ context: { index, reason } }) => {
    return `${chain}: account ${index} is stuck, nothing is paid from it: ${reason}`
  })
  const refused = saidOnce(
    memory.list('attempt', chain, 'refused'),
    ({ context: { transfer, reason } }) => `${chain}: the signer refuses ${payeesOf(memory, transfer)}: ${reason}`,
  )
  const withheld = saidOnce(
    memory.list('attempt', chain, 'withheld'),
    ({ context: { transfer, reason } }) => `${chain}: ${payeesOf(memory, transfer)}: ${reason}`,
  )
  return [...stuck, ...refused, ...withheld]
}

/** Webhooks keep nothing from being served: the feed has all that they tell. */
export const hookNotices = (troubles: readonly HookTrouble[], now: number): string[] =>
  troubles
    .filter(({ trouble }) => isLasting(trouble, now))
    .map(
      ({ url, seq, trouble }) =>
        `${url} has not taken the webhook of event ${seq} for ${spoken(now - trouble.since)}: ${trouble.reason}`,
    )

/** Empty when the process has turned all the time lately. */
export function pulseProblems(longestMs: number): string[] {
  if (longestMs < LONG_STANDSTILL_MS) return []
  const seconds = Math.round(longestMs / MILLISECONDS_PER_SECOND)
  return [`the process stood still for ${seconds} s within the last minute: give it more of a processor`]
}
