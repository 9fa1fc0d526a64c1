/** What the signer needs of each currency family: one entry a family. Imports no node, no planner: the signer opens no connection. */
import { boundary } from '../src/kernel/fault.ts'
import { signBitcoin } from './bitcoin/signing.ts'
import type { OpenSigning } from './family.ts'

const FAMILIES: Readonly<Record<string, OpenSigning>> = { bitcoin: signBitcoin }

/** Throws a boundary fault `configuration` for a family that this version does not have. */
export const signingFamilyOf: OpenSigning = (chain, configured) => {
  const open = FAMILIES[configured.family]
  if (open === undefined)
    throw boundary('configuration', `chains.${chain}.family: this version cannot sign for ${configured.family}`)
  return open(chain, configured)
}
