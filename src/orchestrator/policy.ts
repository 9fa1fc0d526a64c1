/** What the pure side knows of a chain's configuration, and the adapter's pure parts. */
import { invariant } from '../kernel/fault.ts'
import type { Planner, Signable } from '../../adapters/adapter.ts'
import type { Amount } from '../../machines/vocabulary.ts'

/** What the configuration says of a chain. */
export interface ChainPolicy {
  name: string
  family: string
  asset: string
  /** Confirmations to offer a deposit and to call a withdrawal paid. */
  credit: number
  /** Confirmations that no accepted reorg undoes. */
  final: number
  minimumDeposit: Amount
  batch: { windowMs: number; maximum: number }
  planner: Planner
  signable: Signable
  /** For people: how many decimals one unit has of each asset; the API speaks base units. */
  decimals: Readonly<Record<string, number>>
}

/** By the chain's name. */
export type Policies = Readonly<Record<string, ChainPolicy>>

/** Throws invariant `unknown-chain`. */
export function policyOf(policies: Policies, chain: string): ChainPolicy {
  const policy = policies[chain]
  if (policy === undefined) throw invariant('unknown-chain', `no chain ${chain} is configured`)
  return policy
}
