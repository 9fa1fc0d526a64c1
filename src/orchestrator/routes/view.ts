/** What a route decides by: the memory of this very moment, the chain's configuration, and when the event was noticed. */
import type { LiveMemory } from '../memory.ts'
import { policyOf, type ChainPolicy, type Policies } from '../policy.ts'

export interface RouteView {
  memory: LiveMemory
  policy: ChainPolicy
  /** Milliseconds since 1970 UTC. */
  at: number
}

/** Throws an invariant fault for a chain that is not configured. */
export const viewOf = (policies: Policies, memory: LiveMemory, chain: string, at: number): RouteView => ({
  memory,
  policy: policyOf(policies, chain),
  at,
})

/** Height of the chain's tip. */
export const tipOf = ({ memory, policy }: RouteView): number => memory.heights[policy.name] ?? 0
