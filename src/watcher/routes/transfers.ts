/** Transfers and their attempts: what was built, signed and sent. */
import { boundary } from '../../kernel/fault.ts'
import type { AttemptContext } from '../../../machines/attempt.ts'
import { attemptId, type TransferContext } from '../../../machines/transfer.ts'
import { defineRoute, type Route } from '../../http/route.ts'
import type { Instance } from '../../kernel/entry.ts'
import { stateOf } from '../../orchestrator/memory.ts'
import { chainPolicy, findOrThrow, type Parts } from '../route-context.ts'
import { describe, describeAttempt, describeHistory } from '../resources.ts'
import { listQuery, pageOf, reasonBody, transferQuery, transferSchema } from '../schemas.ts'

const transferId = (id: string) => `transfer/${id}`

/** Reading a large template takes a while: only for who asks. */
function decode(parts: Parts, { context }: Instance) {
  const { chain, template } = context as unknown as AttemptContext
  const { inputs, outputs, fee, feeRate } = chainPolicy(parts, chain).signable.inspect(template)
  return { decoded: { inputs, outputs, fee, feeRate } }
}

async function describeWhole(parts: Parts, transfer: Instance, isDecoded = false): Promise<Record<string, unknown>> {
  const { attempts: count } = transfer.context as unknown as TransferContext
  const ids = Array.from({ length: count }, (_, i) => attemptId(transfer.id, i + 1))
  const attempts = await Promise.all(ids.map(id => findOrThrow(parts, id)))
  const history = describeHistory(await parts.store.history(transfer))
  const shown = attempts.map(attempt => ({ ...describeAttempt(attempt), ...(isDecoded && decode(parts, attempt)) }))
  return { ...describe(transfer, parts.orchestrator.memory.heights), attempts: shown, history }
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
    summary: 'One transfer with its attempts and its history; with `decoded` also what its transactions do',
    access: 'read',
    query: transferQuery,
    answers: { 200: transferSchema },
    async handle({ params, query: { decoded } }) {
      const transfer = await findOrThrow(parts, transferId(params.id!))
      return { status: 200, body: await describeWhole(parts, transfer, decoded === 'true') }
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
      const { id, ...transfer } = await findOrThrow(parts, transferId(params.id!))
      if (transfer.ended) throw boundary('conflict', `the transfer is ${stateOf({ id, ...transfer })}`)
      await orchestrator.dispatch({ type: 'transfer.resumed', at: clock.now(), data: { id, reason: body.reason } })
      return { status: 200, body: await describeWhole(parts, await findOrThrow(parts, id)) }
    },
  })

export const transferRoutes = (parts: Parts): Route[] => [
  listTransfers(parts),
  getTransfer(parts),
  resumeTransfer(parts),
]
