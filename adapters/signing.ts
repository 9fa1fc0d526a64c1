/** What the signer needs of each currency family. Imports no node, no planner: the signer opens no connection. */
import type { Json } from '../machines/vocabulary.ts'
import type { Deriver, Signable } from './adapter.ts'
import { createDeriver } from './bitcoin/deriver.ts'
import { networkOf } from './bitcoin/network.ts'
import { createSignable } from './bitcoin/signable.ts'
import { boundary } from '../src/kernel/fault.ts'

export interface SigningFamily {
  signable: Signable
  deriver: Deriver
  /** As the family's inspections name it. */
  network: string
}

export interface SigningChain {
  family: string
  network: Json
  asset: string
}

/**
 * Throws a boundary fault `configuration` for a family that this version cannot sign for, and an invariant fault
 * `crypto-backend` when the family's cryptography does not give a known answer.
 */
export function signingFamilyOf(chain: string, { family, network, asset }: SigningChain): SigningFamily {
  if (family !== 'bitcoin' || typeof network !== 'string') {
    throw boundary('configuration', `chains.${chain}.family: this version cannot sign for ${family}`)
  }
  const parameters = networkOf(network)
  return {
    signable: createSignable(chain, asset, parameters),
    deriver: createDeriver(parameters),
    network: parameters.name,
  }
}
