/** What the watcher needs of each currency family: one entry a family. */
import { boundary } from '../src/kernel/fault.ts'
import { watchBitcoin } from './bitcoin/watching.ts'
import { watchEthereum } from './ethereum/watching.ts'
import type { OpenWatching } from './family.ts'
import { watchNano } from './nano/watching.ts'
import { watchRipple } from './ripple/watching.ts'

const FAMILIES: Readonly<Record<string, OpenWatching>> = {
  bitcoin: watchBitcoin,
  ethereum: watchEthereum,
  nano: watchNano,
  ripple: watchRipple,
}

/** Throws a boundary fault `configuration` for a family that this version does not have. */
export const openWatching: OpenWatching = (chain, ports) => {
  const open = FAMILIES[chain.family]
  if (open === undefined)
    throw boundary('configuration', `chains.${chain.chain}.family: this version cannot follow ${chain.family}`)
  return open(chain, ports)
}
