/** The watcher's API, read only: there is no way to send anything but a GET. */
import { signal } from '@preact/signals'

const TOKEN_KEY = 'lockkeeper-token'
const TIMEOUT_MS = 15_000
/** Above the longest `wait` that is asked for. */
const LONG_TIMEOUT_MS = 40_000

/** Kept for this tab only, and gone with it. */
export const token = signal<string | null>(sessionStorage.getItem(TOKEN_KEY))

export function keepToken(secret: string): void {
  sessionStorage.setItem(TOKEN_KEY, secret)
  token.value = secret
}

export function forgetToken(): void {
  sessionStorage.removeItem(TOKEN_KEY)
  token.value = null
}

/** What the watcher answered instead of what was asked for; `status` 0 when it did not answer at all. */
export class ShownProblem extends Error {
  readonly status: number
  readonly kind: string

  constructor(status: number, kind: string, detail: string) {
    super(detail)
    this.status = status
    this.kind = kind
  }
}

export type ApiQuery = Readonly<Record<string, string | number | undefined>>

export function withQuery(path: string, query: ApiQuery): string {
  const given = Object.entries(query).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, String(value)]],
  )
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given).toString()}`
}

async function request(path: string, signal: AbortSignal, secret = token.value): Promise<Response> {
  try {
    return await fetch(path, {
      headers: secret === null ? {} : { authorization: `Bearer ${secret}` },
      cache: 'no-store',
      signal,
    })
  } catch (error) {
    if (signal.aborted && signal.reason instanceof DOMException && signal.reason.name === 'AbortError') throw error
    throw new ShownProblem(0, 'no-answer', 'the watcher does not answer')
  }
}

interface Refusal {
  kind?: string
  detail?: string
}

interface Options {
  query?: ApiQuery
  signal?: AbortSignal
  isLong?: boolean
  /** Statuses that are answers too: a watcher that is not ready says so with 503. */
  accepts?: number
  /** Another one than the one that is kept. */
  token?: string
}

const within = ({ signal, isLong = false }: Options): AbortSignal => {
  const limit = AbortSignal.timeout(isLong ? LONG_TIMEOUT_MS : TIMEOUT_MS)
  return signal === undefined ? limit : AbortSignal.any([limit, signal])
}

/** @throws Problem; a DOMException `AbortError` when `signal` was aborted */
export async function get<Body>(path: string, options: Options = {}): Promise<Body> {
  const answer = await request(withQuery(path, options.query ?? {}), within(options), options.token)
  if (answer.ok || answer.status === options.accepts) return (await answer.json()) as Body
  const { kind, detail } = (await answer.json().catch(() => ({}))) as Refusal
  throw new ShownProblem(answer.status, kind ?? 'error', detail ?? `the watcher answered ${answer.status}`)
}

export const isAbort = (error: unknown): boolean => error instanceof DOMException && error.name === 'AbortError'
