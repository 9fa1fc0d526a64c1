/**
 * One node of the bitcoin family. It needs no wallet, no index and no import of addresses (B1): it reads blocks and
 * matches what is ours itself. Every call starts from what the caller stands on, so a node that was restarted, restored
 * or exchanged between two calls can lag, but can make us skip nothing (A7).
 */
import { z } from 'zod'
import type { Place } from '../../machines/vocabulary.ts'
import type { Block, Identity, Next, Node, Quote, Counted } from '../adapter.ts'
import { Fault, invariant, operating } from '../../src/kernel/fault.ts'
import type { Disk, Request } from '../../src/kernel/ports.ts'
import { createBroadcast } from './broadcast.ts'
import type { BitcoinFact, TransactionSeen } from './facts.ts'
import type { Evicted, RateFacts } from './funds.ts'
import { createLookahead, type Lookahead } from './lookahead.ts'
import { createMempool } from './mempool.ts'
import type { Network } from './network.ts'
import { quotedTargets, quoteOf } from './quote.ts'
import { createRpc, refused, RPC_ERROR, toSatoshi, type NodeAccess, type Rpc } from './rpc.ts'
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
  /** 0 where only the header is known; Dogecoin does not say. */
  nTx: z.number().optional(),
})
const amountShape = z.union([z.string(), z.number()])
const estimateShape = z.object({ feerate: amountShape.optional() })
const mempoolShape = z.object({ mempoolminfee: amountShape, minrelaytxfee: amountShape.optional() })
/** Daemons before Core 0.17 say fees in satoshi, later ones in coins. */
const entryShape = z.object({
  descendantcount: z.number(),
  descendantfees: z.union([z.string(), z.number()]).optional(),
  fees: z.object({ descendant: amountShape }).optional(),
})
const networkShape = z.object({ subversion: z.string(), relayfee: amountShape })

type Info = z.infer<typeof infoShape>

/** A regtest node says that it is in initial download whenever its last block is a day old. */
const isSyncing = (info: Info): boolean =>
  info.headers > info.blocks + 1 || (info.initialblockdownload === true && info.chain !== 'regtest')

const readInfo = (rpc: Rpc): Promise<Info> => rpc.call(infoShape, 'getblockchaininfo')

/** A3: asked at every connection. The genesis block alone tells the networks of the family apart. */
async function identify(rpc: Rpc, network: Network): Promise<Identity> {
  const info = await readInfo(rpc)
  const genesis = await rpc.call(z.string(), 'getblockhash', 0)
  const { subversion } = await rpc.call(networkShape, 'getnetworkinfo')
  const { time } = await rpc.call(headerShape, 'getblockheader', info.bestblockhash)
  const mismatch =
    genesis === network.genesis
      ? null
      : `the node is on another network: its genesis block is ${genesis}, that of ${network.name} is ${network.genesis}`
  return { mismatch, height: info.blocks, syncing: isSyncing(info), version: subversion, tipTime: time }
}

async function base(rpc: Rpc, height: number | 'latest'): Promise<Block> {
  const hash = height === 'latest' ? (await readInfo(rpc)).bestblockhash : await hashAt(rpc, Math.max(0, height - 1))
  if (hash === null) throw operating('node-behind', `the node has no block ${height} yet`)
  const header = await rpc.call(headerShape, 'getblockheader', hash)
  return { height: header.height, hash, parent: header.previousblockhash ?? NO_PARENT, time: header.time }
}

/** Of the node's best chain; null above its tip. */
async function hashAt(rpc: Rpc, height: number): Promise<string | null> {
  const answer = await rpc.ask(z.string(), [RPC_ERROR.invalidParameter], 'getblockhash', height)
  return answer.ok ? answer.result : null
}

/**
 * A node that is lower than we are lags, unless it knows our block and has left it. One that downloads the chain anew knows
 * headers before blocks: then our tip is off its best chain only because the node is not there yet (A4).
 */
async function lowerNode(
  rpc: Rpc,
  source: BlockSource,
  hash: string,
  info: Info,
): Promise<'lags' | 'downloads' | 'hasLeft'> {
  const header = await rpc.ask(headerShape, [RPC_ERROR.invalidAddressOrKey], 'getblockheader', hash)
  if (!header.ok || header.result.confirmations >= 0) return 'lags'
  if (info.initialblockdownload === true && isSyncing(info)) return 'downloads'
  const { nTx } = header.result
  const hasBody = nTx === undefined ? await source.has(hash) : nTx > 0
  return hasBody ? 'hasLeft' : 'downloads'
}

interface Following {
  rpc: Rpc
  source: BlockSource
  lookahead: Lookahead
}

