/** The watcher's whole route table, and its description as a file. */
import type { Route } from '../http/route.ts'
import { feedRoute } from './feed.ts'
import type { ApiContext } from './api-context.ts'
import { cancelWithdrawal } from './routes/cancellations.ts'
import { chainRoutes } from './routes/chains.ts'
import { depositRoutes } from './routes/deposits.ts'
import { withMetaRoutes } from './routes/meta.ts'
import { searchRoute } from './routes/search.ts'
import { transferRoutes } from './routes/transfers.ts'
import { withdrawalRoutes } from './routes/withdrawals.ts'

export const apiRoutes = (api: ApiContext): Route[] =>
  withMetaRoutes(api, [
    ...chainRoutes(api),
    ...depositRoutes(api),
    ...withdrawalRoutes(api),
    cancelWithdrawal(api),
    ...transferRoutes(api),
    feedRoute(api),
    searchRoute(api),
  ])

/** What GET /openapi.json answers, as it is checked in. A route touches its api only when it is asked. */
export async function renderApi(): Promise<string> {
  const route = apiRoutes({} as ApiContext).find(({ path }) => path === '/openapi.json')!
  const { body } = await route.handle({ params: {}, query: {}, body: {}, headers: {} })
  return `${JSON.stringify(body, null, 2)}\n`
}
