/**
 * What a refusal of the signer means. It is never read as "failed": what a limit or an approval holds back is asked for
 * again, what was signed otherwise is adopted, and an intent that cannot be valid is voided, so that the receipt proves
 * that nothing was signed for it and its batch partners can be planned anew.
 */
import type { Reason } from '../../machines/signing.ts'
import type { Id } from '../../machines/vocabulary.ts'
import type { Refused } from '../orchestrator/inbound.ts'
import type { SignerClient } from './signer.ts'

export type Refusal =
  /** A limit that time or an operator may lift: the same is asked for again. */
  | { kind: 'held' }
  /** The template itself is refused: a person looks at it. */
  | { kind: 'refused' }
  /** These withdrawals are never signed for in this transfer. */
  | { kind: 'unsignable'; invalid: Reason[]; elsewhere: Reason[] }

const LIMITS = ['limit-per-transaction', 'limit-per-day']

/** Kinds that concern one withdrawal and stay true, and what becomes of it. */
const INVALID: Readonly<Record<string, 'cancelled' | 'rejected'>> = {
  'wrong-chain': 'rejected',
  'wrong-asset': 'rejected',
  'intent-changed': 'rejected',
  'invalid-destination': 'rejected',
  'destination-not-allowed': 'rejected',
  'old-round': 'cancelled',
  voided: 'cancelled',
  expired: 'cancelled',
}

/** Another template was signed for the same round. */
const ELSEWHERE = 'could-pay-twice'

export const withdrawalOf = ({ withdrawal }: Reason): Id => `withdrawal/${withdrawal ?? ''}`

/** `withdrawals`: those of the transfer; a reason that names another one says nothing. */
export function refusalOf(reasons: readonly Reason[], withdrawals: readonly Id[]): Refusal {
  const own = reasons.filter(reason => withdrawals.includes(withdrawalOf(reason)))
  const invalid = firstOfEach(own.filter(({ kind }) => Object.hasOwn(INVALID, kind)))
  const elsewhere = firstOfEach(own.filter(({ kind }) => kind === ELSEWHERE))
  if (invalid.length + elsewhere.length > 0) return { kind: 'unsignable', invalid, elsewhere }
  return { kind: reasons.every(({ kind }) => LIMITS.includes(kind)) ? 'held' : 'refused' }
}

const firstOfEach = (reasons: readonly Reason[]): Reason[] => [
  ...new Map([...reasons].reverse().map(reason => [reason.withdrawal, reason])).values(),
]

export const describeReasons = (reasons: readonly Reason[]): string =>
  reasons.map(({ kind, message }) => `${kind}: ${message}`).join('; ')

/** `expired` is a word of the API; the others are told with their message. */
const describeReason = (reason: Reason): string => (reason.kind === 'expired' ? 'expired' : describeReasons([reason]))

/** Voids each withdrawal at the signer, which may be repeated at will. Rejects as the client does. */
export async function voidInvalid(
  signer: SignerClient,
  chain: string,
  roundOf: (withdrawal: Id) => number,
  invalid: readonly Reason[],
): Promise<Refused[]> {
  const refused: Refused[] = []
  for (const reason of invalid) {
    const id = withdrawalOf(reason)
    const receipt = await signer.void(chain, reason.withdrawal!, roundOf(id))
    const why = describeReason(reason)
    refused.push({ id, reason: why, voided: { receipt, verdict: INVALID[reason.kind]!, reason: why } })
  }
  return refused
}

/** To be adopted: the signer's list has it. */
export const toElsewhere = (elsewhere: readonly Reason[]): Refused[] =>
  elsewhere.map(reason => ({ id: withdrawalOf(reason), reason: describeReason(reason), voided: null }))
