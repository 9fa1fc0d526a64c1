/** Who hears of blocks and of the payments and spends in them. */
import type { Block, Fact, PaymentSeen, SpendSeen } from '../../../adapters/adapter.ts'
import type { AddressContext } from '../../../machines/address.ts'
import { FOLLOWING_STATES, isNextBlock, isTakenBack, type ChainContext } from '../../../machines/chain.ts'
import type { AttemptContext } from '../../../machines/attempt.ts'
import type { Addressed, Id, Place, SpendKey } from '../../../machines/vocabulary.ts'
import { attemptId, type TransferContext } from '../../../machines/transfer.ts'
import { blockFacet, inputFacet, transactionFacet } from '../facets.ts'
import { stateOf, type LiveMemory } from '../memory.ts'
import type { ChainPolicy } from '../policy.ts'
import { nameOf } from '../../kernel/step.ts'
import { tell } from './tell.ts'

export interface Ground {
  memory: LiveMemory
  policy: ChainPolicy
  at: number
}

/** Of the chain's tip. */
export const tipOf = ({ memory, policy }: Ground): number => memory.heights[policy.name] ?? 0

export const coinId = (key: SpendKey): Id => `coin/${key}`
export const depositId = (name: string): Id => `deposit/${name}`
export const addressId = (chain: string, index: number): Id => `address/${chain}:${index}`
export const treasuryId = (chain: string): Id => `account/${chain}:0`

function toCoin({ memory, policy, at }: Ground, fact: PaymentSeen): Addressed[] {
  const { publicKey } = memory.get(addressId(policy.name, fact.index))!.context as unknown as AddressContext
  const { index, address, asset, amount, raw, inputs, own, place } = fact
  const key = fact.id
  const facts = { chain: policy.name, key, index, address, publicKey, asset, amount, raw, inputs, own, place }
  const ripe = Math.max(own ? 1 : policy.credit, fact.maturity)
  const origin = { transactionId: fact.transaction, outputIndex: fact.output, ripe, final: policy.final }
  const seen = tell(coinId(key), 'payment.seen', at, { ...facts, ...origin })
  const holder = memory.holder(key)
  const isHeld = holder !== undefined && memory.get(coinId(key)) === undefined
  return isHeld ? [seen, tell(coinId(key), 'coin.reserved', at, { holder })] : [seen]
}

function toDeposit({ memory, policy, at }: Ground, fact: PaymentSeen): Addressed {
  const { reference } = memory.get(addressId(policy.name, fact.index))!.context as unknown as AddressContext
  const { asset, address, dataField, index, amount, inputs, place, doubt } = fact
  const isTooSmall = BigInt(amount) < BigInt(policy.minimumDeposit)
  const facts = {
    chain: policy.name,
    asset,
    address,
    dataField,
    index,
    reference,
    amount,
    inputs,
    place,
    doubt,
    isTooSmall,
  }
  const depths = { required: Math.max(policy.credit, fact.maturity), final: Math.max(policy.final, fact.maturity) }
  const origin = { transactionId: fact.transaction, outputIndex: fact.output }
  return tell(depositId(fact.id), 'payment.seen', at, { ...facts, ...depths, ...origin })
}

/**
 * Every payment to us makes a coin; only one to a deposit address (not to the treasury: change, sweep, funding) makes a
 * deposit. Unconfirmed dust is not worth remembering before it is in a block.
 */
function onPayment(ground: Ground, fact: PaymentSeen): Addressed[] {
  const isDust = fact.place === null && !fact.own && BigInt(fact.amount) < BigInt(ground.policy.minimumDeposit)
  if (isDust) return []
  return fact.index === 0 ? toCoin(ground, fact) : [...toCoin(ground, fact), toDeposit(ground, fact)]
}

