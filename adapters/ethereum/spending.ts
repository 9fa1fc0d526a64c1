/**
 * What one account may spend now, and on which nonce: what the chain knows was read as of one block, what the ledger knows is asked in
 * the same turn, and the two are put together here.
 */
import type { Amount, Json, SpendKey } from '../../machines/vocabulary.ts'
import { invariant, reasonOf } from '../../src/kernel/fault.ts'
import { buildTemplate, type AccountPlan } from './build.ts'
import type { AccountFunds, Amounts } from './funds.ts'
import type { AccountState, GasFacts } from './gathering.ts'
import type { Network } from './network.ts'
import { nonceKey } from './signable.ts'
import { readTemplate } from './template.ts'

/** geth keeps so many of one account for certain (E24). */
const IN_FLIGHT_MAXIMUM = 16n

export const CROWDED = `${IN_FLIGHT_MAXIMUM} transactions of the account are on their way: it waits until one of them is in a block`
export const MOVED = 'the chain has moved on while the node was asked: it is asked again'
/** Stable: it names the reason for which that one waits. */
export const behind = (reason: string): string =>
  `a transaction of the account that comes before it is not signed: ${reason}`
export const HUNGRY = 'it needs more gas than one transaction may have (EIP-7825)'

/** The parameters of one account at one moment. */
export interface Spender {
  chain: string
  network: Network
  account: string
  funds: AccountFunds
  state: AccountState
  facts: GasFacts
}

type Amounts256 = Record<string, bigint>

/** Balances at the block, less what the ledger has on its way and they do not know of. */
export function spendable({ funds, state, facts }: Spender): Amounts {
  const underWay = funds.underWay(facts.tip.height)
  const found: Amounts256 = {}
  for (const [asset, balance] of Object.entries(state.balances)) {
    const rest = balance - (underWay[asset] ?? 0n)
    found[asset] = rest > 0n ? rest : 0n
  }
  return found
}

/**
 * The lowest nonce that is neither consumed nor held by a transfer (E10): what was reserved and never signed is filled first, because
 * nothing behind it is mined. Null where so many are on their way already (E24).
 */
export function freeNonce({ funds, state }: Pick<Spender, 'funds' | 'state'>): bigint | null {
  const { nonce: first, latestNonce } = state
  const consumed = latestNonce > first ? latestNonce : first
  for (let nonce = first; nonce < consumed + IN_FLIGHT_MAXIMUM; nonce++) if (!funds.isReserved(nonce)) return nonce
  return null
}

/** What is written, and read back as the signer will. */
export function writtenSpend(
  {
    chain,
    network,
    account,
    facts,
  }: Pick<Spender, 'chain' | 'network' | 'account'> & { facts: Pick<GasFacts, 'l1Fee'> },
  planned: Omit<AccountPlan, 'from'>,
): { template: Json; spendKeys: SpendKey[]; fee: Amount } {
  const template = buildTemplate(network, { from: account, ...planned })
  try {
    const { payment } = readTemplate(template, network)
    if (payment.to !== planned.to || payment.amount !== planned.amount || payment.asset !== planned.asset)
      throw invariant('impossible-plan', 'the template pays something else')
  } catch (error) {
    throw invariant('impossible-plan', `the plan does not hold: ${reasonOf(error)}`)
  }
  const fee = planned.gasLimit * planned.fees.maximumFeePerGas + facts.l1Fee
  return { template, spendKeys: [nonceKey(chain, account, planned.nonce)], fee: String(fee) }
}
