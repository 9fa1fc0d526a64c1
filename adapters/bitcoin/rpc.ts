/**
 * JSON-RPC and REST with one node of the bitcoin family. Only a definite answer is one: a node that cannot answer properly is
 * an outage, never an empty result (A5), and so is an error that the question does not expect. A rate limit (-32007 and others),
 * a disk that cannot be read (-32603) or an argument of another age (-1) says nothing about the chain.
 * https://github.com/bitcoin/bitcoin/blob/master/doc/JSON-RPC-interface.md
 */
import { parse } from 'lossless-json'
import { z } from 'zod'
import type { Disk, HttpCall, HttpResult, Request } from '../../src/kernel/ports.ts'
import { Fault, operating } from '../../src/kernel/fault.ts'
import { COIN_DECIMALS } from './network.ts'

/** How to reach the node. With `cookieFile` the node's own cookie is used, which changes at each of its starts. */
export interface NodeAccess {
  url: string
  username?: string
  password?: string
  cookieFile?: string | undefined
}

/** https://github.com/bitcoin/bitcoin/blob/master/src/rpc/protocol.h */
export const RPC_ERROR = {
  misc: -1,
  type: -3,
  invalidAddressOrKey: -5,
  invalidParameter: -8,
  deserialization: -22,
  verify: -25,
  rejected: -26,
  alreadyInChain: -27,
  inWarmup: -28,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
} as const

/** What the node answered: a result, or one of the errors that are an answer to this question. */
export type Answer<Result> = { ok: true; result: Result } | { ok: false; code: number; message: string }

/** JSON-RPC 1.0 and REST of one daemon. Amounts keep their digits. */
export interface Rpc {
  /**
   * `errors`: the codes that are answers to this question, such as -5 for what the node does not have. Any other error rejects
   * with an operating fault, as does everything that is no proper answer.
   */
  ask<Result>(
    shape: z.ZodType<Result>,
    errors: readonly number[],
    method: string,
    ...params: unknown[]
  ): Promise<Answer<Result>>
  /** As `ask`, for what may take the node longer than an ordinary call. */
  askSlowly<Result>(
    timeoutMs: number,
    shape: z.ZodType<Result>,
    errors: readonly number[],
    method: string,
    ...params: unknown[]
  ): Promise<Answer<Result>>
  /** The result; no error is an answer. */
  call<Result>(shape: z.ZodType<Result>, method: string, ...params: unknown[]): Promise<Result>
  /**
   * A result that is a list too long to be parsed as JSON: the bytes between its brackets. All the rest of the answer was read
   * as that of any other; what stands between the brackets is for the caller to check.
   */
  list(method: string, ...params: unknown[]): Promise<Uint8Array>
  /** A REST path such as `/rest/block/<hash>.bin`; every status is an answer. */
  get(path: string): Promise<HttpResult>
}

/** Verifying and connecting a full block, or reading one from a cold disk, can take a busy node this long. */
const RPC_TIMEOUT_MS = 30_000
/** `getblock 2` of a full block, and the ids of a full mempool, stay below this. */
const RPC_MAXIMUM_BYTES = 64 * 1024 * 1024
const COOKIE_MAXIMUM_BYTES = 1024
const EXCERPT_CHARACTERS = 80

const OPENING_BRACKET = 0x5b
const CLOSING_BRACKET = 0x5d
const emptyList = z.array(z.never()).length(0)

/** Integers stay numbers; everything else keeps the digits that the node wrote, so that no amount is ever a float. */
const parseNumber = (text: string): unknown =>
  /^-?\d+$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : text

/**
 * Coins, as RPC writes them (`1.50000000`), in base units, exactly. Throws an operating fault when it is no decimal with
 * at most eight places: a node that writes such a thing is broken or of another family.
 */
export function toSatoshi(coins: unknown): bigint {
  const match = /^(-?)(\d{1,20})(?:\.(\d{1,30}))?(?:[eE]([+-]?\d{1,2}))?$/.exec(String(coins))
  if (!match || (typeof coins !== 'string' && typeof coins !== 'number'))
    throw operating('node-malformed', `the node wrote ${excerpt(String(coins))} where an amount belongs`)
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match
  const places = COIN_DECIMALS + Number(exponent) - fraction.length
  const digits = BigInt(whole + fraction)
  const divisor = places < 0 ? 10n ** BigInt(-places) : 1n
  if (digits % divisor !== 0n)
    throw operating(
      'node-malformed',
      `the node wrote an amount of more than ${COIN_DECIMALS} decimals: ${String(coins)}`,
    )
  const satoshi = places < 0 ? digits / divisor : digits * 10n ** BigInt(places)
  return sign === '-' ? -satoshi : satoshi
}

