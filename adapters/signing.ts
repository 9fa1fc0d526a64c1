/** What the signer needs of each currency family: one entry a family. Imports no node, no planner: the signer opens no connection. */
import type { Json } from '../machines/vocabulary.ts'
import { boundary } from '../src/kernel/fault.ts'
import type { Deriver, Signable } from './adapter.ts'
import { signBitcoin } from './bitcoin/signing.ts'

export interface SigningFamily {
  signable: Signable
  deriver: Deriver
  /** As the family's inspections name it. */
  network: string
}

/** A chain of the signer's configuration, as far as a family reads it. */
export interface SigningChain {
  family: string
  network: Json
  asset: string
}

/**
 * Throws a boundary fault `configuration` for what this version of the family cannot do, and an invariant fault
 * `crypto-backend` when the family's cryptography does not give a known answer. `chain` is its name in the configuration.
 */
export type OpenSigning = (chain: string, configured: SigningChain) => SigningFamily

const FAMILIES: Readonly<Record<string, OpenSigning>> = { bitcoin: signBitcoin }

/** Throws a boundary fault `configuration` for a family that this version does not have. */
export const signingFamilyOf: OpenSigning = (chain, configured) => {
  const open = FAMILIES[configured.family]
  if (open === undefined)
    throw boundary('configuration', `chains.${chain}.family: this version cannot sign for ${configured.family}`)
  return open(chain, configured)
}
