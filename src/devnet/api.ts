/** The watcher's API as a backend calls it: JSON over HTTP with a bearer token. */
import { z } from 'zod'
import { operating } from '../kernel/fault.ts'
import type { Request } from '../kernel/ports.ts'

export interface WatcherAnswer {
  status: number
  body: unknown
}

/**
 * Every answer below 500 is one, a refusal too. Rejects, as the request port does, when there is none; and with operating
 * `no-answer` for what says that there is none (5xx): the same may be asked again at any time.
 */
export type Ask = (method: 'GET' | 'PUT', path: string, body?: object) => Promise<WatcherAnswer>

/** Above the longest long poll. */
const TIMEOUT_MS = 75_000
const MAXIMUM_BYTES = 16 * 1024 * 1024

export function createApi(request: Request, url: string, token: string): Ask {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  return async (method, path, body) => {
    const sent = method === 'GET' ? null : new TextEncoder().encode(JSON.stringify(body ?? {}))
    const call = { method, url: url + path, headers, body: sent, timeoutMs: TIMEOUT_MS, maximumBytes: MAXIMUM_BYTES }
    const answer = await request(call)
    const parsed: unknown = JSON.parse(new TextDecoder().decode(answer.body))
    if (answer.status >= 500) throw operating('no-answer', detailOf(parsed))
    return { status: answer.status, body: parsed }
  }
}

const problemSchema = z.looseObject({ kind: z.string(), detail: z.string().optional() })

/** The stable word of a refusal, RFC 9457; empty for what is none. */
export const problemKindOf = (body: unknown): string => problemSchema.safeParse(body).data?.kind ?? ''
export const detailOf = (body: unknown): string => problemSchema.safeParse(body).data?.detail ?? 'no reason given'
