/** What every route of the signer stands on. */
import { boundary } from '../kernel/fault.ts'
import type { Authority } from '../approvals.ts'
import type { Attempts, SigningChain } from './signing/attempts.ts'
import type { Identity } from './keys/identity.ts'
import type { Memory } from './memory/memory.ts'
import type { Voids } from './signing/voids.ts'

export interface RouteContext {
  chains: ReadonlyMap<string, SigningChain>
  identity: Identity
  /** Null when authorisation is not required. */
  authority: Authority | null
  attempts: Attempts
  voids: Voids
  memory: Memory
}

/** Throws boundary `not-found`. */
export function chainOf({ chains }: RouteContext, name: string): SigningChain {
  const chain = chains.get(name)
  if (chain === undefined) throw boundary('not-found', `this signer does not sign for a chain named ${name}`)
  return chain
}
