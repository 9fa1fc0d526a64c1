/** What a backend wants to know before it asks for a withdrawal: what it would cost, and whether the destination can be paid. */
import { defineRoute, type Route } from '../../http/route.ts'
import type { LiveMemory } from '../../orchestrator/memory.ts'
import { chainPolicy, type ApiContext } from '../api-context.ts'
import { destinationQuery } from '../filters.ts'
import { destinationSchema, feesSchema } from '../schemas.ts'

const getFees = (api: ApiContext) =>
  defineRoute({
    method: 'GET',
    path: '/v1/chains/{chain}/fees',
    summary: 'What a withdrawal would cost now, and the rates that are taken by priority',
    access: 'read',
    answers: { 200: feesSchema },
    async handle({ params }) {
      const { name, asset } = chainPolicy(api, params.chain!)
      const quote = await api.quote(name)
      return { status: 200, body: { chain: name, asset, decimals: api.decimals(name, asset), ...quote } }
    },
  })

const isOurs = (memory: LiveMemory, chain: string, address: string): boolean =>
  memory.list('address', chain).some(({ context }) => context.address === address)

/** By the function that a withdrawal's destination is checked with. What only the chain itself knows is found out when it is paid. */
const getDestination = (api: ApiContext) =>
  defineRoute({
    method: 'GET',
    path: '/v1/chains/{chain}/destinations/{to}',
    summary: 'Whether a destination can be paid, in which form, and whether it is one of ours',
    access: 'read',
    texts: ['to'],
    query: destinationQuery,
    answers: { 200: destinationSchema },
    async handle({ params, query: { dataField = null } }) {
      const { name: chain, planner } = chainPolicy(api, params.chain!)
      const to = params.to!
      const found = planner.destination(to, dataField)
      const what = { chain, to, dataField }
      if ('refused' in found)
        return { status: 200, body: { ...what, valid: false, canonical: null, reason: found.refused, ours: false } }
      const { canonical } = found
      const ours = isOurs(api.orchestrator.memory, chain, canonical)
      await api.store.settled()
      return { status: 200, body: { ...what, valid: true, canonical, reason: null, ours } }
    },
  })

export const payableRoutes = (api: ApiContext): Route[] => [getFees(api), getDestination(api)]
