/** The signer's HTTP API. There is no route that signs given bytes or a given digest (S4). */
import { z } from 'zod'
import { boundary } from '../../kernel/fault.ts'
import type { Json } from '../../../machines/vocabulary.ts'
import type { HttpAnswer } from '../../http.ts'
import { problem } from '../../http/problem.ts'
import { defineRoute, type Route } from '../../http/route.ts'
import {
  countSchema,
  limitSchema,
  nameSchema,
  positiveAmountSchema,
  publicKeySchema,
  signatureSchema,
  timeSchema,
} from '../../http/schemas.ts'
import type { Instance } from '../../kernel/entry.ts'
import { attemptId, describeAttempt } from '../signing/attempts.ts'
import { transfersRoute } from './transfers.ts'
import { chainOf, type RouteContext } from '../route-context.ts'
import { MAXIMUM_POOL, type Listed } from '../keys/pool.ts'
import { contextOf } from '../memory/records.ts'
import { rulesRoute } from './policy.ts'
import { voidRoute, withdrawalRoute } from './withdrawals.ts'

/** Withdrawals of one transaction. */
const MAXIMUM_INTENTS = 1000
const MAXIMUM_AUTHORISATIONS = 100
const MAXIMUM_ATTEMPTS = 10_000
const MAXIMUM_TEXT = 256
const intentSchema = z.strictObject({
  id: nameSchema,
  chain: z.string().max(MAXIMUM_TEXT),
  asset: z.string().max(MAXIMUM_TEXT),
  to: z.string().max(MAXIMUM_TEXT),
  dataField: z.string().max(MAXIMUM_TEXT).nullable().default(null),
  amount: positiveAmountSchema,
  expiresAt: timeSchema.nullable().default(null),
  round: z.int().min(1).default(1),
  authorisations: z
    .array(z.strictObject({ key: publicKeySchema, signature: signatureSchema }))
    .max(MAXIMUM_AUTHORISATIONS)
    .default([]),
})
const attemptSchema = z.strictObject({
  template: z.record(z.string(), z.unknown()).describe("The unsigned transaction, in the family's portable form"),
  intents: z.array(intentSchema).max(MAXIMUM_INTENTS),
})
const poolSchema = z.strictObject({ size: z.int().min(1).max(MAXIMUM_POOL) })
const anything = z.looseObject({})

export function signerRoutes(parts: RouteContext): Route[] {
  return [
    identityRoute(parts),
    growRoute(parts),
    addressesRoute(parts),
    rulesRoute(parts),
    signRoute(parts),
    attemptRoute(parts),
    transfersRoute(parts),
    withdrawalRoute(parts),
    voidRoute(parts),
    healthRoute(parts),
    metricsRoute(parts),
  ]
}

const identityRoute = ({ identity }: RouteContext) =>
  defineRoute({
    method: 'GET',
    path: '/v1/identity',
    summary: "The signer's Ed25519 attestation key",
    access: 'read',
    answers: { 200: z.object({ key: publicKeySchema }) },
    handle: () => ({ status: 200, body: { key: identity.key } }),
  })

const growRoute = (parts: RouteContext) =>
  defineRoute({
    method: 'PUT',
    path: '/v1/chains/{chain}/address-pool',
    summary: 'Makes sure that at least so many addresses exist; never fewer than before',
    access: 'write',
    body: poolSchema,
    answers: { 200: poolSchema, 201: poolSchema },
    async handle({ params, body }) {
      const { name, pool } = chainOf(parts, params.chain!)
      const isFirst = pool.size() === 0
      await pool.grow(body.size)
      await parts.memory.settled()
      return { status: isFirst ? 201 : 200, body: { chain: name, size: pool.size() } }
    },
  })

const addressesRoute = (parts: RouteContext) =>
  defineRoute({
    method: 'GET',
    path: '/v1/chains/{chain}/addresses',
    summary: 'Addresses by index, each attested; index 0 is the treasury',
    access: 'read',
    query: z.strictObject({ from: countSchema.default(0), limit: limitSchema }),
    answers: { 200: z.array(anything) },
    async handle({ params, query }) {
      const { name, pool } = chainOf(parts, params.chain!)
      await parts.memory.settled()
      return { status: 200, body: pool.list(query.from, query.limit).map(address => attested(parts, name, address)) }
    },
  })

