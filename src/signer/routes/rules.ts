/** What a watcher may know beforehand, so that it asks for nothing that would be refused. Deciding stays here. */
import { serveContract } from '../../http/route.ts'
import { signerApi } from '../../signer-api/routes.ts'
import { chainNamed, type RouteContext } from '../route-context.ts'
import { limitsOf, type CostAsset, type Limits } from '../signing/policy.ts'

/** GET /v1/chains/{chain}/policy. */
export const rulesRoute = (context: RouteContext) =>
  serveContract(signerApi.rules, ({ params }) => {
    const chain = chainNamed(context, params.chain!)
    const { name, policy, family } = chain
    const [, ...tokens] = family.assets
    const told = (limits: Limits, asset: CostAsset) => {
      const { perTransaction = null, perDay = null } = limits
      return { perTransaction, perDay, leftToday: context.attempts.leftToday(chain, limits, asset) }
    }
    const ofTokens = Object.fromEntries(tokens.map(asset => [asset, told(limitsOf(policy, asset), asset)]))
    const { gasFunding = '0', maximumFee, maximumFeeRate } = policy
    const bounds = { gasFunding, maximumFee, maximumFeeRate }
    const body = { chain: name, authorisation: context.authority, ...told(policy, null), ...bounds, tokens: ofTokens }
    return { status: 200, body }
  })
