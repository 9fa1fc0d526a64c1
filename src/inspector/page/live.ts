/**
 * What moves on the page: the feed is followed from where the watcher's own count stood, in batches, so that an open page
 * costs the watcher one request a second at most, whatever happens. A hidden tab asks nothing.
 */
import { batch, signal } from '@preact/signals'
import { get, getText, isAbort, ShownProblem, token, forgetToken } from './api.ts'
import { countOn, countsOf, type StateCounts } from './counts.ts'
import { parseMetrics } from './metrics.ts'
import type { ApiChain, Feed, ApiEvent, ApiPage, Readiness } from './shapes.ts'

/** The least time between two questions to the feed. */
const BEAT_MS = 1000
const WAIT_SECONDS = 25
const PAGE = 500
const KEPT_EVENTS = 400
const RECENT = 100
/** So far back the strips of blocks look: one request examines no more. */
const BLOCKS_BACK = 10_000
const MAXIMUM_PAGE = 1000
const RECOUNT_MS = 15_000
/** Chains are asked again when something has moved on them, but no more often than this. */
const CHAINS_MS = 3000
const FIRST_RETRY_MS = 1000
const LONGEST_RETRY_MS = 10_000
/** A page that has fallen so far behind starts anew at the end instead of reading it all. */
const FAR_BEHIND = 5000

export type Connection =
  | { state: 'opening' }
  | { state: 'live' }
  /** `at`: when the watcher last answered. */
  | { state: 'lost'; at: number; retryAt: number; reason: string }

export const connection = signal<Connection>({ state: 'opening' })
export const refusal = signal<string | null>(null)
export const ledgerId = signal<string | null>(null)
export const counted = signal<StateCounts>({ counts: new Map(), seq: 0 })
export const chains = signal<ApiChain[]>([])
export const readiness = signal<Readiness>({ ready: true, problems: [] })
/** The newest first. */
export const events = signal<ApiEvent[]>([])
/** Transitions of chains, oldest first: blocks that came and went. */
export const chainEvents = signal<ApiEvent[]>([])
/** Counts how often everything was asked anew: at the beginning, and after each time that the watcher was gone. */
export const openings = signal(0)

type Listener = (events: readonly ApiEvent[]) => void
const listeners = new Set<Listener>()

/** Told of every batch as it comes. The answer stops it. */
export function onEvents(listener: Listener): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

const pause = (ms: number): Promise<void> => new Promise(resolve => void setTimeout(resolve, ms))

const untilVisible = (): Promise<void> =>
  new Promise(resolve => {
    if (!document.hidden) return resolve()
    const look = () => {
      if (document.hidden) return
      document.removeEventListener('visibilitychange', look)
      resolve()
    }
    document.addEventListener('visibilitychange', look)
  })

interface Cursor {
  after: number
  countedAt: number
  chainsAt: number
  haveChainsMoved: boolean
}

const feed = (after: number, query: Record<string, string | number>, isLong = false): Promise<Feed> =>
  get<Feed>('/v1/events', { query: { after, ...query }, isLong })

const askReadiness = async () => {
  readiness.value = await get<Readiness>('/readyz', { accepts: 503 })
}
const askChains = async () => {
  chains.value = (await get<ApiPage<ApiChain>>('/v1/chains')).items
}
const askCounts = async (): Promise<StateCounts> => countsOf(parseMetrics(await getText('/metrics')))

/** Everything anew, as of now. */
async function open(): Promise<Cursor> {
  await askChains()
  const [now] = await Promise.all([askCounts(), askReadiness()])
  const [latest, blocks] = await Promise.all([
    feed(Math.max(0, now.seq - RECENT), { limit: RECENT }),
    feed(Math.max(0, now.seq - BLOCKS_BACK), { limit: MAXIMUM_PAGE, kind: 'chain' }),
  ])
  batch(() => {
    counted.value = now
    ledgerId.value = latest.ledgerId
    events.value = latest.events.toReversed()
    chainEvents.value = blocks.events
    connection.value = { state: 'live' }
    openings.value++
  })
  const at = performance.now()
  return { after: Math.max(now.seq, latest.next), countedAt: at, chainsAt: at, haveChainsMoved: false }
}

