/**
 * Steps that are durable, against the least that a disk asks for. One step: the backend acknowledges a credit, as many
 * clients do at a time; it is one commit, one line of the journal.
 */
import { randomBytes } from 'node:crypto'
import { open, readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { IdOf } from '../../machines/ids.ts'
import { benchRow, medianOf, perSecond, timedAsync, type BenchRow, type Progress } from './measure.ts'
import { AT, confirmDeposits, inFolder, openChain, openWorld, type World } from './world.ts'

export interface DurableSizes {
  /** How often the sides take turns. */
  rounds: number
  /** Steps of one writer, and lines appended raw, per round; the many writers together do `manyFactor` times as many. */
  steps: number
}

const ADDRESSES = 100
const WRITERS = 64
const MANY_FACTOR = 8

/** Steps `count` times, with so many steps not yet durable at any time. Answers steps per second. */
async function stepAll(
  { orchestrator }: World,
  ids: IdOf<'deposit'>[],
  count: number,
  writers: number,
): Promise<number> {
  const taken = ids.splice(-count)
  const write = async () => {
    for (let id = taken.pop(); id !== undefined; id = taken.pop())
      await orchestrator.dispatch({ type: 'credit.acknowledged', at: AT, data: { id } })
  }
  const ms = await timedAsync(() => Promise.all(Array.from({ length: writers }, write)))
  return (count / ms) * 1000
}

/** As many bytes as each of these lines, appended and synced one by one. Answers lines per second. */
async function appendAll(path: string, lines: readonly Buffer[]): Promise<number> {
  const file = await open(path, 'a+', 0o600)
  try {
    const ms = await timedAsync(async () => {
      for (const line of lines) {
        await file.write(line, 0, line.length, null)
        await file.datasync()
      }
    })
    return (lines.length / ms) * 1000
  } finally {
    await file.close()
  }
}

/** The last `count` lines of the journal. */
async function lastLines(directory: string, count: number): Promise<Buffer[]> {
  const segment = (await readdir(join(directory, 'journal'))).filter(name => name.endsWith('.jsonl')).at(-1)!
  const bytes = await readFile(join(directory, 'journal', segment))
  const lines: Buffer[] = []
  for (let end = bytes.length; end > 0 && lines.length < count;) {
    const start = bytes.lastIndexOf(10, end - 2) + 1
    lines.push(bytes.subarray(start, end))
    end = start
  }
  return lines.reverse()
}

export const benchDurable = (sizes: DurableSizes, progress: Progress): Promise<BenchRow[]> =>
  inFolder(async folder => {
    const directory = join(folder, 'ledger')
    const raw = join(folder, randomBytes(4).toString('hex'))
    const world = await openWorld(directory)
    await openChain(world, ADDRESSES)
    progress('durable steps: deposits to acknowledge')
    const many = sizes.steps * MANY_FACTOR
    const ids = await confirmDeposits(world, many + sizes.rounds * (sizes.steps + many), ADDRESSES)
    await stepAll(world, ids, many, WRITERS)
    const rates: { one: number; raw: number; many: number }[] = []
    for (let round = 1; round <= sizes.rounds; round++) {
      progress(`durable steps, round ${round} of ${sizes.rounds}`)
      const one = await stepAll(world, ids, sizes.steps, 1)
      const appended = await appendAll(raw, await lastLines(directory, sizes.steps))
      rates.push({ one, raw: appended, many: await stepAll(world, ids, many, WRITERS) })
    }
    await world.close()
    return rowsOf(rates)
  })

function rowsOf(rates: { one: number; raw: number; many: number }[]): BenchRow[] {
  const one = medianOf(rates.map(rate => rate.one))
  const raw = medianOf(rates.map(rate => rate.raw))
  const many = medianOf(rates.map(rate => rate.many))
  const ofRaw = medianOf(rates.map(rate => rate.one / rate.raw))
  const ofOne = medianOf(rates.map(rate => rate.many / rate.one))
  return [
    benchRow(
      'durable steps, one writer / raw append and fdatasync',
      ofRaw,
      { least: 0.5 },
      `${perSecond(one)} / ${perSecond(raw)}`,
    ),
    benchRow(
      `durable steps, ${WRITERS} in flight / one writer`,
      ofOne,
      { least: 5 },
      `${perSecond(many)} / ${perSecond(one)}`,
    ),
  ]
}
