/** The event feed: every committed transition, straight from the journal, in order, without gaps. */
import { boundary } from '../kernel/fault.ts'
import { defineRoute, type Route } from '../http/route.ts'
import type { Recorded } from '../kernel/entry.ts'
import { kindOf } from '../kernel/step.ts'
import type { Parts } from './route-context.ts'
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

async function read({ archive }: Parts, after: number, wanted: Wanted): Promise<Found> {
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
function nextCommit({ orchestrator, clock, stopping }: Parts, ms: number): Promise<void> {
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
async function poll(parts: Parts, after: number, wanted: Wanted, deadline: number): Promise<Found> {
  let found = await read(parts, after, wanted)
  while (found.events.length === 0 && !parts.stopping.aborted) {
    const left = deadline - parts.clock.monotonic()
    if (left <= 0) break
    if (parts.journal.durableSeq() === found.next) await nextCommit(parts, left)
    found = await read(parts, found.next, wanted)
  }
  return found
}

export const feedRoute = (parts: Parts): Route =>
  defineRoute({
    method: 'GET',
    path: '/v1/events',
    summary: 'Every committed transition in order; with `wait` the answer comes with the next one',
    access: 'read',
    query: eventsQuery,
    answers: { 200: eventsSchema },
    async handle({ query: { after, wait, ...wanted } }) {
      const { journal, clock, ledgerId } = parts
      if (after > journal.durableSeq())
        throw boundary(
          'unknown-cursor',
          `this ledger (${ledgerId}) ends at ${journal.durableSeq()}: is the cursor of another one?`,
        )
      const { events, next } = await poll(parts, after, wanted, clock.monotonic() + wait * 1000)
      return { status: 200, body: { events: events.map(describeEvent), next, ledgerId } }
    },
  })
