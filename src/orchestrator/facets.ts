/** The facets of an instance: those that every family has, and those of its chain's family. */
import {
  accountFacet,
  blockFacetsOf,
  ownerFacet,
  referenceFacet,
  transactionFacet,
  type Facet,
} from '../kernel/facets.ts'
import { chainOf, isKind, type Instance } from '../kernel/entry.ts'
import type { Books } from './policy.ts'

function commonFacets(instance: Instance): Facet[] {
  if (isKind(instance, 'deposit')) {
    const { chain, place, conflict, reference } = instance.context
    return [...blockFacetsOf(chain, place, conflict), ...(reference === null ? [] : [ownerFacet(reference)])]
  }
  if (isKind(instance, 'attempt')) {
    const { chain, place, transactionId } = instance.context
    return [...blockFacetsOf(chain, place), ...(transactionId === null ? [] : [transactionFacet(chain, transactionId)])]
  }
  if (isKind(instance, 'address')) {
    const { chain, reference } = instance.context
    return reference === null ? [] : [referenceFacet(chain, reference), ownerFacet(reference)]
  }
  if (isKind(instance, 'movement')) {
    const { chain, place, account } = instance.context
    return [...blockFacetsOf(chain, place), accountFacet(account)]
  }
  return []
}

/** None when it is not live. */
export function facetsOf(books: Books, instance: Instance | undefined): Facet[] {
  if (instance === undefined || instance.ended) return []
  return [...commonFacets(instance), ...(books[chainOf(instance)]?.book.facets(instance) ?? [])]
}
