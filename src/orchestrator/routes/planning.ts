/**
 * The plan: made purely, against memory as it is in the very turn in which the facts came back. The transfer, its first
 * attempt with the template, the reservations and the bound withdrawals are one commit.
 */
import { createHash } from 'node:crypto'
import type { Fund, Payment, Plan, PlanFacts, Shortfall } from '../../../adapters/adapter.ts'
import { reasonOf } from '../../kernel/fault.ts'
import type { AccountContext } from '../../../machines/account.ts'
import type { CoinContext } from '../../../machines/coin.ts'
import type { PaidShare, TransferPlan } from '../../../machines/transfer.ts'
import {
  heightOf,
  type Addressed,
  type Amount,
  type Id,
  type Purpose,
  type SpendKey,
} from '../../../machines/vocabulary.ts'
import type { WithdrawalContext } from '../../../machines/withdrawal.ts'
import type { Instance } from '../../kernel/entry.ts'
import { stateOf } from '../memory.ts'
import { nameOf } from '../../kernel/step.ts'
import { coinId, treasuryId, type Ground } from './blocks.ts'
import { tell } from './tell.ts'

/** Mempools keep at most so many unconfirmed transactions in a row (B17); we stop earlier by one. */
const MAXIMUM_ANCESTORS = 24

const coinOf = (instance: Instance) => instance.context as unknown as CoinContext
const withdrawalOf = (instance: Instance) => instance.context as unknown as WithdrawalContext
const accountOf = (instance: Instance) => instance.context as unknown as AccountContext

/** A fact of its first attempt and of what it pays, never a counter: two ledgers that plan the same give it the same name. */
export function transferIdOf(
  chain: string,
  purpose: Purpose,
  keys: readonly SpendKey[],
  rounds: readonly string[],
): string {
  const canonical = JSON.stringify([chain, purpose, [...keys].sort(), [...rounds].sort()])
  return createHash('sha256').update(canonical).digest('hex')
}

/** Equal shares, the remainder with the first: they add up to the fee. */
export function shareFee(fee: Amount, ids: readonly Id[]): PaidShare[] {
  const count = BigInt(Math.max(ids.length, 1))
  const share = BigInt(fee) / count
  const rest = BigInt(fee) % count
  return ids.map((id, i) => ({ id, fee: String(i === 0 ? share + rest : share) }))
}

/** How many unconfirmed transactions of ours stand below this coin, its own included; 0 when it is in a block. */
export function ancestorsOf({ memory }: Ground, coin: CoinContext, seen = new Set<string>()): number {
  if (coin.place !== null || seen.has(coin.transactionId)) return 0
  seen.add(coin.transactionId)
  const parents = coin.inputs.flatMap(key => memory.get(coinId(key)) ?? [])
  return 1 + parents.reduce((sum, parent) => sum + ancestorsOf({ memory } as Ground, coinOf(parent), seen), 0)
}

function toFund(ground: Ground, instance: Instance, height: number): Fund {
  const coin = coinOf(instance)
  const { key, index, address, publicKey, amount, raw, place, final } = coin
  const isFinal = place !== null && height >= heightOf(place.height, final)
  return { key, index, address, publicKey, amount, raw, final: isFinal, ancestors: ancestorsOf(ground, coin) }
}

/** What may be spent now: ripe coins, and on segwit chains unconfirmed change of our own. */
export function fundsOf(ground: Ground): Fund[] {
  const { memory, policy } = ground
  const height = memory.heights[policy.name] ?? 0
  const isChange = (instance: Instance) => {
    const coin = coinOf(instance)
    return policy.segwit && coin.own && coin.place === null && coin.conflict === null
  }
  const ripe = memory.list('coin', policy.name, 'spendable')
  const change = memory.list('coin', policy.name, 'unconfirmed').filter(isChange)
  return [...ripe, ...change]
    .map(coin => toFund(ground, coin, height))
    .filter(fund => fund.ancestors <= MAXIMUM_ANCESTORS)
}

/** First come, first served, but one that is too large for the funds does not hold up those behind it. */
function choose(withdrawals: readonly Instance[], funds: readonly Fund[], maximum: number): Instance[] {
  let left = funds.reduce((sum, fund) => sum + BigInt(fund.amount), 0n)
  const chosen: Instance[] = []
  for (const withdrawal of withdrawals) {
    const amount = BigInt(withdrawalOf(withdrawal).amount)
    if (chosen.length >= maximum || amount > left) continue
    left -= amount
    chosen.push(withdrawal)
  }
  return chosen
}

