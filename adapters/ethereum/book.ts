/** The family's book: what an account holds is what its movements come to, and each nonce of it is consumed once. */
import { movementId, nameOf } from '../../machines/ids.ts'
import type { Json } from '../../machines/vocabulary.ts'
import { accountBalances, committedBy } from '../accounts.ts'
import type { Book } from '../book.ts'
import type { AccountFact } from './block.ts'
import { balancesAt, passedOverNonces } from './counting.ts'
import { fundsOf } from './funds.ts'
import { hearFacts, settledAccount, wakeAccounts } from './hearing.ts'
import type { Network } from './network.ts'
import { readTemplate } from './template.ts'
import type { AccountWatch } from './watch.ts'

/** Of one chain. `watch`: which addresses are ours. */
export function createBook(network: Network, watch: Pick<AccountWatch, 'indexOf'>): Book {
  const read = (template: Json) => readTemplate(template, network)
  return {
    hear: (view, facts: readonly AccountFact[]) => hearFacts(view, facts),
    overhear: (view, facts: readonly AccountFact[]) => hearFacts(view, facts),
    facets: () => [],
    worth: () => null,
    revisits: settledAccount,
    settlesMore: () => true,
    settle: wakeAccounts,
    funds: (view, source) => fundsOf(view, source, read),
    balances: view => accountBalances(view, committedBy(view, null)),
    held: () => [],
    role(template) {
      const { from, payment } = read(template)
      const source = watch.indexOf(from)
      if (source !== 0) return { purpose: 'sweep', source }
      return { purpose: payment.to === from ? 'upkeep' : 'funding', source }
    },
    adopt: () => [],
    before: () => [],
    contradiction(deposit, find) {
      const movement = find(movementId(nameOf(deposit.id)))
      if (movement === undefined) return null
      const { delta, place } = movement.context
      const isThere = movement.value === 'placed' || movement.value === 'settled'
      const isSame = isThere && delta === deposit.context.amount && place.hash === deposit.context.place?.hash
      return isSame ? null : 'its movement says otherwise'
    },
    counted: balancesAt,
    unexplained: async (memory, _ended, chain) => passedOverNonces(memory, chain),
  }
}
