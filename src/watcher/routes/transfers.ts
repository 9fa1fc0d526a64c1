/** Transfers and their attempts: what was built, signed and sent. */
import { attemptId, transferId } from '../../../machines/ids.ts'
import { type InstanceOf, stateOf } from '../../kernel/entry.ts'
import { boundary } from '../../kernel/fault.ts'
import { defineRoute, type Route } from '../../http/route.ts'
import { findOrThrow, type Parts } from '../route-context.ts'
import { describe, describeAttempt, describeHistory } from '../resources.ts'
import { listQuery, pageOf, reasonBody, transferSchema } from '../schemas.ts'

async function describeWhole(parts: Parts, transfer: InstanceOf<'transfer'>): Promise<Record<string, unknown>> {
  const { attempts: count } = transfer.context
  const ids = Array.from({ length: count }, (_, i) => attemptId(transfer.id, i + 1))
  const attempts = await Promise.all(ids.map(id => findOrThrow(parts, id)))
  const history = describeHistory(await parts.store.history(transfer))
  return { ...describe(transfer, parts.orchestrator.memory.heights), attempts: attempts.map(describeAttempt), history }
}

const listTransfers = (parts: Parts) =>
  defineRoute({
    method: 'GET',
    path: '/v1/transfers',
    summary: 'Transfers, by last change; each with its attempts when asked for alone',
    access: 'read',
    query: listQuery,
    answers: { 200: pageOf(transferSchema) },
    async handle({ query }) {
      const { items, next } = await parts.store.list({ kind: 'transfer', ...query })
      const { heights } = parts.orchestrator.memory
      return { status: 200, body: { items: items.map(item => describe(item, heights)), next } }
    },
  })

const getTransfer = (parts: Parts) =>
  defineRoute({
    method: 'GET',
    path: '/v1/transfers/{id}',
    summary: 'One transfer with its attempts and its history',
    access: 'read',
    answers: { 200: transferSchema },
    async handle({ params }) {
      const transfer = await findOrThrow(parts, transferId(params.id!))
      return { status: 200, body: await describeWhole(parts, transfer) }
    },
  })

const resumeTransfer = (parts: Parts) =>
  defineRoute({
    method: 'PUT',
    path: '/v1/transfers/{id}/resumption',
    summary: 'A person lets a refused or stuck transfer try again and says why',
    access: 'write',
    body: reasonBody,
    answers: { 200: transferSchema },
    async handle({ params, body }) {
      const { orchestrator, clock } = parts
      const transfer = await findOrThrow(parts, transferId(params.id!))
      const { id } = transfer
      if (transfer.ended) throw boundary('conflict', `the transfer is ${stateOf(transfer)}`)
      await orchestrator.dispatch({ type: 'transfer.resumed', at: clock.now(), data: { id, reason: body.reason } })
      return { status: 200, body: await describeWhole(parts, await findOrThrow(parts, id)) }
    },
  })

export const transferRoutes = (parts: Parts): Route[] => [
  listTransfers(parts),
  getTransfer(parts),
  resumeTransfer(parts),
]
