/**
 * One node of the family. A lattice has no blocks that hold many transactions; here one **round** is one confirmed block that concerns us,
 * in the order in which the ledger has learned of them, with the block's own hash. A round is never taken back: what is confirmed stays.
 * A round that holds nothing is made where something waits for the next one. Heights begin with how much the network has confirmed, and only
 * go forward, so that a ledger that was lost begins above the heights that it had.
 */
import { blake2b } from '@noble/hashes/blake2.js'
import type { Place } from '../../machines/vocabulary.ts'
import { invariant, operating } from '../../src/kernel/fault.ts'
import type { Clock, Log, Request, Work } from '../../src/kernel/ports.ts'
import { upperHex } from '../hex.ts'
import type { Block, Counted, Identity, Next, Node, Question } from '../adapter.ts'
import type { JsonNodeAccess } from '../json-node.ts'
import { hashOf, type StateBlock } from './block.ts'
import { createBroadcast, infoOf } from './broadcast.ts'
import { latticeFactsOf, type NanoFact } from './facts.ts'
import { frontierKey, receivableKey } from './key.ts'
import type { Network } from './network.ts'
import { createRpc, RPC_ERROR, type Rpc } from './rpc.ts'
import { scanLattice } from './scan.ts'
import {
  accountInfoShape,
  blockCountShape,
  blocksInfoShape,
  receivableShape,
  telemetryShape,
  versionShape,
  type BlockInfo,
} from './shapes.ts'
import type { NanoWatch, WatchedAccount } from './watch.ts'
import { createWorkSource } from './work.ts'

/** What a node is made of. */
export interface NanoNodeOptions {
  chain: string
  asset: string
  network: Network
  watch: NanoWatch
  request: Request
  clock: Clock
  log: Log
  node: JsonNodeAccess
  /** Raw: a send of less is dust, of which little is kept. */
  worthwhile: bigint
  /** `local`: null where work is not to be searched for here. */
  work: { servers: readonly string[]; local: Work | null }
}

/** What a plan needs of the chain. */
export interface LatticeFacts {
  /** The account's newest block, confirmed or not; null where it has none. */
  head: string | null
  /** What was asked for and is a state block, by hash. */
  blocks: Readonly<Record<string, StateBlock>>
}

/** Sends that one gathering asks for, the largest first. */
const RECEIVED_MAXIMUM = 16
const COUNTED_PAGE = 1000
const MILLISECONDS_PER_SECOND = 1000
/** A node that has confirmed less than this part of what its peers have is still catching up. */
const CAUGHT_UP_PARTS = 1000n
const CAUGHT_UP_BLOCKS = 1000n

const EMPTY_ROUND = 'lockkeeper: a round that holds nothing\n'

/** A round's hash that no block has, and that follows from the one before. */
const emptyHash = (parent: string): string =>
  upperHex(blake2b(new TextEncoder().encode(EMPTY_ROUND + parent), { dkLen: 32 }))

interface Follower extends NanoNodeOptions {
  rpc: Rpc
  /** Confirmed blocks that the ledger does not have yet, in their order. */
  queue: string[]
}

/** N16: asked at every connection. */
async function identify({ rpc, network, watch }: Follower): Promise<Identity> {
  const version = await rpc.call(versionShape, 'version')
  const { cemented } = await rpc.call(blockCountShape, 'block_count', { include_cemented: 'true' })
  const { cemented_count: peers, timestamp } = await rpc.call(telemetryShape, 'telemetry')
  const behind = BigInt(peers) - BigInt(cemented)
  const { network_identifier: genesis, node_vendor: vendor } = version
  return {
    mismatch:
      genesis === network.genesis
        ? null
        : `the node is on another network: its genesis block is ${genesis}, that of ${network.name} is ${network.genesis}`,
    height: watch.tip()?.height ?? cemented,
    syncing: behind > CAUGHT_UP_BLOCKS && behind * CAUGHT_UP_PARTS > BigInt(peers),
    version: vendor,
    tipTime: Math.floor(timestamp / MILLISECONDS_PER_SECOND),
  }
}

