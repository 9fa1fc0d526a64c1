/** Finding instances by what a person has in his hands: an id, an address, a reference, a transaction, a block, a state. */
import { kindOf, nameOf } from '../../../machines/ids.ts'
import { defineRoute, type Route } from '../../http/route.ts'
import type { LiveMemory } from '../../orchestrator/memory.ts'
import type { ApiContext } from '../api-context.ts'
import { hitOf, type Hit } from '../search/hits.ts'
import { searchQuery, searchSchema } from '../schemas.ts'

const MAXIMUM_HITS = 20

const describeHit = ({ id, ...hit }: Hit) => ({ kind: kindOf(id), id: nameOf(id), ...hit })

/** `refused`, `attempt/refused`: the live instances in such a state, the latest first. */
function inState(memory: LiveMemory, text: string): Hit[] {
  const wanted = text.trim().toLowerCase()
  const lists = memory.counts().filter(({ kind, state, count }) => {
    const name = state.toLowerCase()
    return count > 0 && (wanted === name || wanted === `${kind}/${name}`)
  })
  const some = { after: 0, limit: MAXIMUM_HITS }
  const latest = lists.flatMap(({ kind, chain, state }) => memory.latest(kind, { chain, state, ...some }))
  return latest
    .sort((a, b) => b.seq - a.seq)
    .slice(0, MAXIMUM_HITS)
    .map(hitOf)
}

/** Nothing is shown before it is durable: what memory holds is read at once, and answered when its commits are on disk. */
export const searchRoute = (api: ApiContext): Route =>
  defineRoute({
    method: 'GET',
    path: '/v1/search',
    summary: 'Instances with this id, address, reference, transaction id or block hash, or in this state',
    access: 'read',
    query: searchQuery,
    answers: { 200: searchSchema },
    async handle({ query: { q } }) {
      const { search, store, orchestrator } = api
      const found = [...inState(orchestrator.memory, q), ...(await search.find(q, MAXIMUM_HITS))]
      await store.settled()
      return { status: 200, body: { items: found.slice(0, MAXIMUM_HITS).map(describeHit) } }
    },
  })
