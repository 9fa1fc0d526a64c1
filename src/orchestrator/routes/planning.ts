/**
 * The plan: made purely, against memory as it is in the very turn in which the facts came back. The transfer, its first
 * attempt with the template, the reservations and the bound withdrawals are one commit.
 */
import { createHash } from 'node:crypto'
import type { Limit, PassedOver, Payment, Plan, PlanFacts } from '../../../adapters/adapter.ts'
import { accountId, chainId, nameOf, transferId, treasuryId, withdrawalId, type IdOf } from '../../../machines/ids.ts'
import { tell, type Message, type TransferPlan } from '../../../machines/messages.ts'
import { shareFee, type Purpose, type SpendKey } from '../../../machines/vocabulary.ts'
import { stateOf, type InstanceOf } from '../../kernel/entry.ts'
import { reasonOf } from '../../kernel/fault.ts'
import { toPayment } from './payments.ts'
import { nextToReplace, onReplacing, type FeeCaps } from './replacing.ts'
import type { RouteView } from './view.ts'

/** A fact of its first attempt and of what it pays, never a counter: two ledgers that plan the same give it the same name. */
export function transferHash(
  chain: string,
  purpose: Purpose,
  keys: readonly SpendKey[],
  rounds: readonly string[],
): string {
  const canonical = JSON.stringify([chain, purpose, [...keys].sort(), [...rounds].sort()])
  return createHash('sha256').update(canonical).digest('hex')
}

type Withdrawals = readonly InstanceOf<'withdrawal'>[]

/** Whoever has waited longest is tried first, also when it was passed over in between. */
const byAge = (withdrawals: Withdrawals): Withdrawals =>
  [...withdrawals].sort((a, b) => a.context.requestedAt - b.context.requestedAt || (a.id < b.id ? -1 : 1))

/** What an account is to pay: withdrawals are the treasury's. Oldest first. */
const queuedFor = (memory: RouteView['memory'], chain: string, account: IdOf<'account'>): Withdrawals =>
  account === treasuryId(chain)
    ? byAge([...memory.list('withdrawal', chain, 'queued'), ...cappedOf(memory, chain, account)])
    : []

/** The same, as its node and its planner read it. */
export const paymentsFor = (memory: RouteView['memory'], chain: string, account: IdOf<'account'>): Payment[] =>
  queuedFor(memory, chain, account).map(toPayment)

/** Of what is planned and not signed yet, so that the signer does not count it; base units. */
function unsignedCost({ memory, policy }: RouteView, asset: string): bigint {
  const unsigned = memory.list('transfer', policy.name, 'underway').filter(({ context }) => context.signed.length === 0)
  const amountOf = (id: IdOf<'withdrawal'>) => {
    const its = memory.get(id)?.context
    return BigInt(its?.asset === asset ? its.amount : 0)
  }
  return unsigned.reduce(
    (sum, { context: { withdrawals, fee } }) =>
      withdrawals.reduce((cost, { id }) => cost + amountOf(id), sum + (asset === policy.asset ? BigInt(fee) : 0n)),
    0n,
  )
}

/** What the signer's limits leave beside what waits to be signed. */
const leftOf = (view: RouteView, limits: Gathered['limits']): Gathered['limits'] =>
  Object.fromEntries(
    Object.entries(limits).map(([asset, limit]) => {
      const left = limit.left === null ? null : String(BigInt(limit.left) - unsignedCost(view, asset))
      return [asset, { ...limit, left }]
    }),
  )

interface Decided {
  /** Null where nothing can be done now. */
  plan: Plan | null
  passed: readonly PassedOver[]
  /** What the account says of itself, where no payment does. */
  reason: string | null
  /** When it looks again though nothing happens, in milliseconds; null for when something does. */
  again: number | null
}

/**
 * Pays as many as funds, the batch's maximum and the signer's limits allow; what is passed over makes room for others. Where nothing
 * can be paid, what the account needs for that is done.
 */
function decide(view: RouteView, queued: Withdrawals, { id, limits, facts }: Gathered): Decided {
  const { policy, memory } = view
  const { index, address } = memory.get(id)!.context
  const treasury = memory.get(treasuryId(policy.name))!.context.address
  const source = { index, address }
  const funds = policy.book.funds(view, source)
  const order = { source, treasury, maximum: policy.batch.maximum, limits: leftOf(view, limits) }
  const paying =
    queued.length > 0 ? policy.planner.plan({ ...order, payments: queued.map(toPayment) }, funds, facts) : NONE
  const { passed } = paying
  if (!('shortfall' in paying)) {
    const isMore = queued.length > paying.paid.length + passed.length
    return { plan: paying, passed, reason: null, again: isMore ? 0 : null }
  }
  return { passed, ...policy.planner.upkeep(order, funds, facts, passed) }
}

const NONE = { shortfall: '', passed: [] }

function toTransfer({ policy, at }: RouteView, queued: Withdrawals, made: Plan): Message {
  const { purpose, source, template, spendKeys, fee } = made
  const { name: chain, credit, final } = policy
  const names = new Set(made.paid)
  const paid = queued.filter(({ id }) => names.has(nameOf(id)))
  const rounds = paid.map(({ id, context }) => `${nameOf(id)}@${context.round}`)
  const transfer = transferId(transferHash(chain, purpose, spendKeys, rounds))
  const withdrawals = shareFee(
    fee,
    paid.map(({ id }) => id),
  )
  const plan: TransferPlan = {
    ...{ chain, transfer, purpose, account: accountId(chain, source), withdrawals },
    ...{ held: policy.book.held(spendKeys), credit, final },
    replaceAfterMs: made.isPatient === true ? null : policy.replaceAfterMs,
  }
  return tell(transfer, 'transfer.planned', at, { ...plan, attempt: { n: 1, template, spendKeys, fee } })
}

