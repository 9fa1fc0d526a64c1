/**
 * The family's book. A place in an account's chain is used up by exactly one block, and so is a send by its receive: both are kept as the
 * coins that other families have. So what is there, what is reserved and what was lost to another block follows by the same rules.
 */
import { coinId, idOf, nameOf, type IdOf } from '../../machines/ids.ts'
import type { Message } from '../../machines/messages.ts'
import type { Amount, Json, Place } from '../../machines/vocabulary.ts'
import { blockFacetsOf, type Facet } from '../../src/kernel/facets.ts'
import { isKind, type Instance } from '../../src/kernel/entry.ts'
import type { AdoptedRecord, Book, BookView, EndedInstances, Unexplained } from '../book.ts'
import type { BookMemory } from '../book-memory.ts'
import { ZERO_HASH } from './block.ts'
import type { NanoFact } from './facts.ts'
import { accountCoinFacet, fundsOf, latticeBalances, blocksBefore, worthOfCoin } from './funds.ts'
import { hearRound, toCoin, toOpenAccount } from './hearing.ts'
import { frontierKey, readKey, receivableKey } from './key.ts'
import type { Draft } from './template.ts'

export interface NanoBookOptions {
  chain: string
  /** Boundary fault `invalid-template`. */
  read: (template: Json) => Draft
  /** Which of our addresses it is, if it is one. */
  indexOf: (address: string) => number | undefined
}

function coinFacets(instance: Instance): Facet[] {
  if (!isKind(instance, 'coin')) return []
  const { chain, index, place, spent, conflict } = instance.context
  return [...blockFacetsOf(chain, place, spent?.place, conflict), accountCoinFacet(chain, index)]
}

/** What a signed block uses up and the ledger does not know: seen when it is read, and spent with the block. */
function toUsed(view: BookView, { block, amount, source }: Draft, index: number, holder: IdOf<'transfer'>): Message[] {
  const { memory, policy } = view
  const { account: address, previous, balance } = block
  const before = source === null ? BigInt(balance) + amount : BigInt(balance) - amount
  const blank = { index, address, place: null, own: source === null }
  const used = [
    { ...blank, key: frontierKey(policy.name, address, previous), amount: String(before), transaction: previous },
    ...(source === null
      ? []
      : [{ ...blank, key: receivableKey(policy.name, source), amount: String(amount), transaction: source }]),
  ]
  const unknown = used.filter(({ key }) => memory.get(coinId(key)) === undefined)
  return [...toOpenAccount(view, index, address), ...unknown.flatMap(coin => toCoin(view, coin, holder))]
}

const coinsIn = (memory: BookMemory, chain: string) => memory.list('coin', chain).map(({ context }) => context)

/** What stood in a round and was not spent in one, as of this one. */
function countedAt(memory: BookMemory, chain: string, { height }: Place): Map<string, Amount> {
  const isThere = (place: Place | null | undefined) => place !== null && place !== undefined && place.height <= height
  return new Map(
    coinsIn(memory, chain)
      .filter(({ place, spent }) => isThere(place) && !isThere(spent?.place))
      .map(({ key, amount }) => [key, amount]),
  )
}

const PAGE = 1000

/** The place of an account's first block is given to nobody: it is there from the beginning. */
const isGiven = (chain: string, key: string): boolean => readKey(chain, key).hash !== ZERO_HASH

async function unexplainedKeys(memory: BookMemory, ended: EndedInstances, chain: string): Promise<Unexplained> {
  const earlier: string[] = []
  for (let after = 0; ;) {
    const page = await ended.list({ kind: 'coin', chain, state: 'spent', after, limit: PAGE })
    for (const { context } of page) if (context.place === null && isGiven(chain, context.key)) earlier.push(context.key)
    const last = page.at(-1)
    if (last === undefined) break
    after = last.seq
  }
  // The place behind a block of ours that is under way comes with that block.
  const isOurs = (key: string) => blocksBefore(memory, chain, [key]).length > 0
  const unseen = coinsIn(memory, chain)
    .filter(({ key, place, spent }) => place === null && spent === null && isGiven(chain, key) && !isOurs(key))
    .map(({ key }) => key)
  return { earlier, unseen }
}

/** The book of one network of the family. */
export function createBook({ chain, read, indexOf }: NanoBookOptions): Book {
  const sourceOf = ({ block }: Draft): number => indexOf(block.account) ?? 0
  return {
    hear: (view, facts: readonly NanoFact[]) => hearRound(view, facts),
    overhear: () => [],
    facets: coinFacets,
    worth: worthOfCoin,
    revisits: () => [],
    settlesMore: () => false,
    settle: () => [],
    funds: (view, source) => fundsOf(view, source, read),
    balances: latticeBalances,
    held: keys => keys.map(coinId),
    role(template) {
      const draft = read(template)
      const source = sourceOf(draft)
      return { purpose: draft.source === null ? 'sweep' : 'receive', source }
    },
    adopt(view, { template }: AdoptedRecord, holder) {
      const draft = read(template)
      return toUsed(view, draft, sourceOf(draft), holder)
    },
    before: (memory, keys) => blocksBefore(memory, chain, keys),
    contradiction(deposit, find) {
      const { amount, place } = deposit.context
      const coin = find(idOf('coin', nameOf(deposit.id)))?.context
      const isSame = coin === undefined || (coin.amount === amount && coin.place?.hash === place?.hash)
      return isSame ? null : 'its send says otherwise'
    },
    counted: countedAt,
    unexplained: unexplainedKeys,
  }
}
