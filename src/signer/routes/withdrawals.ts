/** What the signer has done, and never does again, for one withdrawal. */
import { z } from 'zod'
import { boundary, invariant } from '../../kernel/fault.ts'
import { defineRoute } from '../../http/route.ts'
import { nameSchema, publicKeySchema, signatureSchema } from '../../http/schemas.ts'
import { describeAttempt } from '../signing/attempts.ts'
import type { RouteContext } from '../route-context.ts'
import type { SignedFor } from '../memory/records.ts'

const receiptSchema = z.object({
  chain: z.string(),
  id: nameSchema,
  purpose: z.literal('lockkeeper-void-v1'),
  round: z.int(),
  signed: z.array(z.string()).describe('Ids of the transactions signed before; a refund is safe when there are none'),
  key: publicKeySchema,
  signature: signatureSchema,
})

export const withdrawalRoute = (parts: RouteContext) =>
  defineRoute({
    method: 'GET',
    path: '/v1/withdrawals/{id}',
    summary: 'Everything ever signed or voided for one withdrawal',
    access: 'read',
    answers: { 200: z.looseObject({}) },
    async handle({ params }) {
      const id = params.id!
      const { records } = parts.memory
      const record = records.withdrawal(id)
      const voided = records.voids.of(id)
      const chain = record?.intent.chain ?? voided[0]?.chain
      if (chain === undefined) throw boundary('not-found', `nothing was ever signed or voided for ${id}`)
      const round = records.historyOf(chain).roundOf(id)
      const templates = [...(record?.templates ?? [])]
      const voids = voided.map(each => parts.voids.describe(each))
      await parts.memory.settled()
      const signed = await Promise.all(templates.map(template => signedFor(parts, template)))
      return { status: 200, body: { id, chain, round, intent: record?.intent ?? null, signed, voids } }
    },
  })

async function signedFor({ attempts }: RouteContext, { id, round }: SignedFor) {
  const stored = await attempts.read(id)
  if (stored === null) throw invariant('signing-lost', `${id} was signed and is not stored`)
  return { round, ...describeAttempt(stored) }
}

export const voidRoute = (parts: RouteContext) =>
  defineRoute({
    method: 'PUT',
    path: '/v1/withdrawals/{id}/void',
    summary: 'Forbids any further template up to this round, for ever; answers the same receipt each time',
    access: 'write',
    body: z.strictObject({ chain: nameSchema, round: z.int().min(1).default(1) }),
    answers: { 200: receiptSchema, 201: receiptSchema },
    async handle({ params, body: { chain, round } }) {
      if (!parts.chains.has(chain))
        throw boundary('unknown-chain', `this signer does not sign for a chain named ${chain}`)
      const { receipt, isNew } = await parts.voids.declare(chain, params.id!, round)
      return { status: isNew ? 201 : 200, body: receipt }
    },
  })
