/** The bitcoin family, as the signer needs it. */
import { boundary } from '../../src/kernel/fault.ts'
import type { OpenSigning } from '../family.ts'
import { createDeriver } from './deriver.ts'
import { networkOf } from './network.ts'
import { createSignable } from './signable.ts'

/** The signer's half of the family. Boundary fault `configuration` where `network` is not a known name. */
export const signBitcoin: OpenSigning = (chain, { network, asset }) => {
  if (typeof network !== 'string') throw boundary('configuration', `chains.${chain}.network: must be a network's name`)
  const parameters = networkOf(network)
  return {
    signable: createSignable(chain, asset, parameters),
    deriver: createDeriver(parameters),
    network: parameters.name,
    assets: [asset],
  }
}
