/**
 * A transfer that is signed and in no block gets a further attempt, with a higher fee: by itself when it has waited for long, or
 * because a person wants it. Both are one rule, and the account that spends plans it like everything else.
 */
import type {
  EarlierAttempt,
  Limit,
  PlanFacts,
  Replacement,
  ReplacementOrder,
  SourceAccount,
  Unreplaceable,
} from '../../../adapters/adapter.ts'
import { attemptId, nameOf, treasuryId, type IdOf } from '../../../machines/ids.ts'
import { tell, type Message } from '../../../machines/messages.ts'
import type { Amount, Place } from '../../../machines/vocabulary.ts'
import { stateOf, type InstanceOf } from '../../kernel/entry.ts'
import { reasonOf } from '../../kernel/fault.ts'
import type { LiveMemory } from '../memory.ts'
import { toPayment } from './payments.ts'
import { paidElsewhere } from './recovery.ts'
import { tipOf, type RouteView } from './view.ts'

/** What the signer signs at most, as far as it has said; null: no limit. */
export interface FeeCaps {
  /** Base units of the native asset. */
  maximumFee: Amount | null
  /** In the family's unit. */
  maximumFeeRate: number | null
}

/** The signer has not said. */
export const NO_CAPS: FeeCaps = { maximumFee: null, maximumFeeRate: null }

/** What is known of the world where a replacement is judged. */
export interface ReplacementTerms {
  /** Null where the node was not asked. */
  facts: PlanFacts | null
  /** By asset. */
  limits: Readonly<Record<string, Limit>>
  caps: FeeCaps
}

type Transfer = InstanceOf<'transfer'>
type Attempts = readonly InstanceOf<'attempt'>[]

/** Each is signed, kept and looked for: a fee that was raised so often has grown ten thousandfold. */
const MAXIMUM_ATTEMPTS = 100

/** Those that have not ended. */
export const attemptsOf = (memory: LiveMemory, { id, context }: Transfer): Attempts =>
  Array.from({ length: context.attempts }, (_, i) => memory.get(attemptId(id, i + 1))).filter(
    attempt => attempt !== undefined,
  )

/** In these states it may still be signed, or mined. */
const OUTSTANDING: readonly string[] = ['unsigned', 'awaitingApproval', 'signed', 'published']
const SENT: readonly string[] = ['signed', 'published', 'mined']

const isOutstanding = (attempt: InstanceOf<'attempt'>): boolean => OUTSTANDING.includes(stateOf(attempt))

/**
 * Whether there is no use in publishing it: another one of its transfer is in a block, or a later one is with the node, or will be. Of
 * those that the node turns down, the one before is published.
 */
export function isOutbid(memory: LiveMemory, { context: { transfer: id, n } }: InstanceOf<'attempt'>): boolean {
  const transfer = memory.get(id)
  if (transfer === undefined || stateOf(transfer) !== 'underway') return true
  return attemptsOf(memory, transfer).some(
    attempt => attempt.context.n > n && SENT.includes(stateOf(attempt)) && attempt.context.reason === null,
  )
}

/** Transactions of what this account has to replace next. */
export function replacingFor(memory: LiveMemory, account: IdOf<'account'>): string[] {
  const transfer = nextToReplace(memory, account)
  const attempts = transfer === undefined ? [] : attemptsOf(memory, transfer).filter(isOutstanding)
  return attempts.flatMap(({ context: { transactionId } }) => transactionId ?? [])
}

/** Whoever has waited longest. */
export const nextToReplace = (memory: LiveMemory, account: IdOf<'account'>): Transfer | undefined =>
  memory
    .list('transfer', memory.get(account)!.context.chain, 'underway')
    .find(({ value, context }) => value !== 'underway.waiting' && context.account === account)

const no = (kind: Unreplaceable['kind'], reason: string): Unreplaceable => ({ kind, reason })

const named = (withdrawals: readonly IdOf<'withdrawal'>[]): string => withdrawals.map(nameOf).join(', ')

const voidedOf = ({ memory }: RouteView, { context }: Transfer): IdOf<'withdrawal'>[] =>
  context.withdrawals.map(({ id }) => id).filter(id => (memory.get(id)?.context.receipt ?? null) !== null)

/** Nothing that it pays may be paid any more, and something else can take the place of what was signed. */
const isCancelled = (view: RouteView, transfer: Transfer): boolean => {
  const { length } = transfer.context.withdrawals
  return view.policy.planner.cancel !== undefined && length > 0 && voidedOf(view, transfer).length === length
}

/** Why nothing may take its place, whatever it pays; null where something may. */
function obstacleOf(view: RouteView, transfer: Transfer, attempts: Attempts): string | null {
  const { memory } = view
  const { context, id } = transfer
  const others = paidElsewhere(memory, transfer)
  const voided = isCancelled(view, transfer) ? [] : voidedOf(view, transfer)
  const lost = context.spendKeys.find(key => (memory.holder(key) ?? id) !== id)
  if (stateOf(transfer) !== 'underway') return `the transfer is ${stateOf(transfer)}`
  if (context.signed.length === 0) return 'nothing of it is signed yet: there is nothing to replace'
  if (attempts.some(({ value }) => value === 'withheld')) return 'a person has to resume the transfer first'
  if (others.length > 0) return `${named(others)} would be paid twice, or has ended without this transfer`
  if (voided.length > 0) return `${named(voided)} is cancelled: the signer signs nothing more that pays it`
  if (lost !== undefined) return `the signer has signed another transfer on ${lost}: wait until one of them is mined`
  if (context.attempts >= MAXIMUM_ATTEMPTS) return `it has had ${MAXIMUM_ATTEMPTS} attempts: wait until one is mined`
  return null
}

