/**
 * What an instance can be found by, besides its id: the block that it stands in, the transaction that paid it, a transaction by
 * what it spends, an attempt by its transaction, an address by its owner. A facet says in its type whom it finds.
 */
import { transactionOf, transactionOfKey, type IdOf } from '../../machines/ids.ts'
import type { Place, SpendKey } from '../../machines/vocabulary.ts'
import { isKind, type Instance } from '../kernel/entry.ts'

/** Whom a facet of each sort finds. */
interface Finds {
  block: 'attempt' | 'coin' | 'deposit'
  output: 'coin' | 'deposit'
  input: 'transaction'
  child: 'transaction'
  tx: 'attempt'
  reference: 'address'
  owner: 'address' | 'deposit'
}

type Sort = keyof Finds
/** `<sort>|<what it is found by>`. */
export type Facet<S extends Sort = Sort> = { [P in S]: `${P}|${string}` }[S]
/** Ids that a facet of this sort can find. */
export type FoundBy<F extends Facet> = F extends `${infer S extends Sort}|${string}` ? IdOf<Finds[S]> : never

/** Whatever stands in this block. */
export const blockFacet = (chain: string, hash: string): Facet<'block'> => `block|${chain}|${hash}`
/** What a transaction has paid to us. */
export const outputFacet = (transaction: IdOf<'transaction'>): Facet<'output'> => `output|${transaction}`
/** Transactions that spend an output of this one, whosever it is. */
export const childFacet = (transaction: IdOf<'transaction'>): Facet<'child'> => `child|${transaction}`
/** Transactions that spend this key. */
export const inputFacet = (key: SpendKey): Facet<'input'> => `input|${key}`
/** The attempt whose signed transaction this is. */
export const transactionFacet = (chain: string, transactionId: string): Facet<'tx'> => `tx|${chain}|${transactionId}`
/** Addresses of one owner, as the backend names it. */
export const referenceFacet = (chain: string, reference: string): Facet<'reference'> =>
  `reference|${chain}|${reference}`

/** Whatever names this owner, on any chain. */
export const ownerFacet = (reference: string): Facet<'owner'> => `owner|${reference}`

const ownersOf = (reference: string | null): Facet[] => (reference === null ? [] : [ownerFacet(reference)])

const blocksOf = (chain: string, ...places: (Place | null | undefined)[]): Facet[] =>
  places.flatMap(place => (place ? [blockFacet(chain, place.hash)] : []))

/** The facets of an instance; none when it is not live. */
export function facetsOf(instance: Instance | undefined): Facet[] {
  if (instance === undefined || instance.ended) return []
  if (isKind(instance, 'deposit')) {
    const { chain, place, conflict, transactionId, reference } = instance.context
    const paidBy = outputFacet(transactionOf(chain, transactionId))
    return [...blocksOf(chain, place, conflict), paidBy, ...ownersOf(reference)]
  }
  if (isKind(instance, 'coin')) {
    const { chain, place, conflict, spent, transactionId } = instance.context
    return [...blocksOf(chain, place, conflict, spent?.place), outputFacet(transactionOf(chain, transactionId))]
  }
  if (isKind(instance, 'transaction')) {
    const { inputs } = instance.context
    return [...inputs.map(inputFacet), ...new Set(inputs.map(key => childFacet(transactionOfKey(key))))]
  }
  if (isKind(instance, 'attempt')) {
    const { chain, place, transactionId } = instance.context
    return [...blocksOf(chain, place), ...(transactionId === null ? [] : [transactionFacet(chain, transactionId)])]
  }
  if (isKind(instance, 'address')) {
    const { chain, reference } = instance.context
    return reference === null ? [] : [referenceFacet(chain, reference), ownerFacet(reference)]
  }
  return []
}
