/** The family's book: each transaction of a ledger that concerns the account moves its balance, and what pays it is a deposit. */
import { isIdOf, type IdOf } from '../../machines/ids.ts'
import { tell, type Message } from '../../machines/messages.ts'
import type { SpendKey } from '../../machines/vocabulary.ts'
import { isKind, type Instance } from '../../src/kernel/entry.ts'
import { facetOf, type Facet } from '../../src/kernel/facets.ts'
import { accountBalances, committedBy, countedAccounts, toAccount } from '../accounts.ts'
import type { SpendSeen } from '../adapter.ts'
import type { AssetBalance, Book, BookView } from '../book.ts'
import { attemptWith, toDeposit, toSpender } from '../hearing.ts'
import type { BalanceChanged, RippleFact } from './facts.ts'
import { fundsOf } from './funds.ts'
import type { Reserve } from './reserve.ts'

/** Transfers that would spend this. */
const spenderFacet = (key: SpendKey) => facetOf(['transfer'], 'spender', key)

/** Its attempt hears of it; whoever else would have spent the same never can. */
function onSpend(view: BookView, fact: SpendSeen): Message[] {
  const { memory, at } = view
  const { keys, place, transaction } = fact
  const [key] = keys
  if (place === null || key === undefined) return []
  const attempt = attemptWith(view, transaction)
  const own = attempt === null ? null : memory.get(attempt)!.context.transfer
  const others = memory.find(spenderFacet(key)).filter(id => id !== own)
  return [
    toSpender(view, fact, place, { attempt, key }),
    ...others.map(id => tell(id, 'key.lost', at, { key, height: place.height, transaction })),
  ]
}

function onBalance(view: BookView, { transaction, account, delta, place }: BalanceChanged): Message[] {
  const { asset, name } = view.policy
  return toAccount(view, {
    name: `${name}:${transaction}`,
    account: { index: 0, address: account },
    asset,
    delta,
    place,
  })
}

function hear(view: BookView, facts: readonly RippleFact[]): Message[] {
  return facts.flatMap(fact => {
    if (fact.kind === 'spend.seen') return onSpend(view, fact)
    return fact.kind === 'payment.seen' ? [toDeposit(view, fact)] : onBalance(view, fact)
  })
}

/** What has moved its balance may have taken a ticket, or made some. */
const movedAccount = (after: Instance): IdOf<'account'>[] =>
  isKind(after, 'movement') && after.value === 'placed' ? [after.context.account] : []

const facets = (instance: Instance): Facet[] =>
  isKind(instance, 'transfer') ? instance.context.spendKeys.map(spenderFacet) : []

/** The reserve of the account is not to be spent, as little as what transfers will cost. */
function balances(view: Omit<BookView, 'at'>, reserve: Pick<Reserve, 'drops'>): AssetBalance[] {
  const reserveDrops = reserve.drops()
  return accountBalances(view, committedBy(view, null)).map(({ confirmed, reserved, ...rest }) => {
    const all = BigInt(reserved) + reserveDrops
    // Less than its reserve an account may have, after fees.
    return { ...rest, confirmed, reserved: String(all < BigInt(confirmed) ? all : BigInt(confirmed)) }
  })
}

/** The book of one network of the family. */
export function createBook(reserve: Pick<Reserve, 'drops'>): Book {
  return {
    hear,
    // What is not validated says nothing.
    overhear: () => [],
    facets,
    worth: () => null,
    revisits: (_, after) => movedAccount(after),
    settlesMore: () => false,
    settle: ({ at }, revisited) =>
      revisited.flatMap(id => (isIdOf(['account'], id) ? [tell(id, 'upkeep.needed', at, {})] : [])),
    funds: fundsOf,
    balances: view => balances(view, reserve),
    held: () => [],
    role: () => ({ purpose: 'upkeep', source: 0 }),
    adopt: () => [],
    before: () => [],
    contradiction: () => null,
    counted: countedAccounts,
    unexplained: async () => ({ earlier: [], unseen: [] }),
  }
}
