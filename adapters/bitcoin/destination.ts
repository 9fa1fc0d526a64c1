/** Who can be paid on a chain without data fields: the same answer in the watcher's planner and in the signer. */
import type { Destination } from '../adapter.ts'
import { Fault } from '../../src/kernel/fault.ts'
import { canonical } from './address.ts'
import type { Network } from './network.ts'

/** An address of this network, in lower case where it is bech32. Data fields are refused: the family has none. */
export function destinationOf(to: string, dataField: string | null, network: Network): Destination {
  if (dataField !== null) return { refused: `${network.name} has no data field` }
  try {
    return { canonical: canonical(to, network), dataField: null }
  } catch (error) {
    if (error instanceof Fault && error.type === 'boundary') return { refused: error.message }
    throw error
  }
}
