/** Who can be paid on the ledger: the same answer in the watcher's planner and in the signer. */
import type { Destination } from '../adapter.ts'
import { readAddress, tagOf } from './address.ts'
import type { Network } from './network.ts'

/** The classic address, and the tag wherever it stood: an X-address has one of its own, which a data field must not contradict (X3). */
export function destinationOf(to: string, dataField: string | null, network: Network): Destination {
  const address = readAddress(to, network)
  if (address === null) return { refused: `${to.slice(0, 80)} is no address of ${network.name}` }
  const tag = dataField === null ? null : tagOf(dataField)
  if (tag === undefined) return { refused: 'the data field of this chain is a destination tag: 0 to 4294967295' }
  if (address.tag !== null && tag !== null && tag !== address.tag)
    return { refused: `the address names the tag ${address.tag}, the data field ${tag}` }
  const named = tag ?? address.tag
  return { canonical: address.account, dataField: named === null ? null : String(named) }
}
