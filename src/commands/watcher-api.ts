/** What commands ask a running watcher. */
import { z } from 'zod'
import { boundary } from '../kernel/fault.ts'
import type { Request } from '../kernel/ports.ts'

const TIMEOUT_MS = 30_000
const MAXIMUM_BYTES = 16 * 1024 * 1024
const [OK, BAD_REQUEST, NOT_FOUND] = [200, 400, 404]

/** An answer that was expected. */
export interface ToldByWatcher {
  status: number
  /** Names in lower case. */
  headers: Record<string, string>
  text: string
}

export interface WatcherApi {
  /** Its address, for people. */
  base: string
  /** Any of these statuses is an answer. Throws boundary `invalid-argument` for what the watcher does not understand, else `unexpected-answer`. */
  ask(path: string, options?: { statuses?: readonly number[]; accept?: string }): Promise<ToldByWatcher>
  /** The answer's text. Throws as `ask` for any status but 200. */
  get(path: string): Promise<string>
  /** As `get`, but null where there is nothing of that name (404). */
  find(path: string): Promise<string | null>
}

const problemSchema = z.object({ detail: z.string() })

/** What the watcher says of what is wrong, or the beginning of whatever came. */
function detailOf(text: string): string {
  try {
    return problemSchema.parse(JSON.parse(text)).detail
  } catch {
    return text.slice(0, 200)
  }
}

/** @param listen as the watcher's configuration has it @param token one of its API tokens */
export function watcherApi(request: Request, listen: string, token: string): WatcherApi {
  const base = listen.startsWith('unix:') ? `${listen}:` : `http://${listen}`
  const authorised = { authorization: `Bearer ${token}` }
  const limits = { timeoutMs: TIMEOUT_MS, maximumBytes: MAXIMUM_BYTES }
  async function ask(
    path: string,
    { statuses = [OK], accept }: { statuses?: readonly number[]; accept?: string } = {},
  ) {
    const url = base + path
    const headers = accept === undefined ? authorised : { ...authorised, accept }
    const answer = await request({ method: 'GET', url, headers, body: null, ...limits })
    const { status } = answer
    const text = new TextDecoder().decode(answer.body)
    if (statuses.includes(status)) return { status, headers: answer.headers, text }
    if (status === BAD_REQUEST) throw boundary('invalid-argument', detailOf(text))
    throw boundary('unexpected-answer', `${url} answered ${status}: ${detailOf(text)}`)
  }
  async function find(path: string): Promise<string | null> {
    const { status, text } = await ask(path, { statuses: [OK, NOT_FOUND] })
    return status === NOT_FOUND ? null : text
  }
  return { base, ask, find, get: async path => (await ask(path)).text }
}