/** The block upon our tip, or null where this one stands on another. */
async function upon(
  { source, lookahead }: Following,
  tip: Place,
  { hash: wanted, nodeHeight }: { hash: string; nodeHeight: number },
): Promise<Next<BitcoinFact> | null> {
  const height = tip.height + 1
  const fetching = source.fetch(wanted, height)
  lookahead.prefetch()
  const { hash, parent, time, facts } = await fetching
  if (hash !== wanted) throw operating('node-malformed', `the node gave block ${hash} for ${wanted}`)
  return parent === tip.hash ? { kind: 'connected', block: { height, hash, parent, time }, facts, nodeHeight } : null
}

async function next(following: Following, recent: readonly Place[]): Promise<Next<BitcoinFact>> {
  const tip = recent.at(-1)
  if (!tip) throw invariant('no-tip', 'a chain is followed from a block that it stands on')
  const asked = await following.lookahead.take(tip.height + 1)
  return (asked && (await upon(following, tip, asked))) ?? look(following, tip)
}

/**
 * The node's block at our height decides: where it is another one, there is a fork below us, whether or not the node has ever
 * seen our block (another node in the place of a lost one has not). Each answer is of its own moment: one that does not fit the
 * answer before leaves us where we are, and is asked for again.
 */
async function look(following: Following, tip: Place): Promise<Next<BitcoinFact>> {
  const { rpc, source, lookahead } = following
  const info = await readInfo(rpc)
  const nodeHeight = info.blocks
  const unchanged: Next<BitcoinFact> = { kind: 'unchanged', nodeHeight, syncing: isSyncing(info) }
  const disconnected: Next<BitcoinFact> = {
    kind: 'disconnected',
    block: { height: tip.height, hash: tip.hash },
    nodeHeight,
  }
  if (info.bestblockhash === tip.hash) return unchanged
  if (nodeHeight < tip.height) {
    const why = await lowerNode(rpc, source, tip.hash, info)
    return why === 'hasLeft' ? disconnected : { ...unchanged, syncing: unchanged.syncing || why === 'downloads' }
  }
  const height = tip.height + 1
  const heights = [tip.height, height, height + 1].filter(each => each <= nodeHeight)
  const [ours, above = null, ahead = null] = await Promise.all(heights.map(each => hashAt(rpc, each)))
  if (ours !== null && ours !== tip.hash) return disconnected
  if (ours === null || above === null) return unchanged
  lookahead.begin(height + 1, ahead, nodeHeight)
  return (await upon(following, tip, { hash: above, nodeHeight })) ?? unchanged
}

const LACKING = ['node-pruned', 'node-lacks-block']

/** Another node in the place of a lost one may never have had the block: then nothing is known of what was in it. */
async function left(rpc: Rpc, source: BlockSource, { hash, height }: Place): Promise<TransactionSeen[]> {
  const header = await rpc.ask(headerShape, [RPC_ERROR.invalidAddressOrKey], 'getblockheader', hash)
  if (!header.ok) return []
  try {
    const { facts } = await source.fetch(hash, height)
    return facts.filter(fact => fact.kind === 'transaction.seen')
  } catch (error) {
    if (error instanceof Fault && LACKING.includes(error.kind)) return []
    throw error
  }
}

const ratePerVbyte = (coinsPerKvbyte: string | number): number => Number(toSatoshi(coinsPerKvbyte)) / VBYTES_PER_KVBYTE

/** How a node says that it estimates nothing: too old, told not to, or not so far ahead. */
const NO_ESTIMATE = [RPC_ERROR.methodNotFound, RPC_ERROR.internal, RPC_ERROR.invalidParameter]
const IS_DISABLED = /disabled/i

/** sat/vB, or null: an estimate may be missing, and Core before 0.15 (Dogecoin) answers −1 for none. */
async function estimateRate(rpc: Rpc, target: number): Promise<number | null> {
  const estimate = await rpc.ask(estimateShape, NO_ESTIMATE, 'estimatesmartfee', target)
  if (!estimate.ok && estimate.code === RPC_ERROR.internal && !IS_DISABLED.test(estimate.message))
    throw refused('estimatesmartfee', estimate)
  const rate = estimate.ok ? ratePerVbyte(estimate.result.feerate ?? 0) : 0
  return rate > 0 ? rate : null
}

/** sat/vB: less is not relayed by this node now. Daemons before Core 0.19 say their own minimum elsewhere. */
async function floorRate(rpc: Rpc): Promise<number> {
  const { mempoolminfee, minrelaytxfee } = await rpc.call(mempoolShape, 'getmempoolinfo')
  const relayfee = minrelaytxfee ?? (await rpc.call(networkShape, 'getnetworkinfo')).relayfee
  return Math.max(ratePerVbyte(mempoolminfee), ratePerVbyte(relayfee))
}

