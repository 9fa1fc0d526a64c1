/** The signer itself: who it is, whether it serves, and its figures. */
import { serveContract } from '../../http/route.ts'
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
export const metricsRoute = ({ chains, memory, policy }: RouteContext) =>
  serveContract(signerApi.metrics, () => {
    const signed = memory.records.counts()
    const lines = [
      '# HELP lockkeeper_signer_memory_sequence Durable transitions of the memory.',
      '# TYPE lockkeeper_signer_memory_sequence gauge',
      `lockkeeper_signer_memory_sequence ${memory.position().sequence}`,
      '# HELP lockkeeper_signer_addresses Addresses made.',
      '# TYPE lockkeeper_signer_addresses gauge',
      ...[...chains.values()].map(({ name, pool }) => `lockkeeper_signer_addresses{chain="${name}"} ${pool.size()}`),
      '# HELP lockkeeper_signer_signed_total Attempts signed.',
      '# TYPE lockkeeper_signer_signed_total counter',
      ...[...chains.keys()].map(name => `lockkeeper_signer_signed_total{chain="${name}"} ${signed.get(name) ?? 0}`),
      '# HELP lockkeeper_signer_policy_info What is configured to be signed, by its digest.',
      '# TYPE lockkeeper_signer_policy_info gauge',
      `lockkeeper_signer_policy_info{digest="${policy.digest}"} 1`,
    ]
    const headers = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }
    return { status: 200, headers, body: `${lines.join('\n')}\n` }
  })