/** The attempt whose transaction this is; on chains with malleable ids also by what it spends (B8). */
function attemptOf({ memory, policy }: Ground, fact: SpendSeen): Id | null {
  const [known] = memory.find(transactionFacet(policy.name, fact.transaction))
  if (known !== undefined || policy.segwit) return known ?? null
  const holder = fact.keys.map(key => memory.holder(key)).find(id => id !== undefined)
  if (holder === undefined) return null
  const { attempts } = memory.get(holder)!.context as unknown as TransferContext
  const ids = Array.from({ length: attempts }, (_, i) => attemptId(holder, i + 1))
  const spendsTheSame = (id: Id) => {
    const { spendKeys = [] } = (memory.get(id)?.context ?? {}) as Partial<AttemptContext>
    return spendKeys.length === fact.keys.length && spendKeys.every(key => fact.keys.includes(key))
  }
  return ids.find(spendsTheSame) ?? null
}

/**
 * Payments of other transactions that spend the same output, and whatever was built on those (our own change among it):
 * none of them can be mined while this one is.
 */
function toConflicts({ memory, at }: Ground, fact: SpendSeen, place: Place): Addressed[] {
  const isOther = (id: Id) => memory.get(id)!.context['transactionId'] !== fact.transaction
  const ids = new Set<Id>()
  const keys = [...fact.keys]
  for (const key of keys)
    for (const id of memory.find(inputFacet(key)).filter(isOther)) {
      if (!ids.has(id)) keys.push(nameOf(id))
      ids.add(id)
    }
  return [...ids].map(id => tell(id, 'payment.conflicted', at, { transaction: fact.transaction, place }))
}

/** `created`: coins that this very block has brought, which memory does not know yet (B15). */
function onSpend(ground: Ground, fact: SpendSeen, created: ReadonlySet<SpendKey>): Addressed[] {
  const { memory, policy, at } = ground
  const { place, transaction } = fact
  if (place === null) return []
  const coins = fact.keys.filter(key => created.has(key) || memory.get(coinId(key)) !== undefined)
  const messages = toConflicts(ground, fact, place)
  if (coins.length === 0) return messages
  const attempt = attemptOf(ground, fact)
  if (attempt !== null) messages.push(tell(attempt, 'transaction.mined', at, { transactionId: transaction, place }))
  else messages.push(tell(`chain/${policy.name}`, 'spend.unexplained', at, { key: coins[0], transaction }))
  for (const key of coins) messages.push(tell(coinId(key), 'coin.spent', at, { transaction, place }))
  return messages
}

/** In the order of the chain. */
export function onFacts(ground: Ground, facts: readonly Fact[]): Addressed[] {
  const created = new Set<SpendKey>()
  const messages: Addressed[] = []
  for (const fact of facts) {
    if (fact.kind === 'spend.seen') messages.push(...onSpend(ground, fact, created))
    else {
      messages.push(...onPayment(ground, fact))
      created.add(fact.id)
    }
  }
  return messages
}

/** The chain's own machine decides first; only a block that it takes back is taken back for those that stand on it. */
export function onDisconnected({ memory, policy, at }: Ground, { height, hash }: Place): Addressed[] {
  const chain = memory.get(`chain/${policy.name}`)
  const isAccepted =
    chain !== undefined &&
    FOLLOWING_STATES.includes(stateOf(chain)) &&
    isTakenBack(chain.context as unknown as ChainContext, { height, hash })
  const ids = isAccepted ? memory.find(blockFacet(policy.name, hash)) : []
  return [`chain/${policy.name}`, ...ids].map(id => tell(id, 'block.disconnected', at, { height, hash }))
}

/** Facts of a block that the chain's machine would not accept are facts of nothing. */
export function onConnected(ground: Ground, block: Block, nodeHeight: number, facts: readonly Fact[]): Addressed[] {
  const { memory, policy, at } = ground
  const id = `chain/${policy.name}`
  const chain = memory.get(id)
  const isAccepted =
    chain !== undefined &&
    FOLLOWING_STATES.includes(stateOf(chain)) &&
    isNextBlock(chain.context as unknown as ChainContext, block, block.parent)
  if (!isAccepted) return []
  const data = { block: { height: block.height, hash: block.hash }, parent: block.parent, nodeHeight, applied: false }
  return [tell(id, 'block.connected', at, data), ...onFacts(ground, facts)]
}