/** The inverse, for arguments: always with eight decimals. */
export function fromSatoshi(satoshi: bigint): string {
  const digits = String(satoshi < 0n ? -satoshi : satoshi).padStart(COIN_DECIMALS + 1, '0')
  return `${satoshi < 0n ? '-' : ''}${digits.slice(0, -COIN_DECIMALS)}.${digits.slice(-COIN_DECIMALS)}`
}

const excerpt = (text: string): string =>
  JSON.stringify(text.length > EXCERPT_CHARACTERS ? `${text.slice(0, EXCERPT_CHARACTERS)}…` : text)

/** Never with the credentials that a URL may carry. */
const hostOf = (url: string): string => /^[a-z]+:\/\/(?:[^@/]*@)?([^/?#]+)/i.exec(url)?.[1] ?? 'the configured url'

async function readCookie(disk: Disk, path: string): Promise<string> {
  try {
    const file = await disk.open(path, { create: false })
    try {
      return new TextDecoder().decode(await file.read(0, COOKIE_MAXIMUM_BYTES)).trim()
    } finally {
      await file.close()
    }
  } catch (cause) {
    throw operating(
      'node-cookie',
      `cannot read the node's cookie file ${path}: is the node running, and may we read it?`,
      cause,
    )
  }
}

/** What the status alone says; the body of such an answer is a web server's, not the node's. */
function outageOf(host: string, method: string, { status, body }: HttpResult): Fault {
  const text = new TextDecoder().decode(body.subarray(0, EXCERPT_CHARACTERS * 4)).trim()
  if (status === 401)
    return operating(
      'node-credentials',
      `${host} refused our credentials (401): check username and password, or the cookie file`,
    )
  if (status === 403)
    return operating('node-forbidden', `${host} forbids ${method} (403): check its rpcallowip and rpcwhitelist`)
  if (status === 503)
    return operating('node-busy', `${host} has no room for ${method} (503): raise its rpcworkqueue, or poll less often`)
  if (text === '')
    return operating('node-malformed', `${host} answered ${method} with status ${status} and nothing else`)
  return operating(
    'node-malformed',
    `${host} answered ${method} with status ${status} and no JSON-RPC: ${excerpt(text)}; is its url right?`,
  )
}

interface Envelope {
  result?: unknown
  error?: { code?: unknown; message?: unknown } | null
  id?: unknown
}

function decode(body: Uint8Array): Envelope | null {
  try {
    const value = parse(new TextDecoder('utf-8', { fatal: true }).decode(body), null, parseNumber)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null
  } catch {
    return null
  }
}

interface Question<Result> {
  shape: z.ZodType<Result>
  errors: readonly number[]
  method: string
  params: readonly unknown[]
}

/** For an error that is no answer. */
export const refused = (method: string, error: { code: number; message: string }): Fault =>
  operating('node-refused', `the node answered ${method} with an error: ${error.message} (${error.code})`)

/** Anything that is not exactly one JSON-RPC answer to this question is an outage. */
function read<Result>(
  host: string,
  { shape, errors, method }: Omit<Question<Result>, 'params'>,
  id: number,
  http: HttpResult,
): Answer<Result> {
  const envelope = http.status === 401 || http.status === 403 ? null : decode(http.body)
  if (!envelope) throw outageOf(host, method, http)
  const { error } = envelope
  if (error) {
    if (typeof error.code !== 'number' || typeof error.message !== 'string') throw outageOf(host, method, http)
    if (error.code === RPC_ERROR.inWarmup) throw operating('node-warming-up', `${host} is starting: ${error.message}`)
    if (!errors.includes(error.code)) throw refused(method, { code: error.code, message: error.message })
    return { ok: false, code: error.code, message: error.message }
  }
  if (http.status !== 200 || envelope.id !== id) throw outageOf(host, method, http)
  const result = shape.safeParse(envelope.result)
  if (result.success) return { ok: true, result: result.data }
  const [issue] = result.error.issues
  const where = issue ? `${issue.path.join('.')}: ${issue.message}` : 'unknown shape'
  throw operating('node-malformed', `${host} answered ${method} with something else than it should (${where})`)
}

/** The port's fault, with the node's name; a lost answer to a question is an outage like any other. */
function unanswered(host: string, method: string, cause: unknown): Fault {
  const why = cause instanceof Fault ? cause.message : String(cause)
  return cause instanceof Fault && cause.type === 'operating'
    ? operating('node-unreachable', `cannot reach ${host}: ${why}`, cause)
    : operating('node-silent', `${host} did not answer ${method}: ${why}`, cause)
}

interface Credentials {
  /** The header's value, or null where none is configured. */
  current(): Promise<string | null>
  /** Reads them anew; false when they cannot have changed. */
  renew(): boolean
}

function credentialsOf(access: NodeAccess, disk: Disk): Credentials {
  const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`
  const { username, password, cookieFile } = access
  if (username !== undefined) {
    const value = basic(`${username}:${password ?? ''}`)
    return { current: async () => value, renew: () => false }
  }
  if (cookieFile === undefined) return { current: async () => null, renew: () => false }
  let cached: string | null = null
  return {
    current: async () => (cached ??= basic(await readCookie(disk, cookieFile))),
    renew: () => {
      cached = null
      return true
    },
  }
}

/**
 * One node's RPC. Rejects with operating faults only; their text says what to do and never holds a credential.
 */
export function createRpc(access: NodeAccess, request: Request, disk: Disk): Rpc {
  const host = hostOf(access.url)
  const base = access.url.replace(/\/+$/, '')
  const credentials = credentialsOf(access, disk)
  let lastId = 0

  async function send(
    name: string,
    call: Pick<HttpCall, 'method' | 'url' | 'body'>,
    timeoutMs = RPC_TIMEOUT_MS,
  ): Promise<HttpResult> {
    const authorization = await credentials.current()
    const headers: Record<string, string> = {
      'content-type': 'application/json',
      ...(authorization === null ? {} : { authorization }),
    }
    try {
      return await request({ ...call, headers, timeoutMs, maximumBytes: RPC_MAXIMUM_BYTES })
    } catch (cause) {
      throw unanswered(host, name, cause)
    }
  }

  async function post(
    { method, params }: Pick<Question<unknown>, 'method' | 'params'>,
    timeoutMs: number,
  ): Promise<{ id: number; http: HttpResult }> {
    const id = ++lastId
    const body = new TextEncoder().encode(JSON.stringify({ jsonrpc: '1.0', id, method, params }))
    const once = () => send(method, { method: 'POST', url: `${base}/`, body }, timeoutMs)
    const http = await once()
    // A restarted node has written a new cookie.
    return { id, http: http.status === 401 && credentials.renew() ? await once() : http }
  }

  const askSlowly: Rpc['askSlowly'] = async (timeoutMs, shape, errors, method, ...params) => {
    const { id, http } = await post({ method, params }, timeoutMs)
    return read(host, { shape, errors, method }, id, http)
  }

  const ask: Rpc['ask'] = (shape, errors, method, ...params) =>
    askSlowly(RPC_TIMEOUT_MS, shape, errors, method, ...params)

  const call: Rpc['call'] = async (shape, method, ...params) => {
    const answer = await ask(shape, [], method, ...params)
    if (answer.ok) return answer.result
    throw refused(method, answer)
  }

  const list: Rpc['list'] = async (method, ...params) => {
    const { id, http } = await post({ method, params }, RPC_TIMEOUT_MS)
    const [start, end] = [http.body.indexOf(OPENING_BRACKET) + 1, http.body.lastIndexOf(CLOSING_BRACKET)]
    const envelope = Buffer.concat([http.body.subarray(0, start), http.body.subarray(Math.max(start, end))])
    read(host, { shape: emptyList, errors: [], method }, id, { ...http, body: envelope })
    return http.body.subarray(start, end)
  }

  return { ask, askSlowly, call, list, get: path => send(path, { method: 'GET', url: base + path, body: null }) }
}