const toPayment = (withdrawal: Instance): Payment => {
  const { id, to, dataField, amount } = withdrawalOf(withdrawal)
  return { withdrawal: id, to, dataField, amount }
}

interface Planned {
  plan: Plan
  paid: Instance[]
}

/** What the transaction costs us, fee included. */
const costOf = ({ plan, paid }: Planned): bigint =>
  paid.reduce((sum, one) => sum + BigInt(withdrawalOf(one).amount), BigInt(plan.fee))

/** Pays as many as the funds and their fee allow; bounded by the batch's maximum and by the signer's limit. */
function planPayments(ground: Ground, queued: readonly Instance[], { facts, limit }: Gathered): Planned | Shortfall {
  const { policy, memory } = ground
  const funds = fundsOf(ground)
  const change = accountOf(memory.get(treasuryId(policy.name))!)
  const missing = queued.reduce((sum, one) => sum + BigInt(withdrawalOf(one).amount), 0n)
  let last: Shortfall = { shortfall: `not enough spendable funds for ${missing} base units and the fee` }
  for (let paid = choose(queued, funds, policy.batch.maximum); paid.length > 0; paid = paid.slice(0, -1)) {
    const order = { purpose: 'payment' as const, payments: paid.map(toPayment), change: { address: change.address } }
    const plan = policy.planner.plan(order, funds, facts)
    if ('held' in plan) return { shortfall: plan.held }
    // One that is alone over the limit is asked for all the same: the signer says what it holds it for.
    const isOver = !('shortfall' in plan) && limit !== null && costOf({ plan, paid }) > BigInt(limit)
    if (!('shortfall' in plan) && (!isOver || paid.length === 1)) return { plan, paid }
    if ('shortfall' in plan) last = plan
  }
  return last
}

function toTransfer({ policy, at }: Ground, { plan, paid }: Planned): Addressed {
  const rounds = paid.map(one => `${nameOf(one.id)}@${withdrawalOf(one).round}`)
  const transfer = `transfer/${transferIdOf(policy.name, 'payment', plan.spendKeys, rounds)}`
  const shares = shareFee(
    plan.fee,
    paid.map(one => one.id),
  )
  const intent: TransferPlan = {
    chain: policy.name,
    transfer,
    purpose: 'payment',
    account: treasuryId(policy.name),
    withdrawals: shares,
    coins: plan.spendKeys.map(coinId),
    credit: policy.credit,
    final: policy.final,
  }
  return tell(transfer, 'transfer.planned', at, { ...intent, attempt: { n: 1, ...plan } })
}

const delay = (at: number, reason: string, withdrawals: readonly Instance[]): Addressed[] =>
  withdrawals.map(({ id }) => tell(id, 'withdrawal.delayed', at, { reason }))

/** A chain that catches up is at its tip again soon. */
const BLIND_RETRY_MS = 1000

/** Chains that do not stand at their tip spend nothing: what they think they own may be gone. */
const isBlind = (memory: Ground['memory'], chain: string): boolean => {
  const instance = memory.get(`chain/${chain}`)
  return instance === undefined || stateOf(instance) !== 'following'
}

interface Gathered {
  /** The account's. */
  id: Id
  facts: PlanFacts
  /** What one transaction may cost, as far as the signer has said. Base units. */
  limit: Amount | null
  /** When to try again what could not be paid now. */
  retryAt: number
}

export function onGathered(ground: Ground, gathered: Gathered, run: string): Addressed[] {
  const { memory, policy, at } = ground
  const { id: account, retryAt } = gathered
  const answer = (reason: string | null, again: number | null) =>
    tell(account, 'plan.made', at, { reason, retryAt: again }, run)
  const queued = memory.list('withdrawal', policy.name, 'queued')
  if (queued.length === 0) return [answer(null, null)]
  if (isBlind(memory, policy.name)) return [answer('the chain is not at its tip', at + BLIND_RETRY_MS)]
  try {
    const planned = planPayments(ground, queued, gathered)
    if ('shortfall' in planned) return [answer(planned.shortfall, retryAt), ...delay(at, planned.shortfall, queued)]
    const isMore = queued.length > planned.paid.length
    return [answer(null, isMore ? at : null), toTransfer(ground, planned)]
  } catch (error) {
    return [tell(account, 'plan.refused', at, { reason: reasonOf(error) }, run)]
  }
}
