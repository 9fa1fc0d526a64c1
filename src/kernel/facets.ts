/**
 * What an instance can be found by, besides its id. A facet says in its type whom it finds. Those that every family has stand here:
 * the block in which it stands, an attempt's transaction, an address's owner; a family's own stand with its book.
 */
import type { IdOf, Kind } from '../../machines/ids.ts'
import type { Place } from '../../machines/vocabulary.ts'

declare const finds: unique symbol
/** `<sort>|<what it is found by>`, and the kinds that it can find. */
export type Facet<K extends Kind = Kind> = string & { readonly [finds]: K }
/** `_kinds`: whom it finds. A sort belongs to one place in the code. */
export const facetOf = <K extends Kind>(_kinds: readonly K[], sort: string, name: string) =>
  `${sort}|${name}` as Facet<K>

/** Whatever stands in this block. */
export const blockFacet = (chain: string, hash: string) =>
  facetOf(['attempt', 'coin', 'deposit', 'movement'], 'block', `${chain}|${hash}`)
/** The attempt whose signed transaction this is. */
export const transactionFacet = (chain: string, transactionId: string) =>
  facetOf(['attempt'], 'tx', `${chain}|${transactionId}`)
/** Addresses of one owner, as the backend names it. */
export const referenceFacet = (chain: string, reference: string) =>
  facetOf(['address'], 'reference', `${chain}|${reference}`)

/** Whatever names this owner, on any chain. */
export const ownerFacet = (reference: string) => facetOf(['address', 'deposit'], 'owner', reference)

/** Movements of this account that may still be taken back. */
export const accountFacet = (account: IdOf<'account'>) => facetOf(['movement'], 'account', account)

/** The facets of whatever stands in these blocks. */
export const blockFacetsOf = (chain: string, ...places: (Place | null | undefined)[]): Facet[] =>
  places.flatMap(place => (place ? [blockFacet(chain, place.hash)] : []))
