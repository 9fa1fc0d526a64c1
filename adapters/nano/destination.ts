/** Who can be paid on a network of the family: the same answer in the watcher's planner and in the signer. */
import type { Destination } from '../adapter.ts'
import { Fault } from '../../src/kernel/fault.ts'
import { addressOf, canonical } from './address.ts'
import type { Network } from './network.ts'

const BURN_KEY = new Uint8Array(32)

/** An address of this network under its canonical prefix, and not the burn account (N19). Data fields are refused: the family has none. */
export function destinationOf(to: string, dataField: string | null, network: Network): Destination {
  if (dataField !== null) return { refused: `${network.name} has no data field` }
  try {
    const address = canonical(to, network)
    return address === addressOf(BURN_KEY, network)
      ? { refused: 'the burn account: what is sent there is gone' }
      : { canonical: address, dataField: null }
  } catch (error) {
    if (error instanceof Fault && error.type === 'boundary') return { refused: error.message }
    throw error
  }
}
