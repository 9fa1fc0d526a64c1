/**
 * JSON-RPC with one EVM node. Only a definite answer is one: a node that cannot answer properly is an outage, never an empty
 * result (A5), and so is an error that the question does not expect. Codes differ between nodes, so what an error means is said
 * by its code or its text. https://github.com/ethereum/execution-apis
 */
import { z } from 'zod'
import type { HttpResult, Request } from '../../src/kernel/ports.ts'
import { Fault, operating } from '../../src/kernel/fault.ts'

/** How to reach the node. */
export interface NodeAccess {
  url: string
  username?: string
  password?: string
}

/** An error as the node says it. */
export interface RpcError {
  code: number
  message: string
  /** Revert data and the like; hex, where there is any. */
  data?: string | undefined
}

/** What the node answered: a result, or an error that is an answer to this question. */
export type Answer<Result> = { ok: true; result: Result } | { ok: false; error: RpcError }

/** JSON-RPC 2.0. */
export interface Rpc {
  /** Any error that is not `expected` rejects with an operating fault, as does everything that is no proper answer. */
  ask<Result>(
    shape: z.ZodType<Result>,
    expected: (error: RpcError) => boolean,
    method: string,
    ...params: unknown[]
  ): Promise<Answer<Result>>
  /** The result; no error is an answer. */
  call<Result>(shape: z.ZodType<Result>, method: string, ...params: unknown[]): Promise<Result>
}

const RPC_TIMEOUT_MS = 30_000
/** A full block with its receipts, or its traces, stays below this. */
const RPC_MAXIMUM_BYTES = 64 * 1024 * 1024
const EXCERPT_CHARACTERS = 80
const METHOD_NOT_FOUND = -32601
const NO_METHOD =
  /method .*(not found|does not exist|not (available|supported|implemented|enabled|whitelisted))|unsupported method/i

/** Whether the node does not have this method, or has it switched off. */
export const isMissingMethod = ({ code, message }: RpcError): boolean =>
  code === METHOD_NOT_FOUND || NO_METHOD.test(message)

const envelopeShape = z.object({
  id: z.unknown(),
  result: z.unknown().optional(),
  error: z.object({ code: z.number(), message: z.string(), data: z.unknown().optional() }).nullish(),
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

/** Of an answer that is a web server's and not the node's. */
function outageOf(host: string, method: string, { status, body }: HttpResult): Fault {
  const text = new TextDecoder().decode(body.subarray(0, EXCERPT_CHARACTERS * 4)).trim()
  if (status === 401 || status === 403)
    return operating('node-credentials', `${host} refused us (${status}): check the url, username and password`)
  if (status === 429)
    return operating('node-busy', `${host} has no room for ${method} (429): poll less often, or use a node of your own`)
  const said = text === '' ? 'nothing else' : `no JSON-RPC: ${excerpt(text)}; is its url right?`
  return operating('node-malformed', `${host} answered ${method} with status ${status} and ${said}`)
}

/** For an error that is no answer. */
const refusedBy = (host: string, method: string, { code, message }: RpcError): Fault =>
  operating('node-refused', `${host} answered ${method} with an error: ${message} (${code})`)

function errorOf(error: { code: number; message: string; data?: unknown }): RpcError {
  const { code, message, data } = error
  return { code, message, data: typeof data === 'string' ? data : undefined }
}

/** One node's RPC. Rejects with operating faults only; their text says what to do and never holds a credential. */
export function createRpc({ url, username, password }: NodeAccess, request: Request): Rpc {
  const host = hostOf(url)
  const authorization =
    username === undefined
      ? {}
      : { authorization: `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}` }
  const headers = { 'content-type': 'application/json', ...authorization }
  let lastId = 0

  async function send(method: string, body: Uint8Array): Promise<HttpResult> {
    const call = {
      method: 'POST' as const,
      url,
      headers,
      body,
      timeoutMs: RPC_TIMEOUT_MS,
      maximumBytes: RPC_MAXIMUM_BYTES,
    }
    try {
      return await request(call)
    } catch (cause) {
      const why = cause instanceof Fault ? cause.message : String(cause)
      throw cause instanceof Fault && cause.type === 'operating'
        ? operating('node-unreachable', `cannot reach ${host}: ${why}`, cause)
        : operating('node-silent', `${host} did not answer ${method}: ${why}`, cause)
    }
  }

  const ask: Rpc['ask'] = async (shape, expected, method, ...params) => {
    const id = ++lastId
    const http = await send(method, new TextEncoder().encode(JSON.stringify({ jsonrpc: '2.0', id, method, params })))
    const envelope = envelopeShape.safeParse(parsed(http.body)).data
    if (envelope === undefined) throw outageOf(host, method, http)
    if (envelope.error !== undefined && envelope.error !== null) {
      const error = errorOf(envelope.error)
      if (!expected(error)) throw refusedBy(host, method, error)
      return { ok: false, error }
    }
    if (http.status !== 200 || envelope.id !== id || envelope.result === undefined) throw outageOf(host, method, http)
    const result = shape.safeParse(envelope.result)
    if (result.success) return { ok: true, result: result.data }
    const [issue] = result.error.issues
    const where = issue === undefined ? 'unknown shape' : `${issue.path.join('.')}: ${issue.message}`
    throw operating('node-malformed', `${host} answered ${method} with something else than it should (${where})`)
  }

  const call: Rpc['call'] = async (shape, method, ...params) => {
    const answer = await ask(shape, () => false, method, ...params)
    if (answer.ok) return answer.result
    throw refusedBy(host, method, answer.error)
  }

  return { ask, call }
}
