/**
 * Whether a token moves what it logs: the balance before and after the block of its first deposit is laid beside its logs. One that takes
 * a fee on transfer differs, and from then on all that it brings is for a person to look at (E6).
 */
import type { AccountFact, AccountPayment } from './block.ts'
import type { Network } from './network.ts'
import { isForgotten, type Rpc } from './rpc.ts'
import { bytes } from './shapes.ts'
import { balanceCall } from './token.ts'

const WORD_CHARACTERS = 2 + 64

export interface ScannedFacts {
  hash: string
  parent: string
  facts: AccountFact[]
}

const isTokenPayment = (network: Network, fact: AccountFact): fact is AccountPayment =>
  fact.kind === 'payment.seen' && fact.asset !== network.asset

/** What the block's logs say that the balance has changed by. */
function loggedChange(facts: readonly AccountFact[], asset: string, address: string): bigint {
  return facts.reduce((sum, fact) => {
    if (fact.kind === 'payment.seen' && fact.asset === asset && fact.address === address)
      return sum + BigInt(fact.amount)
    if (fact.kind === 'balance.taken' && fact.asset === asset && fact.address === address)
      return sum + BigInt(fact.delta)
    return sum
  }, 0n)
}

/** Remembers what it has seen of each token for as long as the process runs. `untold`: a node that has forgotten the state says nothing of this one. */
export function createHonesty(rpc: Rpc, network: Network, untold: (asset: string) => void) {
  const isHonest = new Map<string, boolean>()
  const isTold = new Set<string>()

  async function balanceAt(asset: string, address: string, blockHash: string): Promise<bigint | null> {
    const call = balanceCall(network.contractOf.get(asset), address)
    const answer = await rpc.ask(bytes, isForgotten, 'eth_call', call, { blockHash })
    return answer.ok && answer.result.length === WORD_CHARACTERS ? BigInt(answer.result) : null
  }

  async function look({ hash, parent, facts }: ScannedFacts, { asset, address }: AccountPayment): Promise<void> {
    const before = await balanceAt(asset, address, parent)
    const after = await balanceAt(asset, address, hash)
    if (before !== null && after !== null) {
      isHonest.set(asset, after - before === loggedChange(facts, asset, address))
    } else if (!isTold.has(asset)) {
      isTold.add(asset)
      untold(asset)
    }
  }

  /** The same facts, with a doubt on what a token has brought that differs. */
  return async (block: ScannedFacts): Promise<AccountFact[]> => {
    const payments = block.facts.filter(fact => isTokenPayment(network, fact))
    for (const payment of payments) if (!isHonest.has(payment.asset)) await look(block, payment)
    if (payments.every(({ asset }) => isHonest.get(asset) !== false)) return block.facts
    return block.facts.map(fact =>
      isTokenPayment(network, fact) && isHonest.get(fact.asset) === false
        ? { ...fact, doubt: `${fact.asset} moves something else than it logs: it must not be listed` }
        : fact,
    )
  }
}
