/**
 * What is known of the present and needs no memory: how far the nodes are, what they fail with, whether the signer has been
 * compared. A read model for the API, readiness and metrics; never a store of record.
 */
import { createStore } from '@xstate/store'
import type { SigningRules } from './signer-client.ts'
import type { Trouble } from '../kernel/trouble.ts'

export interface ChainHealth {
  nodeHeight: number | null
  /** The node says that it is downloading its chain. */
  isNodeSyncing: boolean
  /** Why the node cannot be followed, as it is now: the ledger holds the reason that it began with. */
  nodeTrouble: Trouble | null
  /** Why unconfirmed transactions cannot be read. Blocks are followed all the same. */
  mempoolTrouble: Trouble | null
  /** Unconfirmed transactions are looked for so often at most, so that it costs little; 0 for as often as the node is asked. */
  mempoolPauseMs: number
  /** When the node's chain last moved: may lie long before this process began, and so be negative. Null before it is known. */
  movedAt: number | null
  /** When a turn of following last ended; null before the first. */
  turnedAt: number | null
  /** Between two blocks on average, or null where blocks are made at will. */
  blockSeconds: number | null
  /** The signer's list of what it has signed has been compared with the ledger since the start. */
  isReconciled: boolean
  /** What the signer wants of a payment; null before it was asked. */
  rules: SigningRules | null
  /** Why the signer could not be asked the last time, or null. */
  signerProblem: string | null
  /** Another ledger for which the signer has made addresses, or null where none is known. */
  otherLedger: string | null
}

export type Health = ReturnType<typeof createHealth>

const unknown: ChainHealth = {
  nodeHeight: null,
  isNodeSyncing: false,
  nodeTrouble: null,
  mempoolTrouble: null,
  mempoolPauseMs: 0,
  movedAt: null,
  turnedAt: null,
  blockSeconds: null,
  isReconciled: false,
  rules: null,
  signerProblem: null,
  otherLedger: null,
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
