/** Who has approved an intent, and how many must have: the more that moves, the more keys. */
import type { Missing } from '../machines/messages.ts'
import type { Amount, AuthorisedIntent, Intent } from '../machines/vocabulary.ts'
import { intentBytes, isSigned } from './canonical.ts'

/** Amounts above this one need so many approvals; without chain or asset it stands for every one. */
export interface Threshold {
  above: Amount
  approvals: number
  chain?: string | undefined
  asset?: string | undefined
}

/** Whose approval a payment needs: so many different ones of these Ed25519 keys (base64). */
export interface Authority {
  keys: readonly string[]
  approvals: number | readonly Threshold[]
}

/** Of all thresholds that the intent is above the highest number, and never fewer than one. */
export function approvalsFor({ approvals }: Authority, { chain, asset, amount }: Intent): number {
  if (typeof approvals === 'number') return approvals
  const reached = approvals.filter(
    threshold =>
      (threshold.chain ?? chain) === chain &&
      (threshold.asset ?? asset) === asset &&
      BigInt(amount) > BigInt(threshold.above),
  )
  return Math.max(1, ...reached.map(threshold => threshold.approvals))
}

/** Empty when the intent has its approvals, or when none are required. `wallet`: the identity key of who shall pay. */
export function missingOf(authority: Authority | null, intent: AuthorisedIntent, wallet: string): Missing[] {
  if (authority === null) return []
  const required = approvalsFor(authority, intent)
  const bytes = intentBytes(intent, wallet)
  // Only configured keys are verified at all, each at most until it has counted: verifying is what costs.
  const given = authority.keys.filter(key =>
    intent.authorisations.some(authorisation => authorisation.key === key && isSigned(authorisation, bytes)),
  ).length
  return given >= required ? [] : [{ id: intent.id, required, given }]
}
