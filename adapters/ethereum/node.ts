/**
 * One EVM node, asked by JSON-RPC. Every call starts from what the caller stands on, so a node that was restarted, restored or
 * exchanged between two calls can lag, but can make us skip nothing (A7). What waits in its pool is not looked at: whole pools are
 * too much to read, and a payment shows with its block. Where neither traces nor logs show ether that contracts send, balances are
 * read instead, some addresses at a time while nothing else happens (E7).
 *
 * Where deposits are credited when they are final by the chain's own word (`finalized`), that is as far as the chain is followed: what
 * is offered was final when it was read, and a chain that changes it afterwards is halted (E1, E28).
 */
import { z } from 'zod'
import type { Place } from '../../machines/vocabulary.ts'
import type { Block, Counted, Holding, Identity, Next, Node, Question } from '../adapter.ts'
import { invariant, operating } from '../../src/kernel/fault.ts'
import type { Log, Request } from '../../src/kernel/ports.ts'
import type { AccountFact, BalanceRead } from './block.ts'
import { createBroadcast } from './broadcast.ts'
import { createReader, gatherFacts, isRollup, readPrices, type GasFacts, type SweepMinimums } from './gathering.ts'
import type { Network } from './network.ts'
import { quoteOf } from './quote.ts'
import type { JsonNodeAccess } from '../json-node.ts'
import { createRpc, type Rpc } from './rpc.ts'
import { countShape, headerShape, toQuantity, type HeaderAnswer } from './shapes.ts'
import { createBlockSource, isAbsent, pruned, type BlockSource } from './source.ts'
import type { AccountWatch } from './watch.ts'

/** What a node is made of. `node`: how to reach it. */
export interface EthereumNodeOptions {
  chain: string
  network: Network
  watch: AccountWatch
  request: Request
  node: JsonNodeAccess
  /** The chain is followed up to what it calls final. */
  followsFinalized: boolean
  /** Whether ether that contracts send is looked for. */
  seesInternal: boolean
  /** Wei. */
  fees: { maximumFeePerGas: bigint }
  sweep: SweepMinimums
  log: Log
}

interface Following {
  rpc: Rpc
  source: BlockSource
  options: EthereumNodeOptions
  /** The highest block that the node was seen to have (of what is followed). */
  head: { height: number }
}

/** Chain ids say little on private networks; those that everybody knows have one first block (A3). */
const GENESIS: ReadonlyMap<number, string> = new Map([
  [1, '0xd4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3'],
  [8453, '0xf712aa9241cc24369b143cf6dce85f0902a9731e70d66818a3a5845b296c73dd'],
  [11_155_111, '0x25a5cc106eea7138acab33231d7160d69cb777ee0c2c553fcddf5138993e6dd9'],
])

const UNTOLD =
  'whether the token moves what it logs could not be checked: the node has no state of the block of its deposit; the next one is looked at (E6)'

const ADDRESSES_AT_ONCE = 16

/** By number or tag; null where the node says that there is no such block (E1). */
async function headerAt(rpc: Rpc, name: string): Promise<HeaderAnswer | null> {
  const answer = await rpc.ask(headerShape.nullable(), isAbsent, 'eth_getBlockByNumber', name, false)
  return answer.ok ? answer.result : null
}

const headerOf = (rpc: Rpc, height: number) => headerAt(rpc, toQuantity(height))

/** Of the chain as far as it is followed. */
async function headOf({ rpc, options: { followsFinalized } }: Following): Promise<HeaderAnswer> {
  const head = await headerAt(rpc, followsFinalized ? 'finalized' : 'latest')
  if (head !== null) return head
  throw operating(
    'node-behind',
    followsFinalized ? 'the node has no finalized block yet' : 'the node has no latest block',
  )
}

/** An object where the node downloads blocks; some say `false` to everything. */
const isSyncing = async (rpc: Rpc): Promise<boolean> =>
  (await rpc.call(z.union([z.literal(false), z.looseObject({})]), 'eth_syncing')) !== false

function mismatchOf(network: Network, chainId: number, genesis: string): string | null {
  if (chainId !== network.chainId)
    return `the node is on another network: its chain id is ${chainId}, that of the configuration ${network.chainId}`
  const known = GENESIS.get(chainId)
  if (known === undefined || known === genesis) return null
  return `the node is on another network: its first block is ${genesis}, that of chain ${chainId} is ${known}`
}

/** A3: asked at every connection. */
async function identify(following: Following): Promise<Identity> {
  const { rpc, options, head } = following
  const chainId = await rpc.call(countShape, 'eth_chainId')
  const genesis = await headerOf(rpc, 0)
  const version = await rpc.call(z.string(), 'web3_clientVersion')
  const mismatch = mismatchOf(options.network, chainId, genesis?.hash ?? 'none')
  const { number: height, timestamp: tipTime } = await headOf(following)
  head.height = height
  return { mismatch, height, syncing: await isSyncing(rpc), version, tipTime }
}

async function base(following: Following, height: number | 'latest'): Promise<Block> {
  const header = height === 'latest' ? await headOf(following) : await headerOf(following.rpc, Math.max(0, height - 1))
  if (header === null) throw operating('node-behind', `the node has no block ${height} yet`)
  return { height: header.number, hash: header.hash, parent: header.parentHash, time: header.timestamp }
}

