/**
 * What a refusal of the signer means. It is never read as "failed": what a limit or an approval holds back is asked for
 * again; what can never be signed for one withdrawal is voided, so that the receipt tells what was signed for it before
 * (nothing, or what is then adopted) and its batch partners can be planned anew.
 */
import type { Reason } from '../../machines/messages.ts'
import type { Intent } from '../../machines/vocabulary.ts'
import type { Unsignable } from '../orchestrator/inbound.ts'
import type { SignerClient } from './signer-client.ts'

export type Refusal =
  /** What time or an operator may change: the same is asked for again. */
  | { kind: 'held' }
  /** What it would spend was signed for another transfer, which this ledger does not know: that is adopted, and this one gives way. */
  | { kind: 'bound' }
  /** The template itself is refused: a person looks at it. */
  | { kind: 'refused' }
  /** These withdrawals are never signed for in this transfer; one reason each. */
  | { kind: 'unsignable'; never: Never[] }

/** What is behind is behind until its operator has imported the newer memory; nothing was signed by it meanwhile. */
const LIMITS = ['limit-per-transaction', 'limit-per-day', 'memory-behind']

/** Kinds that concern one withdrawal and stay true, and what becomes of it when nothing was ever signed for it. */
const NEVER: Readonly<Record<string, 'cancelled' | 'rejected'>> = {
  'wrong-chain': 'rejected',
  'wrong-asset': 'rejected',
  'intent-changed': 'rejected',
  'invalid-destination': 'rejected',
  'destination-not-allowed': 'rejected',
  'old-round': 'cancelled',
  'could-pay-twice': 'cancelled',
  voided: 'cancelled',
  expired: 'cancelled',
}

/** Families in which a nonce, a ticket or a frontier belongs to the transfer for which it was signed first. */
const BOUND = 'spend-key-bound'

/** What is never signed, in which round it was asked for. */
export interface Never {
  intent: Pick<Intent, 'id' | 'round'>
  reason: Reason
}

/** `intents`: those that were asked for; a reason that names another withdrawal says nothing. */
export function refusalOf(reasons: readonly Reason[], intents: readonly Pick<Intent, 'id' | 'round'>[]): Refusal {
  const never = intents.flatMap(intent => {
    const reason = reasons.find(({ kind, withdrawal }) => withdrawal === intent.id && Object.hasOwn(NEVER, kind))
    return reason === undefined ? [] : [{ intent, reason }]
  })
  if (never.length > 0) return { kind: 'unsignable', never }
  if (reasons.some(({ kind }) => kind === BOUND)) return { kind: 'bound' }
  return { kind: reasons.every(({ kind }) => LIMITS.includes(kind)) ? 'held' : 'refused' }
}

export const describeReasons = (reasons: readonly Reason[]): string =>
  reasons.map(({ kind, message }) => `${kind}: ${message}`).join('; ')

/** Voids each withdrawal at the signer, which may be repeated at will. Rejects as the client does. */
export async function voidEach(signer: SignerClient, chain: string, never: readonly Never[]): Promise<Unsignable[]> {
  const unsignable: Unsignable[] = []
  for (const { intent, reason } of never) {
    const receipt = await signer.void(chain, intent.id, intent.round)
    // `expired` alone is a word of the API; the others are told with their message.
    const why = reason.kind === 'expired' ? 'expired' : describeReasons([reason])
    unsignable.push({ id: `withdrawal/${intent.id}`, receipt, verdict: NEVER[reason.kind]!, reason: why })
  }
  return unsignable
}
