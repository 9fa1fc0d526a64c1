/** Transfers and their attempts: what was built, signed and sent. */
import { attemptId, transferId } from '../../../machines/ids.ts'
import { type InstanceOf, stateOf } from '../../kernel/entry.ts'
import { boundary } from '../../kernel/fault.ts'
import { defineRoute, type Route } from '../../http/route.ts'
import { findOrThrow, type ApiContext } from '../api-context.ts'
import { describePage } from '../pages.ts'
import { describe, describeAttempt, describeHistory } from '../resources.ts'
import { listQuery, pageOf, reasonBody, transferSchema } from '../schemas.ts'

async function describeWhole(api: ApiContext, transfer: InstanceOf<'transfer'>): Promise<Record<string, unknown>> {
  const { attempts: count } = transfer.context
  const ids = Array.from({ length: count }, (_, i) => attemptId(transfer.id, i + 1))
  const attempts = await Promise.all(ids.map(id => findOrThrow(api, id)))
  const history = describeHistory(await api.store.history(transfer))
  return { ...describe(transfer, api.orchestrator.memory.heights), attempts: attempts.map(describeAttempt), history }
}

const listTransfers = (api: ApiContext) =>
  defineRoute({
    method: 'GET',
    path: '/v1/transfers',
    summary: 'Transfers, by last change; each with its attempts when asked for alone',
    access: 'read',
    query: listQuery,
    answers: { 200: pageOf(transferSchema) },
    async handle({ query }) {
      const page = await api.store.list({ kind: 'transfer', ...query })
      return { status: 200, body: describePage(page, api.orchestrator.memory.heights) }
    },
  })

const getTransfer = (api: ApiContext) =>
  defineRoute({
    method: 'GET',
    path: '/v1/transfers/{id}',
    summary: 'One transfer with its attempts and its history',
    access: 'read',
    answers: { 200: transferSchema },
    async handle({ params }) {
      const transfer = await findOrThrow(api, transferId(params.id!))
      return { status: 200, body: await describeWhole(api, transfer) }
    },
  })

const resumeTransfer = (api: ApiContext) =>
  defineRoute({
    method: 'PUT',
    path: '/v1/transfers/{id}/resumption',
    summary: 'A person lets a refused or stuck transfer try again and says why',
    access: 'write',
    body: reasonBody,
    answers: { 200: transferSchema },
    async handle({ params, body }) {
      const { orchestrator, clock } = api
      const transfer = await findOrThrow(api, transferId(params.id!))
      const { id } = transfer
      if (transfer.ended) throw boundary('conflict', `the transfer is ${stateOf(transfer)}`)
      await orchestrator.dispatch({ type: 'transfer.resumed', at: clock.now(), data: { id, reason: body.reason } })
      return { status: 200, body: await describeWhole(api, await findOrThrow(api, id)) }
    },
  })

export const transferRoutes = (api: ApiContext): Route[] => [listTransfers(api), getTransfer(api), resumeTransfer(api)]
