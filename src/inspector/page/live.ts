/**
 * What moves on the page: the feed is followed from where the watcher's own count stood, in batches, so that an open page
 * costs the watcher one request a second at most, whatever happens. A hidden tab asks nothing.
 */
import { batch, signal } from '@preact/signals'
import { blocksOn, type ToldBlock } from '../blocks.ts'
import { get, isAbort, ShownProblem, token, forgetToken } from './api.ts'
import { countOn, countsOf, type StateCounts } from './counts.ts'
import type { Feed, ApiEvent, ApiOverview, Readiness } from './shapes.ts'

/** The least time between two questions to the feed. */
const BEAT_MS = 1000
const WAIT_SECONDS = 25
const PAGE = 500
const KEPT_EVENTS = 400
const RECENT = 100
/** Everything is asked again so often when something has moved, and so often when nothing has. */
const MOVED_MS = 5000
const RECOUNT_MS = 15_000
const BLOCKS = 24
const FIRST_RETRY_MS = 1000
const LONGEST_RETRY_MS = 10_000
/** A page that has fallen so far behind starts anew at the end instead of reading it all. */
const FAR_BEHIND = 5000

/** With its last blocks. */
export type ShownChain = ApiOverview['chains'][number]

export type Connection =
  | { state: 'opening' }
  | { state: 'live' }
  /** `at`: when the watcher last answered. */
  | { state: 'lost'; at: number; retryAt: number; reason: string }

export const connection = signal<Connection>({ state: 'opening' })
export const refusal = signal<string | null>(null)
export const ledgerId = signal<string | null>(null)
export const counted = signal<StateCounts>({ counts: new Map(), seq: 0 })
export const chains = signal<ShownChain[]>([])
export const readiness = signal<Readiness>({ ready: true, problems: [] })
/** The newest first. */
export const events = signal<ApiEvent[]>([])
/** Of the last hour; null while the watcher reads its journal for it. */
export const throughput = signal<ApiOverview['throughput']>(null)
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
  askedAt: number
  hasMoved: boolean
}

const feed = (after: number, query: Record<string, string | number>, isLong = false): Promise<Feed> =>
  get<Feed>('/v1/events', { query: { after, ...query }, isLong })

/** The watcher's own account of everything: whatever the page has missed is right after it. */
async function ask(): Promise<ApiOverview> {
  const overview = await get<ApiOverview>('/v1/overview')
  batch(() => {
    counted.value = countsOf(overview)
    chains.value = overview.chains
    readiness.value = overview.readiness
    throughput.value = overview.throughput
    ledgerId.value = overview.ledgerId
  })
  return overview
}

/** Everything anew, as of now. The newest events follow what is shown already. */
async function open(): Promise<Cursor> {
  const { seq } = await ask()
  const askedAt = performance.now()
  batch(() => {
    connection.value = { state: 'live' }
    openings.value++
  })
  const { events: latest } = await feed(Math.max(0, seq - RECENT), { limit: RECENT })
  events.value = latest.filter(event => event.seq <= seq).toReversed()
  return { after: seq, askedAt, hasMoved: false }
}

interface ToldChain {
  height?: number
  blockHash?: string | null
  reason?: string | null
}

const blockOf = ({ event, at, data }: ApiEvent): ToldBlock => {
  const { height = 0, blockHash = null } = data as ToldChain
  return { event, at, height, hash: blockHash }
}

/** A chain as its last transition has it; what moves with blocks need not be asked for. */
function asOf(chain: ShownChain, told: readonly ApiEvent[]): ShownChain {
  const its = told.filter(event => event.chain === chain.chain)
  const last = its.at(-1)
  if (last === undefined) return chain
  const blocks = chain.blocks === null ? null : blocksOn(chain.blocks, its.map(blockOf), BLOCKS)
  const { height = chain.height, blockHash = chain.blockHash, reason = chain.reason } = last.data as ToldChain
  const nodeHeight = height === null ? chain.nodeHeight : Math.max(height, chain.nodeHeight ?? height)
  const lag = height === null || nodeHeight === null ? null : nodeHeight - height
  return { ...chain, blocks, state: last.to, height, blockHash, reason, nodeHeight, lag }
}

function take(fresh: readonly ApiEvent[]): void {
  batch(() => {
    counted.value = countOn(counted.value, fresh)
    events.value = [...fresh.toReversed(), ...events.value].slice(0, KEPT_EVENTS)
    const ofChains = fresh.filter(({ kind }) => kind === 'chain')
    chains.value = chains.value.map(chain => asOf(chain, ofChains))
  })
  for (const listener of listeners) listener(fresh)
}

async function askAgain(cursor: Cursor): Promise<void> {
  const now = performance.now()
  // What the watcher has to read first is there a moment later.
  const isWhole = throughput.value !== null
  const restMs = !isWhole ? BEAT_MS : cursor.hasMoved ? MOVED_MS : RECOUNT_MS
  if (now - cursor.askedAt < restMs) return
  Object.assign(cursor, { askedAt: now, hasMoved: false })
  const { seq } = await ask()
  if (seq - cursor.after > FAR_BEHIND) throw new ShownProblem(0, 'far-behind', 'the feed has run ahead of this page')
}

async function follow(cursor: Cursor): Promise<void> {
  for (;;) {
    await untilVisible()
    const askedAt = performance.now()
    const {
      events: fresh,
      next,
      ledgerId: id,
    } = await feed(cursor.after, { limit: PAGE, wait: throughput.value === null ? 1 : WAIT_SECONDS }, true)
    if (id !== ledgerId.value) throw new ShownProblem(409, 'unknown-cursor', 'this is another ledger')
    cursor.after = next
    if (fresh.length > 0) take(fresh)
    cursor.hasMoved ||= fresh.length > 0
    await askAgain(cursor)
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
