/** What the signer needs of each currency family: one entry a family. Imports no node, no planner: the signer opens no connection. */
import { boundary } from '../src/kernel/fault.ts'
import { proveBitcoin } from './bitcoin/message.ts'
import { signBitcoin } from './bitcoin/signing.ts'
import { proveAccounts } from './ethereum/message.ts'
import { signEthereum } from './ethereum/signing.ts'
import type { OpenProofs, OpenSigning } from './family.ts'
import { proveNano } from './nano/message.ts'
import { signNano } from './nano/signing.ts'
import { proveRipple } from './ripple/message.ts'
import { signRipple } from './ripple/signing.ts'

const FAMILIES: Readonly<Record<string, OpenSigning>> = {
  bitcoin: signBitcoin,
  ethereum: signEthereum,
  nano: signNano,
  ripple: signRipple,
}
const PROOFS: Readonly<Record<string, OpenProofs>> = {
  bitcoin: proveBitcoin,
  ethereum: proveAccounts,
  nano: proveNano,
  ripple: proveRipple,
}

/** Throws a boundary fault `configuration` for a family that this version does not have. */
export const signingFamilyOf: OpenSigning = (chain, configured) => {
  const open = FAMILIES[configured.family]
  if (open === undefined)
    throw boundary('configuration', `chains.${chain}.family: this version cannot sign for ${configured.family}`)
  return open(chain, configured)
}

/** How control of an address is shown. Boundary fault `unknown-family` or `unknown-network`. */
export function proofsOf(family: string, network: string): ReturnType<OpenProofs> {
  const open = Object.hasOwn(PROOFS, family) ? PROOFS[family] : undefined
  if (open === undefined) throw boundary('unknown-family', `this version knows no family ${family}`)
  return open(network)
}
