/** What the ledger's coins are compared with after a rebuild. */
import type { CoinContext } from '../../machines/coin.ts'
import type { Amount, Place } from '../../machines/vocabulary.ts'
import { transactionFacet } from '../../src/kernel/facets.ts'
import type { BookMemory } from '../book-memory.ts'
import type { EndedInstances, Unexplained } from '../book.ts'

const PAGE = 1000

const coinsOf = (memory: BookMemory, chain: string): CoinContext[] =>
  memory.list('coin', chain).map(instance => instance.context)

/** Coins that stood in a block and were not spent in one, as of this block: key to amount. */
export function unspentAt(memory: BookMemory, chain: string, { height }: Place): Map<string, Amount> {
  const isThere = (place: Place | null | undefined) => place !== null && place !== undefined && place.height <= height
  return new Map(
    coinsOf(memory, chain)
      .filter(({ place, spent }) => isThere(place) && !isThere(spent?.place))
      .map(({ key, amount }) => [key, amount]),
  )
}

/** Coins that have ended and of which no block that was read shows the payment. */
async function endedUnpaid(ended: EndedInstances, chain: string): Promise<CoinContext[]> {
  const found: CoinContext[] = []
  for (let after = 0; ;) {
    const page = await ended.list({ kind: 'coin', chain, state: 'spent', after, limit: PAGE })
    found.push(...page.map(({ context }) => context).filter(({ place }) => place === null))
    const last = page.at(-1)
    if (last === undefined) return found
    after = last.seq
  }
}

/** What none of our own transactions under way is to pay either. Reads all that has ended. */
export async function unexplainedCoins(memory: BookMemory, ended: EndedInstances, chain: string): Promise<Unexplained> {
  const isOurs = ({ transactionId }: CoinContext) => memory.find(transactionFacet(chain, transactionId)).length > 0
  const live = coinsOf(memory, chain).filter(coin => coin.place === null && coin.holder !== null && !isOurs(coin))
  const unpaid = await endedUnpaid(ended, chain)
  const keysOf = (coins: CoinContext[]) => coins.map(({ key }) => key)
  return {
    earlier: keysOf([...live.filter(({ spent }) => spent !== null), ...unpaid]),
    unseen: keysOf(live.filter(({ spent }) => spent === null)),
  }
}
