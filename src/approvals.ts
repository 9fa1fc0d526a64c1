/** Who has approved an intent, and how many must have: the more that moves, the more keys. */
import type { Missing } from '../machines/messages.ts'
import type { Amount, AuthorisedIntent, Intent } from '../machines/vocabulary.ts'
import { intentBytes } from './canonical.ts'
import { isSigned } from './signatures.ts'

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

/**
 * Signatures under configured keys that do not verify, in one request: an honest watcher has checked them, and verifying is
 * what costs. After so many no further one is looked at.
 */
const MAXIMUM_BAD = 20

/**
 * Of which intents how many approvals are missing; none where none is required. `wallet`: the identity key of who shall pay.
 * Each configured key is tried once an intent, in the order of the authorisations, until enough have signed.
 */
export function missingOf(
  authority: Authority | null,
  intents: readonly AuthorisedIntent[],
  wallet: string,
): Missing[] {
  if (authority === null) return []
  const budget = { bad: MAXIMUM_BAD }
  return intents.flatMap(intent => {
    const required = approvalsFor(authority, intent)
    const given = countApprovals(intent, intentBytes(intent, wallet), new Set(authority.keys), required, budget)
    return given >= required ? [] : [{ id: intent.id, required, given }]
  })
}

function countApprovals(
  { authorisations }: AuthorisedIntent,
  bytes: Uint8Array,
  untried: Set<string>,
  required: number,
  budget: { bad: number },
): number {
  let given = 0
  for (const authorisation of authorisations) {
    if (given === required || budget.bad === 0) break
    if (!untried.delete(authorisation.key)) continue
    if (isSigned(authorisation, bytes)) given += 1
    else budget.bad -= 1
  }
  return given
}
