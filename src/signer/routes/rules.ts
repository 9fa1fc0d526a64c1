/** What a watcher may know beforehand, so that it asks for nothing that would be refused. Deciding stays here. */
import { serve } from '../../http/route.ts'
import { signerApi } from '../../signer-api/routes.ts'
import { chainOf, type RouteContext } from '../route-context.ts'

export const rulesRoute = (context: RouteContext) =>
  serve(signerApi.rules, ({ params }) => {
    const { name, policy } = chainOf(context, params.chain!)
    const { perTransaction = null, perDay = null } = policy
    return { status: 200, body: { chain: name, authorisation: context.authority, perTransaction, perDay } }
  })
