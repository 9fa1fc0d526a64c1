import { describe, expect, it } from 'vitest'
import { simulatedDisk } from '../simulation/disk.ts'
import { DIRECTORY, checkpointOf, newWorld, open, stateFound, stateOf, step } from './made.ts'

describe('the journal', () => {
  it('makes a new ledger, and says so only once', async () => {
    const disk = simulatedDisk({ seed: 1 })
    const first = await open(disk)
    expect(first.opened).toMatchObject({ created: true, seq: 0, live: [], reservations: [], cut: null, heights: {} })
    await first.journal.close()
    const second = await open(disk)
    expect(second.opened).toMatchObject({ created: false, ledgerId: first.opened.ledgerId })
  })

  it('finds after a power failure what was acknowledged', async () => {
    const disk = simulatedDisk({ seed: 2 })
    const world = newWorld()
    const { journal } = await open(disk)
    await journal.append(step(world, [{ id: 'deposit/a', reserve: 'k1' }, { id: 'deposit/b' }]))
    await journal.append(step(world, [{ id: 'deposit/a', ends: true, release: 'k1', reserve: 'k2' }]))
    const again = await open(disk.crash())
    expect(stateFound(again.opened)).toEqual(stateOf(world))
    expect(again.opened.cut).toBeNull()
  })

  it('shares one sync among all commits that wait for it', async () => {
    const disk = simulatedDisk({ seed: 3 })
    const world = newWorld()
    const { journal } = await open(disk)
    const before = disk.calls.sync
    const durable: number[] = []
    const appends = Array.from({ length: 100 }, async (_, n) => {
      await journal.append(step(world, [{ id: `deposit/${n}` }]))
      durable.push(journal.durableSeq())
    })
    await Promise.all(appends)
    expect(disk.calls.sync - before).toBe(1)
    expect(disk.calls.write).toBe(2)
    expect(durable).toEqual(Array.from({ length: 100 }, () => 100))
  })

  it('lets commits that arrive during a sync share the next one', async () => {
    const world = newWorld()
    let arriving: Promise<void>[] = []
    let journal: Awaited<ReturnType<typeof open>>['journal'] | null = null
    const disk = simulatedDisk({
      seed: 4,
      settle: async call => {
        if (call !== 'sync' || !journal || arriving.length > 0) return
        arriving = Array.from({ length: 50 }, (_, n) => journal!.append(step(world, [{ id: `deposit/late:${n}` }])))
      },
    })
    journal = (await open(disk)).journal
    const before = disk.calls.sync
    await journal.append(step(world, [{ id: 'deposit/first' }]))
    expect(journal.durableSeq()).toBe(1)
    await Promise.all(arriving)
    expect(disk.calls.sync - before).toBe(2)
    expect(journal.durableSeq()).toBe(51)
  })

  it('refuses a commit whose seq leaves a gap, and goes on', async () => {
    const world = newWorld()
    const { journal, aborted } = await open(simulatedDisk({ seed: 5 }))
    const skipped = step(world, [{ id: 'deposit/a' }])
    await expect(journal.append(step(world, [{ id: 'deposit/b' }]))).rejects.toMatchObject({ type: 'invariant' })
    await journal.append(skipped)
    expect(journal.durableSeq()).toBe(1)
    expect(aborted()).toBeNull()
  })

  it('ends the process at the first failed sync and never tries again', async () => {
    const world = newWorld()
    const disk = simulatedDisk({ seed: 6, fail: { call: 'sync', nth: 3 } })
    const { journal, aborted } = await open(disk)
    const before = disk.calls.sync
    expect(before).toBe(2)
    await expect(journal.append(step(world, [{ id: 'deposit/1' }]))).rejects.toMatchObject({ kind: 'disk-failed' })
    expect(aborted()).toContain('EIO')
    await expect(journal.append(step(world, [{ id: 'deposit/2' }]))).rejects.toMatchObject({ kind: 'disk-failed' })
    await expect(checkpointOf({ journal } as Awaited<ReturnType<typeof open>>, world)).rejects.toMatchObject({
      kind: 'disk-failed',
    })
    await journal.close()
    expect(disk.calls.sync).toBe(before + 1)
  })

  it('finishes what was appended before it closes, and then takes nothing more', async () => {
    const disk = simulatedDisk({ seed: 7 })
    const world = newWorld()
    const { journal } = await open(disk)
    const appended = journal.append(step(world, [{ id: 'deposit/1' }]))
    await journal.close()
    await appended
    await expect(journal.append(step(world, [{ id: 'deposit/2' }]))).rejects.toMatchObject({ kind: 'closed' })
    expect((await open(disk)).opened.seq).toBe(1)
  })

  it('is refused while another holds it', async () => {
    const disk = simulatedDisk({ seed: 8 })
    const { journal } = await open(disk)
    await expect(open(disk)).rejects.toMatchObject({ type: 'operating', kind: 'locked' })
    await journal.close()
    await open(disk)
  })

  it('writes one JSON line a commit', async () => {
    const disk = simulatedDisk({ seed: 9 })
    const world = newWorld()
    const { journal } = await open(disk)
    const commit = step(world, [{ id: 'deposit/1' }, { id: 'deposit/2' }])
    await journal.append(commit)
    const lines = disk.peek(`${DIRECTORY}/journal/1.jsonl`)!.toString().split('\n')
    expect(lines).toHaveLength(2)
    expect(JSON.parse(lines[0]!)).toEqual({ hash: expect.stringMatching(/^[0-9a-f]{64}$/) as string, commit })
  })
})
