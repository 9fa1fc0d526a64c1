/** The nano family, as the signer needs it. */
import { Fault, boundary } from '../../src/kernel/fault.ts'
import type { OpenSigning } from '../family.ts'
import { canonical } from './address.ts'
import { createDeriver } from './deriver.ts'
import { networkOf, type Network } from './network.ts'
import { createSignable } from './signable.ts'

/** The signer's half of the family. Boundary fault `configuration` where `network` is not a known name, or `representative` no account of it. */
export const signNano: OpenSigning = (chain, { network: name, asset, representative }) => {
  const network = networkOf(name)
  return {
    signable: createSignable(chain, asset, network, {
      representative: representative === undefined ? null : representativeOf(chain, representative, network),
    }),
    deriver: createDeriver(network),
    network: network.name,
    assets: [asset],
  }
}

function representativeOf(chain: string, address: string, network: Network): string {
  try {
    return canonical(address, network)
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    throw boundary('configuration', `chains.${chain}.representative: ${error.message}`)
  }
}
