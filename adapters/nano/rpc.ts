/**
 * The RPC of one node of the family. Every answer is HTTP 200, errors too, so what an answer is stands in its body (N9); an error that
 * the question does not expect is an outage, never an empty result (A5). https://docs.nano.org/commands/rpc-protocol/
 */
import { z } from 'zod'
import type { Fault } from '../../src/kernel/fault.ts'
import type { Request } from '../../src/kernel/ports.ts'
import { createJsonNode, type JsonNodeAccess } from '../json-node.ts'

/** What the node answered: a result, or one of the errors that are an answer to this question. */
export type Answer<Result> = { ok: true; result: Result } | { ok: false; error: string }

/** The arguments of an action; numbers and booleans as the node wants them: as text. */
export type Arguments = Readonly<Record<string, string | readonly string[] | object>>

/** Actions are named and answered as the node's documentation has them. */
export interface Rpc {
  /** `expected`: the errors that are answers. Any other rejects with an operating fault, as does everything that is no proper answer. */
  ask<Result>(
    shape: z.ZodType<Result>,
    expected: readonly string[],
    action: string,
    options?: Arguments,
  ): Promise<Answer<Result>>
  /** As `ask`, for what may take the node longer: work. */
  askSlowly<Result>(
    timeoutMs: number,
    shape: z.ZodType<Result>,
    expected: readonly string[],
    action: string,
    options?: Arguments,
  ): Promise<Answer<Result>>
  /** The result; no error is an answer. */
  call<Result>(shape: z.ZodType<Result>, action: string, options?: Arguments): Promise<Result>
}

/** As the node says them. Sources: nano_node's `nano/lib/errors.cpp`. */
export const RPC_ERROR = {
  accountNotFound: 'Account not found',
  blockNotFound: 'Block not found',
} as const

const RPC_TIMEOUT_MS = 30_000
const OK_STATUS = 200

const failureShape = z.looseObject({ error: z.string() })
const answerShape = z.looseObject({})

/** One node's RPC. Rejects with operating faults only; their text says what to do and never holds a credential. */
export function createRpc(access: JsonNodeAccess, request: Request): Rpc {
  const node = createJsonNode(access, request)

  const malformed = (action: string, { issues: [issue] }: z.ZodError): Fault =>
    node.malformed(action, issue === undefined ? 'unknown shape' : `${issue.path.join('.')}: ${issue.message}`)

  const askSlowly: Rpc['askSlowly'] = async (timeoutMs, shape, expected, action, options = {}) => {
    const http = await node.post(action, { action, ...options }, timeoutMs)
    const body = node.parse(http)
    if (http.status !== OK_STATUS || !answerShape.safeParse(body).success) throw node.outage(action, http)
    const failure = failureShape.safeParse(body)
    if (failure.success) {
      const { error } = failure.data
      if (!expected.includes(error)) throw node.refused(action, error)
      return { ok: false, error }
    }
    const result = shape.safeParse(body)
    if (!result.success) throw malformed(action, result.error)
    return { ok: true, result: result.data }
  }

  const ask: Rpc['ask'] = (shape, expected, action, options) =>
    askSlowly(RPC_TIMEOUT_MS, shape, expected, action, options)

  const call: Rpc['call'] = async (shape, action, options) => {
    const answer = await ask(shape, [], action, options)
    if (answer.ok) return answer.result
    throw node.refused(action, answer.error)
  }

  return { ask, askSlowly, call }
}
