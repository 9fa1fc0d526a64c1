/** Deposits, and what the backend and people say of them. */
import { stateOf } from '../../kernel/entry.ts'
import { depositId } from '../../../machines/ids.ts'
import { boundary } from '../../kernel/fault.ts'
import { defineRoute, type Route } from '../../http/route.ts'
import { findOrThrow, scaleOf, type ApiContext } from '../api-context.ts'
import { describePage } from '../pages.ts'
import { describe, describeHistory } from '../resources.ts'
import { depositsQuery } from '../filters.ts'
import { decisionBody, depositSchema, pageOf } from '../schemas.ts'

const listDeposits = (api: ApiContext) =>
  defineRoute({
    method: 'GET',
    path: '/v1/deposits',
    summary: 'Deposits, by last change',
    access: 'read',
    query: depositsQuery(api),
    answers: { 200: pageOf(depositSchema) },
    async handle({ query }) {
      const page = await api.store.list({ kind: 'deposit', ...query })
      return { status: 200, body: describePage(page, scaleOf(api)) }
    },
  })

const getDeposit = (api: ApiContext) =>
  defineRoute({
    method: 'GET',
    path: '/v1/deposits/{id}',
    summary: 'One deposit with its history',
    access: 'read',
    answers: { 200: depositSchema },
    async handle({ params }) {
      const deposit = await findOrThrow(api, depositId(params.id!))
      const history = describeHistory(await api.store.history(deposit))
      return { status: 200, body: { ...describe(deposit, scaleOf(api)), history } }
    },
  })

/** States in which the backend has acknowledged the credit, and it stands. */
const CREDITED = ['credited', 'final']

const creditDeposit = (api: ApiContext) =>
  defineRoute({
    method: 'PUT',
    path: '/v1/deposits/{id}/credit',
    summary: 'The backend acknowledges a confirmed deposit; repeat at will',
    access: 'write',
    answers: { 200: depositSchema },
    async handle({ params }) {
      const { orchestrator, clock } = api
      const id = depositId(params.id!)
      const before = await findOrThrow(api, id)
      if (!before.ended) await orchestrator.dispatch({ type: 'credit.acknowledged', at: clock.now(), data: { id } })
      const after = await findOrThrow(api, id)
      if (!CREDITED.includes(stateOf(after)))
        throw boundary('not-creditable', `the deposit is ${stateOf(after)}; only a confirmed one can be credited`)
      return { status: 200, body: describe(after, scaleOf(api)) }
    },
  })

const decideDeposit = (api: ApiContext) =>
  defineRoute({
    method: 'PUT',
    path: '/v1/deposits/{id}/decision',
    summary: 'A person decides a quarantined deposit and says why',
    access: 'write',
    body: decisionBody,
    answers: { 200: depositSchema },
    async handle({ params, body: { accept, reference = null, reason } }) {
      const { orchestrator, clock } = api
      const id = depositId(params.id!)
      const before = await findOrThrow(api, id)
      if (stateOf(before) !== 'quarantined')
        throw boundary('conflict', `the deposit is ${stateOf(before)}, not quarantined`)
      await orchestrator.dispatch({ type: 'decision.made', at: clock.now(), data: { id, accept, reference, reason } })
      const after = await findOrThrow(api, id)
      return { status: 200, body: describe(after, scaleOf(api)) }
    },
  })

export const depositRoutes = (api: ApiContext): Route[] => [
  listDeposits(api),
  getDeposit(api),
  creditDeposit(api),
  decideDeposit(api),
]
