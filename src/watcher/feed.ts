/** The event feed: every committed transition, straight from the journal, in order, without gaps. */
import { kindOf } from '../../machines/ids.ts'
import { boundary } from '../kernel/fault.ts'
import { defineRoute, type Route } from '../http/route.ts'
import type { Recorded } from '../kernel/entry.ts'
import type { ApiContext } from './api-context.ts'
import { describeEvent } from './resources.ts'
import { eventsQuery, eventsSchema } from './schemas.ts'

interface Wanted {
  kind?: string | undefined
  chain?: string | undefined
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

const isWanted = ({ kind, chain }: Wanted, { entry }: Recorded): boolean =>
  (kind === undefined || kindOf(entry.image.id) === kind) &&
  (chain === undefined || entry.image.context.chain === chain)

/** What the feed stands on. */
export type FeedContext = Pick<ApiContext, 'archive' | 'journal' | 'ledgerId' | 'orchestrator' | 'clock' | 'stopping'>

async function read({ archive }: FeedContext, after: number, wanted: Wanted): Promise<Found> {
  const events: Recorded[] = []
  let next = after
  while (next - after < MAXIMUM_EXAMINED) {
    const page = await archive.entries(next, PAGE)
    for (const recorded of page) {
      next = recorded.entry.seq
      if (isWanted(wanted, recorded)) events.push(recorded)
      if (events.length === wanted.limit) return { events, next }
    }
    if (page.length < PAGE) return { events, next }
  }
  return { events, next }
}

/** Resolves at the next durable commit, when the time is up, or when the process stops. */
function nextCommit({ orchestrator, clock, stopping }: FeedContext, ms: number): Promise<void> {
  return new Promise(resolve => {
    const done = () => {
      cancel()
      forget()
      stopping.removeEventListener('abort', done)
      resolve()
    }
    const cancel = clock.wake(ms, done)
    const forget = orchestrator.onDurable(done)
    stopping.addEventListener('abort', done)
    if (stopping.aborted) done()
  })
}

/** Waits until something is found, at most until `deadline`. */
async function poll(api: FeedContext, after: number, wanted: Wanted, deadline: number): Promise<Found> {
  let found = await read(api, after, wanted)
  while (found.events.length === 0 && !api.stopping.aborted) {
    const left = deadline - api.clock.monotonic()
    if (left <= 0) break
    if (api.journal.position().sequence === found.next) await nextCommit(api, left)
    found = await read(api, found.next, wanted)
  }
  return found
}

export const feedRoute = (api: FeedContext): Route =>
  defineRoute({
    method: 'GET',
    path: '/v1/events',
    summary: 'Every committed transition in order; with `wait` the answer comes with the next one',
    access: 'read',
    query: eventsQuery,
    answers: { 200: eventsSchema },
    async handle({ query: { after, wait, ...wanted } }) {
      const { journal, clock, ledgerId } = api
      const { sequence } = journal.position()
      if (after > sequence)
        throw boundary('unknown-cursor', `this ledger (${ledgerId}) ends at ${sequence}: is the cursor of another one?`)
      const { events, next } = await poll(api, after, wanted, clock.monotonic() + wait * 1000)
      return { status: 200, body: { events: events.map(describeEvent), next, ledgerId } }
    },
  })
