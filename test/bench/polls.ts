/**
 * What a node costs that answers at once: a look at a full mempool against `JSON.parse` of the same answer, and many full
 * blocks, followed until they are durable, against the walk over their bytes alone.
 */
import { createHash } from 'node:crypto'
import { createMempool } from '../../adapters/bitcoin/mempool.ts'
import { networkOf } from '../../adapters/bitcoin/network.ts'
import { createBitcoinNode } from '../../adapters/bitcoin/node.ts'
import { createRpc, type NodeAccess } from '../../adapters/bitcoin/rpc.ts'
import { createWatch } from '../../adapters/bitcoin/watch.ts'
import type { Disk, HttpResult, Request } from '../../src/kernel/ports.ts'
import { isKind, type Entry } from '../../src/kernel/entry.ts'
import { createPorts } from '../../src/shell/ports.ts'
import { startFollower } from '../../src/watcher/follower.ts'
import { createHealth } from '../../src/watcher/health.ts'
import { claim } from '../../src/kernel/untyped.ts'
import { benchRow, medianOf, timed, timedAsync, type BenchRow, type Progress } from './measure.ts'
import { readFullBlock, walkBlock } from './scan.ts'
import { AT, CHAIN, DEPTHS, inFolder, openWorld, type World } from './world.ts'

export interface PollSizes {
  /** Transactions in the mempool, and how often it is looked at. */
  ids: number
  rounds: number
  /** Blocks to catch up with. */
  blocks: number
}

const access: NodeAccess = { url: 'http://127.0.0.1:1' }
const noDisk = claim<Disk>({})
const network = networkOf('bitcoin')
const sha256 = (bytes: Uint8Array | string): Buffer => createHash('sha256').update(bytes).digest()
const idOf = (n: number): string => sha256(`transaction ${n}`).toString('hex')

const answerOf = (body: Uint8Array, status = 200): HttpResult => ({ status, headers: {}, body })

interface Asked {
  id: number
  method: string
  params: unknown[]
}

const askedIn = (body: Uint8Array | null): Asked => JSON.parse(Buffer.from(body ?? []).toString()) as Asked

async function benchMempool({ ids, rounds }: PollSizes, progress: Progress): Promise<BenchRow> {
  const all = ids.toLocaleString('en')
  progress(`a mempool of ${all} transactions`)
  const list = JSON.stringify(Array.from({ length: ids }, (_, n) => idOf(n)))
  const written = (id: number): Buffer => Buffer.from(`{"result":${list},"error":null,"id":${id}}\n`)
  // The answer is made outside the measured time, as the node makes it.
  let body = written(1)
  const request: Request = async () => answerOf(body)
  const rpc = createRpc(access, request, noDisk)
  const context = { chain: CHAIN, asset: 'BTC', network, watch: createWatch(CHAIN, network) }
  const mempool = createMempool(rpc, context)
  const firstMs = await timedAsync(() => mempool.pending(0))
  const [polls, parses]: [number[], number[]] = [[], []]
  for (let n = 2; n < rounds + 2; n++) {
    body = written(n)
    polls.push(await timedAsync(() => mempool.pending(0)))
    parses.push(timed(() => JSON.parse(body.toString())))
  }
  const [pollMs, parseMs] = [medianOf(polls), medianOf(parses)]
  const figures = `${pollMs.toFixed(0)} ms / ${parseMs.toFixed(0)} ms, the first ${firstMs.toFixed(0)} ms`
  return benchRow(`a poll of a mempool of ${all} / JSON.parse of it`, pollMs / parseMs, { most: 2 }, figures)
}

interface FullBlock {
  hash: string
  parent: string
  bytes: Buffer
}

const HEADER_BYTES = 80
const PARENT_AT = 4
const HASH_BYTES = 32

/** The same full block again and again, each upon the one before. */
function chainOf(full: Uint8Array, count: number): FullBlock[] {
  const blocks: FullBlock[] = []
  for (let n = 0; n <= count; n++) {
    const parent = blocks.at(-1)?.hash ?? '00'.repeat(HASH_BYTES)
    const header = Buffer.from(full.subarray(0, HEADER_BYTES))
    Buffer.from(parent, 'hex').reverse().copy(header, PARENT_AT)
    const hash = sha256(sha256(header)).reverse().toString('hex')
    blocks.push({ hash, parent, bytes: header })
  }
  return blocks
}

