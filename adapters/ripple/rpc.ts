/**
 * JSON-RPC with one server of the XRP Ledger: rippled, or Clio in front of one. Only a definite answer is one: a server that cannot
 * answer properly is an outage, never an empty result (A5), and so is an error that the question does not expect.
 * https://xrpl.org/docs/references/http-websocket-apis/api-conventions
 */
import { z } from 'zod'
import type { Request } from '../../src/kernel/ports.ts'
import { createJsonNode, type JsonNodeAccess } from '../json-node.ts'

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

/** As it came, with the remedy where there is one. */
function wordsOf({ name, message }: RpcError): string {
  const remedy = Object.hasOwn(REMEDIES, name) ? `: ${REMEDIES[name]!}` : ''
  return `${name} (${message})${remedy}`
}

/** One server's JSON-RPC. Rejects with operating faults only; their text says what to do and never holds a credential. */
export function createRpc(access: JsonNodeAccess, request: Request): Rpc {
  const node = createJsonNode(access, request)

  const ask: Rpc['ask'] = async (shape, errors, method, params = {}) => {
    const asked = { method, params: [{ ...params, api_version: API_VERSION }] }
    const http = await node.post(method, asked, RPC_TIMEOUT_MS)
    const envelope = http.status === 200 ? envelopeShape.safeParse(node.parse(http)).data : undefined
    if (envelope === undefined) throw node.outage(method, http)
    const { error: name, error_message, error_exception, warnings = [] } = envelope.result
    if (name !== undefined) {
      const error = { name, message: error_message ?? error_exception ?? 'no words', detail: envelope.result }
      if (!errors.includes(name)) throw node.refused(method, wordsOf(error))
      return { ok: false, error }
    }
    const result = shape.safeParse({ ...envelope.result, warnings: [...warnings, ...(envelope.warnings ?? [])] })
    if (result.success) return { ok: true, result: result.data }
    const [issue] = result.error.issues
    const where = issue === undefined ? 'unknown shape' : `${issue.path.join('.')}: ${issue.message}`
    throw node.malformed(method, where)
  }

  const call: Rpc['call'] = async (shape, method, params) => {
    const answer = await ask(shape, [], method, params)
    if (answer.ok) return answer.result
    throw node.refused(method, wordsOf(answer.error))
  }

  return { ask, call }
}
