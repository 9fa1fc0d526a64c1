/** The event feed: every committed transition, as the journal has it, in order, without gaps. */
import { kindOf } from '../../machines/ids.ts'
import { boundary } from '../kernel/fault.ts'
import { defineRoute, type Route } from '../http/route.ts'
import type { Recorded } from '../kernel/entry.ts'
import type { ApiContext } from './api-context.ts'
import { fitting } from './pages.ts'
import { readPage } from './recent.ts'
import { describeEvent, type DecimalsOf } from './resources.ts'
import { eventsQuery } from './filters.ts'
import { eventsSchema } from './schemas.ts'
import { seqBefore } from './store.ts'

interface Wanted {
  kind?: string | undefined
  chain?: string | undefined
  /** Milliseconds since 1970 UTC: not before, and before. */
  from?: number | undefined
  to?: number | undefined
  limit: number
}

interface Found {
  events: Recorded[]
  /** The last seq examined, also where the filter passed over it. */
  next: number
}

/** Entries examined in one request, so that a narrow filter over a long history does not hold it for ever. */
const MAXIMUM_EXAMINED = 10_000
const PAGE = 1000

const isWanted = ({ kind, chain, from = -Infinity, to = Infinity }: Wanted, { at, entry }: Recorded): boolean =>
  at >= from &&
  at < to &&
  (kind === undefined || kindOf(entry.image.id) === kind) &&
  (chain === undefined || entry.image.context.chain === chain)

/** What the feed stands on. */
export type FeedContext = Pick<
  ApiContext,
  'archive' | 'chains' | 'decimals' | 'journal' | 'ledgerId' | 'recent' | 'clock' | 'stopping'
>

async function read(api: FeedContext, after: number, wanted: Wanted): Promise<Found> {
  const events: Recorded[] = []
  let next = after
  while (next - after < MAXIMUM_EXAMINED) {
    const page = await readPage(api, next, PAGE)
    for (const recorded of page) {
      next = recorded.entry.seq
      if (isWanted(wanted, recorded)) events.push(recorded)
      if (events.length === wanted.limit) return { events, next }
    }
    if (page.length === 0) return { events, next }
  }
  return { events, next }
}

/** Resolves when something that is wanted is durable, when the time is up, the process stops, or the client has left. */
function nextWanted({ recent, clock }: FeedContext, wanted: Wanted, ms: number, endings: AbortSignal[]): Promise<void> {
  return new Promise(resolve => {
    const done = () => {
      cancel()
      forget()
      for (const ending of endings) ending.removeEventListener('abort', done)
      resolve()
    }
    const cancel = clock.wake(ms, done)
    const forget = recent.wait({ isWanted: recorded => isWanted(wanted, recorded), wake: done })
    for (const ending of endings) ending.addEventListener('abort', done)
    if (endings.some(({ aborted }) => aborted)) done()
  })
}

/** Waits until something is found, at most until `deadline`. */
async function poll(
  api: FeedContext,
  after: number,
  wanted: Wanted,
  deadline: number,
  left: AbortSignal | undefined,
): Promise<Found> {
  const endings = left === undefined ? [api.stopping] : [api.stopping, left]
  let found = await read(api, after, wanted)
  while (found.events.length === 0 && !endings.some(({ aborted }) => aborted)) {
    const leftMs = deadline - api.clock.monotonic()
    if (leftMs <= 0) break
    if (found.next >= api.recent.last) await nextWanted(api, wanted, leftMs, endings)
    found = await read(api, found.next, wanted)
  }
  return found
}

/** As many as one answer holds; where it holds fewer, the cursor stands behind the last of them. */
function describeFound({ events, next }: Found, decimals: DecimalsOf) {
  const described = events.map(event => describeEvent(event, decimals))
  const count = fitting(described)
  return count === described.length
    ? { events: described, next }
    : { events: described.slice(0, count), next: events[count - 1]!.entry.seq }
}

export const feedRoute = (api: FeedContext): Route =>
  defineRoute({
    method: 'GET',
    path: '/v1/events',
    summary: 'Every committed transition in order; with `wait` the answer comes with the next one',
    access: 'read',
    query: eventsQuery(api),
    answers: { 200: eventsSchema },
    async handle({ query: { after, wait, ...wanted }, left }) {
      const { journal, clock, ledgerId } = api
      const { sequence } = journal.position()
      if (after > sequence)
        throw boundary('unknown-cursor', `this ledger (${ledgerId}) ends at ${sequence}: is the cursor of another one?`)
      const before = wanted.from === undefined ? 0 : await seqBefore(api.archive, sequence, wanted.from)
      const found = await poll(api, Math.max(after, before), wanted, clock.monotonic() + wait * 1000, left)
      return { status: 200, body: { ...describeFound(found, api.decimals), ledgerId } }
    },
  })
