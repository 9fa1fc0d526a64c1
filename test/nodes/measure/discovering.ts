/**
 * A watcher that was away while very many addresses were paid to, against the node's own wallet that watches the same addresses and
 * rescans the same blocks.
 */
import { scriptOf } from '../../../adapters/bitcoin/address.ts'
import { networkOf } from '../../../adapters/bitcoin/network.ts'
import { benchRow, timedAsync, type BenchRow, type Progress } from '../../bench/measure.ts'
import { everything } from '../audit.ts'
import { CHAIN, NETWORK, startSystem, type Resource, type System } from '../system.ts'
import { openPurse } from './purse.ts'

export interface DiscoveringSizes {
  /** Each is paid to once. */
  addresses: number
  blocks: number
}

const AMOUNT_SAT = 1_000_000n
const FUNDS_SAT = 90_000_000_000n
const FREE = 10
const AT_ONCE = 32
const PAGE = 1000
const GENEROUS_MS = 15 * 60_000

/** Runs `each` over all of them, some at a time. */
export async function someAtOnce<T>(all: readonly T[], each: (one: T) => Promise<unknown>): Promise<void> {
  const waiting = [...all].reverse()
  const work = async () => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) await each(next)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}

async function assign(system: System, count: number, progress: Progress): Promise<string[]> {
  await system.until(`/v1/chains/${CHAIN}`, body => body.addressPool.free >= count, GENEROUS_MS)
  progress(`${count} addresses are made: they are given out`)
  const addresses: string[] = []
  const references = Array.from({ length: count }, (_, n) => `customer-${n}`)
  await someAtOnce(references, async reference => addresses.push(await system.address(reference)))
  return addresses
}

/** Evenly over the blocks, one payment a transaction; answers the first block's height. */
async function payAll(system: System, addresses: readonly string[], blocks: number): Promise<number> {
  const { node } = system
  const network = networkOf(NETWORK)
  const purse = await openPurse(system, FUNDS_SAT)
  await system.watcher.stop()
  const first = ((await node.rpc('getblockcount')) as number) + 1
  const miner = await node.rpc('getnewaddress')
  const perBlock = Math.ceil(addresses.length / blocks)
  for (let at = 0; at < addresses.length; at += perBlock) {
    const its = addresses.slice(at, at + perBlock)
    const raw = its.map(address => purse.spend([{ script: scriptOf(address, network), amountSat: AMOUNT_SAT }]))
    await node.rpc('generateblock', miner, raw)
  }
  return first
}

/** Milliseconds from the start of the process to the tip, and of the processor. */
async function discover(system: System, wanted: number): Promise<{ ms: number; usedMs: number }> {
  const best = (await system.node.rpc('getbestblockhash')) as string
  const ms = await timedAsync(async () => {
    await system.watcher.start()
    const isThere = ({ blockHash, state }: Resource) => blockHash === best && state === 'following'
    await system.until(`/v1/chains/${CHAIN}`, isThere, GENEROUS_MS)
  })
  const usedMs = system.watcher.usedMs()
  const { length: found } = await everything(system, '/v1/deposits')
  if (found !== wanted) throw new Error(`${found} of ${wanted} deposits were found`)
  return { ms, usedMs }
}

/** As `rpc`, for what takes the node minutes. */
async function askSlowly({ url, username, password }: System['node'], method: string, ...params: unknown[]) {
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
  const body = JSON.stringify({ jsonrpc: '1.0', id: 1, method, params })
  const answer = await fetch(url, { method: 'POST', headers: { authorization }, body })
  const { result, error } = (await answer.json()) as { result: unknown; error: { message: string } | null }
  if (error !== null) throw new Error(`${method}: ${error.message}`)
  return result
}

/** Of the rescan alone: making the wallet and telling it the addresses is not counted. */
async function rescan({ node }: System, addresses: readonly string[], from: number): Promise<number> {
  await askSlowly(node, 'unloadwallet', 'harness')
  await askSlowly(node, 'createwallet', 'watching', true, true)
  for (let at = 0; at < addresses.length; at += PAGE) {
    const requests = addresses.slice(at, at + PAGE).map(address => ({
      ...{ scriptPubKey: { address }, timestamp: 'now', watchonly: true },
    }))
    await askSlowly(node, 'importmulti', requests, { rescan: false })
  }
  const ms = await timedAsync(() => askSlowly(node, 'rescanblockchain', from))
  const { txcount } = (await askSlowly(node, 'getwalletinfo')) as { txcount: number }
  if (txcount !== addresses.length) throw new Error(`the wallet found ${txcount} of ${addresses.length} payments`)
  return ms
}

export async function measureDiscovering(sizes: DiscoveringSizes, progress: Progress): Promise<BenchRow[]> {
  const { addresses: count, blocks } = sizes
  progress(`${count} addresses`)
  const system = await startSystem({ chain: { addressPool: { low: FREE, high: count + FREE } } })
  try {
    const addresses = await assign(system, count, progress)
    progress(`${count} payments in ${blocks} blocks`)
    const first = await payAll(system, addresses, blocks)
    progress('the watcher catches up with them')
    const { ms, usedMs } = await discover(system, count)
    progress("the node's wallet rescans for them")
    const rescanMs = await rescan(system, addresses, first)
    const seconds = (value: number) => `${(value / 1000).toFixed(2)} s`
    const figures = `${seconds(ms)} (${seconds(usedMs)} of the processor) / ${seconds(rescanMs)}`
    return [benchRow(`discovering ${count} deposits / the wallet's rescan`, ms / rescanMs, { most: 0.5 }, figures)]
  } finally {
    await system.abandon()
  }
}
