/** The watcher's whole route table, and its description as a file. */
import type { Route } from '../http/route.ts'
import { boundary } from '../kernel/fault.ts'
import { feedRoute } from './feed.ts'
import type { ApiContext } from './api-context.ts'
import { cancelWithdrawal } from './routes/cancellations.ts'
import { chainRoutes } from './routes/chains.ts'
import { depositRoutes } from './routes/deposits.ts'
import { withMetaRoutes } from './routes/meta.ts'
import { overviewRoute } from './routes/overview.ts'
import { payableRoutes } from './routes/payable.ts'
import { searchRoute } from './routes/search.ts'
import { transferRoutes } from './routes/transfers.ts'
import { withdrawalRoutes } from './routes/withdrawals.ts'

export const apiRoutes = (api: ApiContext): Route[] =>
  withMetaRoutes(
    api,
    [
      ...chainRoutes(api),
      ...payableRoutes(api),
      ...depositRoutes(api),
      ...withdrawalRoutes(api),
      cancelWithdrawal(api),
      ...transferRoutes(api),
      feedRoute(api),
      searchRoute(api),
      overviewRoute(api),
    ].map(route => forRole(api, route)),
  )

/** What gives an address away or moves money is for the watcher that pays. */
const OF_PAYING = /^\/v1\/(withdrawals|transfers)\/|\/addresses\/\{reference\}$/

const forRole = (api: ApiContext, route: Route): Route =>
  route.access === 'write' && OF_PAYING.test(route.path)
    ? {
        ...route,
        handle: input => {
          if (api.role === 'watching')
            throw boundary('watching-only', 'this watcher only watches (role: watching): ask the one that pays')
          return route.handle(input)
        },
      }
    : route

/** What GET /openapi.json answers, as it is checked in. A route touches its api only when it is asked. */
export async function renderApi(): Promise<string> {
  const route = apiRoutes({} as ApiContext).find(({ path }) => path === '/openapi.json')!
  const { body } = await route.handle({ params: {}, query: {}, body: {}, headers: {} })
  return `${JSON.stringify(body, null, 2)}\n`
}
