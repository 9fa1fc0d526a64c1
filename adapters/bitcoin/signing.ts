/** The bitcoin family, as the signer needs it. */
import { boundary } from '../../src/kernel/fault.ts'
import type { OpenSigning } from '../family.ts'
import { createDeriver } from './deriver.ts'
import { networkOf } from './network.ts'
import { createSignable } from './signable.ts'

export const signBitcoin: OpenSigning = (chain, { network, asset }) => {
  if (typeof network !== 'string') throw boundary('configuration', `chains.${chain}.network: must be a network's name`)
  const parameters = networkOf(network)
  return {
    signable: createSignable(chain, asset, parameters),
    deriver: createDeriver(parameters),
    network: parameters.name,
  }
}