/** What follows from the node's own highest block, where it has none above our tip that stands on it. */
async function standing(following: Following, recent: readonly Place[]): Promise<Next<AccountFact>> {
  const { rpc, head } = following
  const tip = recent.at(-1)!
  const [top, syncing] = await Promise.all([headOf(following), isSyncing(rpc)])
  head.height = top.number
  const nodeHeight = top.number
  const theirs = top.number > tip.height ? await headerOf(rpc, tip.height) : top
  // One that is lower has left our chain only where its highest block is another one than ours at that height (A4).
  const ours = recent.find(({ height }) => height === theirs?.number)
  if (theirs === null || ours === undefined || ours.hash === theirs.hash) {
    // It says nothing of a block below its own highest one: that does not pass.
    if (top.number > tip.height && (await headerOf(rpc, tip.height + 1)) === null)
      throw pruned(tip.height + 1, `it has block ${top.number}`)
    return { kind: 'unchanged', nodeHeight, syncing }
  }
  return { kind: 'disconnected', block: { height: tip.height, hash: tip.hash }, nodeHeight }
}

/** E28: what was final when it was read is never taken back. */
function refuseUndone(next: Next<AccountFact>): Next<AccountFact> {
  if (next.kind !== 'disconnected') return next
  const { height, hash: gone } = next.block
  throw invariant('finalized-changed', `the node has another block than ${gone} at height ${height}, which was final`)
}

/**
 * The block above ours is asked for first: two calls bring it with its receipts. Where there is none, or one that stands on another
 * block, the node's own highest block says how it stands with us. Each answer is of its own moment: one that does not fit leaves us
 * where we are, and is asked for again.
 */
async function next(following: Following, recent: readonly Place[]): Promise<Next<AccountFact>> {
  const { source, head, options } = following
  const { followsFinalized } = options
  const tip = recent.at(-1)
  if (!tip) throw invariant('no-tip', 'a chain is followed from a block that it stands on')
  const isReachable = !followsFinalized || tip.height < head.height
  const block = isReachable ? await source.at(tip.height + 1) : null
  if (block === null || block.parent !== tip.hash) {
    const answer = await standing(following, recent)
    return followsFinalized ? refuseUndone(answer) : answer
  }
  const { hash: id, height, parent, time, facts } = block
  if (height < head.height) source.prefetch(height + 1)
  head.height = Math.max(head.height, height)
  return { kind: 'connected', block: { hash: id, height, parent, time }, facts, nodeHeight: head.height }
}

/** Each address's balances at one block. */
async function countAt(following: Following, addresses: readonly string[]): Promise<Counted> {
  const { rpc, options } = following
  const { chain, network } = options
  const { number: height, hash: at } = await headOf(following)
  const reader = createReader(rpc, network, { hash: at })
  const assets = [network.asset, ...network.contractOf.keys()]
  const holdingsOf = async (address: string): Promise<Holding[]> => {
    const amounts = await Promise.all(assets.map(asset => reader.balanceOf(address, asset)))
    return assets.map((asset, n) => ({ key: `${chain}:${address}:${asset}`, amount: String(amounts[n]) }))
  }
  const holdings: Holding[] = []
  for (let from = 0; from < addresses.length; from += ADDRESSES_AT_ONCE)
    holdings.push(...(await Promise.all(addresses.slice(from, from + ADDRESSES_AT_ONCE).map(holdingsOf))).flat())
  return { at: { height, hash: at }, holdings: holdings.filter(({ amount }) => amount !== '0') }
}

export interface EthereumNode extends Node<AccountFact> {
  gather(question: Question): Promise<GasFacts>
}

/** So many addresses' balances are read at a time. */
const BALANCES_AT_ONCE = 32

/** Of the next addresses in their turn, where nothing else would show what has come to them. */
function createRounds({ rpc, source, options }: Following): (limit: number) => Promise<BalanceRead[]> {
  const { watch, network, seesInternal } = options
  let from = 0
  return async limit => {
    if (!seesInternal || source.seesMovements()) return []
    const { number: height, hash } = await headOf({ rpc, source, options, head: { height: 0 } })
    const reader = createReader(rpc, network, { hash })
    const some = watch.some(from, Math.min(limit, BALANCES_AT_ONCE))
    const amounts = await Promise.all(some.map(({ address }) => reader.balanceOf(address, network.asset)))
    from = watch.size() === 0 ? 0 : (from + some.length) % watch.size()
    return some.map((one, n) => ({ kind: 'balance.read', ...one, amount: amounts[n]!, place: { height, hash } }))
  }
}

/** Rejects with operating faults (retry later), and with an invariant fault where what was final has changed. */
export function createEthereumNode(options: EthereumNodeOptions): EthereumNode {
  const { chain, network, watch, request, seesInternal, fees, sweep, log } = options
  const rpc = createRpc(options.node, request)
  const untold = (asset: string) => log('warn', UNTOLD, { chain, asset })
  const source = createBlockSource(rpc, { chain, network, watch }, { seesInternal, untold })
  const following: Following = { rpc, source, options, head: { height: 0 } }
  const broadcast = createBroadcast(rpc, network)
  const rounds = createRounds(following)
  const cap = fees.maximumFeePerGas
  let rollup: boolean | null = null
  return {
    identify: () => {
      source.reset()
      rollup = null
      return identify(following)
    },
    base: height => base(following, height),
    next: recent => next(following, recent),
    // Nothing stands on a transaction of another account; what a block held is taken back by its hash.
    left: async () => [],
    pending: limit => rounds(limit),
    async gather(question) {
      rollup ??= await isRollup(rpc)
      return gatherFacts(rpc, { network, cap, sweep }, question, rollup)
    },
    quote: async () => quoteOf(network, await readPrices(rpc), cap),
    publish: transaction => broadcast.publish(transaction),
    locate: transaction => broadcast.locate(transaction),
    count: addresses => countAt(following, addresses),
  }
}
