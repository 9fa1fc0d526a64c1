/**
 * Where blocks come from: raw over REST, else raw over RPC, else as JSON. A block read raw and walked once costs a tenth
 * of the same block as JSON. https://github.com/bitcoin/bitcoin/blob/master/doc/REST-interface.md
 */
import { z } from 'zod'
import { Fault, operating } from '../../src/kernel/fault.ts'
import { displayOf, hash256 } from './hash.ts'
import { scanBlock, type ScanContext, type ScannedBlock } from './block.ts'
import { scanJsonBlock } from './json.ts'
import type { Rpc } from './rpc.ts'

/** Whole blocks, by hash. */
export interface BlockSource {
  /** Rejects with an operating fault when the node does not give it, with an invariant fault when it cannot be read (B13). */
  fetch(hash: string, height: number): Promise<ScannedBlock>
  /** Forget whether the node serves REST: it may be another node now. */
  reset(): void
}

const HEADER_BYTES = 80

/** The header's own hash says whether this is the block that was asked for, and not a web page. */
function isBlock(bytes: Uint8Array, hash: string): boolean {
  if (bytes.length <= HEADER_BYTES) return false
  return displayOf(hash256(bytes.subarray(0, HEADER_BYTES))) === hash
}

/** Null when the bytes cannot be read: cut short on the way, or of a format that we do not know. */
function tryScan(bytes: Uint8Array, context: ScanContext, height: number): ScannedBlock | null {
  try {
    return scanBlock(bytes, context, height)
  } catch (error) {
    if (error instanceof Fault) return null
    throw error
  }
}

/** Over REST where the daemon serves it (`-rest`), else over RPC. */
export function createBlockSource(rpc: Rpc, context: ScanContext): BlockSource {
  let hasRest = true

  async function overRest(hash: string): Promise<Uint8Array | null> {
    if (!hasRest) return null
    const { status, body } = await rpc.get(`/rest/block/${hash}.bin`)
    if (status === 200 && isBlock(body, hash)) return body
    hasRest = false
    return null
  }

  async function overRpc(hash: string): Promise<Uint8Array> {
    const bytes = Buffer.from(await rpc.call(z.string(), 'getblock', hash, 0), 'hex')
    if (!isBlock(bytes, hash))
      throw operating('node-malformed', `the node answered getblock ${hash} with something else`)
    return bytes
  }

  async function asJson(hash: string, height: number, bytes: Uint8Array): Promise<ScannedBlock> {
    const answer = await rpc.ask(z.unknown(), 'getblock', hash, 2)
    const scanned = answer.ok ? scanJsonBlock(answer.result, context, height) : null
    // What neither form can say stops the chain, with the reason that the bytes gave.
    return scanned ?? scanBlock(bytes, context, height)
  }

  async function fetch(hash: string, height: number): Promise<ScannedBlock> {
    const raw = await overRest(hash)
    const first = raw && tryScan(raw, context, height)
    if (first) return first
    const bytes = await overRpc(hash)
    return tryScan(bytes, context, height) ?? asJson(hash, height, bytes)
  }

  return { fetch, reset: () => void (hasRest = true) }
}
