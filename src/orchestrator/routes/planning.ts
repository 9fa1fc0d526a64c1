/**
 * The plan: made purely, against memory as it is in the very turn in which the facts came back. The transfer, its first
 * attempt with the template, the reservations and the bound withdrawals are one commit.
 */
import { createHash } from 'node:crypto'
import type { Funds, PassedOver, Payment, Plan, PlanFacts } from '../../../adapters/adapter.ts'
import { chainId, nameOf, transferId, treasuryId, withdrawalId, type IdOf } from '../../../machines/ids.ts'
import { tell, type Message, type TransferPlan } from '../../../machines/messages.ts'
import { shareFee, type Amount, type Purpose, type SpendKey } from '../../../machines/vocabulary.ts'
import { stateOf, type InstanceOf } from '../../kernel/entry.ts'
import { reasonOf } from '../../kernel/fault.ts'
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

const toPayment = ({ id, context: { to, dataField, amount } }: InstanceOf<'withdrawal'>): Payment => ({
  withdrawal: nameOf(id),
  to,
  dataField,
  amount,
})

/** What a transfer is to do: it pays these, or moves our own coins. */
interface Planned {
  purpose: Purpose
  plan: Plan
  paid: Withdrawals
}

/** Fewer coins are not worth a transaction: most of ours are on their way, and will be gathered when they are there. */
const LEAST_CONSOLIDATED = 20

/** Gathered into one, coins are enough for what one transaction could not pay with all of them. */
function planConsolidation(view: RouteView, funds: Funds, { facts }: Gathered): Planned | null {
  const { policy, memory } = view
  const { address } = memory.get(treasuryId(policy.name))!.context
  const plan = policy.planner.plan(
    { purpose: 'consolidation', payments: [], limit: null, left: null, change: { address } },
    funds,
    facts,
  )
  if ('shortfall' in plan || plan.spendKeys.length < LEAST_CONSOLIDATED) return null
  return { purpose: 'consolidation', plan, paid: [] }
}

/** Of what is planned and not signed yet, so that the signer does not count it; base units. */
function unsignedCost({ memory, policy }: RouteView): bigint {
  const unsigned = memory.list('transfer', policy.name, 'underway').filter(({ context }) => context.signed.length === 0)
  const amountOf = (id: IdOf<'withdrawal'>) => BigInt(memory.get(id)?.context.amount ?? 0)
  return unsigned.reduce(
    (sum, { context: { withdrawals, fee } }) =>
      withdrawals.reduce((cost, { id }) => cost + amountOf(id), sum + BigInt(fee)),
    0n,
  )
}

interface Decided {
  /** Null where nothing can be done now. */
  planned: Planned | null
  passed: readonly PassedOver[]
  isMore: boolean
}

/** Pays as many as funds, the batch's maximum and the signer's limit allow; what is passed over makes room for others. */
function decide(view: RouteView, queued: Withdrawals, gathered: Gathered): Decided {
  const { policy, memory } = view
  const { index, address } = memory.get(treasuryId(policy.name))!.context
  const funds = policy.book.funds(view, { index, address })
  const payments = queued.map(toPayment)
  const { limit, leftToday, facts } = gathered
  const left = leftToday === null ? null : String(BigInt(leftToday) - unsignedCost(view))
  const { maximum } = policy.batch
  const order = { purpose: 'payment' as const, payments, maximum, limit, left, change: { address } }
  const plan = policy.planner.plan(order, funds, facts)
  const { passed } = plan
  if (!('shortfall' in plan)) {
    const names = new Set(plan.paid)
    const paid = queued.filter(({ id }) => names.has(nameOf(id)))
    return { planned: { purpose: 'payment', plan, paid }, passed, isMore: queued.length > paid.length + passed.length }
  }
  const isScattered = passed.some(({ kind }) => kind === 'coins')
  return { planned: isScattered ? planConsolidation(view, funds, gathered) : null, passed, isMore: false }
}

function toTransfer({ policy, at }: RouteView, { purpose, plan: made, paid }: Planned): Message {
  const { template, spendKeys, fee } = made
  const { name: chain, credit, final } = policy
  const rounds = paid.map(({ id, context }) => `${nameOf(id)}@${context.round}`)
  const transfer = transferId(transferHash(chain, purpose, spendKeys, rounds))
  const withdrawals = shareFee(
    fee,
    paid.map(({ id }) => id),
  )
  const plan: TransferPlan = {
    ...{ chain, transfer, purpose, account: treasuryId(chain), withdrawals },
    ...{ held: policy.book.held(spendKeys), credit, final },
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
function cappedOf({ memory, policy }: RouteView, account: IdOf<'account'>): Withdrawals {
  const { reason } = memory.get(account)!.context
  const held = reason === null ? [] : memory.list('withdrawal', policy.name, 'held')
  return held.filter(({ context }) => context.transfer === null && context.reason === reason)
}

/** A chain that catches up is at its tip again soon. */
const BLIND_RETRY_MS = 1000

/** Chains that do not stand at their tip spend nothing: what they think they own may be gone. */
const isBlind = (memory: RouteView['memory'], chain: string): boolean => {
  const instance = memory.get(chainId(chain))
  return instance === undefined || stateOf(instance) !== 'following'
}

interface Gathered {
  /** The account's. */
  id: IdOf<'account'>
  facts: PlanFacts
  /** What one transaction may cost, as far as the signer has said. Base units. */
  limit: Amount | null
  /** What the signer's limit of the day leaves. */
  leftToday: Amount | null
}

export function onGathered(view: RouteView, gathered: Gathered, run: string): Message[] {
  const { memory, policy, at } = view
  const { id: account } = gathered
  const answer = (reason: string | null, again: number | null) =>
    tell(account, 'plan.made', at, { reason, retryAt: again }, run)
  const capped = cappedOf(view, account)
  const queued = byAge([...memory.list('withdrawal', policy.name, 'queued'), ...capped])
  if (queued.length === 0) return [answer(null, null)]
  if (isBlind(memory, policy.name)) return [answer('the chain is not at its tip', at + BLIND_RETRY_MS)]
  try {
    const { planned, passed, isMore } = decide(view, queued, gathered)
    const { told, isAll } = toldOf(view, passed)
    if (passed.some(({ kind }) => kind === 'cap')) return [answer(passed[0]!.reason, isAll ? null : at), ...told]
    if (capped.length > 0) return released(view, capped, answer)
    // What was passed over is tried again when funds arrive, and with each block.
    const waiting = passed.find(({ kind }) => kind !== 'limit')?.reason ?? null
    const transfers = planned === null ? [] : [toTransfer(view, planned)]
    return [answer(waiting, isMore || !isAll ? at : null), ...told, ...transfers]
  } catch (error) {
    return [tell(account, 'plan.refused', at, { reason: reasonOf(error) }, run)]
  }
}
