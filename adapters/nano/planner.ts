/**
 * Plans of the family: one block at a time, on top of the account's last one. The treasury pays, and receives what was sent to it; a deposit
 * account receives what users have sent, and sends it on to the treasury.
 */
import type { Limit, Order, PassedOver, Payment, Plan, Planner, Shortfall, Upkeep } from '../adapter.ts'
import { upperHex } from '../hex.ts'
import { accountKeyOf } from './address.ts'
import { hashOf, ZERO_HASH, type StateBlock } from './block.ts'
import { destinationOf } from './destination.ts'
import type { LatticeFunds, Obstacle, Receivable } from './funds.ts'
import { frontierKey, receivableKey } from './key.ts'
import type { Network } from './network.ts'
import type { LatticeFacts } from './node.ts'

export interface NanoPlannerOptions {
  chain: string
  network: Network
  /** Canonical: what opens an account, and stays with it (N15); null: each account represents itself. */
  representative: string | null
  /** Raw: an account that has so much sends it to the treasury. */
  sweepMinimum: bigint
  /** Raw: a send of less is not received, because receiving costs work and dust would never end. */
  worthwhile: bigint
}

const MAXIMUM_RAW = (1n << 128n) - 1n
/** While a block waits to be signed. */
const SOON_MS = 200

const SHORT = 'more than there is'
const ARRIVING = 'more than there is until what was sent to us has been received'
const OVER_LIMIT = 'over the limit of one transaction'
const OVER_LEFT = 'over what the limit leaves for the present'
const FOREIGN: Obstacle = {
  reason: 'the node has another last block: it lags, or the block is not ours',
  againMs: 1000,
}
const UNKNOWN: Obstacle = { reason: 'the node does not know its last block yet', againMs: 1000 }

const UNTOLD = 'the node has not told what the signer has to see of what was sent'

type Spending = Pick<Order, 'source' | 'treasury' | 'limits'>

/** Where the next block goes. */
interface Ground {
  previous: string
  /** Null for an account's first block. */
  block: StateBlock | null
  balance: bigint
}

/** The block on which the next one stands, or why there can be none now. N13: a block of the network's may have come on top. */
function groundOf(funds: LatticeFunds, facts: LatticeFacts): Ground | Obstacle {
  if (funds.obstacle !== null) return funds.obstacle
  const { previous, balance, chain } = funds
  if (facts.head !== null && !chain.includes(facts.head)) return FOREIGN
  const block = funds.block ?? facts.blocks[previous] ?? null
  return block === null && previous !== ZERO_HASH ? UNKNOWN : { previous, block, balance }
}

const isOver = (maximum: string | null | undefined, amount: bigint): boolean =>
  maximum !== null && maximum !== undefined && amount > BigInt(maximum)

function passOver(
  { withdrawal, amount: text, asset }: Payment,
  limits: Readonly<Record<string, Limit>>,
  funds: LatticeFunds,
): PassedOver | null {
  const amount = BigInt(text)
  const limit = limits[asset]
  if (isOver(limit?.perTransaction, amount)) return { withdrawal, kind: 'limit', reason: OVER_LIMIT }
  if (isOver(limit?.left, amount)) return { withdrawal, kind: 'left', reason: OVER_LEFT }
  if (amount <= funds.balance) return null
  const coming = funds.receivables.reduce((sum, each) => sum + each.amount, funds.elsewhere)
  return amount <= funds.balance + coming
    ? { withdrawal, kind: 'upkeep', reason: ARRIVING }
    : { withdrawal, kind: 'funds', reason: SHORT }
}

function blockOn(
  { representative }: NanoPlannerOptions,
  { previous, block }: Ground,
  account: string,
  { balance, link }: { balance: bigint; link: string },
): StateBlock {
  return {
    ...{ type: 'state', account, previous, balance: String(balance), link },
    representative: block?.representative ?? representative ?? account,
  }
}

/** What the signer is shown: the block, the one before it, and what a receive receives. */
const templateOf = (
  { network }: NanoPlannerOptions,
  ground: Ground,
  block: StateBlock,
  source: { block: StateBlock; previous: StateBlock } | null,
) => ({
  ...{ network: network.name, block: { ...block } },
  previous: ground.block === null ? null : { ...ground.block },
  source: source === null ? null : { block: { ...source.block }, previous: { ...source.previous } },
})

