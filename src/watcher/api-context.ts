/** What the API's routes stand on. */
import { kindOf, nameOf, type Id } from '../../machines/ids.ts'
import type { Quote } from '../../adapters/adapter.ts'
import { boundary } from '../kernel/fault.ts'
import type { Clock } from '../kernel/ports.ts'
import type { Archive, Journal } from '../ledger/engine.ts'
import type { Found } from '../kernel/entry.ts'
import type { Orchestrator } from '../orchestrator/orchestrator.ts'
import type { ChainPolicy, Policies } from '../orchestrator/policy.ts'
import type { Lately } from './lately.ts'
import type { Recent } from './recent.ts'
import type { Health } from './health.ts'
import type { Meters } from './meters.ts'
import type { Notifier } from './notify.ts'
import type { Pulse } from './pulse.ts'
import type { Search } from './search/index.ts'
import type { DecimalsOf, Scale } from './resources.ts'
import type { SignerClient } from './signer-client.ts'
import type { Store } from './store.ts'

export interface ApiContext {
  orchestrator: Orchestrator
  store: Store
  archive: Archive
  journal: Journal
  /** The newest of what is durable. */
  recent: Recent
  lately: Lately
  search: Search
  ledgerId: string
  /** A watching one gives nothing away and moves nothing. */
  role: 'paying' | 'watching'
  policies: Policies
  /** Those that are followed, and those that the ledger knows from before. */
  chains(): readonly string[]
  decimals: DecimalsOf
  /** What a withdrawal would cost now. */
  quote(chain: string): Promise<Quote>
  health: Health
  signer: SignerClient
  clock: Clock
  pulse: Pulse
  meters: Meters
  notifier: Pick<Notifier, 'troubles' | 'behind'>
  /** What the process says of itself, in Prometheus' text format. */
  processMetrics(): string
  /** Wakes what keeps a chain's address pool. */
  wakeSignerLoop(chain: string): void
  /** Aborted when the process stops: long polls end. */
  stopping: AbortSignal
}

export function chainPolicy({ policies }: ApiContext, chain: string): ChainPolicy {
  const policy = Object.hasOwn(policies, chain) ? policies[chain] : undefined
  if (policy === undefined) throw boundary('not-found', `no chain named ${chain} is configured`)
  return policy
}

/** As the configuration says. */
export const decimalsIn =
  (policies: Policies): DecimalsOf =>
  (chain, asset) =>
    (Object.hasOwn(policies, chain) ? policies[chain]?.assets[asset]?.decimals : undefined) ?? null

/** What resources are shown by at this moment. */
export const scaleOf = ({ orchestrator, decimals }: ApiContext): Scale => ({
  heights: orchestrator.memory.heights,
  decimals,
})

/** Throws a boundary fault `not-found`. */
export async function findOrThrow<I extends Id>({ store }: ApiContext, id: I): Promise<Found<I>> {
  const instance = await store.find(id)
  if (instance === null) throw boundary('not-found', `there is no ${kindOf(id)} ${nameOf(id)}`)
  return instance
}
