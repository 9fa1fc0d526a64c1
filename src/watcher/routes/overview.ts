/** All at a glance, in one answer: what the inspector opens with, and asks again every few seconds. */
import { balancesOf, type Balance } from '../balances.ts'
import { chainPolicy, type ApiContext } from '../api-context.ts'
import { defineRoute, type Route } from '../../http/route.ts'
import { paced } from '../paced.ts'
import { overviewSchema } from '../schemas.ts'
import { describeChain } from './chains.ts'
import { readinessOf } from './meta.ts'

/** How many stand in each state, those that have ended too once the search's index has counted them. */
function countsOf({ orchestrator, search }: ApiContext) {
  const counts = new Map<string, number>()
  for (const { kind, chain, state, count } of orchestrator.memory.counts())
    if (count > 0) counts.set(`${kind}|${chain}|${state}`, count)
  for (const [key, count] of search.endedCounts() ?? []) counts.set(key, (counts.get(key) ?? 0) + count)
  return [...counts].map(([key, count]) => {
    const [kind, chain, state] = key.split('|')
    return { kind, chain, state, count }
  })
}

function throughputOf({ lately }: ApiContext) {
  const known = lately.throughput()
  return known === null ? null : { ...known, until: new Date(known.until).toISOString() }
}

/** What walks over many instances is paced: an open page costs the same small share of a processor, whatever the ledger holds. */
export function overviewRoute(api: ApiContext): Route {
  const balances = new Map<string, () => Balance[]>()
  const balancesIn = (chain: string): Balance[] => {
    const { memory } = api.orchestrator
    const known = balances.get(chain) ?? paced(api.clock, () => balancesOf(memory, chainPolicy(api, chain)))
    balances.set(chain, known)
    return known()
  }
  const readiness = paced(api.clock, () => readinessOf(api))
  const describe = (chain: string) => ({
    ...describeChain(api, chain, balancesIn(chain)),
    blocks: api.lately.blocks(chain),
  })
  return defineRoute({
    method: 'GET',
    path: '/v1/overview',
    summary: 'Where everything stands, in one answer: chains, counts, readiness and the last hour',
    access: 'read',
    answers: { 200: overviewSchema },
    async handle() {
      const { ledgerId, orchestrator, store } = api
      const body = {
        ledgerId,
        seq: orchestrator.memory.seq,
        chains: Object.keys(api.policies).map(describe),
        counts: countsOf(api),
        readiness: readiness(),
        throughput: throughputOf(api),
      }
      await store.settled()
      return { status: 200, body }
    },
  })
}