function send(options: NanoPlannerOptions, ground: Ground, { source }: Spending, to: string, amount: bigint) {
  const { chain, network } = options
  const after = { balance: ground.balance - amount, link: upperHex(accountKeyOf(to, network)) }
  const template = templateOf(options, ground, blockOn(options, ground, source.address, after), null)
  return { source: source.index, template, spendKeys: [frontierKey(chain, source.address, ground.previous)], fee: '0' }
}

/** Null where the node has not told what the signer has to see: it is asked again. */
function receive(
  options: NanoPlannerOptions,
  ground: Ground,
  { source }: Spending,
  { hash, amount }: Receivable,
  { blocks }: LatticeFacts,
): Plan | null {
  const { chain, network } = options
  const sent = blocks[hash]
  const before = sent === undefined ? undefined : blocks[sent.previous]
  if (sent === undefined || before === undefined || hashOf(before, network) !== sent.previous) return null
  const block = blockOn(options, ground, source.address, { balance: ground.balance + amount, link: hash })
  const template = templateOf(options, ground, block, { block: sent, previous: before })
  const spendKeys = [frontierKey(chain, source.address, ground.previous), receivableKey(chain, hash)]
  return { purpose: 'receive', source: source.index, template, spendKeys, fee: '0', paid: [], passed: [] }
}

/** The first that can be paid: one block pays one. */
function pay(options: NanoPlannerOptions, order: Order, funds: LatticeFunds, facts: LatticeFacts): Plan | Shortfall {
  const ground = groundOf(funds, facts)
  if ('reason' in ground) return { shortfall: ground.reason, passed: [] }
  const passed: PassedOver[] = []
  for (const payment of order.payments) {
    const why = passOver(payment, order.limits, funds)
    if (why === null) {
      const made = send(options, ground, order, payment.to, BigInt(payment.amount))
      return { purpose: 'payment', ...made, paid: [payment.withdrawal], passed }
    }
    passed.push(why)
  }
  return { shortfall: passed[0]?.reason ?? '', passed }
}

/** What is worth its work, largest first; all of them once somebody waits for money. */
function dueOf(
  { sweepMinimum, worthwhile }: NanoPlannerOptions,
  { receivables, balance }: LatticeFunds,
  { isTreasury, isShort }: { isTreasury: boolean; isShort: boolean },
): readonly Receivable[] {
  if (isTreasury && isShort) return receivables
  const whole = receivables.reduce((sum, { amount }) => sum + amount, balance)
  if (!isTreasury && whole < sweepMinimum) return []
  return receivables.filter(({ amount }) => amount >= worthwhile)
}

const IDLE: Upkeep = { plan: null, again: null, reason: null }

function keepUp(
  options: NanoPlannerOptions,
  order: Spending,
  funds: LatticeFunds,
  facts: LatticeFacts,
  passed: readonly PassedOver[],
): Upkeep {
  const isTreasury = order.source.index === 0
  const isShort = passed.some(({ kind }) => kind === 'upkeep' || kind === 'funds')
  const [first, second] = dueOf(options, funds, { isTreasury, isShort })
  const { balance } = funds
  const isSwept = !isTreasury && first === undefined && balance >= options.sweepMinimum && balance > 0n
  const ground = groundOf(funds, facts)
  if ('reason' in ground) {
    const isWaiting = first !== undefined || isSwept || isTreasury
    return isWaiting ? { plan: null, again: ground.againMs, reason: ground.reason } : IDLE
  }
  if (first !== undefined) {
    const plan = receive(options, ground, order, first, facts)
    const isMore = plan === null || second !== undefined || !isTreasury
    return { plan, again: isMore ? SOON_MS : null, reason: plan === null ? UNTOLD : null }
  }
  if (!isSwept) return IDLE
  const made = send(options, ground, order, order.treasury, balance)
  return { plan: { purpose: 'sweep', ...made, paid: [], passed: [] }, again: null, reason: null }
}

/** Pure. */
export function createPlanner(options: NanoPlannerOptions): Planner {
  const { network } = options
  return {
    destination: (to, dataField) => destinationOf(to, dataField, network),
    minimumPayment: () => '1',
    maximumPayment: String(MAXIMUM_RAW),
    signedAtOnce: true,
    plan: (order, funds: LatticeFunds, facts: LatticeFacts) => pay(options, order, funds, facts),
    upkeep: (order, funds: LatticeFunds, facts: LatticeFacts, passed) => keepUp(options, order, funds, facts, passed),
  }
}
