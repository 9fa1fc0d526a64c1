/**
 * An outpoint, the family's spend key: as 36 bytes within a transaction (hash in internal order, output number little
 * endian) and as `<chain>:<txid as displayed>:<vout>` everywhere else.
 */
import type { SpendKey } from '../../machines/vocabulary.ts'
import { boundary } from '../../src/kernel/fault.ts'
import { displayOf, fromDisplay } from './hash.ts'

/** A transaction id and an output's number, as inputs write them. */
export const OUTPOINT_BYTES = 36
const NAME = /^([0-9a-f]{64}):(0|[1-9][0-9]{0,9})$/
const MAXIMUM_VOUT = 0xffff_ffff

/** The spend key of the outpoint at `offset`. */
export function spendKeyAt(chain: string, bytes: Uint8Array, offset: number): SpendKey {
  const txid = displayOf(bytes.subarray(offset, offset + 32))
  return `${chain}:${txid}:${new DataView(bytes.buffer, bytes.byteOffset + offset + 32, 4).getUint32(0, true)}`
}

/** Boundary fault `invalid-spend-key` where the key is not one of this chain's. */
export function outpointOf(chain: string, key: SpendKey): { txid: string; vout: number } {
  const match = key.startsWith(`${chain}:`) ? NAME.exec(key.slice(chain.length + 1)) : null
  const vout = Number(match?.[2])
  if (match === null || vout > MAXIMUM_VOUT) throw boundary('invalid-spend-key', `${key} is no outpoint of ${chain}`)
  return { txid: match[1]!, vout }
}

/** As inputs write it: the id in internal order, the number little-endian. */
export function outpointBytes(txid: string, vout: number): Uint8Array {
  const bytes = new Uint8Array(OUTPOINT_BYTES)
  bytes.set(fromDisplay(txid), 0)
  new DataView(bytes.buffer).setUint32(32, vout, true)
  return bytes
}
