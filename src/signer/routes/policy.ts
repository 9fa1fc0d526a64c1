/** What a watcher may know beforehand, so that it asks for nothing that would be refused. Deciding stays here. */
import { z } from 'zod'
import { defineRoute } from '../../http/route.ts'
import { amountSchema, publicKeySchema } from '../../http/schemas.ts'
import { chainOf, type RouteContext } from '../route-context.ts'

const thresholdSchema = z.object({
  above: amountSchema,
  approvals: z.int(),
  chain: z.string().optional(),
  asset: z.string().optional(),
})
const rulesSchema = z.object({
  chain: z.string(),
  authorisation: z
    .object({ keys: z.array(publicKeySchema), approvals: z.union([z.int(), z.array(thresholdSchema)]) })
    .nullable()
    .describe('Null when none is required'),
  perTransaction: amountSchema.nullable(),
  perDay: amountSchema.nullable(),
})

export const rulesRoute = (parts: RouteContext) =>
  defineRoute({
    method: 'GET',
    path: '/v1/chains/{chain}/policy',
    summary: 'Whose approval a payment needs, and what it may cost',
    access: 'read',
    answers: { 200: rulesSchema },
    handle({ params }) {
      const { name, policy } = chainOf(parts, params.chain!)
      const { perTransaction = null, perDay = null } = policy
      return { status: 200, body: { chain: name, authorisation: parts.authority, perTransaction, perDay } }
    },
  })
