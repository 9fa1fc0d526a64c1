/** The newest entries in memory, and who is woken by them. */
import { describe, expect, test } from 'vitest'
import { createRecent } from '../../src/watcher/recent.ts'
import { newWorld, step } from '../ledger/made.ts'

const seqs = (found: { entry: { seq: number } }[] | null) => found?.map(({ entry }) => entry.seq) ?? null

describe('the newest entries', () => {
  test('are answered from where they are known, and what is older is not', () => {
    const world = newWorld()
    for (let n = 0; n < 5; n++) step(world, [{ id: `deposit/${n}` }])
    const recent = createRecent(5)
    expect([recent.last, recent.since(5, 10), recent.since(4, 10)]).toEqual([5, [], null])
    for (let n = 5; n < 9; n++) recent.note(step(world, [{ id: `deposit/${n}` }, { id: `coin/${n}` }]))
    expect(recent.last).toBe(13)
    expect(seqs(recent.since(5, 100))).toEqual([6, 7, 8, 9, 10, 11, 12, 13])
    expect(recent.since(5, 3)).toEqual(world.feed.slice(5, 8))
    expect(seqs(recent.since(12, 100))).toEqual([13])
  })

  test('are bounded in number and in what they hold', () => {
    for (const bounds of [
      { entries: 10, characters: 1e9 },
      { entries: 1e9, characters: 2000 },
    ]) {
      const world = newWorld()
      const recent = createRecent(0, bounds)
      for (let n = 0; n < 500; n++) recent.note(step(world, [{ id: `deposit/${n}` }]))
      expect(recent.since(500, 1)).toEqual([])
      expect(recent.since(470, 100)).toBeNull()
      expect(seqs(recent.since(497, 100))).toEqual([498, 499, 500])
    }
  })

  test('wake who waits for one of them, once, and nobody who waits for others', () => {
    const world = newWorld()
    const recent = createRecent(0)
    const woken: string[] = []
    const wait = (kind: string) =>
      recent.wait({ isWanted: ({ entry }) => entry.image.id.startsWith(kind), wake: () => woken.push(kind) })
    wait('deposit')
    wait('coin')
    wait('transfer')()
    recent.note(step(world, [{ id: 'deposit/1' }, { id: 'deposit/2' }]))
    recent.note(step(world, [{ id: 'deposit/3' }, { id: 'transfer/3' }]))
    expect(woken).toEqual(['deposit'])
    recent.note(step(world, [{ id: 'coin/1' }]))
    expect(woken).toEqual(['deposit', 'coin'])
  })
})
