/**
 * What a refusal of the signer means. It is never read as "failed": what a limit or an approval holds back is asked for
 * again; what can never be signed for one withdrawal is voided, so that the receipt tells what was signed for it before
 * (nothing, or what is then adopted) and its batch partners can be planned anew.
 */
import type { Reason } from '../../machines/signing.ts'
import type { Id } from '../../machines/vocabulary.ts'
import type { Unsignable } from '../orchestrator/inbound.ts'
import type { SignerClient } from './signer.ts'

export type Refusal =
  /** A limit that time or an operator may lift: the same is asked for again. */
  | { kind: 'held' }
  /** The template itself is refused: a person looks at it. */
  | { kind: 'refused' }
  /** These withdrawals are never signed for in this transfer; one reason each. */
  | { kind: 'unsignable'; reasons: Reason[] }

const LIMITS = ['limit-per-transaction', 'limit-per-day']

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

export const withdrawalOf = ({ withdrawal }: Reason): Id => `withdrawal/${withdrawal ?? ''}`

/** `withdrawals`: those of the transfer; a reason that names another one says nothing. */
export function refusalOf(reasons: readonly Reason[], withdrawals: readonly Id[]): Refusal {
  const own = reasons.filter(reason => withdrawals.includes(withdrawalOf(reason)) && Object.hasOwn(NEVER, reason.kind))
  const first = own.filter((reason, i) => own.findIndex(one => one.withdrawal === reason.withdrawal) === i)
  if (first.length > 0) return { kind: 'unsignable', reasons: first }
  return { kind: reasons.every(({ kind }) => LIMITS.includes(kind)) ? 'held' : 'refused' }
}

export const describeReasons = (reasons: readonly Reason[]): string =>
  reasons.map(({ kind, message }) => `${kind}: ${message}`).join('; ')

/** Voids each withdrawal at the signer, which may be repeated at will. Rejects as the client does. */
export async function voidEach(
  signer: SignerClient,
  chain: string,
  roundOf: (withdrawal: Id) => number,
  reasons: readonly Reason[],
): Promise<Unsignable[]> {
  const unsignable: Unsignable[] = []
  for (const each of reasons) {
    const id = withdrawalOf(each)
    const receipt = await signer.void(chain, each.withdrawal!, roundOf(id))
    // `expired` alone is a word of the API; the others are told with their message.
    const reason = each.kind === 'expired' ? 'expired' : describeReasons([each])
    unsignable.push({ id, receipt, verdict: NEVER[each.kind]!, reason })
  }
  return unsignable
}
