/**
 * Money's own conservation, checked at every commit before it is applied: a violation throws an invariant fault, and then
 * nothing has happened. That no spend key is reserved twice is checked by the step itself.
 */
import { attemptId, type Id } from '../../machines/ids.ts'
import { chainOf, isKind, type Commit, type Found, type Instance, type InstanceOf } from '../kernel/entry.ts'
import { invariant } from '../kernel/fault.ts'
import type { Memory } from '../kernel/step.ts'
import type { Policies } from './policy.ts'

type Find = <I extends Id>(id: I) => Found<I> | undefined

/**
 * A new transfer pays only withdrawals that are bound to it, and so to no other; and each of them once. (An adopted one is
 * history: its withdrawals may have gone on to a later round.)
 */
function checkTransfer({ id: transfer, context }: InstanceOf<'transfer'>, find: Find): void {
  const { withdrawals } = context
  if (new Set(withdrawals.map(({ id }) => id)).size !== withdrawals.length)
    throw invariant('paid-twice', `${transfer} pays one withdrawal twice`)
  for (const { id } of withdrawals) {
    const bound = find(id)?.context.transfer ?? null
    if (bound !== transfer)
      throw invariant('paid-twice', `${transfer} wants to pay ${id}, which is bound to ${bound ?? 'nothing'}`)
  }
}

/** Two attempts of one transfer without a common spend key could both be mined. */
function checkAttempt({ id, context: { transfer, n, spendKeys } }: InstanceOf<'attempt'>, find: Find): void {
  for (let earlier = 1; earlier < n; earlier++) {
    const before = find(attemptId(transfer, earlier))
    if (before !== undefined && !before.context.spendKeys.some(key => spendKeys.includes(key)))
      throw invariant('paid-twice', `${id} shares no spend key with ${before.id}: both could be mined`)
  }
}

/** A deposit is offered only while nothing that it has brought says otherwise. */
function checkOffered(policies: Policies, deposit: InstanceOf<'deposit'>, find: Find): void {
  const contradiction = policies[chainOf(deposit)]?.book.contradiction(deposit, find) ?? null
  if (contradiction === null) return
  throw invariant('credit-without-coin', `${deposit.id} would be ${deposit.value}, but ${contradiction}`)
}

/** Throws an invariant fault for a commit after which money would stand twice or nowhere. */
export function checkCommit(policies: Policies, memory: Memory, commit: Commit): void {
  const drafted = new Map<Id, Instance>(commit.entries.map(({ image }) => [image.id, image]))
  const find: Find = <I extends Id>(id: I) => (drafted.get(id) as Found<I> | undefined) ?? memory.get(id)
  for (const { image, event, to } of commit.entries) {
    if (isKind(image, 'transfer') && event === 'transfer.planned') checkTransfer(image, find)
    if (isKind(image, 'attempt') && event === 'attempt.planned') checkAttempt(image, find)
    if (isKind(image, 'deposit') && (to === 'confirmed' || to === 'credited')) checkOffered(policies, image, find)
  }
}