/** By itself nothing is replaced that the node turns down for another reason than its fee: no higher one would help. What pays nobody may. */
function turnedDown(attempts: Attempts, isCancelling: boolean): string | null {
  const latest = attempts.findLast(({ context }) => context.transactionId !== null)
  if (latest === undefined || latest.context.reason === null || latest.context.isUnderpriced) return null
  if (isCancelling && !latest.context.isCancelling) return null
  return `its latest transaction is not with the node, and a higher fee would not help: ${latest.context.reason}`
}

/** The most that it may cost in fees beside what it pays. */
function maximumFeeOf({ memory, policy }: RouteView, transfer: Transfer, attempts: Attempts, terms: ReplacementTerms) {
  const { perTransaction = null, left = null } = terms.limits[policy.asset] ?? {}
  const paid = transfer.context.withdrawals
    .map(({ id }) => memory.get(id)!.context)
    .reduce((sum, { asset, amount }) => (asset === policy.asset ? sum + BigInt(amount) : sum), 0n)
  const signed = attempts.filter(({ context }) => context.transactionId !== null)
  const dearest = signed.reduce((most, { context: { fee } }) => (BigInt(fee) > most ? BigInt(fee) : most), 0n)
  // Of a further attempt the limit of the day counts only what it adds to the dearest before.
  const all = [
    terms.caps.maximumFee === null ? null : BigInt(terms.caps.maximumFee),
    perTransaction === null ? null : BigInt(perTransaction) - paid,
    left === null ? null : BigInt(left) + dearest,
  ].filter(each => each !== null)
  return all.length === 0 ? null : String(all.reduce((a, b) => (a < b ? a : b)))
}

const toEarlier = ({ context: { template, transactionId } }: InstanceOf<'attempt'>): EarlierAttempt => ({
  template,
  transactionId,
})

/** Of a further attempt, as `Planner` asks for it. */
function orderOf(
  view: RouteView,
  transfer: Transfer,
  terms: ReplacementTerms,
  { attempts, feeRate, source }: { attempts: Attempts; feeRate: number | null; source: SourceAccount },
): ReplacementOrder {
  const { memory, policy } = view
  const { purpose, withdrawals, spendKeys } = transfer.context
  const treasury = memory.get(treasuryId(policy.name))!.context.address
  const payments = withdrawals.map(({ id }) => toPayment(memory.get(id)!))
  const earlier = attempts.filter(isOutstanding).map(toEarlier)
  const maximumFee = maximumFeeOf(view, transfer, attempts, terms)
  const maximumRate = terms.caps.maximumFeeRate
  return { purpose, source, treasury, payments, earlier, spendKeys, feeRate, maximumFee, maximumRate }
}

/** A further attempt, and whether it is one that pays nobody. */
export type PlannedReplacement = Replacement & { isCancelling: boolean }

/** `feeRate` null: as much as the facts say. Pure: decides both whether there is a replacement and what it is. */
export function replacementFor(
  view: RouteView,
  transfer: Transfer,
  feeRate: number | null,
  terms: ReplacementTerms,
): PlannedReplacement | Unreplaceable {
  const { memory, policy } = view
  const attempts = attemptsOf(memory, transfer)
  const isCancelling = isCancelled(view, transfer)
  const obstacle =
    obstacleOf(view, transfer, attempts) ?? (feeRate === null ? turnedDown(attempts, isCancelling) : null)
  if (obstacle !== null) return no('bound', obstacle)
  const make = isCancelling ? policy.planner.cancel : policy.planner.replace
  if (make === undefined) return no('bound', `no transaction of ${policy.name} is ever replaced`)
  const { index, address } = memory.get(transfer.context.account)!.context
  const source = { index, address }
  const order = orderOf(view, transfer, terms, { attempts, feeRate, source })
  const made = make(order, policy.book.funds(view, source), terms.facts)
  return 'kind' in made ? made : { ...made, isCancelling }
}

const isVoided = (view: RouteView, transfer: Transfer): boolean => voidedOf(view, transfer).length > 0

/** Nothing of it can ever be mined, and nothing more of it is signed. */
const isLapsed = (view: RouteView, transfer: Transfer): boolean =>
  transfer.context.dead.length >= transfer.context.attempts && isVoided(view, transfer)

/** What moved our own money is planned anew, as it is needed then; what pays withdrawals must be made again on the same keys. */
export function onExpired(view: RouteView, attempt: IdOf<'attempt'>, { height }: Place, run: string): Message[] {
  const { memory, at } = view
  const transfer = memory.get(memory.get(attempt)!.context.transfer)
  if (transfer === undefined) return []
  const isGivenUp = transfer.context.withdrawals.length === 0 || isVoided(view, transfer)
  return [tell(attempt, 'publishing.expired', at, { height, isGivenUp }, run)]
}

/** What becomes of it: a further attempt, with its keys, in this commit; or why there is none. */
export function onReplacing(view: RouteView, transfer: Transfer, terms: ReplacementTerms): Message {
  const { policy, at } = view
  const { id, value, context } = transfer
  try {
    const planned = replacementFor(view, transfer, value === 'underway.asked' ? context.askedRate : null, terms)
    if ('kind' in planned && isLapsed(view, transfer))
      return tell(id, 'transfer.lapsed', at, { reason: planned.reason, height: tipOf(view) })
    if ('kind' in planned) return tell(id, 'replacement.declined', at, { reason: planned.reason })
    const { template, spendKeys, fee, isCancelling } = planned
    const planning = { n: context.attempts + 1, template, spendKeys, fee }
    const attempt = isCancelling ? { ...planning, isCancelling } : planning
    return tell(id, 'replacement.planned', at, { attempt, held: policy.book.held(spendKeys) })
  } catch (error) {
    return tell(id, 'replacement.declined', at, { reason: reasonOf(error) })
  }
}
