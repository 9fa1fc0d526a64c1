/**
 * The plan: made purely, against memory as it is in the very turn in which the facts came back. The transfer, its first
 * attempt with the template, the reservations and the bound withdrawals are one commit.
 */
import { createHash } from 'node:crypto'
import type { Fund, Payment, Plan, PlanFacts, Shortfall } from '../../../adapters/adapter.ts'
import { chainId, coinId, nameOf, transferId, treasuryId, type IdOf } from '../../../machines/ids.ts'
import { tell, type Message, type PaidShare, type TransferPlan } from '../../../machines/messages.ts'
import { heightOf, type Amount, type Purpose, type SpendKey } from '../../../machines/vocabulary.ts'
import type { CoinContext } from '../../../machines/coin.ts'
import { stateOf, type InstanceOf } from '../../kernel/entry.ts'
import { reasonOf } from '../../kernel/fault.ts'
import type { RouteView } from './view.ts'

/** Mempools keep at most so many unconfirmed transactions in a row (B17); we stop earlier by one. */
const MAXIMUM_ANCESTORS = 24

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

/** Equal shares, the remainder with the first: they add up to the fee. */
export function shareFee(fee: Amount, ids: readonly IdOf<'withdrawal'>[]): PaidShare[] {
  const count = BigInt(Math.max(ids.length, 1))
  const share = BigInt(fee) / count
  const rest = BigInt(fee) % count
  return ids.map((id, i) => ({ id, fee: String(i === 0 ? share + rest : share) }))
}

/** How many unconfirmed transactions of ours stand below this coin, its own included; 0 when it is in a block. */
function ancestorsOf({ memory }: Pick<RouteView, 'memory'>, coin: CoinContext, seen = new Set<string>()): number {
  if (coin.place !== null || seen.has(coin.transactionId)) return 0
  seen.add(coin.transactionId)
  const parents = coin.inputs.flatMap(key => memory.get(coinId(key)) ?? [])
  return 1 + parents.reduce((sum, parent) => sum + ancestorsOf({ memory }, parent.context, seen), 0)
}

function toFund(view: RouteView, instance: InstanceOf<'coin'>, height: number): Fund {
  const coin = instance.context
  const { key, index, address, publicKey, amount, raw, place, final } = coin
  const isFinal = place !== null && height >= heightOf(place.height, final)
  return { key, index, address, publicKey, amount, raw, final: isFinal, ancestors: ancestorsOf(view, coin) }
}

/** What may be spent now: ripe coins, and where the family allows it unconfirmed change of our own. */
export function fundsOf(view: RouteView): Fund[] {
  const { memory, policy } = view
  const height = memory.heights[policy.name] ?? 0
  const { spendsUnconfirmedChange } = policy.planner
  const isChange = ({ context: coin }: InstanceOf<'coin'>) =>
    spendsUnconfirmedChange && coin.own && coin.place === null && coin.conflict === null
  const ripe = memory.list('coin', policy.name, 'spendable')
  const change = memory.list('coin', policy.name, 'unconfirmed').filter(isChange)
  return [...ripe, ...change]
    .map(coin => toFund(view, coin, height))
    .filter(fund => fund.ancestors <= MAXIMUM_ANCESTORS)
}

type Withdrawals = readonly InstanceOf<'withdrawal'>[]

const totalOf = (withdrawals: Withdrawals): bigint =>
  withdrawals.reduce((sum, { context }) => sum + BigInt(context.amount), 0n)

/** First come, first served, but one that is too large for the funds does not hold up those behind it. */
function choose(withdrawals: Withdrawals, funds: readonly Fund[], maximum: number): Withdrawals {
  let left = funds.reduce((sum, fund) => sum + BigInt(fund.amount), 0n)
  const chosen: InstanceOf<'withdrawal'>[] = []
  for (const withdrawal of withdrawals) {
    const amount = BigInt(withdrawal.context.amount)
    if (chosen.length >= maximum || amount > left) continue
    left -= amount
    chosen.push(withdrawal)
  }
  return chosen
}

const toPayment = ({ context: { id, to, dataField, amount } }: InstanceOf<'withdrawal'>): Payment => ({
  withdrawal: id,
  to,
  dataField,
  amount,
})

interface Planned {
  plan: Plan
  paid: Withdrawals
}

/** Pays as many as the funds and their fee allow; bounded by the batch's maximum and by the signer's limit. */
function planPayments(view: RouteView, queued: Withdrawals, { facts, limit }: Gathered): Planned | Shortfall {
  const { policy, memory } = view
  const funds = fundsOf(view)
  const { address } = memory.get(treasuryId(policy.name))!.context
  const chosen = choose(queued, funds, policy.batch.maximum)
  if (chosen.length === 0)
    return { shortfall: `not enough spendable funds for ${totalOf(queued)} base units and the fee` }
  const order = { purpose: 'payment' as const, payments: chosen.map(toPayment), limit, change: { address } }
  const plan = policy.planner.plan(order, funds, facts)
  if ('held' in plan) return { shortfall: plan.held }
  return 'shortfall' in plan ? plan : { plan, paid: chosen.slice(0, plan.paid) }
}

function toTransfer({ policy, at }: RouteView, { plan: made, paid }: Planned): Message {
  const { template, spendKeys, fee } = made
  const { name: chain, credit, final } = policy
  const rounds = paid.map(({ id, context }) => `${nameOf(id)}@${context.round}`)
  const transfer = transferId(transferHash(chain, 'payment', spendKeys, rounds))
  const withdrawals = shareFee(
    fee,
    paid.map(({ id }) => id),
  )
  const plan: TransferPlan = {
    ...{ chain, transfer, purpose: 'payment', account: treasuryId(chain), withdrawals },
    ...{ coins: spendKeys.map(coinId), credit, final },
  }
  return tell(transfer, 'transfer.planned', at, { ...plan, attempt: { n: 1, template, spendKeys, fee } })
}

const delay = (at: number, reason: string, withdrawals: Withdrawals): Message[] =>
  withdrawals.map(({ id }) => tell(id, 'withdrawal.delayed', at, { reason }))

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
  /** When to try again what could not be paid now. */
  retryAt: number
}

export function onGathered(view: RouteView, gathered: Gathered, run: string): Message[] {
  const { memory, policy, at } = view
  const { id: account, retryAt } = gathered
  const answer = (reason: string | null, again: number | null) =>
    tell(account, 'plan.made', at, { reason, retryAt: again }, run)
  const queued = memory.list('withdrawal', policy.name, 'queued')
  if (queued.length === 0) return [answer(null, null)]
  if (isBlind(memory, policy.name)) return [answer('the chain is not at its tip', at + BLIND_RETRY_MS)]
  try {
    const planned = planPayments(view, queued, gathered)
    if ('shortfall' in planned) return [answer(planned.shortfall, retryAt), ...delay(at, planned.shortfall, queued)]
    const isMore = queued.length > planned.paid.length
    return [answer(null, isMore ? at : null), toTransfer(view, planned)]
  } catch (error) {
    return [tell(account, 'plan.refused', at, { reason: reasonOf(error) }, run)]
  }
}
