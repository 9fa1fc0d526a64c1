/** The signer itself: who it is, whether it serves, and its figures. */
import { serveContract } from '../../http/route.ts'
import { EXPOSITION_TYPE, exposition } from '../../metrics/exposition.ts'
import { signerApi } from '../../signer-api/routes.ts'
import type { RouteContext } from '../route-context.ts'

/** GET /v1/identity. */
export const identityRoute = ({ identity }: RouteContext) =>
  serveContract(signerApi.identity, () => ({ status: 200, body: { key: identity.key } }))

/** GET /healthz: answers when everything decided so far is durable; rejects once the disk has failed. */
export const healthRoute = ({ memory }: RouteContext) =>
  serveContract(signerApi.health, async () => {
    await memory.settled()
    return { status: 200, body: { status: 'ok' } }
  })

/** GET /metrics, in the text format of Prometheus 0.0.4. */
export const metricsRoute = ({ chains, memory, policy, processMetrics }: RouteContext) =>
  serveContract(signerApi.metrics, () => {
    const signed = memory.records.counts()
    const own = exposition({
      lockkeeper_signer_memory_sequence: [{ value: memory.position().sequence }],
      lockkeeper_signer_addresses: [...chains.values()].map(({ name, pool }) => ({
        labels: { chain: name },
        value: pool.size(),
      })),
      lockkeeper_signer_signed_total: [...chains.keys()].map(name => ({
        labels: { chain: name },
        value: signed.get(name) ?? 0,
      })),
      lockkeeper_signer_policy_info: [{ labels: { digest: policy.digest }, value: 1 }],
    })
    return { status: 200, headers: { 'content-type': EXPOSITION_TYPE }, body: `${own}${processMetrics()}` }
  })
