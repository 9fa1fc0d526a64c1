/** A small route table with one of everything, as the real ones have it. */
import { z } from 'zod'
import { boundary, invariant, operating } from '../../src/kernel/fault.ts'
import type { Log } from '../../src/kernel/ports.ts'
import { createHandler, type HandlerOptions, type RouteHandler } from '../../src/http/handler.ts'
import { problem } from '../../src/http/problem.ts'
import { defineRoute, type Route } from '../../src/http/route.ts'
import { limitSchema, positiveAmountSchema } from '../../src/http/schemas.ts'

export const WRITE_TOKEN = 'write-token-0123456789'
export const READ_TOKEN = 'read-only-token-0123456789'
export const MAXIMUM_BODY_BYTES = 64 * 1024

export interface Logged {
  level: string
  message: string
  fields: Record<string, unknown> | undefined
}

const withdrawalBody = z.object({
  asset: z.string(),
  amount: positiveAmountSchema,
  dataField: z.string().nullable().default(null),
  note: z.string().min(1).max(8).optional(),
  authorisations: z.array(z.object({ key: z.string() }).strict()).default([]),
})

const row = z.object({
  name: z.string(),
  count: z.int().nullable(),
  parts: z.array(z.string().nullable()),
  history: z.string().optional(),
})

export function tableRoutes(wait: () => Promise<void> = () => Promise.resolve()): Route[] {
  const answers = { 200: z.looseObject({}) }
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/withdrawals/{id}',
      summary: 'One withdrawal',
      access: 'read',
      answers,
      handle: ({ params }) => ({ status: 200, body: { id: params.id } }),
    }),
    defineRoute({
      method: 'PUT',
      path: '/v1/withdrawals/{id}',
      summary: 'Asks for a withdrawal',
      access: 'write',
      body: withdrawalBody,
      answers: { 201: z.looseObject({}) },
      handle: ({ params, body }) => ({ status: 201, body: { id: params.id, ...body } }),
    }),
    defineRoute({
      method: 'PUT',
      path: '/v1/withdrawals/{id}/cancellation',
      summary: 'Voids it',
      access: 'write',
      answers,
      handle: () => problem('already-signed', 'it was signed', { receipt: { signed: ['ab'] } }),
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/deposits',
      summary: 'Deposits',
      access: 'read',
      query: z.object({
        chain: z.string().optional(),
        colour: z.enum(['red', 'green']).optional(),
        limit: limitSchema,
      }),
      answers,
      handle: ({ query }) => ({ status: 200, body: { limit: query.limit } }),
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/rows',
      summary: 'Rows',
      access: 'read',
      answers: { 200: z.object({ items: z.array(row), next: z.int().nullable() }) },
      handle: () => ({
        status: 200,
        body: {
          items: [
            { parts: ['x', null], name: 'a, "b"', count: 1 },
            { name: 'two\nlines', count: null, parts: [] },
          ],
          next: 7,
        },
      }),
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/texts/{text}',
      summary: 'Any text',
      access: 'read',
      texts: ['text'],
      answers,
      handle: ({ params }) => ({ status: 200, body: { text: params.text } }),
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/faults/{id}',
      summary: 'Fails as told',
      access: 'read',
      answers,
      handle: ({ params }) => {
        if (params.id === 'pool') throw boundary('pool-empty', 'no free address yet')
        if (params.id === 'node') throw operating('unreachable', 'the node is down')
        if (params.id === 'invariant') throw invariant('double-reserve', 'a secret of the inside')
        throw new TypeError('a secret of the inside')
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/v1/events',
      summary: 'Waits',
      access: 'read',
      answers,
      handle: async () => {
        await wait()
        return { status: 200, body: { events: [] } }
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/healthz',
      summary: 'Live',
      access: 'public',
      answers: { 200: z.string() },
      handle: () => ({ status: 200, body: 'ok' }),
    }),
  ]
}

export function tableHandler(
  options: { logged?: Logged[]; wait?: () => Promise<void>; more?: Partial<HandlerOptions> } = {},
): RouteHandler {
  const log: Log = (level, message, fields) => options.logged?.push({ level, message, fields })
  const tokens = () => [WRITE_TOKEN, `read:${READ_TOKEN}`]
  return createHandler(tableRoutes(options.wait), {
    tokens,
    maximumBodyBytes: MAXIMUM_BODY_BYTES,
    log,
    ...options.more,
  })
}
