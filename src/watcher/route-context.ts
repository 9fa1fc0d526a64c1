/** What the API's routes stand on. */
import { boundary } from '../kernel/fault.ts'
import type { Clock } from '../kernel/ports.ts'
import type { Id } from '../../machines/vocabulary.ts'
import type { Archive, Journal } from '../ledger/engine.ts'
import type { Instance } from '../kernel/entry.ts'
import type { Orchestrator } from '../orchestrator/orchestrator.ts'
import type { ChainPolicy, Policies } from '../orchestrator/policy.ts'
import type { Health } from './health.ts'
import type { Search } from './search/index.ts'
import type { SignerClient } from './signer-client.ts'
import type { Store } from './store.ts'

export interface Parts {
  orchestrator: Orchestrator
  store: Store
  archive: Archive
  journal: Journal
  search: Search
  ledgerId: string
  policies: Policies
  health: Health
  signer: SignerClient
  clock: Clock
  /** Wakes what keeps a chain's address pool. */
  wakeSupply(chain: string): void
  /** Aborted when the process stops: long polls end. */
  stopping: AbortSignal
}

export function chainPolicy({ policies }: Parts, chain: string): ChainPolicy {
  const policy = Object.hasOwn(policies, chain) ? policies[chain] : undefined
  if (policy === undefined) throw boundary('not-found', `no chain named ${chain} is configured`)
  return policy
}

export async function findOrThrow({ store }: Parts, id: Id): Promise<Instance> {
  const instance = await store.find(id)
  if (instance === null) throw boundary('not-found', `there is no ${id.replace('/', ' ')}`)
  return instance
}