function attested({ identity }: RouteContext, chain: string, { createdAt, ...derived }: Listed) {
  const { address, dataField, index } = derived
  const attestation = identity.attest({ chain, address, dataField, index })
  return { ...derived, createdAt: new Date(createdAt).toISOString(), attestation }
}

const ATTEMPT = '/v1/chains/{chain}/transfers/{transferId}/attempts/{n}'

/** No colon: it separates the parts of an instance's id. */
function attemptOf(params: Record<string, string>): { transferId: string; n: number } {
  const transferId = params.transferId!
  if (transferId.includes(':')) throw boundary('invalid-name', "a transfer's id holds no colon")
  const n = /^[1-9]\d{0,4}$/.test(params.n!) ? Number(params.n) : 0
  if (n < 1 || n > MAXIMUM_ATTEMPTS) throw boundary('invalid-name', `attempts count from 1 to ${MAXIMUM_ATTEMPTS}`)
  return { transferId, n }
}

const signRoute = (parts: RouteContext) =>
  defineRoute({
    method: 'PUT',
    path: ATTEMPT,
    summary: 'Decodes, judges and signs a template, once and for ever',
    access: 'write',
    body: attemptSchema,
    answers: { 200: anything, 202: anything, 403: anything, 409: anything },
    async handle({ params, body }) {
      const chain = chainOf(parts, params.chain!)
      const asked = { ...attemptOf(params), template: body.template as Json, intents: body.intents }
      return signAnswer(await parts.attempts.sign(chain, asked))
    },
  })

function signAnswer(instance: Instance): HttpAnswer {
  const { reasons, missing, signed, spendKeys } = contextOf(instance)
  if (signed !== null) {
    const { transactionId, raw } = signed
    return { status: 200, body: { state: 'signed', transactionId, signedTransaction: raw, spendKeys } }
  }
  if (instance.value === 'awaitingApproval') return { status: 202, body: { state: 'awaitingApproval', missing } }
  const detail = reasons.map(({ message }) => message).join('; ')
  return problem('refused', detail, { state: 'refused', reasons })
}

const attemptRoute = (parts: RouteContext) =>
  defineRoute({
    method: 'GET',
    path: ATTEMPT,
    summary: 'The attempt as it is stored',
    access: 'read',
    answers: { 200: anything },
    async handle({ params }) {
      const { name } = chainOf(parts, params.chain!)
      const { transferId, n } = attemptOf(params)
      const stored = await parts.attempts.read(attemptId(name, transferId, n))
      if (stored === null) throw boundary('not-found', 'nobody has asked for this attempt')
      return { status: 200, body: describeAttempt(stored) }
    },
  })

const healthRoute = ({ memory }: RouteContext) =>
  defineRoute({
    method: 'GET',
    path: '/healthz',
    summary: 'Whether the signer serves and its memory can be written',
    access: 'public',
    answers: { 200: z.object({ status: z.string() }) },
    async handle() {
      await memory.settled()
      return { status: 200, body: { status: 'ok' } }
    },
  })

const metricsRoute = ({ chains, memory }: RouteContext) =>
  defineRoute({
    method: 'GET',
    path: '/metrics',
    summary: 'Prometheus',
    access: 'public',
    answers: { 200: z.string() },
    handle() {
      const signed = memory.records.counts()
      const lines = [
        '# HELP lockkeeper_signer_memory_sequence Durable transitions of the memory.',
        '# TYPE lockkeeper_signer_memory_sequence gauge',
        `lockkeeper_signer_memory_sequence ${memory.position().sequence}`,
        '# HELP lockkeeper_signer_addresses Addresses made.',
        '# TYPE lockkeeper_signer_addresses gauge',
        ...[...chains.values()].map(({ name, pool }) => `lockkeeper_signer_addresses{chain="${name}"} ${pool.size()}`),
        '# HELP lockkeeper_signer_signed_total Attempts signed.',
        '# TYPE lockkeeper_signer_signed_total counter',
        ...[...chains.keys()].map(name => `lockkeeper_signer_signed_total{chain="${name}"} ${signed.get(name) ?? 0}`),
      ]
      const headers = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }
      return { status: 200, headers, body: `${lines.join('\n')}\n` }
    },
  })
