/**
 * Plans of the family: one block at a time, on top of the account's last one. The treasury pays, and receives what was sent to it; a deposit
 * account receives what users have sent, and sends it on to the treasury.
 */
import type { Limit, Order, PassedOver, Payment, Plan, Planner, Shortfall, Upkeep } from '../adapter.ts'
import { upperHex } from '../hex.ts'
import { publicKeyOf } from './address.ts'
import { hashOf, ZERO_HASH, type StateBlock } from './block.ts'
import { destinationOf } from './destination.ts'
import type { LatticeFunds, Receivable } from './funds.ts'
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
}

const MAXIMUM_RAW = (1n << 128n) - 1n
/** A send that is smaller than this part of what is swept is left where it is: receiving it costs work, and dust would never end. */
const WORTHWHILE_PARTS = 16n
/** While a block waits to be signed. */
const SOON_MS = 200

const SHORT = 'more than there is'
const ARRIVING = 'more than there is until what was sent to us has been received'
const OVER_LIMIT = 'over the limit of one transaction'
const OVER_LEFT = 'over what the limit leaves for the present'
const FOREIGN = 'a block that is not ours stands on its last one, and is not confirmed yet'
const UNKNOWN = 'the node does not know its last block yet'

type Spending = Pick<Order, 'source' | 'treasury' | 'limits'>

/** Where the next block goes. */
interface Ground {
  previous: string
  /** Null for an account's first block. */
  block: StateBlock | null
  balance: bigint
}

/** The block on which the next one stands, or why there can be none now. N13: a block of the network's may have come on top. */
function groundOf(funds: LatticeFunds, facts: LatticeFacts): Ground | string {
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

export function createPlanner(options: NanoPlannerOptions): Planner {
  const { chain, network, representative, sweepMinimum } = options

  function blockOn({ previous, block }: Ground, account: string, balance: bigint, link: string): StateBlock {
    return {
      ...{ type: 'state', account, previous, balance: String(balance), link },
      representative: block?.representative ?? representative ?? account,
    }
  }

  const templateOf = (
    ground: Ground,
    block: StateBlock,
    source: { block: StateBlock; previous: StateBlock } | null,
  ) => ({
    ...{ network: network.name, block: { ...block } },
    previous: ground.block === null ? null : { ...ground.block },
    source: source === null ? null : { block: { ...source.block }, previous: { ...source.previous } },
  })

  function send(ground: Ground, { source }: Spending, to: string, amount: bigint) {
    const link = upperHex(publicKeyOf(to, network))
    const block = blockOn(ground, source.address, ground.balance - amount, link)
    const spendKeys = [frontierKey(chain, source.address, ground.previous)]
    return { source: source.index, template: templateOf(ground, block, null), spendKeys, fee: '0' }
  }

  /** Null where the node has not told what the signer has to see: it is asked again. */
  function receive(
    ground: Ground,
    { source }: Spending,
    { hash, amount }: Receivable,
    facts: LatticeFacts,
  ): Plan | null {
    const sent = facts.blocks[hash]
    const before = sent === undefined ? undefined : facts.blocks[sent.previous]
    if (sent === undefined || before === undefined || hashOf(before, network) !== sent.previous) return null
    const block = blockOn(ground, source.address, ground.balance + amount, hash)
    const template = templateOf(ground, block, { block: sent, previous: before })
    const spendKeys = [frontierKey(chain, source.address, ground.previous), receivableKey(chain, hash)]
    return { purpose: 'receive', source: source.index, template, spendKeys, fee: '0', paid: [], passed: [] }
  }

  function plan(order: Order, funds: LatticeFunds, facts: LatticeFacts): Plan | Shortfall {
    const ground = groundOf(funds, facts)
    if (typeof ground === 'string') return { shortfall: ground, passed: [] }
    const passed: PassedOver[] = []
    for (const payment of order.payments) {
      const why = passOver(payment, order.limits, funds)
      if (why === null) {
        const made = send(ground, order, payment.to, BigInt(payment.amount))
        return { purpose: 'payment', ...made, paid: [payment.withdrawal], passed }
      }
      passed.push(why)
    }
    return { shortfall: passed[0]?.reason ?? '', passed }
  }

  /** What is worth its work, largest first; all of them once somebody waits for money. */
  function due({ receivables, balance }: LatticeFunds, isTreasury: boolean, isShort: boolean): readonly Receivable[] {
    if (isTreasury && isShort) return receivables
    const whole = receivables.reduce((sum, { amount }) => sum + amount, balance)
    if (!isTreasury && whole < sweepMinimum) return []
    return receivables.filter(({ amount }) => amount * WORTHWHILE_PARTS >= sweepMinimum)
  }

  function upkeep(
    order: Omit<Order, 'payments'>,
    funds: LatticeFunds,
    facts: LatticeFacts,
    passed: readonly PassedOver[],
  ): Upkeep {
    const isTreasury = order.source.index === 0
    const [first, second] = due(
      funds,
      isTreasury,
      passed.some(({ kind }) => kind === 'upkeep' || kind === 'funds'),
    )
    const isSwept = !isTreasury && first === undefined && funds.balance >= sweepMinimum && funds.balance > 0n
    const ground = groundOf(funds, facts)
    if (typeof ground === 'string') {
      const isWaiting = first !== undefined || isSwept || passed.length > 0 || isTreasury
      return { plan: null, again: isWaiting ? SOON_MS : null, reason: isWaiting ? ground : null }
    }
    if (first !== undefined) {
      const made = receive(ground, order, first, facts)
      return { plan: made, again: made === null || second !== undefined || !isTreasury ? SOON_MS : null, reason: null }
    }
    if (!isSwept) return { plan: null, again: null, reason: null }
    const made = send(ground, order, order.treasury, funds.balance)
    return { plan: { purpose: 'sweep', ...made, paid: [], passed: [] }, again: null, reason: null }
  }

  return {
    destination: (to, dataField) => destinationOf(to, dataField, network),
    minimumPayment: () => '1',
    maximumPayment: String(MAXIMUM_RAW),
    plan,
    upkeep,
  }
}
