/** The family's book: each payment to us makes a coin, each spend of one ends it. */
import { coinId, idOf, isIdOf, nameOf, transactionOf, type IdOf } from '../../machines/ids.ts'
import { tell, type Message } from '../../machines/messages.ts'
import type { Json } from '../../machines/vocabulary.ts'
import type { AdoptedRecord, Book, BookView } from '../book.ts'
import { unexplainedCoins, unspentAt } from './counting.ts'
import type { BitcoinFact } from './facts.ts'
import { coinBalances, fundsOf, worthOfCoin } from './funds.ts'
import { hearFacts, overhearFacts } from './hearing.ts'
import type { TemplateCoin } from './template.ts'
import { forgetUnneeded, leftBy, lineageFacets, parentsOf } from './lineage.ts'

/** What differs within the family. */
export interface BitcoinBookOptions {
  /** What a template spends. Boundary fault `invalid-template`. */
  coinsOf: (template: Json) => TemplateCoin[]
  /** A transaction's id can change before it confirms: ours are then known by what they spend (B8). */
  hasMalleableIds: boolean
  /** Whether change of ours may be spent before it is in a block (B16: not where its transaction's id can change). */
  spendsUnconfirmedChange: boolean
}

/** The coin that a deposit has brought. */
const coinOfDeposit = (id: IdOf<'deposit'>): IdOf<'coin'> => idOf('coin', nameOf(id))

/**
 * The coins that the template spends and the ledger does not know: while there was no ledger, what paid them may have been
 * double-spent. Known, they are seen when they are mined, and lost when a conflict is final.
 */
function toCoins(
  { memory, policy, at }: BookView,
  spent: readonly TemplateCoin[],
  holder: IdOf<'transfer'>,
): Message[] {
  const unknown = spent.filter(({ key }) => memory.get(coinId(key)) === undefined)
  if (unknown.length === 0) return []
  const addresses = memory.list('address', policy.name).map(({ context }) => context)
  const { name: chain, asset, credit: ripe, final } = policy
  return unknown.flatMap(({ address, output, raw, inputs, ...coin }) => {
    const index = addresses.find(one => one.address === address)?.index
    if (index === undefined) return []
    const origin = { chain, index, address, asset, outputIndex: output, own: false, place: null }
    const { transactionId } = coin
    return [
      tell(transactionOf(chain, transactionId), 'transaction.seen', at, { chain, transactionId, raw, inputs }),
      tell(coinId(coin.key), 'payment.seen', at, { ...coin, ...origin, ripe, final }),
      tell(coinId(coin.key), 'key.reserved', at, { holder }),
    ]
  })
}

/** The book of one network of the family. */
export function createBook({ coinsOf, hasMalleableIds, spendsUnconfirmedChange }: BitcoinBookOptions): Book {
  return {
    hear: (view, facts: readonly BitcoinFact[]) => hearFacts(view, facts, hasMalleableIds),
    overhear: (view, facts: readonly BitcoinFact[]) => overhearFacts(view, facts, hasMalleableIds),
    facets: lineageFacets,
    worth: worthOfCoin,
    revisits: leftBy,
    settles: 'revisited',
    settle: (view, revisited) =>
      forgetUnneeded(
        view,
        revisited.filter(id => isIdOf(['transaction'], id)),
      ),
    funds: view => fundsOf(view, spendsUnconfirmedChange),
    balances: coinBalances,
    held: keys => keys.map(coinId),
    role: () => ({ purpose: 'consolidation', source: 0 }),
    adopt: (view, { template }: AdoptedRecord, holder) => toCoins(view, coinsOf(template), holder),
    before: (memory, keys) => parentsOf(memory, keys),
    contradiction(deposit, find) {
      const { amount, place } = deposit.context
      const coin = find(coinOfDeposit(deposit.id))?.context
      const isSame = coin === undefined || (coin.amount === amount && coin.place?.hash === place?.hash)
      return isSame ? null : 'its coin says otherwise'
    },
    counted: unspentAt,
    unexplained: unexplainedCoins,
  }
}
