/** Transfers and their attempts: what was built, signed and sent. */
import type { Unreplaceable } from '../../../adapters/adapter.ts'
import { attemptId, nameOf, transferId, type IdOf } from '../../../machines/ids.ts'
import { type InstanceOf, stateOf } from '../../kernel/entry.ts'
import { boundary } from '../../kernel/fault.ts'
import { defineRoute, type Route } from '../../http/route.ts'
import { chainPolicy, findOrThrow, scaleOf, type ApiContext } from '../api-context.ts'
import { paidElsewhere } from '../../orchestrator/routes/recovery.ts'
import { replacementFor } from '../../orchestrator/routes/replacing.ts'
import { viewOf } from '../../orchestrator/routes/view.ts'
import { healthOf } from '../health.ts'
import { signerTerms } from '../signer-client.ts'
import { describePage } from '../pages.ts'
import { describe, describeAttempt, describeHistory } from '../resources.ts'
import { listQuery } from '../filters.ts'
import { pageOf, reasonBody, replacementBody, transferQuery, transferSchema } from '../schemas.ts'

/** Reading a large template takes a while: only for who asks. */
function decode(api: ApiContext, { context: { chain, template } }: InstanceOf<'attempt'>) {
  const { inputs, outputs, fee, feeRate } = chainPolicy(api, chain).signable.inspect(template)
  return { decoded: { inputs, outputs, fee, feeRate } }
}

async function describeWhole(
  api: ApiContext,
  transfer: InstanceOf<'transfer'>,
  isDecoded = false,
): Promise<Record<string, unknown>> {
  const { attempts: count } = transfer.context
  const ids = Array.from({ length: count }, (_, i) => attemptId(transfer.id, i + 1))
  const attempts = await Promise.all(ids.map(id => findOrThrow(api, id)))
  const history = describeHistory(await api.store.history(transfer))
  const shown = attempts.map(attempt => ({ ...describeAttempt(attempt), ...(isDecoded && decode(api, attempt)) }))
  return { ...describe(transfer, scaleOf(api)), attempts: shown, history }
}

const listTransfers = (api: ApiContext) =>
  defineRoute({
    method: 'GET',
    path: '/v1/transfers',
    summary: 'Transfers, by last change; each with its attempts when asked for alone',
    access: 'read',
    query: listQuery(api, 'transfer'),
    answers: { 200: pageOf(transferSchema) },
    async handle({ query }) {
      const page = await api.store.list({ kind: 'transfer', ...query })
      return { status: 200, body: describePage(page, scaleOf(api)) }
    },
  })

const getTransfer = (api: ApiContext) =>
  defineRoute({
    method: 'GET',
    path: '/v1/transfers/{id}',
    summary: 'One transfer with its attempts and its history; with `decoded` also what its transactions do',
    access: 'read',
    query: transferQuery,
    answers: { 200: transferSchema },
    async handle({ params, query: { decoded } }) {
      const transfer = await findOrThrow(api, transferId(params.id!))
      return { status: 200, body: await describeWhole(api, transfer, decoded === 'true') }
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
      const others = paidElsewhere(orchestrator.memory, transfer)
      if (others.length > 0)
        throw boundary(
          'conflict',
          `${others.map(nameOf).join(', ')} would be paid twice, or has ended without this transfer`,
        )
      await orchestrator.dispatch({ type: 'transfer.resumed', at: clock.now(), data: { id, reason: body.reason } })
      return { status: 200, body: await describeWhole(api, await findOrThrow(api, id)) }
    },
  })

/** What refuses it, by why there is no replacement. */
const KINDS = {
  low: 'conflict',
  cap: 'fee-over-cap',
  funds: 'insufficient-funds',
  bound: 'not-replaceable',
} as const satisfies Record<Unreplaceable['kind'], string>

/** Throws the boundary fault that refuses it, by what is known without asking the node: the plan is made when that has been asked. */
function checkReplacement(
  { orchestrator, policies, health, clock }: ApiContext,
  id: IdOf<'transfer'>,
  feeRate: number,
): void {
  const { memory } = orchestrator
  const transfer = memory.get(id)
  if (transfer === undefined) throw boundary('conflict', 'the transfer has ended')
  const { chain, askedRate } = transfer.context
  if (askedRate !== null && feeRate < askedRate)
    throw boundary('conflict', `a fee rate of ${askedRate} was asked for: a lower one is refused`)
  if (stateOf(transfer) !== 'underway') throw boundary('conflict', `the transfer is ${stateOf(transfer)}`)
  const view = viewOf(policies, memory, chain, clock.now())
  const terms = { facts: null, ...signerTerms(healthOf(health, chain).rules, view.policy.asset) }
  const judged = replacementFor(view, transfer, feeRate, terms)
  if ('kind' in judged) throw boundary(KINDS[judged.kind], judged.reason)
}

const replaceTransfer = (api: ApiContext) =>
  defineRoute({
    method: 'PUT',
    path: '/v1/transfers/{id}/replacement',
    summary: 'A person has a transfer that is in no block replaced by one of the same payments with a higher fee rate',
    access: 'write',
    body: replacementBody,
    answers: { 200: transferSchema, 201: transferSchema },
    async handle({ params, body: { feeRate } }) {
      const { orchestrator, clock } = api
      const { id, context } = await findOrThrow(api, transferId(params.id!))
      const isSame = context.askedRate === feeRate
      if (!isSame) {
        chainPolicy(api, context.chain)
        checkReplacement(api, id, feeRate)
        await orchestrator.dispatch({ type: 'replacement.requested', at: clock.now(), data: { id, feeRate } })
      }
      const status = isSame || context.askedRate !== null ? 200 : 201
      return { status, body: await describeWhole(api, await findOrThrow(api, id)) }
    },
  })

export const transferRoutes = (api: ApiContext): Route[] => [
  listTransfers(api),
  getTransfer(api),
  resumeTransfer(api),
  replaceTransfer(api),
]
