/** What becomes of requests to a simulated node on their way, by seed. */
import { unknownOutcome } from '../kernel/fault.ts'
import type { HttpCall, HttpResult } from '../kernel/ports.ts'
import type { HttpAnswer, HttpRequest } from '../http.ts'

/** How often, of all requests. */
export interface FaultRates {
  /** Never arrives. */
  dropped: number
  /** Takes effect, and its answer is lost. */
  unanswered: number
  /** Arrives twice. */
  duplicated: number
  /** Its answer is cut, or is something else's. */
  malformed: number
  /** Its answer comes late. */
  delayed: number
}

export interface RequestFate {
  arrivals: 0 | 1 | 2
  answer: 'whole' | 'lost' | 'cut' | 'foreign'
  delayMs: number
}

const MAXIMUM_DELAY_MS = 3000

/** What becomes of each request, one after the other; equal rolls give equal fates. `roll` gives numbers from 0 to below 1. */
export function createFates(rates: FaultRates, roll: () => number): () => RequestFate {
  const happens = (rate: number) => roll() < rate
  return () => {
    const isDropped = happens(rates.dropped)
    const isLost = happens(rates.unanswered)
    const isTwice = happens(rates.duplicated)
    const isMalformed = happens(rates.malformed)
    const delayMs = happens(rates.delayed) ? Math.floor(roll() * MAXIMUM_DELAY_MS) : 0
    if (isDropped) return { arrivals: 0, answer: 'lost', delayMs }
    const answer = isLost ? 'lost' : isMalformed ? (roll() < 0.5 ? 'cut' : 'foreign') : 'whole'
    return { arrivals: isTwice ? 2 : 1, answer, delayMs }
  }
}

/** An answer as bytes, as a socket would carry it. */
export function toResult({ status, headers = {}, body }: HttpAnswer): HttpResult {
  if (body instanceof Uint8Array) return { status, headers, body }
  return { status, headers, body: new TextEncoder().encode(typeof body === 'string' ? body : JSON.stringify(body)) }
}

/** A call as a server would see it. */
export function toRequest({ method, url, headers, body }: HttpCall): HttpRequest {
  const path = /^[a-z]+:\/\/[^/]+(\/[^?]*)/.exec(url)?.[1] ?? '/'
  return { method, path, query: {}, headers, body: body ?? new Uint8Array() }
}

function garbled(result: HttpResult, answer: 'cut' | 'foreign'): HttpResult {
  if (answer === 'cut') return { ...result, body: result.body.slice(0, result.body.length >> 1) }
  const body = new TextEncoder().encode('<html><body>502 Bad Gateway</body></html>')
  return { status: 502, headers: { 'content-type': 'text/html' }, body }
}

/** The answer's fate; a delay is the business of whoever has a clock. Throws unknownOutcome for what is lost. */
export function suffer(fate: RequestFate, answer: () => HttpResult): HttpResult {
  if (fate.arrivals === 0) throw unknownOutcome('no-answer', 'the request was lost on its way')
  const result = answer()
  if (fate.arrivals === 2) answer()
  if (fate.answer === 'lost') throw unknownOutcome('no-answer', 'the answer was lost on its way')
  return fate.answer === 'whole' ? result : garbled(result, fate.answer)
}
