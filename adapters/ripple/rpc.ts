/**
 * JSON-RPC with one server of the XRP Ledger: rippled, or Clio in front of one. Only a definite answer is one: a server that cannot
 * answer properly is an outage, never an empty result (A5), and so is an error that the question does not expect.
 * https://xrpl.org/docs/references/http-websocket-apis/api-conventions
 */
import { z } from 'zod'
import type { HttpResult, Request } from '../../src/kernel/ports.ts'
import { Fault, operating } from '../../src/kernel/fault.ts'

/** How to reach the server. */
export interface NodeAccess {
  url: string
  username?: string
  password?: string
}

/** An error as the server names it (`actNotFound`), with all that it says beside. */
export interface RpcError {
  name: string
  message: string
  detail: unknown
}

/** What the server answered: a result, or one of the errors that are an answer to this question. */
export type Answer<Result> = { ok: true; result: Result } | { ok: false; error: RpcError }

/** One method with one object of parameters. */
export interface Rpc {
  /** `errors`: the names that are answers to this question. Any other rejects with an operating fault, as does what is no proper answer. */
  ask<Result>(
    shape: z.ZodType<Result>,
    errors: readonly string[],
    method: string,
    params?: object,
  ): Promise<Answer<Result>>
  /** The result; no error is an answer. */
  call<Result>(shape: z.ZodType<Result>, method: string, params?: object): Promise<Result>
}

/** The shapes of answers differ between versions: this one is asked for, and those of version 1 are read too (X13). */
const API_VERSION = 2
const RPC_TIMEOUT_MS = 30_000
/** A full ledger with its transactions and what each has changed stays below this. */
const RPC_MAXIMUM_BYTES = 64 * 1024 * 1024
const EXCERPT_CHARACTERS = 80

const envelopeShape = z.object({
  result: z.looseObject({
    error: z.string().optional(),
    error_message: z.string().optional(),
    error_exception: z.string().optional(),
    warnings: z.array(z.unknown()).optional(),
  }),
  /** Clio says them here. */
  warnings: z.array(z.unknown()).optional(),
})

const excerpt = (text: string): string =>
  JSON.stringify(text.length > EXCERPT_CHARACTERS ? `${text.slice(0, EXCERPT_CHARACTERS)}…` : text)

/** Never with the credentials that a URL may carry. */
const hostOf = (url: string): string => /^[a-z]+:\/\/(?:[^@/]*@)?([^/?#]+)/i.exec(url)?.[1] ?? 'the configured url'

function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    return null
  }
}

/** Of an answer that is a web server's and not the ledger's. */
function outageOf(host: string, method: string, { status, body }: HttpResult): Fault {
  const text = new TextDecoder().decode(body.subarray(0, EXCERPT_CHARACTERS * 4)).trim()
  if (status === 401 || status === 403)
    return operating('node-credentials', `${host} refused us (${status}): check the url, username and password`)
  if (status === 429 || status === 503)
    return operating(
      'node-busy',
      `${host} has no room for ${method} (${status}): poll less often, or use your own server`,
    )
  const said = text === '' ? 'nothing else' : `no answer of a ledger's server: ${excerpt(text)}; is its url right?`
  return operating('node-malformed', `${host} answered ${method} with status ${status} and ${said}`)
}

/** Errors that name their remedy; any other is said as it came. */
const REMEDIES: Readonly<Record<string, string>> = {
  amendmentBlocked: 'it does not know an amendment that the network has: update it',
  invalid_API_version: 'it is older than rippled 2.0 and Clio 2.0: update it',
  slowDown: 'it has no room for us: poll less often, or use your own server',
  tooBusy: 'it is too busy: poll less often, or use your own server',
  noNetwork: 'it is not in sync with its network',
  noCurrent: 'it is not in sync with its network',
  noClosed: 'it is not in sync with its network',
  notSynced: 'it is not in sync with its network',
  notReady: 'it is starting',
}

function refusedBy(host: string, method: string, { name, message }: RpcError): Fault {
  const remedy = Object.hasOwn(REMEDIES, name) ? `: ${REMEDIES[name]!}` : ''
  return operating('node-refused', `${host} answered ${method} with ${name} (${message})${remedy}`)
}

/** One server's JSON-RPC. Rejects with operating faults only; their text says what to do and never holds a credential. */
export function createRpc({ url, username, password }: NodeAccess, request: Request): Rpc {
  const host = hostOf(url)
  const basic = `Basic ${Buffer.from(`${username ?? ''}:${password ?? ''}`).toString('base64')}`
  const authorization = username === undefined ? {} : { authorization: basic }
  const headers = { 'content-type': 'application/json', ...authorization }

  async function send(method: string, params: object): Promise<HttpResult> {
    const asked = { method, params: [{ ...params, api_version: API_VERSION }] }
    const body = new TextEncoder().encode(JSON.stringify(asked))
    const limits = { timeoutMs: RPC_TIMEOUT_MS, maximumBytes: RPC_MAXIMUM_BYTES }
    try {
      return await request({ method: 'POST', url, headers, body, ...limits })
    } catch (cause) {
      const why = cause instanceof Fault ? cause.message : String(cause)
      throw cause instanceof Fault && cause.type === 'operating'
        ? operating('node-unreachable', `cannot reach ${host}: ${why}`, cause)
        : operating('node-silent', `${host} did not answer ${method}: ${why}`, cause)
    }
  }

  const ask: Rpc['ask'] = async (shape, errors, method, params = {}) => {
    const http = await send(method, params)
    const envelope = http.status === 200 ? envelopeShape.safeParse(parsed(http.body)).data : undefined
    if (envelope === undefined) throw outageOf(host, method, http)
    const { error: name, error_message, error_exception, warnings = [] } = envelope.result
    if (name !== undefined) {
      const error = { name, message: error_message ?? error_exception ?? 'no words', detail: envelope.result }
      if (!errors.includes(name)) throw refusedBy(host, method, error)
      return { ok: false, error }
    }
    const result = shape.safeParse({ ...envelope.result, warnings: [...warnings, ...(envelope.warnings ?? [])] })
    if (result.success) return { ok: true, result: result.data }
    const [issue] = result.error.issues
    const where = issue === undefined ? 'unknown shape' : `${issue.path.join('.')}: ${issue.message}`
    throw operating('node-malformed', `${host} answered ${method} with something else than it should (${where})`)
  }

  const call: Rpc['call'] = async (shape, method, params) => {
    const answer = await ask(shape, [], method, params)
    if (answer.ok) return answer.result
    throw refusedBy(host, method, answer.error)
  }

  return { ask, call }
}
