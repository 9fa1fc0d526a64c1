/**
 * One node of the bitcoin family. It needs no wallet, no index and no import of addresses (B1): it reads blocks and
 * matches what is ours itself. Every call starts from what the caller stands on, so a node that was restarted, restored
 * or exchanged between two calls can lag, but can make us skip nothing (A7).
 */
import { z } from 'zod'
import type { Place } from '../../machines/vocabulary.ts'
import type { Block, Identity, Next, Node, PlanFacts, Counted } from '../adapter.ts'
import { invariant, operating } from '../../src/kernel/fault.ts'
import type { Disk, Request } from '../../src/kernel/ports.ts'
import { createBroadcast } from './broadcast.ts'
import { createMempool } from './mempool.ts'
import type { Network } from './network.ts'
import { createRpc, toSatoshi, type NodeAccess, type Rpc } from './rpc.ts'
import { createBlockSource, type BlockSource } from './source.ts'
import type { BitcoinWatch } from './watch.ts'

/** What a node is made of. `node`: how to reach it; `fees`: the chain's, in sat/vB. */
export interface BitcoinNodeOptions {
  chain: string
  asset: string
  network: Network
  watch: BitcoinWatch
  request: Request
  disk: Disk
  node: NodeAccess
  /** `target` in blocks; rates in sat/vB. */
  fees: { target: number; fallbackRate: number; maximumRate: number }
}

const RPC_MISC_ERROR = -1
const INVALID_ADDRESS_OR_KEY = -5
const INVALID_PARAMETER = -8
const METHOD_NOT_FOUND = -32601
const NO_PARENT = '0'.repeat(64)
const VBYTES_PER_KVBYTE = 1000
const SCAN_TIMEOUT_MS = 15 * 60_000

const infoShape = z.object({
  chain: z.string(),
  blocks: z.number(),
  headers: z.number(),
  bestblockhash: z.string(),
  initialblockdownload: z.boolean().optional(),
})
const headerShape = z.object({
  hash: z.string(),
  height: z.number(),
  confirmations: z.number(),
  time: z.number(),
  previousblockhash: z.string().optional(),
  nextblockhash: z.string().optional(),
})
const amountShape = z.union([z.string(), z.number()])
const estimateShape = z.object({ feerate: amountShape.optional() })
const mempoolShape = z.object({ mempoolminfee: amountShape, minrelaytxfee: amountShape.optional() })

type Info = z.infer<typeof infoShape>

/** A regtest node says that it is in initial download whenever its last block is a day old. */
const isSyncing = (info: Info): boolean =>
  info.headers > info.blocks + 1 || (info.initialblockdownload === true && info.chain !== 'regtest')

const readInfo = (rpc: Rpc): Promise<Info> => rpc.call(infoShape, 'getblockchaininfo')

/** A3: asked at every connection. The genesis block alone tells the networks of the family apart. */
async function identify(rpc: Rpc, network: Network): Promise<Identity> {
  const info = await readInfo(rpc)
  const genesis = await rpc.call(z.string(), 'getblockhash', 0)
  const { subversion } = await rpc.call(z.object({ subversion: z.string() }), 'getnetworkinfo')
  const mismatch =
    genesis === network.genesis
      ? null
      : `the node is on another network: its genesis block is ${genesis}, that of ${network.name} is ${network.genesis}`
  return { mismatch, height: info.blocks, syncing: isSyncing(info), version: subversion }
}

async function base(rpc: Rpc, height: number | 'latest'): Promise<Block> {
  const hash = height === 'latest' ? (await readInfo(rpc)).bestblockhash : await hashAt(rpc, Math.max(0, height - 1))
  const header = await rpc.call(headerShape, 'getblockheader', hash)
  return { height: header.height, hash, parent: header.previousblockhash ?? NO_PARENT, time: header.time }
}

async function hashAt(rpc: Rpc, height: number): Promise<string> {
  const answer = await rpc.ask(z.string(), 'getblockhash', height)
  if (answer.ok) return answer.result
  if (answer.code === INVALID_PARAMETER) throw operating('node-behind', `the node has no block ${height} yet`)
  throw operating('node-refused', `the node answered getblockhash with an error: ${answer.message} (${answer.code})`)
}

/**
 * A node that downloads the chain anew knows headers before blocks: our tip is then off its main chain only because the
 * node is not there yet. Whether it ever had the block itself tells (A4).
 */
async function hasBody(rpc: Rpc, hash: string): Promise<boolean> {
  const answer = await rpc.ask(z.string(), 'getblock', hash, 0)
  return answer.ok || answer.code !== RPC_MISC_ERROR || /pruned/i.test(answer.message)
}