/** B10: an estimate is never trusted beyond what the node relays and what the configuration allows. */
async function gather(rpc: Rpc, fees: BitcoinNodeOptions['fees'], replacing: readonly string[]): Promise<RateFacts> {
  const estimate = await estimateRate(rpc, fees.target)
  const facts = factsOf(estimate, await floorRate(rpc), fees)
  return replacing.length === 0 ? facts : { ...facts, evicted: await evictedWith(rpc, replacing) }
}

/** BIP-125: what takes the place of these pays for what goes with them. Only those that the node has. */
async function evictedWith(rpc: Rpc, txids: readonly string[]): Promise<Record<string, Evicted>> {
  const evicted: Record<string, Evicted> = {}
  for (const txid of txids) {
    const entry = await rpc.ask(entryShape, [RPC_ERROR.invalidAddressOrKey], 'getmempoolentry', txid)
    if (!entry.ok) continue
    const { descendantcount: count, descendantfees, fees } = entry.result
    const feeSat = fees === undefined ? BigInt(descendantfees ?? 0) : toSatoshi(fees.descendant)
    evicted[txid] = { count, feeSat }
  }
  return evicted
}

function factsOf(estimate: number | null, floor: number, fees: BitcoinNodeOptions['fees']): RateFacts {
  const feeRate = Math.min(Math.max(estimate ?? fees.fallbackRate, floor), fees.maximumRate)
  return { feeRate, floorRate: floor }
}

async function quote(rpc: Rpc, { asset, network, fees }: BitcoinNodeOptions): Promise<Quote> {
  const floor = await floorRate(rpc)
  const factsFor = async (target: number) => factsOf(await estimateRate(rpc, target), floor, fees)
  const targets = quotedTargets(fees.target)
  const [low, normal, high] = await Promise.all([targets.low, targets.normal, targets.high].map(factsFor))
  return quoteOf({ asset, network, maximumRate: fees.maximumRate }, { low: low!, normal: normal!, high: high! })
}

const unspentShape = z.object({
  success: z.boolean(),
  /** Daemons that do not name the block cannot be compared with. */
  height: z.number().optional(),
  bestblock: z.string().optional(),
  unspents: z.array(z.object({ txid: z.string(), vout: z.number(), amount: amountShape })),
})

/** Goes through the whole set of unspent outputs: minutes on a large chain. */
async function count(rpc: Rpc, chain: string, addresses: readonly string[]): Promise<Counted | null> {
  const descriptors = addresses.map(address => `addr(${address})`)
  const errors = [RPC_ERROR.methodNotFound]
  // One scan at a time: while the one of a process that was killed still runs, it is refused (-8).
  const answer = await rpc.askSlowly(SCAN_TIMEOUT_MS, unspentShape, errors, 'scantxoutset', 'start', descriptors)
  if (!answer.ok || !answer.result.success) return null
  const { unspents, height, bestblock } = answer.result
  if (height === undefined || bestblock === undefined) return null
  const holdings = unspents.map(({ txid, vout, amount }) => ({
    key: `${chain}:${txid}:${vout}`,
    amount: toSatoshi(amount).toString(),
  }))
  return { at: { height, hash: bestblock }, holdings }
}

/** Rejects with operating faults (retry later), and with an invariant fault when a block cannot be read (B13). */
export function createBitcoinNode(options: BitcoinNodeOptions): Node<BitcoinFact> {
  const { chain, asset, network, watch, request, disk, fees } = options
  const context = { chain, asset, network, watch }
  const rpc = createRpc(options.node, request, disk)
  const source = createBlockSource(rpc, context)
  const leaving = createBlockSource(rpc, { ...context, isLeft: true })
  const lookahead = createLookahead({ hashAt: height => hashAt(rpc, height), download: hash => source.prefetch(hash) })
  const following = { rpc, source, lookahead }
  const broadcast = createBroadcast(rpc, fees.maximumRate)
  const mempool = createMempool(rpc, context)
  return {
    identify: () => {
      source.reset()
      leaving.reset()
      lookahead.reset()
      return identify(rpc, network)
    },
    base: height => base(rpc, height),
    next: recent => next(following, recent),
    left: block => left(rpc, leaving, block),
    pending: limit => mempool.pending(limit),
    gather: ({ replacing = [] }) => gather(rpc, fees, replacing),
    quote: () => quote(rpc, options),
    publish: transaction => broadcast.publish(transaction),
    locate: transaction => broadcast.locate(transaction),
    count: addresses => count(rpc, chain, addresses),
  }
}
