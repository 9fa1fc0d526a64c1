/** The signer's HTTP API: every route of the contract (src/signer-api/routes.ts), with what it does. */
import type { Route } from '../../http/route.ts'
import type { RouteContext } from '../route-context.ts'
import { addressesRoute, growRoute } from './addresses.ts'
import { attemptRoute, signRoute } from './attempts.ts'
import { healthRoute, identityRoute, metricsRoute } from './process.ts'
import { rulesRoute } from './rules.ts'
import { transfersRoute } from './transfers.ts'
import { voidRoute, withdrawalRoute } from './withdrawals.ts'

export function signerRoutes(context: RouteContext): Route[] {
  return [
    identityRoute(context),
    growRoute(context),
    addressesRoute(context),
    rulesRoute(context),
    signRoute(context),
    attemptRoute(context),
    transfersRoute(context),
    withdrawalRoute(context),
    voidRoute(context),
    healthRoute(context),
    metricsRoute(context),
  ]
}