async function base({ rpc, network }: Follower, height: number | 'latest'): Promise<Block> {
  const { cemented } = await rpc.call(blockCountShape, 'block_count', { include_cemented: 'true' })
  const at = height === 'latest' ? cemented : Math.max(0, height - 1)
  return { height: at, hash: network.genesis, parent: network.genesis, time: 0 }
}

const context = ({ chain, asset, network, watch }: Follower) => ({
  ...{ chain, asset, network },
  indexOf: (address: string) => watch.indexOf(address),
})

function connected(place: Place, parent: string, found: { facts: NanoFact[]; time: number }, left: number) {
  const block = { ...place, parent, time: found.time }
  return { kind: 'connected' as const, block, facts: found.facts, nodeHeight: place.height + left }
}

/** Null where the node has not confirmed it. */
async function readRound(follower: Follower, place: Place): Promise<{ facts: NanoFact[]; time: number } | null> {
  const info = await infoOf(follower.rpc, place.hash)
  if (info?.confirmed !== true) return null
  return { facts: latticeFactsOf(context(follower), place.hash, info, place), time: info.local_timestamp }
}

const timeOf = ({ clock }: Follower): number => Math.floor(clock.now() / MILLISECONDS_PER_SECOND)

/** A block that a crash has left half applied is read again, as it was. */
async function again(follower: Follower, tip: Place, { height, hash }: Place): Promise<Next<NanoFact>> {
  const empty = { facts: [], time: timeOf(follower) }
  const found = hash === emptyHash(tip.hash) ? empty : await readRound(follower, { height, hash })
  if (found === null) return { kind: 'unchanged', nodeHeight: tip.height, syncing: false }
  return connected({ height, hash }, tip.hash, found, 0)
}

async function next(follower: Follower, recent: readonly Place[]): Promise<Next<NanoFact>> {
  const { watch, queue } = follower
  const tip = recent.at(-1)
  if (tip === undefined) throw invariant('no-tip', 'a chain is followed from a block that it stands on')
  const known = watch.tip()
  if (known !== null && !known.applied && known.hash !== tip.hash) return again(follower, tip, known)
  if (queue[0] === tip.hash) queue.shift()
  if (queue.length === 0) {
    const { found, lags } = await scanLattice(follower)
    if (lags) return { kind: 'unchanged', nodeHeight: tip.height - 1, syncing: false }
    queue.push(...found)
  }
  const height = tip.height + 1
  const [hash] = queue
  if (hash === undefined) {
    if (!watch.isDue(tip.height)) return { kind: 'unchanged', nodeHeight: tip.height, syncing: false }
    return connected({ height, hash: emptyHash(tip.hash) }, tip.hash, { facts: [], time: timeOf(follower) }, 0)
  }
  const found = await readRound(follower, { height, hash })
  if (found !== null) return connected({ height, hash }, tip.hash, found, queue.length - 1)
  queue.length = 0
  return { kind: 'unchanged', nodeHeight: tip.height, syncing: false }
}

/** A block whose hash it is not is nobody's answer. */
function stateBlockIn({ network }: Follower, hash: string, { contents }: BlockInfo): StateBlock | null {
  if (contents.type !== 'state') return null
  const { type, account, previous, representative, balance, link } = contents
  const block = { type, account, previous, representative, balance, link }
  if (hashOf(block, network) !== hash) throw operating('node-malformed', `the node gave another block for ${hash}`)
  return block
}

async function blocksOf(follower: Follower, hashes: readonly string[]): Promise<Record<string, StateBlock>> {
  if (hashes.length === 0) return {}
  const options = { json_block: 'true', include_not_found: 'true', hashes }
  const { blocks } = await follower.rpc.call(blocksInfoShape, 'blocks_info', options)
  const read = Object.entries(blocks).flatMap(([hash, info]) => {
    const block = stateBlockIn(follower, hash, info)
    return block === null ? [] : [[hash, block] as const]
  })
  return Object.fromEntries(read)
}

const largestFirst = ({ receivables }: WatchedAccount): string[] =>
  [...receivables].sort(([, a], [, b]) => (a > b ? -1 : a < b ? 1 : 0)).map(([hash]) => hash)

