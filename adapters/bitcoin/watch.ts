/**
 * What we look for in blocks: output scripts of our addresses, and outpoints. A watch holds millions of both and is
 * asked for every output and input of every block, so it answers from the raw bytes (table.ts).
 */
import type { SpendKey } from '../../machines/vocabulary.ts'
import type { BookMemory } from '../book-memory.ts'
import type { Watch } from '../adapter.ts'
import { isKind, type Instance } from '../../src/kernel/entry.ts'
import { invariant } from '../../src/kernel/fault.ts'
import { addressOf, scriptOf } from './address.ts'
import { inputFacet } from './lineage.ts'
import type { Network } from './network.ts'
import { OUTPOINT_BYTES, outpointBytes, outpointOf } from './outpoint.ts'
import { kindAt, SCRIPT_KINDS, SCRIPT_SHAPES } from './script.ts'
import { createTable } from '../../src/kernel/table.ts'

/** Bits of what `spends` answers: whose outpoint it is. A key can be both. */
export const COIN = 1
/** It is an input of a payment to us: a spend of it by another transaction takes that payment back. */
export const CONFLICT = 2

/** `coin`: ours to spend. `conflict`: an input of an incoming payment that is not final. A key can be both. */
export type KeySort = 'coin' | 'conflict'

const SORT_BIT: Record<KeySort, number> = { coin: COIN, conflict: CONFLICT }

const PAYLOAD_OFFSETS = SCRIPT_KINDS.map(kind => SCRIPT_SHAPES[kind].prefix.length)

/** Addresses as scripts and spend keys as outpoints, asked for each output and input of each block. */
export interface BitcoinWatch extends Watch {
  addKey(key: SpendKey, sort: KeySort): void
  removeKey(key: SpendKey, sort: KeySort): void
  /** Which of our addresses the output script at `start` pays: its index, or -1. Exact (B14); allocates nothing. */
  pays: (bytes: Uint8Array, start: number, length: number) => number
  /** COIN, CONFLICT, both, or 0 for the outpoint (36 bytes) at `offset`. Allocates nothing. */
  spends: (bytes: Uint8Array, offset: number) => number
  /** Memory in typed arrays. */
  bytesHeld: () => { scripts: number; keys: number }
}

/** Empty: the ledger's memory fills it at the start. */
export function createWatch(chain: string, network: Network): BitcoinWatch {
  const scripts = SCRIPT_KINDS.map(kind => createTable(SCRIPT_SHAPES[kind].payloadBytes))
  const keys = createTable(OUTPOINT_BYTES)

  /** Fault `address-twice` where the script is known under another index: two owners for one address. */
  function addAddress(index: number, address: string): void {
    const script = scriptOf(address, network)
    const kind = kindAt(script, 0, script.length)
    const table = scripts[kind]!
    const before = table.size()
    const entry = table.add(script, PAYLOAD_OFFSETS[kind]!)
    if (table.size() === before && table.value(entry) !== index)
      throw invariant('address-twice', `${addressOf(script, network)!} has index ${table.value(entry)} and ${index}`)
    table.setValue(entry, index)
  }

  function pays(bytes: Uint8Array, start: number, length: number): number {
    const kind = kindAt(bytes, start, length)
    if (kind === -1) return -1
    const table = scripts[kind]!
    const entry = table.find(bytes, start + PAYLOAD_OFFSETS[kind]!)
    return entry === -1 ? -1 : table.value(entry)
  }

  function spends(bytes: Uint8Array, offset: number): number {
    const entry = keys.find(bytes, offset)
    return entry === -1 ? 0 : keys.value(entry)
  }

  const bytesOf = (key: SpendKey) => {
    const { txid, vout } = outpointOf(chain, key)
    return outpointBytes(txid, vout)
  }

  function addKey(key: SpendKey, sort: KeySort): void {
    const entry = keys.add(bytesOf(key), 0)
    keys.setValue(entry, keys.value(entry) | SORT_BIT[sort])
  }

  function removeKey(key: SpendKey, sort: KeySort): void {
    const entry = keys.find(bytesOf(key), 0)
    if (entry === -1) return
    const rest = keys.value(entry) & ~SORT_BIT[sort]
    if (rest === 0) keys.remove(entry)
    else keys.setValue(entry, rest)
  }

  /** Our coins, and the inputs whose spending would be a conflict. */
  function changed(memory: BookMemory, before: Instance | undefined, after: Instance): void {
    if (isKind(after, 'coin')) {
      const { key } = after.context
      if (before === undefined) addKey(key, 'coin')
      if (after.ended) removeKey(key, 'coin')
    }
    if (!isKind(after, 'transaction')) return
    const { inputs } = after.context
    if (before === undefined && !after.ended) for (const key of inputs) addKey(key, 'conflict')
    const isShared = (key: SpendKey) => memory.one(inputFacet(key)) !== undefined
    // Two transactions may spend the same: the last to be forgotten unwatches it.
    if (before !== undefined && after.ended) for (const key of inputs) if (!isShared(key)) removeKey(key, 'conflict')
  }

  const scriptBytes = () => scripts.reduce((sum, table) => sum + table.bytesHeld(), 0)
  return {
    addAddress,
    addKey,
    removeKey,
    changed,
    pays,
    spends,
    bytesHeld: () => ({ scripts: scriptBytes(), keys: keys.bytesHeld() }),
  }
}