const HELD: readonly PassedOver['kind'][] = ['limit', 'cap']

/**
 * What a limit of the signer forbids is held until the limit is another one, what the cap on fees forbids until the node
 * relays at it; everything else is tried again with each block.
 */
const passOver = (at: number, { withdrawal, kind, reason }: PassedOver): Message =>
  tell(withdrawalId(withdrawal), HELD.includes(kind) ? 'withdrawal.held' : 'withdrawal.delayed', at, { reason })

/** So many withdrawals learn something in one turn: the others follow in the next, which comes at once. */
const TOLD_AT_ONCE = 200

/** Who has been passed over for the same reason before is told nothing. */
function toldOf({ memory, at }: RouteView, passed: readonly PassedOver[]): { told: Message[]; isAll: boolean } {
  const isNews = ({ withdrawal, kind, reason }: PassedOver): boolean => {
    const its = memory.get(withdrawalId(withdrawal))!
    return its.context.reason !== reason || (HELD.includes(kind) && stateOf(its) !== 'held')
  }
  const news = passed.filter(isNews)
  const told = news.slice(0, TOLD_AT_ONCE).map(each => passOver(at, each))
  return { told, isAll: told.length === news.length }
}

/** The node relays at the cap again. What the account says stays until the last of them is queued. */
function released(
  { at }: RouteView,
  capped: Withdrawals,
  answer: (reason: string | null, again: number | null) => Message,
): Message[] {
  const now = capped.slice(0, TOLD_AT_ONCE)
  const reason = now.length < capped.length ? capped[0]!.context.reason : null
  return [answer(reason, at), ...now.map(({ id }) => tell(id, 'withdrawal.accepted', at, {}))]
}

/** Those that the last plan held for the cap on fees: they alone say what the account says. */
function cappedOf(memory: RouteView['memory'], chain: string, account: IdOf<'account'>): Withdrawals {
  const reason = memory.get(account)?.context.reason ?? null
  const held = reason === null ? [] : memory.list('withdrawal', chain, 'held')
  return held.filter(({ context }) => context.transfer === null && context.reason === reason)
}

/** A chain that catches up is at its tip again soon; then whoever waits hears of it. */
const BLIND_RETRY_MS = 1000
/** Nothing that counts comes with the time alone: it is looked at more and more seldom, of the treasury never more seldom than this. */
const LONGEST_RETRY_MS = { treasury: 2 * 60_000, other: 60 * 60_000 }

/** When an account looks again that waits for the same as before: each look is written down. */
function patientMs(
  { context: { index, reason: before, failures } }: InstanceOf<'account'>,
  reason: string | null,
  ms: number,
) {
  if (reason === null || reason !== before) return ms
  const longest = index === 0 || reason === BLIND ? LONGEST_RETRY_MS.treasury : LONGEST_RETRY_MS.other
  return Math.min(ms * 2 ** failures, Math.max(ms, longest))
}

/** Chains that do not stand at their tip spend nothing: what they think they own may be gone. */
const isBlind = (memory: RouteView['memory'], chain: string): boolean => {
  const instance = memory.get(chainId(chain))
  return instance === undefined || stateOf(instance) !== 'following'
}

const BLIND = 'the chain is not at its tip'

interface Gathered {
  /** The account's. */
  id: IdOf<'account'>
  facts: PlanFacts
  /** By asset, as far as the signer has said. */
  limits: Readonly<Record<string, Limit>>
  caps: FeeCaps
}

export function onGathered(view: RouteView, gathered: Gathered, run: string): Message[] {
  const { memory, policy, at } = view
  const { id: account } = gathered
  const answer = (reason: string | null, again: number | null) =>
    tell(account, 'plan.made', at, { reason, retryAt: again }, run)
  const patiently = (reason: string | null, ms: number) => at + patientMs(memory.get(account)!, reason, ms)
  if (isBlind(memory, policy.name)) return [answer(BLIND, patiently(BLIND, BLIND_RETRY_MS))]
  // One plan a turn: two could want the same money.
  const stuck = nextToReplace(memory, account)
  if (stuck !== undefined) return [answer(memory.get(account)!.context.reason, at), onReplacing(view, stuck, gathered)]
  const queued = queuedFor(memory, policy.name, account)
  const capped = queued.filter(({ value }) => value === 'held')
  try {
    const { plan, passed, reason, again } = decide(view, queued, gathered)
    const { told, isAll } = toldOf(view, passed)
    if (passed.some(({ kind }) => kind === 'cap')) return [answer(passed[0]!.reason, isAll ? null : at), ...told]
    if (capped.length > 0) return released(view, capped, answer)
    // What was passed over is tried again when funds arrive, and with each block.
    const waiting = passed.find(({ kind }) => kind !== 'limit')?.reason ?? reason
    const retryAt = !isAll ? at : again === null ? null : patiently(plan === null ? waiting : null, again)
    return [answer(waiting, retryAt), ...told, ...(plan === null ? [] : [toTransfer(view, queued, plan)])]
  } catch (error) {
    return [tell(account, 'plan.refused', at, { reason: reasonOf(error) }, run)]
  }
}