/** N4, N8: the blocks that a template carries, so that the signer needs no node. */
async function gather(follower: Follower, { source }: Question): Promise<LatticeFacts> {
  const { rpc, watch } = follower
  const options = { account: source.address, include_confirmed: 'true', representative: 'true' }
  const info = await rpc.ask(accountInfoShape, [RPC_ERROR.accountNotFound], 'account_info', options)
  const account = watch.account(source.index)
  const sends = account === undefined ? [] : largestFirst(account).slice(0, RECEIVED_MAXIMUM)
  const wanted = [...(account?.frontier ? [account.frontier] : []), ...sends]
  const blocks = await blocksOf(follower, wanted)
  const below = sends.flatMap(hash => blocks[hash]?.previous ?? [])
  return { head: info.ok ? info.result.frontier : null, blocks: { ...(await blocksOf(follower, below)), ...blocks } }
}

/** Dust that the ledger does not keep is not counted. */
async function countAccount(
  { rpc, chain, watch, worthwhile }: Follower,
  account: string,
): Promise<Counted['holdings']> {
  const options = { account, include_confirmed: 'true', representative: 'true' }
  const info = await rpc.ask(accountInfoShape, [RPC_ERROR.accountNotFound], 'account_info', options)
  const holdings: Counted['holdings'] = []
  const kept = watch.account(watch.indexOf(account) ?? -1)?.receivables
  if (info.ok && info.result.confirmed_height > 0)
    holdings.push({
      key: frontierKey(chain, account, info.result.confirmed_frontier),
      amount: String(info.result.confirmed_balance),
    })
  for (let offset = 0; ; offset += COUNTED_PAGE) {
    const { blocks } = await rpc.call(receivableShape, 'receivable', {
      ...{ account, source: 'true', sorting: 'true', include_only_confirmed: 'true' },
      ...{ count: String(COUNTED_PAGE), offset: String(offset) },
    })
    const page = Object.entries(blocks)
    for (const [hash, { amount }] of page)
      if (amount >= worthwhile || kept?.has(hash) === true)
        holdings.push({ key: receivableKey(chain, hash), amount: String(amount) })
    if (page.length < COUNTED_PAGE) return holdings
  }
}

/** Only while nothing is new: then what the node has is what the ledger's tip has. */
async function count(follower: Follower, addresses: readonly string[]): Promise<Counted | null> {
  const { watch } = follower
  const tip = watch.tip()
  const { found, lags } = await scanLattice(follower)
  if (tip === null || lags || found.length > 0)
    throw operating('node-moving', 'the chain moved while it was counted: it is counted again')
  const holdings: Counted['holdings'] = []
  for (const address of addresses) holdings.push(...(await countAccount(follower, address)))
  return { at: { height: tip.height, hash: tip.hash }, holdings }
}

/** Rejects with operating faults: retry later. */
export function createNanoNode(options: NanoNodeOptions): Node<NanoFact> {
  const { chain, asset, network, request, clock, log, node, work } = options
  const rpc = createRpc(node, request)
  const follower: Follower = { ...options, rpc, queue: [] }
  const source = createWorkSource({
    ...{ chain, log, node: rpc, local: work.local },
    servers: work.servers.map(url => createRpc({ url }, request)),
  })
  const pause = (ms: number) => new Promise<void>(resolve => void clock.wake(ms, resolve))
  const broadcast = createBroadcast({ rpc, network, work: source, pause })
  const quote = {
    ...{ unit: 'raw', rates: { low: 0, normal: 0, high: 0 } },
    ...{ withdrawal: { [asset]: '0' }, reason: null },
  }
  return {
    identify: () => {
      follower.queue.length = 0
      return identify(follower)
    },
    base: height => base(follower, height),
    next: recent => next(follower, recent),
    left: async () => [],
    /** What is not confirmed is nothing yet, and confirmation takes less than a second. */
    pending: async () => [],
    gather: question => gather(follower, question),
    quote: async () => quote,
    publish: transaction => broadcast.publish(transaction),
    locate: transaction => broadcast.locate(transaction),
    count: addresses => count(follower, addresses),
  }
}
