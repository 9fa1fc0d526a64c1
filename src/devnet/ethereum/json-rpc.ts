/** JSON-RPC 2.0 over HTTP as geth serves it (rpc/handler.go, rpc/http.go): single calls, batches, and what is neither. */
import type { HttpAnswer, HttpRequest } from '../../http.ts'
import { CODES, JsonRpcFailure } from './parameters.ts'

/** Answers one call, or throws a `JsonRpcFailure`. */
export type Dispatch = (method: string, params: readonly unknown[]) => unknown

const JSON_TYPE = { 'content-type': 'application/json' }
const BATCH_MAXIMUM = 1000
const BODY_MAXIMUM_BYTES = 5 * 1024 * 1024

interface Call {
  id?: unknown
  method?: unknown
  params?: unknown
}

function failureOf(error: unknown, id: unknown): object {
  if (!(error instanceof JsonRpcFailure)) throw error
  const { code, message, data } = error
  return { jsonrpc: '2.0', id, error: { code, message, ...(data === undefined ? {} : { data }) } }
}

const refusal = (id: unknown, code: number, message: string): object => failureOf(new JsonRpcFailure(code, message), id)

/** Null for a notification, which nobody answers. */
function answerCall(call: unknown, dispatch: Dispatch): object | null {
  const { id, method, params = [] } = Object(call) as Call
  if (typeof method !== 'string') return refusal(id ?? null, CODES.invalidRequest, 'invalid request')
  if (!Array.isArray(params)) return refusal(id ?? null, CODES.invalidParams, 'non-array args')
  try {
    const result = dispatch(method, params) ?? null
    return id === undefined ? null : { jsonrpc: '2.0', id, result }
  } catch (error) {
    const answer = failureOf(error, id ?? null)
    return id === undefined ? null : answer
  }
}

function answerBody(body: unknown, dispatch: Dispatch): object | null {
  if (!Array.isArray(body)) return answerCall(body, dispatch)
  if (body.length === 0) return refusal(null, CODES.invalidRequest, 'empty batch')
  if (body.length > BATCH_MAXIMUM) return refusal(null, CODES.invalidRequest, 'batch too large')
  const answers = body.map(call => answerCall(call, dispatch)).filter(answer => answer !== null)
  return answers.length === 0 ? null : answers
}

function parseBody(bytes: Uint8Array): { value: unknown } | null {
  try {
    return { value: JSON.parse(new TextDecoder().decode(bytes)) as unknown }
  } catch {
    return null
  }
}

const plain = (status: number, message: string): HttpAnswer => ({
  status,
  headers: { 'content-type': 'text/plain; charset=utf-8' },
  body: `${message}\n`,
})

/** Whatever is asked for over HTTP. */
export function answerJsonRpc(request: HttpRequest, dispatch: Dispatch): HttpAnswer {
  if (request.method !== 'POST') return plain(405, 'method not allowed')
  if (request.body.length > BODY_MAXIMUM_BYTES) return plain(413, 'content length too large')
  if (!(request.headers['content-type'] ?? '').startsWith('application/json'))
    return plain(415, 'invalid content type, only application/json is supported')
  const parsed = parseBody(request.body)
  const answer = parsed === null ? refusal(null, CODES.parse, 'parse error') : answerBody(parsed.value, dispatch)
  return answer === null
    ? { status: 200, headers: JSON_TYPE, body: '' }
    : { status: 200, headers: JSON_TYPE, body: `${JSON.stringify(answer)}\n` }
}
