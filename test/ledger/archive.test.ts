/** What has left memory is found again, and agrees with a model that remembers everything. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { idOf } from '../../machines/ids.ts'
import { simulatedDisk } from '../simulation/disk.ts'
import type { Query } from '../../src/ledger/engine.ts'
import type { Instance, Recorded } from '../../src/kernel/entry.ts'
import { DIRECTORY, checkpointOf, newWorld, open, step, type Opening, type World } from './made.ts'

/** Commits of one to three entries, in segments as the checkpoints cut them. */
async function filled(
  commits: number,
  checkpointEvery: number,
): Promise<{ ledger: Opening; world: World; reopen: () => Promise<Opening> }> {
  const disk = simulatedDisk({ seed: commits })
  const world = newWorld()
  const ledger = await open(disk)
  for (let n = 1; n <= commits; n++) {
    const changes = Array.from({ length: 1 + (n % 3) }, (_, m) => ({ id: someId(n + m), ends: (n + m) % 4 === 0 }))
    const commit = step(world, changes)
    if (commit.entries.length > 0) await ledger.journal.append(commit)
    else world.commits.pop()
    if (n % checkpointEvery === 0) await checkpointOf(ledger, world)
  }
  const reopen = async () => {
    await ledger.journal.close()
    return open(disk)
  }
  return { ledger, world, reopen }
}

const KINDS = ['deposit', 'coin', 'transfer'] as const
const someId = (n: number) => idOf(KINDS[n % 3]!, `${n % 2 === 0 ? 'nano' : 'litecoin'}:${n % 61}`)

const listed = (world: World, { kind, chain, state, after, limit }: Query): Instance[] =>
  [...world.ended.values()]
    .filter(image => image.id.startsWith(`${kind}/`) && image.seq > after)
    .filter(image => chain === undefined || image.context.chain === chain)
    .filter(image => state === undefined || image.value === state)
    .sort((a, b) => a.seq - b.seq)
    .slice(0, limit)

const pastOf = (world: World, seq: number, limit: number): Recorded[] => {
  const found: Recorded[] = []
  for (let at: number | null = seq; at !== null && found.length < limit; at = found[0]!.entry.prev)
    found.unshift(world.feed[at - 1]!)
  return found
}

describe('the archive', () => {
  it.each([
    ['in one segment', 200, 1000],
    ['over many segments', 200, 17],
    ['right after a checkpoint', 120, 40],
  ])('answers as a model that remembers everything, %s, before and after a restart', async (_, commits, every) => {
    const { ledger, world, reopen } = await filled(commits, every)
    const compare = async ({ archive }: Opening) => {
      for (let seq = 1; seq <= world.seq; seq++) {
        expect(await archive.entry(seq)).toEqual(world.feed[seq - 1])
        if (seq % 7 === 0) expect(await archive.history(seq, 5)).toEqual(pastOf(world, seq, 5))
      }
      for (const [id, image] of world.ended) expect(await archive.read(id)).toEqual(image)
      for (const id of world.live.keys()) expect(await archive.read(id)).toBeNull()
      const anyQuery = fc.record({
        kind: fc.constantFrom('deposit', 'coin', 'transfer', 'attempt'),
        chain: fc.constantFrom('nano', 'litecoin'),
        state: fc.constantFrom('final', 'waiting'),
        after: fc.nat(world.seq + 2),
        limit: fc.nat(20),
      })
      const property = fc.asyncProperty(anyQuery, fc.boolean(), async ({ chain, state, ...rest }, isNarrow) => {
        const query = isNarrow ? { ...rest, chain, state } : rest
        expect(await archive.list(query)).toEqual(listed(world, query))
        expect(await archive.entries(query.after, query.limit)).toEqual(
          world.feed.slice(query.after, query.after + query.limit),
        )
      })
      await fc.assert(property, { numRuns: 60 })
    }
    await compare(ledger)
    await compare(await reopen())
  })

  it('answers nothing for what is not there', async () => {
    const { archive } = await open(simulatedDisk({ seed: 1 }))
    expect(await archive.entry(1)).toBeNull()
    expect(await archive.entries(0, 10)).toEqual([])
    expect(await archive.history(1, 10)).toEqual([])
    expect(await archive.read('deposit/none')).toBeNull()
    expect(await archive.list({ kind: 'deposit', after: 0, limit: 10 })).toEqual([])
  })

  it('shows only what is durable', async () => {
    const world = newWorld()
    let release: () => void = () => undefined
    let isHolding = false
    const disk = simulatedDisk({
      seed: 2,
      settle: async call => {
        if (call === 'sync' && isHolding) await new Promise<void>(done => (release = done))
      },
    })
    const { journal, archive } = await open(disk)
    await journal.append(step(world, [{ id: 'deposit/1' }]))
    isHolding = true
    const appended = journal.append(step(world, [{ id: 'deposit/1', ends: true }]))
    await expect.poll(() => disk.calls.sync).toBe(4)
    expect(await archive.entries(0, 10)).toHaveLength(1)
    expect(await archive.entry(2)).toBeNull()
    expect(await archive.read('deposit/1')).toBeNull()
    expect(journal.durableSeq()).toBe(1)
    release()
    await appended
    expect(await archive.entries(0, 10)).toHaveLength(2)
    expect(await archive.read('deposit/1')).toEqual(world.ended.get('deposit/1'))
  })

  it('rejects when what it reads was damaged after the start', async () => {
    const disk = simulatedDisk({ seed: 3 })
    const world = newWorld()
    const { journal, archive } = await open(disk)
    for (let n = 0; n < 3; n++) await journal.append(step(world, [{ id: `deposit/${n}`, ends: true }]))
    const path = `${DIRECTORY}/journal/1.jsonl`
    disk.poke(path, Buffer.from(disk.peek(path)!.toString().replace('deposit/1', 'deposit/9')))
    expect(await archive.entry(1)).toEqual(world.feed[0])
    await expect(archive.entry(2)).rejects.toMatchObject({ type: 'corruptStore' })
    await expect(archive.read('deposit/1')).rejects.toMatchObject({ type: 'corruptStore' })
    await expect(archive.entries(0, 10)).rejects.toMatchObject({ type: 'corruptStore' })
  })
})
