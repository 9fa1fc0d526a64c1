/** EVM chains, as the signer needs them. */
import type { OpenSigning } from '../family.ts'
import { createDeriver } from './deriver.ts'
import { networkOf } from './network.ts'
import { createSignable } from './signable.ts'

/** The signer's half of the family. Boundary fault `configuration` for what is no chain of it. */
export const signEthereum: OpenSigning = (chain, configured) => {
  const network = networkOf(chain, configured)
  return {
    signable: createSignable(chain, network),
    deriver: createDeriver(),
    network: network.name,
    assets: [network.asset, ...network.contractOf.keys()],
  }
}
