/**
 * JSON-RPC with one EVM node. Only a definite answer is one: a node that cannot answer properly is an outage, never an empty
 * result (A5), and so is an error that the question does not expect. Codes differ between nodes, so what an error means is said
 * by its code or its text. https://github.com/ethereum/execution-apis
 */
import { z } from 'zod'
import type { Request } from '../../src/kernel/ports.ts'
import { createJsonNode, type JsonNodeAccess } from '../json-node.ts'

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
const METHOD_NOT_FOUND = -32601
const NO_METHOD =
  /method .*(not found|does not exist|not (available|supported|implemented|enabled|whitelisted))|unsupported method/i

/** Whether the node does not have this method, or has it switched off. */
export const isMissingMethod = ({ code, message }: RpcError): boolean =>
  code === METHOD_NOT_FOUND || NO_METHOD.test(message)

/** The state of an old block, which a node keeps only for a while. */
const FORGOTTEN = /missing trie node|state .*(not available|unavailable|pruned)|historical state|state at block|pruned/i

/** Whether the node says that it has thrown away what the question needs. */
export const isForgotten = ({ message }: Pick<RpcError, 'message'>): boolean => FORGOTTEN.test(message)

const envelopeShape = z.object({
  id: z.unknown(),
  result: z.unknown().optional(),
  error: z.object({ code: z.number(), message: z.string(), data: z.unknown().optional() }).nullish(),
})

const wordsOf = ({ code, message }: RpcError): string => `${message} (${code})`

function errorOf(error: { code: number; message: string; data?: unknown }): RpcError {
  const { code, message, data } = error
  return { code, message, data: typeof data === 'string' ? data : undefined }
}

/** One node's RPC. Rejects with operating faults only; their text says what to do and never holds a credential. */
export function createRpc(access: JsonNodeAccess, request: Request): Rpc {
  const node = createJsonNode(access, request)
  let lastId = 0

  const ask: Rpc['ask'] = async (shape, expected, method, ...params) => {
    const id = ++lastId
    const http = await node.post(method, { jsonrpc: '2.0', id, method, params }, RPC_TIMEOUT_MS)
    const envelope = envelopeShape.safeParse(node.parse(http)).data
    if (envelope === undefined) throw node.outage(method, http)
    if (envelope.error !== undefined && envelope.error !== null) {
      const error = errorOf(envelope.error)
      if (!expected(error)) throw node.refused(method, wordsOf(error))
      return { ok: false, error }
    }
    if (http.status !== 200 || envelope.id !== id || envelope.result === undefined) throw node.outage(method, http)
    const result = shape.safeParse(envelope.result)
    if (result.success) return { ok: true, result: result.data }
    const [issue] = result.error.issues
    const where = issue === undefined ? 'unknown shape' : `${issue.path.join('.')}: ${issue.message}`
    throw node.malformed(method, where)
  }

  const call: Rpc['call'] = async (shape, method, ...params) => {
    const answer = await ask(shape, () => false, method, ...params)
    if (answer.ok) return answer.result
    throw node.refused(method, wordsOf(answer.error))
  }

  return { ask, call }
}
