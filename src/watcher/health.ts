/**
 * What is known of the present and needs no memory: how far the nodes are, whether the signer has been compared. A read
 * model for the API, readiness and metrics; never a store of record.
 */
import { createStore } from '@xstate/store'
import type { SigningRules } from './signer-client.ts'

export interface ChainHealth {
  nodeHeight: number | null
  nodeVersion: string | null
  /** The signer's list of what it has signed has been compared with the ledger since the start. */
  isReconciled: boolean
  /** What the signer wants of a payment; null before it was asked. */
  rules: SigningRules | null
  /** Why the signer could not be asked the last time, or null. */
  signerProblem: string | null
}

export type Health = ReturnType<typeof createHealth>

const unknown: ChainHealth = {
  nodeHeight: null,
  nodeVersion: null,
  isReconciled: false,
  rules: null,
  signerProblem: null,
}

export function createHealth(chains: readonly string[]) {
  return createStore({
    context: { chains: Object.fromEntries(chains.map(chain => [chain, unknown])) },
    on: {
      noted: (context, { chain, ...known }: { chain: string } & Partial<ChainHealth>) => ({
        chains: { ...context.chains, [chain]: { ...(context.chains[chain] ?? unknown), ...known } },
      }),
    },
  })
}

export const healthOf = (health: Health, chain: string): ChainHealth =>
  health.getSnapshot().context.chains[chain] ?? unknown
