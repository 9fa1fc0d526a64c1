/**
 * Where blocks come from: raw over REST, else raw over RPC, else as JSON. A block read raw and walked once costs a tenth
 * of the same block as JSON. https://github.com/bitcoin/bitcoin/blob/master/doc/REST-interface.md
 */
import { z } from 'zod'
import { Fault, operating } from '../../src/kernel/fault.ts'
import { displayOf, hash256 } from './hash.ts'
import { scanBlock, type ScanContext, type ScannedBlock } from './block.ts'
import { createDialect, isComplaint } from './dialect.ts'
import { scanJsonBlock } from './json.ts'
import { refused, RPC_ERROR, type Rpc } from './rpc.ts'

/** Whole blocks, by hash. */
export interface BlockSource {
  /**
   * Matched against the watch as it is when the bytes are there. Rejects with an operating fault when the node does not give
   * it (`node-pruned`, `node-lacks-block`: it never will by itself), with an invariant fault when it cannot be read (B13).
   */
  fetch(hash: string, height: number): Promise<ScannedBlock>
  /** Begins to download what is wanted next; the bytes wait for `fetch`. One block is kept. Never rejects. */
  prefetch(hash: string): void
  /** Whether the node has ever had the block itself, and not its header alone. */
  has(hash: string): Promise<boolean>
  /** Forget whether the node serves REST: it may be another node now. */
  reset(): void
}

const HEADER_BYTES = 80
/** Codes with which daemons say that a block's bytes are not there; what they mean stands in the text. */
const UNAVAILABLE = [RPC_ERROR.misc, RPC_ERROR.internal]
const PRUNED = /pruned/i
/** Core's words for a block of which it knows the header only: today's, and those before 28. */
const NOT_DOWNLOADED = /not fully downloaded|not found on disk/i

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

interface Downloaded {
  bytes: Uint8Array
  isOverRest: boolean
}

type RawBlock = { kind: 'raw'; bytes: Uint8Array } | { kind: 'pruned' } | { kind: 'notDownloaded' }

const missing = (kind: 'pruned' | 'notDownloaded', hash: string): Fault =>
  kind === 'pruned'
    ? operating('node-pruned', `the node has pruned block ${hash}: use a node that has kept its blocks from there on`)
    : operating('node-lacks-block', `the node knows of block ${hash} and has not downloaded it: use one that has`)

/** Over REST where the daemon serves it (`-rest`), else over RPC. */
export function createBlockSource(rpc: Rpc, context: ScanContext): BlockSource {
  const askInForm = createDialect(rpc, ['number', 'boolean'])
  let hasRest = true
  let ahead: { hash: string; download: Promise<Downloaded | null> } | null = null

  async function overRest(hash: string): Promise<Uint8Array | null> {
    const { status, body } = await rpc.get(`/rest/block/${hash}.bin`)
    return status === 200 && isBlock(body, hash) ? body : null
  }

  async function getBlock(hash: string): Promise<RawBlock> {
    const params = { number: [hash, 0], boolean: [hash, false] }
    const answer = await askInForm(z.string(), UNAVAILABLE, 'getblock', params)
    if (!answer.ok) {
      if (PRUNED.test(answer.message)) return { kind: 'pruned' }
      if (NOT_DOWNLOADED.test(answer.message)) return { kind: 'notDownloaded' }
      throw refused('getblock', answer)
    }
    const bytes = Buffer.from(answer.result, 'hex')
    if (!isBlock(bytes, hash))
      throw operating('node-malformed', `the node answered getblock ${hash} with something else`)
    return { kind: 'raw', bytes }
  }

  async function overRpc(hash: string): Promise<Uint8Array> {
    const block = await getBlock(hash)
    if (block.kind !== 'raw') throw missing(block.kind, hash)
    return block.bytes
  }

  async function download(hash: string): Promise<Downloaded> {
    const bytes = hasRest ? await overRest(hash) : null
    if (bytes !== null) return { bytes, isOverRest: true }
    const downloaded = { bytes: await overRpc(hash), isOverRest: false }
    // REST did not give what RPC has: it is off, or something else answers there.
    hasRest = false
    return downloaded
  }

  async function downloaded(hash: string): Promise<Downloaded> {
    const wanted = ahead?.hash === hash ? ahead.download : null
    ahead = null
    return (await wanted) ?? download(hash)
  }

  async function asJson(hash: string, height: number, bytes: Uint8Array): Promise<ScannedBlock> {
    const answer = await rpc.ask(z.unknown(), [RPC_ERROR.misc, RPC_ERROR.type], 'getblock', hash, 2)
    if (!answer.ok && !isComplaint(answer)) throw refused('getblock', answer)
    const scanned = answer.ok ? scanJsonBlock(answer.result, context, height) : null
    // What neither form can say stops the chain, with the reason that the bytes gave.
    return scanned ?? scanBlock(bytes, context, height)
  }

  async function fetch(hash: string, height: number): Promise<ScannedBlock> {
    const { bytes, isOverRest } = await downloaded(hash)
    const scanned = tryScan(bytes, context, height)
    if (scanned !== null) return scanned
    const again = isOverRest ? await overRpc(hash) : bytes
    return tryScan(again, context, height) ?? asJson(hash, height, again)
  }

  return {
    fetch,
    prefetch: hash => {
      // What fails here is asked for again when it is wanted, and fails there.
      ahead = { hash, download: download(hash).catch(() => null) }
    },
    has: async hash => (await getBlock(hash)).kind !== 'notDownloaded',
    reset: () => {
      hasRest = true
      ahead = null
    },
  }
}