interface ToldChain {
  height?: number
  blockHash?: string | null
  reason?: string | null
}

/** A chain as its last transition has it; what moves with blocks need not be asked for. */
function asOf(chain: ApiChain, told: readonly ApiEvent[]): ApiChain {
  const last = told.findLast(event => event.chain === chain.chain)
  if (last === undefined) return chain
  const { height = chain.height, blockHash = chain.blockHash, reason = chain.reason } = last.data as ToldChain
  const nodeHeight = height === null ? chain.nodeHeight : Math.max(height, chain.nodeHeight ?? height)
  const lag = height === null || nodeHeight === null ? null : nodeHeight - height
  return { ...chain, state: last.to, height, blockHash, reason, nodeHeight, lag }
}

function take(fresh: readonly ApiEvent[]): void {
  batch(() => {
    counted.value = countOn(counted.value, fresh)
    events.value = [...fresh.toReversed(), ...events.value].slice(0, KEPT_EVENTS)
    const ofChains = fresh.filter(({ kind }) => kind === 'chain')
    chains.value = chains.value.map(chain => asOf(chain, ofChains))
    if (ofChains.length > 0) chainEvents.value = [...chainEvents.value, ...ofChains].slice(-MAXIMUM_PAGE)
  })
  for (const listener of listeners) listener(fresh)
}

/** The watcher's own count again, now and then: whatever the page has missed is right after it. */
async function recount(cursor: Cursor): Promise<void> {
  const now = performance.now()
  if (cursor.haveChainsMoved && now - cursor.chainsAt > CHAINS_MS) {
    await askChains()
    Object.assign(cursor, { chainsAt: now, haveChainsMoved: false })
  }
  if (now - cursor.countedAt < RECOUNT_MS) return
  cursor.countedAt = now
  const [fresh] = await Promise.all([askCounts(), askReadiness(), askChains()])
  counted.value = fresh
  if (fresh.seq - cursor.after > FAR_BEHIND)
    throw new ShownProblem(0, 'far-behind', 'the feed has run ahead of this page')
}

async function follow(cursor: Cursor): Promise<void> {
  for (;;) {
    await untilVisible()
    const askedAt = performance.now()
    const { events: fresh, next, ledgerId: id } = await feed(cursor.after, { limit: PAGE, wait: WAIT_SECONDS }, true)
    if (id !== ledgerId.value) throw new ShownProblem(409, 'unknown-cursor', 'this is another ledger')
    cursor.after = next
    if (fresh.length > 0) take(fresh)
    cursor.haveChainsMoved ||= fresh.some(({ kind }) => kind !== 'attempt')
    await recount(cursor)
    connection.value = { state: 'live' }
    await pause(BEAT_MS - (performance.now() - askedAt))
  }
}

/** Ends when the token is refused or forgotten. */
export async function run(): Promise<void> {
  let retryMs = FIRST_RETRY_MS
  let answeredAt = Date.now()
  while (token.value !== null) {
    try {
      const cursor = await open()
      retryMs = FIRST_RETRY_MS
      await follow(cursor)
    } catch (error) {
      if (isAbort(error)) return
      if (error instanceof ShownProblem && (error.status === 401 || error.status === 403)) {
        refusal.value = 'The watcher does not accept this token.'
        forgetToken()
        return
      }
      if (connection.value.state === 'live') answeredAt = Date.now()
      const isAnew = error instanceof ShownProblem && ['unknown-cursor', 'far-behind'].includes(error.kind)
      if (isAnew) continue
      const reason = error instanceof Error ? error.message : String(error)
      connection.value = { state: 'lost', at: answeredAt, retryAt: Date.now() + retryMs, reason }
      await pause(retryMs)
      retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS)
    }
  }
}
