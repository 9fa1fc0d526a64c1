/** Who can be paid on an EVM chain: the same answer in the watcher's planner and in the signer. */
import type { Destination } from '../adapter.ts'
import { Fault } from '../../src/kernel/fault.ts'
import { canonical, ZERO_ADDRESS } from './address.ts'
import type { Network } from './network.ts'

/** An address with its checksum. What goes to the zero address or to a token's own contract is lost: both are refused (E14). */
export function destinationOf(to: string, dataField: string | null, network: Network): Destination {
  if (dataField !== null) return { refused: `${network.name} has no data field` }
  try {
    const address = canonical(to)
    if (address === ZERO_ADDRESS) return { refused: 'the zero address belongs to nobody' }
    const token = network.assetOf.get(address)
    if (token !== undefined) return { refused: `${address} is the contract of ${token}: what goes there is lost` }
    return { canonical: address, dataField: null }
  } catch (error) {
    if (error instanceof Fault && error.type === 'boundary') return { refused: error.message }
    throw error
  }
}
