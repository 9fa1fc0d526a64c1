/** What a watcher may know beforehand, so that it asks for nothing that would be refused. Deciding stays here. */
import { serveContract } from '../../http/route.ts'
import { signerApi } from '../../signer-api/routes.ts'
import { chainNamed, type RouteContext } from '../route-context.ts'

/** GET /v1/chains/{chain}/policy. */
export const rulesRoute = (context: RouteContext) =>
  serveContract(signerApi.rules, ({ params }) => {
    const chain = chainNamed(context, params.chain!)
    const { name, policy } = chain
    const { perTransaction = null, perDay = null } = policy
    const leftToday = context.attempts.leftToday(chain)
    return { status: 200, body: { chain: name, authorisation: context.authority, perTransaction, perDay, leftToday } }
  })
