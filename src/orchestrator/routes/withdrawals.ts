/** What the backend asks for, and what the signer says of it. */
import { treasuryId, withdrawalId, type IdOf } from '../../../machines/ids.ts'
import { tell, type Message } from '../../../machines/messages.ts'
import type { Authorisation } from '../../../machines/vocabulary.ts'
import { runOf } from '../../kernel/entry.ts'
import type { Inbound, Unsignable, Voided } from '../inbound.ts'
import { tipOf, type RouteView } from './view.ts'

/** They may be paid, and are planned for. */
export const onApproved = ({ policy, at }: RouteView, ids: readonly IdOf<'withdrawal'>[]): Message[] => [
  ...ids.map(id => tell(id, 'withdrawal.accepted', at, {})),
  tell(treasuryId(policy.name), 'withdrawal.queued', at, {}),
]

export function onRequested(
  view: RouteView,
  { held, ...intent }: (Inbound & { type: 'withdrawal.requested' })['data'],
): Message[] {
  const { policy, at } = view
  const id = withdrawalId(intent.id)
  const requested = tell(id, 'withdrawal.requested', at, { ...intent, required: policy.credit })
  if (held === null) return [requested, ...onApproved(view, [id])]
  return [requested, tell(id, 'withdrawal.held', at, { reason: held })]
}

export function onAuthorised(
  view: RouteView,
  id: IdOf<'withdrawal'>,
  authorisation: Authorisation,
  isEnough: boolean,
): Message[] {
  const added = tell(id, 'authorisation.added', view.at, authorisation)
  const isWaiting = view.memory.get(id)?.value === 'held'
  return isEnough && isWaiting ? [added, ...onApproved(view, [id])] : [added]
}

/** Whoever asked for the void: nothing more is signed, and what was signed is in the receipt. */
export const onVoided = (view: RouteView, id: IdOf<'withdrawal'>, { receipt, verdict, reason }: Voided): Message =>
  tell(id, 'withdrawal.voided', view.at, { receipt, verdict, reason, height: tipOf(view) })

/**
 * What would hold up others while it waits for approvals is given up, and its withdrawal is held until they are there. Nothing of it is
 * signed: the signer has just said so of this very attempt.
 */
export function onPended(
  view: RouteView,
  id: IdOf<'attempt'>,
  run: string,
  { reason, lacksApprovals }: { reason: string; lacksApprovals: boolean },
): Message[] {
  const { memory, policy, at } = view
  const attempt = memory.get(id)
  if (attempt === undefined || runOf(attempt) !== run) return []
  const { transfer, spendKeys: keys } = attempt.context
  const { signed = [], withdrawals = [] } = memory.get(transfer)?.context ?? {}
  if (policy.planner.signedAtOnce !== true || !lacksApprovals || signed.length > 0 || withdrawals.length === 0)
    return [tell(id, 'signing.pended', at, { reason }, run)]
  return [
    ...withdrawals.flatMap(each => [
      tell(each.id, 'transfer.dissolved', at, { transfer }),
      tell(each.id, 'withdrawal.held', at, { reason }),
    ]),
    tell(transfer, 'transfer.displaced', at, { keys, reason, height: tipOf(view) }),
  ]
}

/** Only the run that was refused is told, and what follows is told only then: another run may have been signed. */
export function onRefused(
  view: RouteView,
  id: IdOf<'attempt'>,
  run: string,
  { reason, unsignable, isBound }: { reason: string; unsignable: readonly Unsignable[]; isBound: boolean },
): Message[] {
  const attempt = view.memory.get(id)
  if (attempt === undefined || runOf(attempt) !== run) return []
  const isForGood = unsignable.length > 0
  const { transfer, spendKeys: keys } = attempt.context
  // Nothing of it was ever signed, and the signer will not: what it was to pay is planned anew.
  if (isBound && view.memory.get(transfer)?.context.signed.length === 0)
    return [tell(transfer, 'transfer.displaced', view.at, { keys, reason, height: tipOf(view) })]
  return [
    tell(id, 'signing.refused', view.at, { reason, isForGood, height: tipOf(view) }, run),
    ...unsignable.map(({ id: withdrawal, ...voided }) => onVoided(view, withdrawal, voided)),
  ]
}
