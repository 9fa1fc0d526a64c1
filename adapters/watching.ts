/** What the watcher needs of each currency family: one entry a family. */
import type { Json } from '../machines/vocabulary.ts'
import { boundary } from '../src/kernel/fault.ts'
import type { Disk, Request } from '../src/kernel/ports.ts'
import type { Node, Planner, Signable, Watch } from './adapter.ts'
import { watchBitcoin } from './bitcoin/watching.ts'

export interface WatchingFamily {
  watch: Watch
  node: Node
  planner: Planner
  signable: Signable
}

/** A chain of the watcher's configuration, as far as a family reads it. */
export interface WatchedChain {
  /** Its name in the configuration. */
  chain: string
  family: string
  network: Json
  asset: string
  watch?: string
  node: { url: string; username?: string; password?: string; cookieFile?: string | undefined }
  /** As the family's part of the configuration has it. */
  fees?: object
}

/** Throws a boundary fault `configuration` for what this version of the family cannot do. */
export type OpenWatching = (chain: WatchedChain, ports: { request: Request; disk: Disk }) => WatchingFamily

const FAMILIES: Readonly<Record<string, OpenWatching>> = { bitcoin: watchBitcoin }

/** Throws a boundary fault `configuration` for a family that this version does not have. */
export const openWatching: OpenWatching = (chain, ports) => {
  const open = FAMILIES[chain.family]
  if (open === undefined)
    throw boundary('configuration', `chains.${chain.chain}.family: this version cannot follow ${chain.family}`)
  return open(chain, ports)
}
