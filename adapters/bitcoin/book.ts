/** The family's book: each payment to us makes a coin, each spend of one ends it. */
import { chainId, coinId, idOf, isIdOf, nameOf, transactionOf, treasuryId, type IdOf } from '../../machines/ids.ts'
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
  /** With more coins than this that nobody holds, the treasury looks from time to time whether it is cheap to make them fewer. Absent: never. */
  consolidatesAbove?: number
}

/** Blocks between two looks at whether fees are low: each is written down. */
const LOOKED_EVERY = 6

/** A treasury that waits for nothing has very many coins. */
function onManyCoins({ memory, policy: { name }, at }: BookView, above: number): Message[] {
  const id = treasuryId(name)
  const account = memory.get(id)
  const isIdle = account?.value === 'ready' && account.context.dueAt === null
  const isLooked = (memory.heights[name] ?? 0) % LOOKED_EVERY === 0
  if (!isIdle || !isLooked || memory.get(chainId(name))?.value !== 'following') return []
  return memory.worths(name).order.size > above ? [tell(id, 'upkeep.needed', at, {})] : []
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
export function createBook(options: BitcoinBookOptions): Book {
  const { coinsOf, hasMalleableIds, spendsUnconfirmedChange, consolidatesAbove = Infinity } = options
  return {
    hear: (view, facts: readonly BitcoinFact[]) => hearFacts(view, facts, hasMalleableIds),
    overhear: (view, facts: readonly BitcoinFact[]) => overhearFacts(view, facts, hasMalleableIds),
    facets: lineageFacets,
    worth: worthOfCoin,
    revisits: leftBy,
    settlesMore: view => onManyCoins(view, consolidatesAbove).length > 0,
    settle: (view, revisited) => [
      ...forgetUnneeded(
        view,
        revisited.filter(id => isIdOf(['transaction'], id)),
      ),
      ...onManyCoins(view, consolidatesAbove),
    ],
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
