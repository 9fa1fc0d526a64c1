/** The ripple family, as the signer needs it. */
import type { OpenSigning } from '../family.ts'
import { createDeriver } from './deriver.ts'
import { networkOf } from './network.ts'
import { createSignable } from './signable.ts'

/** The signer's half of the family. Boundary fault `configuration` for anything but `{networkId}`. */
export const signRipple: OpenSigning = (chain, { network: configured, asset, policy }) => {
  const network = networkOf(configured)
  return {
    signable: createSignable(chain, asset, network, { maximumTickets: policy?.maximumTickets ?? 0 }),
    deriver: createDeriver(network),
    network: network.name,
    assets: [asset],
  }
}
