/** What the archive does between two syncs, and with a file that is damaged behind its back. */
import { describe, expect, test } from 'vitest'
import { simulatedDisk } from '../../simulation/disk.ts'
import { newWorld, step } from '../made.ts'
import { DIRECTORY, open } from './opening.ts'

describe('the archive', () => {
  test('shows only what is durable', async () => {
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
    expect(await archive.history(2, 10)).toEqual([])
    expect(await archive.read('deposit/1')).toBeNull()
    expect(journal.position().sequence).toBe(1)
    release()
    await appended
    expect(await archive.entries(0, 10)).toHaveLength(2)
    expect(await archive.read('deposit/1')).toEqual(world.ended.get('deposit/1'))
  })

  test('rejects when what it reads was damaged after the start', async () => {
    const disk = simulatedDisk({ seed: 3 })
    const world = newWorld()
    const { journal, archive } = await open(disk)
    for (let n = 0; n < 3; n++) await journal.append(step(world, [{ id: `deposit/${n}`, ends: true }]))
    const path = `${DIRECTORY}/journal/1.jsonl`
    disk.poke(path, Buffer.from(disk.peek(path)!.toString().replace('deposit/1', 'deposit/9')))
    expect(await archive.entries(0, 1)).toEqual([world.feed[0]])
    await expect(archive.history(2, 1)).rejects.toMatchObject({ type: 'corruptStore' })
    await expect(archive.read('deposit/1')).rejects.toMatchObject({ type: 'corruptStore' })
    await expect(archive.entries(0, 10)).rejects.toMatchObject({ type: 'corruptStore' })
  })
})