/** So many are enough that none is in a processor's cache when it is read. */
const COPIES = 32

/** What a node answers that has these blocks and nothing else. Their bytes are there already: only the header is put in. */
function nodeWith(blocks: readonly FullBlock[], copies: readonly Buffer[]): Request {
  const heights = new Map(blocks.map(({ hash }, height) => [hash, height]))
  const tip = blocks.length - 1
  const results: Record<string, (param: unknown) => unknown> = {
    getblockchaininfo: () => ({ chain: 'main', blocks: tip, headers: tip, bestblockhash: blocks[tip]!.hash }),
    getblockhash: height => blocks[height as number]!.hash,
    getrawmempool: () => [],
  }
  return async ({ url, body }) => {
    const hash = /\/rest\/block\/(\w+)\.bin$/.exec(url)?.[1]
    if (hash !== undefined) {
      const height = heights.get(hash)!
      const bytes = copies[height % copies.length]!
      blocks[height]!.bytes.copy(bytes)
      return answerOf(bytes)
    }
    const { id, method, params } = askedIn(body)
    return answerOf(Buffer.from(JSON.stringify({ result: results[method]!(params[0]), error: null, id })))
  }
}

/** The real follower, until the last of these blocks is durable. */
async function follow({ orchestrator }: World, request: Request, last: number): Promise<void> {
  const ports = createPorts('error')
  const watch = createWatch(CHAIN, network)
  const fees = { target: 3, fallbackRate: 2, maximumRate: 500 }
  const node = createBitcoinNode({
    ...{ chain: CHAIN, asset: 'BTC', network, watch, request, disk: noDisk, node: access, fees },
  })
  const isLast = ({ image }: Entry) => isKind(image, 'chain') && image.context.height === last
  const isDone = new Promise<void>(resolve => {
    orchestrator.onDurable(({ entries }) => entries.some(isLast) && resolve())
  })
  const follower = startFollower({
    ...{ chain: CHAIN, startHeight: 1, pollMs: 1000, final: DEPTHS.final, blockSeconds: null, node, orchestrator },
    ...{ health: createHealth([CHAIN]), clock: ports.clock, log: ports.log },
    mayStartAtTip: () => Promise.resolve(),
    askSigner: () => undefined,
    areExplained: () => true,
    unheardOf: () => Promise.resolve([]),
    completeAddresses: () => Promise.resolve('complete'),
  })
  await isDone
  await follower.stop()
  ports.close()
}

const usedMs = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

const benchCatchingUp = ({ blocks: count, rounds }: PollSizes, progress: Progress): Promise<BenchRow> =>
  inFolder(async directory => {
    progress(`${count} full blocks from a node that answers at once`)
    const full = readFullBlock()
    const blocks = chainOf(full, count)
    const copies = Array.from({ length: COPIES }, () => Buffer.from(full))
    const walkAll = () => {
      for (let n = 0; n < count; n++) walkBlock(copies[n % COPIES]!)
    }
    const world = await openWorld(directory)
    const { orchestrator } = world
    await orchestrator.dispatch({ type: 'chain.opened', at: AT, data: { chain: CHAIN } })
    const base = { height: 0, hash: blocks[0]!.hash }
    await orchestrator.dispatch({ type: 'node.identified', at: AT, data: { chain: CHAIN, base, syncing: true } })
    const before = usedMs()
    const wholeMs = await timedAsync(() => follow(world, nodeWith(blocks, copies), count))
    const processorMs = usedMs() - before
    await world.close()
    const walkMs = medianOf(Array.from({ length: rounds }, () => timed(walkAll)))
    const each = (ms: number): string => `${(ms / count).toFixed(2)} ms`
    const figures = `${each(wholeMs)} (${each(processorMs)} of the processor) / ${each(walkMs)} a block`
    return benchRow(`${count} full blocks, followed / the walk alone`, wholeMs / walkMs, { most: 3 }, figures)
  })

export const benchPolls = async (sizes: PollSizes, progress: Progress): Promise<BenchRow[]> => [
  await benchMempool(sizes, progress),
  await benchCatchingUp(sizes, progress),
]
