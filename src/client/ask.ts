/** One request, until it is answered. All that the API has are GETs and PUTs, which may be repeated at will: so silence is answered by asking again. */
import { setTimeout as sleep } from 'node:timers/promises'

/** A refusal, RFC 9457. `kind` is stable: branch on it; the message is for people. */
export class Problem extends Error {
  readonly status: number
  readonly kind: string
  /** All that it says: `errors`, `receipt`. */
  readonly body: Readonly<Record<string, unknown>>

  constructor(status: number, body: Readonly<Record<string, unknown>>) {
    super(typeof body['detail'] === 'string' ? body['detail'] : `answered ${status}`)
    this.name = 'Problem'
    this.status = status
    this.kind = typeof body['kind'] === 'string' ? body['kind'] : 'unknown'
    this.body = body
  }
}

/** Where a watcher is, and how it is asked. */
export interface ServerAccess {
  url: string
  token: string
  /** The global one unless said. */
  fetch?: typeof fetch
  /** Ends whatever is under way. */
  signal?: AbortSignal
  /** How long a verb asks again before it rejects with the last failure, in milliseconds; a minute unless said. The feed asks for ever. */
  patienceMs?: number
  /** Told of each failure that is answered by asking again. */
  onTrouble?: (error: Error) => void
}

/** Beside the answer's body: how far the signer's memory is, as the watcher has seen it. */
export interface ServerAnswer {
  body: unknown
  memory: number
}

/** `path` is encoded already. Rejects with `Problem` for what is refused, and with the last failure when patience ends. */
export type AskServer = (
  method: 'GET' | 'PUT',
  path: string,
  body?: object,
  patienceMs?: number,
) => Promise<ServerAnswer>

const PATIENCE_MS = 60_000
const FIRST_WAIT_MS = 250
const LONGEST_WAIT_MS = 10_000
/** Above the longest long poll. */
const TIMEOUT_MS = 75_000
const MAXIMUM_BYTES = 16 * 1024 * 1024
/** What may be another answer the next time, though it is below 500. */
const PASSING: readonly number[] = [408, 425, 429]

async function readBounded(answer: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
    length += chunk.length
    if (length > MAXIMUM_BYTES) throw new Error(`the answer has more than ${MAXIMUM_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

/** Rejects with `Problem` for any refusal, and with what `fetch` rejects with. */
async function once(
  access: ServerAccess,
  method: string,
  path: string,
  body: object | undefined,
): Promise<ServerAnswer> {
  const { url, token, signal } = access
  const headers: Record<string, string> = { authorization: `Bearer ${token}` }
  if (method === 'PUT') headers['content-type'] = 'application/json'
  const limit = AbortSignal.timeout(TIMEOUT_MS)
  const answer = await (access.fetch ?? fetch)(`${url.replace(/\/$/, '')}${path}`, {
    ...{ method, headers, redirect: 'error' as const },
    ...(method === 'PUT' && { body: JSON.stringify(body ?? {}) }),
    signal: signal === undefined ? limit : AbortSignal.any([limit, signal]),
  })
  const parsed: unknown = JSON.parse(new TextDecoder().decode(await readBounded(answer)))
  if (answer.status >= 400) throw new Problem(answer.status, isRecord(parsed) ? parsed : {})
  return { body: parsed, memory: Number(answer.headers.get('lockkeeper-memory-sequence') ?? -1) }
}

const mayPass = (error: unknown): boolean =>
  !(error instanceof Problem) || error.status >= 500 || PASSING.includes(error.status)

/** Asks one watcher. */
export function createAsk(access: ServerAccess): AskServer {
  return async (method, path, body, patienceMs = access.patienceMs ?? PATIENCE_MS) => {
    const began = performance.now()
    for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
      try {
        return await once(access, method, path, body)
      } catch (error) {
        access.signal?.throwIfAborted()
        if (!mayPass(error) || performance.now() - began + waitMs > patienceMs) throw error
        access.onTrouble?.(error instanceof Error ? error : new Error(String(error)))
        // With up to half as jitter, so that many do not come back at once.
        await sleep(waitMs * (0.5 + Math.random() / 2), undefined, access.signal && { signal: access.signal })
      }
    }
  }
}
