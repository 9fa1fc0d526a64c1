/** What commands ask a running watcher. */
import { boundary } from '../kernel/fault.ts'
import type { Request } from '../kernel/ports.ts'

const TIMEOUT_MS = 10_000
const MAXIMUM_BYTES = 16 * 1024 * 1024

export interface WatcherApi {
  /** Its address, for people. */
  base: string
  /** The answer's text. Throws boundary `unexpected-answer` for any status but 200. */
  get(path: string): Promise<string>
  /** As `get`, but null where there is nothing of that name (404). */
  find(path: string): Promise<string | null>
}

/** @param listen as the watcher's configuration has it @param token one of its API tokens */
export function watcherApi(request: Request, listen: string, token: string): WatcherApi {
  const base = listen.startsWith('unix:') ? `${listen}:` : `http://${listen}`
  const headers = { authorization: `Bearer ${token}` }
  const limits = { timeoutMs: TIMEOUT_MS, maximumBytes: MAXIMUM_BYTES }
  async function find(path: string): Promise<string | null> {
    const url = base + path
    const { status, body } = await request({ method: 'GET', url, headers, body: null, ...limits })
    const text = new TextDecoder().decode(body)
    if (status === 404) return null
    if (status !== 200) throw boundary('unexpected-answer', `${url} answered ${status}: ${text.slice(0, 200)}`)
    return text
  }
  async function get(path: string): Promise<string> {
    const text = await find(path)
    if (text === null) throw boundary('unexpected-answer', `${base}${path} answered 404`)
    return text
  }
  return { base, get, find }
}