async function next(rpc: Rpc, source: BlockSource, recent: readonly Place[]): Promise<Next> {
  const tip = recent.at(-1)
  if (!tip) throw invariant('no-tip', 'a chain is followed from a block that it stands on')
  const info = await readInfo(rpc)
  const nodeHeight = info.blocks
  const unchanged: Next = { kind: 'unchanged', nodeHeight, syncing: isSyncing(info) }
  if (info.bestblockhash === tip.hash) return unchanged
  const answer = await rpc.ask(headerShape, 'getblockheader', tip.hash)
  if (!answer.ok) {
    // The node lacks our block: it lags, and so do we until it does not.
    if (answer.code === INVALID_ADDRESS_OR_KEY) return unchanged
    throw operating(
      'node-refused',
      `the node answered getblockheader with an error: ${answer.message} (${answer.code})`,
    )
  }
  const header = answer.result
  if (header.confirmations < 0) {
    const isRebuilding = info.initialblockdownload === true && isSyncing(info) && info.blocks < tip.height
    if (isRebuilding || !(await hasBody(rpc, tip.hash))) return { ...unchanged, syncing: true }
    return { kind: 'disconnected', block: { height: tip.height, hash: tip.hash }, nodeHeight }
  }
  if (header.nextblockhash === undefined) return unchanged
  const height = tip.height + 1
  const { hash, parent, time, facts } = await source.fetch(header.nextblockhash, height)
  if (hash !== header.nextblockhash || parent !== tip.hash)
    throw operating('node-malformed', `the node gave block ${hash} on ${parent} for the one on ${tip.hash}`)
  return { kind: 'connected', block: { height, hash, parent, time }, facts, nodeHeight }
}

const ratePerVbyte = (coinsPerKvbyte: string | number): number => Number(toSatoshi(coinsPerKvbyte)) / VBYTES_PER_KVBYTE

/** B10: an estimate may be missing, and is never trusted beyond what the node relays and what the configuration allows. */
async function gather(rpc: Rpc, fees: BitcoinNodeOptions['fees']): Promise<PlanFacts> {
  const estimate = await rpc.ask(estimateShape, 'estimatesmartfee', fees.target)
  const feerate = estimate.ok ? estimate.result.feerate : undefined
  const mempool = await rpc.call(mempoolShape, 'getmempoolinfo')
  const floor = Math.max(ratePerVbyte(mempool.mempoolminfee), ratePerVbyte(mempool.minrelaytxfee ?? 0))
  const wanted = feerate === undefined ? fees.fallbackRate : ratePerVbyte(feerate)
  return { feeRate: Math.min(Math.max(wanted, floor), fees.maximumRate), estimated: feerate !== undefined }
}

const unspentShape = z.object({
  success: z.boolean(),
  /** Daemons that do not name the block cannot be compared with. */
  height: z.number().optional(),
  bestblock: z.string().optional(),
  unspents: z.array(z.object({ txid: z.string(), vout: z.number(), amount: amountShape })),
})

/** Goes through the whole set of unspent outputs: minutes on a large chain. */
async function unspent(rpc: Rpc, chain: string, addresses: readonly string[]): Promise<Counted | null> {
  const descriptors = addresses.map(address => `addr(${address})`)
  const answer = await rpc.askSlowly(SCAN_TIMEOUT_MS, unspentShape, 'scantxoutset', 'start', descriptors)
  // One scan at a time: the one of a process that was killed may still run.
  if (!answer.ok && answer.code !== METHOD_NOT_FOUND)
    throw operating('node-refused', `the node answered scantxoutset with an error: ${answer.message} (${answer.code})`)
  if (!answer.ok || !answer.result.success) return null
  const { unspents, height, bestblock } = answer.result
  if (height === undefined || bestblock === undefined) return null
  const coins = unspents.map(({ txid, vout, amount }) => ({
    key: `${chain}:${txid}:${vout}`,
    amount: toSatoshi(amount).toString(),
  }))
  return { at: { height, hash: bestblock }, coins }
}

/** Rejects with operating faults (retry later), and with an invariant fault when a block cannot be read (B13). */
export function createBitcoinNode(options: BitcoinNodeOptions): Node {
  const { chain, asset, network, watch, request, disk, fees } = options
  const context = { chain, asset, network, watch }
  const rpc = createRpc(options.node, request, disk)
  const source = createBlockSource(rpc, context)
  const broadcast = createBroadcast(rpc, fees.maximumRate)
  const mempool = createMempool(rpc, context)
  return {
    identify: () => {
      source.reset()
      return identify(rpc, network)
    },
    base: height => base(rpc, height),
    next: recent => next(rpc, source, recent),
    pending: limit => mempool.pending(limit),
    gather: () => gather(rpc, fees),
    publish: transaction => broadcast.publish(transaction),
    locate: transaction => broadcast.locate(transaction),
    unspent: addresses => unspent(rpc, chain, addresses),
  }
}
