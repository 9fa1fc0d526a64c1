/** Where a chain's withdrawals may go: lists of the operator, whatever the backend authorises. */
import type { Signable } from '../../../adapters/adapter.ts'
import { boundary } from '../../kernel/fault.ts'

/** As configured: addresses in any spelling that the chain takes. `allowed` absent: any destination. */
export interface DestinationLists {
  allowed?: readonly string[] | undefined
  blocked?: readonly string[] | undefined
}

/** The lists of one chain, ready to be asked. */
export interface Destinations {
  /** Why nothing is paid to this destination (canonical form), or null. */
  refusalOf(canonical: string): string | null
}

/** Throws a boundary fault `configuration` that names the entry which is no address of this chain. */
export function openDestinations(chain: string, lists: DestinationLists | undefined, signable: Signable): Destinations {
  const canonical = (list: 'allowed' | 'blocked') =>
    lists?.[list]?.map((entry, index) => {
      const destination = signable.destination(entry, null)
      if ('canonical' in destination) return destination.canonical
      const path = `chains.${chain}.policy.destinations.${list}.${index}`
      throw boundary('configuration', `${path}: ${destination.refused}`)
    })
  const blocked = new Set(canonical('blocked'))
  const allowed = lists?.allowed === undefined ? null : new Set(canonical('allowed'))
  return {
    refusalOf(to) {
      if (blocked.has(to)) return 'is on the list of blocked destinations'
      return allowed === null || allowed.has(to) ? null : 'is not on the list of allowed destinations'
    },
  }
}
