import { describe, expect, test } from 'vitest'
import { simulatedDisk } from '../../simulation/disk.ts'
import { newWorld, step } from '../made.ts'
import { DIRECTORY, checkpointOf, open, type Opening } from './opening.ts'

describe('the journal', () => {
  test('shares one sync among all commits that wait for it', async () => {
    const disk = simulatedDisk({ seed: 3 })
    const world = newWorld()
    const { journal } = await open(disk)
    const before = disk.calls.sync
    const durable: number[] = []
    const appends = Array.from({ length: 100 }, async (_, n) => {
      await journal.append(step(world, [{ id: `deposit/${n}` }]))
      durable.push(journal.position().sequence)
    })
    await Promise.all(appends)
    expect(disk.calls.sync - before).toBe(1)
    expect(disk.calls.write).toBe(2)
    expect(durable).toEqual(Array.from({ length: 100 }, () => 100))
  })

  test('lets commits that arrive during a sync share the next one', async () => {
    const world = newWorld()
    let arriving: Promise<void>[] = []
    let journal: Opening['journal'] | null = null
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
    expect(journal.position().sequence).toBe(1)
    await Promise.all(arriving)
    expect(disk.calls.sync - before).toBe(2)
    expect(journal.position().sequence).toBe(51)
  })

  test('ends the process at the first failed sync and never tries again', async () => {
    const world = newWorld()
    const disk = simulatedDisk({ seed: 6, fail: { call: 'sync', nth: 3 } })
    const ledger = await open(disk)
    const { journal, aborted } = ledger
    const before = disk.calls.sync
    expect(before).toBe(2)
    await expect(journal.append(step(world, [{ id: 'deposit/1' }]))).rejects.toMatchObject({ kind: 'disk-failed' })
    expect(aborted()).toContain('EIO')
    await expect(journal.append(step(world, [{ id: 'deposit/2' }]))).rejects.toMatchObject({ kind: 'disk-failed' })
    await expect(checkpointOf(ledger, world)).rejects.toMatchObject({ kind: 'disk-failed' })
    await journal.close()
    expect(disk.calls.sync).toBe(before + 1)
  })

  test('writes one JSON line a commit', async () => {
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
