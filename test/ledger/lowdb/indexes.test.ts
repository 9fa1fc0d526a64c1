/** The index of ended instances over many segments: few files, the same answers, and made again where it is not as it was. */
import { beforeEach, describe, expect, test } from 'vitest'
import { idOf } from '../../../machines/ids.ts'
import { namesOf } from '../../../src/ledger/named.ts'
import { lowdbEngine } from '../../../src/ledger/lowdb/engine.ts'
import { simulatedDisk, type SimulatedDisk } from '../../simulation/disk.ts'
import { newWorld, step, type World } from '../made.ts'
import { checkpointOf, DIRECTORY, open, verify, type Opening } from './opening.ts'

const SEGMENTS = 40
let disk: SimulatedDisk
let world: World
let ledger: Opening

const runs = (): string[] => disk.paths().filter(path => path.endsWith('.run'))

/** Every ended instance by its id, and all of them by the lists that they stand in. */
async function expectAll({ archive }: Opening): Promise<void> {
  for (const [id, image] of world.ended) expect(await archive.read(id)).toEqual(image)
  for (const id of [...world.live.keys(), idOf('deposit', 'never')]) expect(await archive.read(id)).toBeNull()
  const ended = [...world.ended.values()].sort((a, b) => a.seq - b.seq)
  const query = { kind: 'deposit', after: 0, limit: 1000 } as const
  expect(await archive.list(query)).toEqual(ended)
  for (const state of ['final', 'waiting'])
    expect(await archive.list({ ...query, state })).toEqual(state === 'final' ? ended : [])
  const some = ended.filter(image => image.seq > world.seq / 2 && namesOf(image).reference === 'r1').slice(0, 7)
  expect(await archive.list({ ...query, after: world.seq / 2, reference: 'r1', limit: 7 })).toEqual(some)
}

beforeEach(async () => {
  disk = simulatedDisk({ seed: 11 })
  world = newWorld()
  ledger = await open(disk)
  for (let n = 0; n < SEGMENTS; n++) {
    const changes = Array.from({ length: 9 }, (_, m) => ({ id: idOf('deposit', `${n}:${m}`), ends: m % 3 !== 0 }))
    await ledger.journal.append(step(world, changes))
    await ledger.journal.append(step(world, [{ id: idOf('deposit', `${n}:0`), ends: true }]))
    await checkpointOf(ledger, world)
  }
})

describe('the index of ended instances', () => {
  test('is in few files however many segments there are, and answers the same before and after a start', async () => {
    expect(runs().length).toBeLessThan(10)
    await expectAll(ledger)
    await ledger.journal.close()
    const before = runs()
    const again = await open(disk)
    expect(runs()).toEqual(before)
    await expectAll(again)
    await again.journal.close()
    expect((await verify(disk)).findings).toEqual([])
  })

  test('is made again where files of it are missing: missing is not empty', async () => {
    await ledger.journal.close()
    for (const path of runs()) {
      const bytes = disk.peek(path)
      disk.poke(path, null)
      const again = await open(disk)
      expect(again.logged).toContain('info: the index of ended instances is made again')
      await expectAll(again)
      await again.journal.close()
      expect(bytes).not.toBeNull()
    }
    for (const path of runs()) disk.poke(path, null)
    const again = await open(disk)
    await expectAll(again)
    await again.journal.close()
  })

  test('is made again where any part of it is damaged, while it is read', async () => {
    await ledger.journal.close()
    const [largest] = runs().sort((a, b) => disk.peek(b)!.length - disk.peek(a)!.length)
    const bytes = disk.peek(largest!)!
    for (let at = 3; at < bytes.length; at += Math.ceil(bytes.length / 12)) {
      const flipped = Buffer.from(bytes)
      flipped[at]! ^= 1
      const mine = disk.kill()
      mine.poke(largest!, flipped)
      expect((await verify(mine)).findings).toMatchObject([{ file: largest, damage: false }])
      const again = await open(mine)
      await expectAll(again)
      await again.journal.close()
      expect((await verify(mine)).findings).toEqual([])
      disk = mine
      for (const path of runs()) disk.poke(path, null)
      disk.poke(largest!, bytes)
    }
  })

  test('that was made for other versions of the machines is made again', async () => {
    await ledger.journal.close()
    const ports = { random: { bytes: (n: number) => new Uint8Array(n) }, log: () => undefined, abort: () => undefined }
    const memory = { live: () => world.live.values(), reservations: () => world.reservations }
    const engine = lowdbEngine(disk, DIRECTORY)
    const upgrade = (image: (typeof world.feed)[0]['entry']['image']) => ({ ...image, value: `done.${image.value}` })
    const { archive, journal } = await engine.open({ ports, memory, upgrade, versions: '2' })
    const query = { kind: 'deposit', after: 0, limit: 1000 } as const
    expect(await archive.list({ ...query, state: 'final' })).toEqual([])
    expect(await archive.list({ ...query, state: 'done.final' })).toHaveLength(world.ended.size)
    expect(await archive.list({ ...query, state: 'done' })).toHaveLength(world.ended.size)
    await journal.close()
  })

  test('is checked offline without anything being opened for writing', async () => {
    await ledger.journal.close()
    const before = { ...disk.calls }
    const opened: boolean[] = []
    const watched = {
      ...disk,
      open: (path: string, options: { create: boolean; append?: boolean }) => {
        opened.push(options.create || options.append === true)
        return disk.open(path, options)
      },
    }
    expect((await verify(watched)).findings).toEqual([])
    expect(opened.length).toBeGreaterThan(SEGMENTS)
    expect(opened).not.toContain(true)
    const { write, truncate, sync, rename, remove, makeDirectory, syncDirectory } = disk.calls
    expect({ write, truncate, sync, rename, remove, makeDirectory, syncDirectory }).toEqual({
      write: before.write,
      truncate: before.truncate,
      sync: before.sync,
      rename: before.rename,
      remove: before.remove,
      makeDirectory: before.makeDirectory,
      syncDirectory: before.syncDirectory,
    })
  })
})
