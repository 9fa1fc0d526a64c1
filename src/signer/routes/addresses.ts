/** The addresses of a chain: more of them, and which there are. */
import { serveContract } from '../../http/route.ts'
import { signerApi } from '../../signer-api/routes.ts'
import type { PooledAddress } from '../keys/pool.ts'
import { chainNamed, type RouteContext } from '../route-context.ts'

/** PUT /v1/chains/{chain}/address-pool: 400 `pool-too-large`. */
export const growRoute = (context: RouteContext) =>
  serveContract(signerApi.growPool, async ({ params, body }) => {
    const { name, pool } = chainNamed(context, params.chain!)
    const isFirst = pool.size() === 0
    await pool.grow(body.size, body.ledgerId)
    const grown = { chain: name, size: pool.size() }
    return isFirst ? { status: 201, body: grown } : { status: 200, body: grown }
  })

/** GET /v1/chains/{chain}/addresses: attested anew each time, with the same bytes. */
export const addressesRoute = (context: RouteContext) =>
  serveContract(signerApi.addresses, ({ params, query }) => {
    const { name, pool } = chainNamed(context, params.chain!)
    return { status: 200, body: pool.list(query.from, query.limit).map(address => attested(context, name, address)) }
  })

function attested({ identity }: RouteContext, chain: string, { createdAt, ...derived }: PooledAddress) {
  const { address, dataField, index } = derived
  const attestation = identity.attest({ chain, address, dataField, index })
  return { ...derived, createdAt: new Date(createdAt).toISOString(), attestation }
}
