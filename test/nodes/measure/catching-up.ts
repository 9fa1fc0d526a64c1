/** A watcher that was away for very many blocks. */
import { benchRow, timedAsync, type BenchRow, type Progress } from '../../bench/measure.ts'
import { CHAIN, startSystem, type System } from '../system.ts'

export interface CatchingUpSizes {
  blocks: number
}

const MINED_AT_ONCE = 250
const GENEROUS_MS = 15 * 60_000

async function mineMany({ node }: System, blocks: number, progress: Progress): Promise<void> {
  for (let mined = 0; mined < blocks; mined += MINED_AT_ONCE) {
    await node.mine(Math.min(MINED_AT_ONCE, blocks - mined))
    if (mined % (4 * MINED_AT_ONCE) === 0) progress(`${mined} blocks are mined`)
  }
}

/** What reading the same blocks takes alone: each is asked for by its hash, and nothing is done with it. */
async function readBlocks({ node }: System, first: number, last: number): Promise<void> {
  for (let height = first; height <= last; height++) {
    const hash = (await node.rpc('getblockhash', height)) as string
    await (await fetch(`${node.url}/rest/block/${hash}.bin`)).arrayBuffer()
  }
}

export async function measureCatchingUp({ blocks }: CatchingUpSizes, progress: Progress): Promise<BenchRow[]> {
  const system = await startSystem()
  const { node, watcher } = system
  try {
    await system.synced()
    await watcher.stop()
    const before = (await node.rpc('getblockcount')) as number
    await mineMany(system, blocks, progress)
    progress(`the watcher catches up with ${blocks} blocks`)
    const best = (await node.rpc('getbestblockhash')) as string
    const ms = await timedAsync(async () => {
      await watcher.start()
      await system.until(
        `/v1/chains/${CHAIN}`,
        ({ blockHash, state }) => blockHash === best && state === 'following',
        GENEROUS_MS,
      )
    })
    const usedMs = watcher.usedMs()
    const lines = watcher
      .log()
      .split('\n')
      .filter(line => /catching up|caught up/.test(line))
    for (const line of lines) progress(line)
    progress('the same blocks are read, and nothing else')
    const readMs = await timedAsync(() => readBlocks(system, before + 1, before + blocks))
    const each = (value: number) => `${(value / blocks).toFixed(2)} ms`
    const figures = `${each(ms)} (${each(usedMs)} of the processor) / ${each(readMs)} a block, ${lines.length} lines of progress`
    return [benchRow(`catching up with ${blocks} blocks / reading them one by one`, ms / readMs, null, figures)]
  } finally {
    await system.abandon()
  }
}
