/** A checkpoint is taken while commits go on, and shows one moment all the same. */
import { depositId } from '../../../machines/ids.ts'
import type { Change } from '../made.ts'
import { describe, expect, test } from 'vitest'
import type { Instance } from '../../../src/kernel/entry.ts'
import { simulatedDisk } from '../../simulation/disk.ts'
import { newWorld, stateFound, stateOf, step } from '../made.ts'
import { DIRECTORY, checkpointOf, open, verify } from './opening.ts'

const headOf = (disk: ReturnType<typeof simulatedDisk>) =>
  (
    JSON.parse(disk.peek(`${DIRECTORY}/HEAD.json`)!.toString()) as {
      head: { checkpoint: { seq: number } | null; segments: unknown[] }
    }
  ).head

describe('a checkpoint', () => {
  test('lets commits through between its slices, and replay sets right what they changed behind its back', async () => {
    const disk = simulatedDisk({ seed: 1 })
    const world = newWorld()
    const ledger = await open(disk)
    for (let n = 0; n < 3000; n++) void ledger.journal.append(step(world, [{ id: `deposit/${n}`, reserve: `k${n}` }]))
    const walk = { isOver: false }
    const walking = checkpointOf(ledger, world).finally(() => {
      walk.isOver = true
    })
    let during = 0
    for (; !walk.isOver; during++) {
      const id = depositId(String((during * 37) % 3000))
      const changes: Change[] = [
        { id, ends: during % 3 === 0, release: `k${during}` },
        { id: `coin/${during}`, reserve: `k${during}` },
      ]
      await ledger.journal.append(step(world, changes))
    }
    await walking
    expect(during).toBeGreaterThan(10)
    expect(headOf(disk).checkpoint).not.toBeNull()
    await ledger.journal.close()
    expect((await verify(disk)).findings).toEqual([])
    expect(stateFound((await open(disk.crash())).opened)).toEqual(stateOf(world))
  })

  test('is not named before every commit that it may have seen is durable', async () => {
    let release: (() => void) | null = null
    let isHolding = false
    const disk = simulatedDisk({
      seed: 2,
      settle: async (call, path) => {
        if (isHolding && call === 'sync' && path.endsWith('journal/2.jsonl'))
          await new Promise<void>(done => (release = done))
      },
    })
    const world = newWorld()
    const ledger = await open(disk)
    await ledger.journal.append(step(world, [{ id: 'deposit/1' }]))
    const late: Promise<void>[] = []
    const reserved = {
      *[Symbol.iterator]() {
        isHolding = true
        late.push(ledger.journal.append(step(world, [{ id: 'deposit/2', reserve: 'key' }])))
        yield* world.reservations
      },
    }
    const walking = checkpointOf(ledger, { live: world.live, reservations: reserved })
    await expect.poll(() => release).not.toBeNull()
    for (let n = 0; n < 100; n++) await Promise.resolve()
    expect(disk.peek(`${DIRECTORY}/checkpoint/1.jsonl`)!.toString()).toContain('"seen":2')
    expect(headOf(disk).checkpoint).toBeNull()
    release!()
    await Promise.all([walking, ...late])
    expect(headOf(disk).checkpoint).toMatchObject({ seq: 1 })
  })

  test('leaves out what has changed since its moment, because the journal behind has it whole', async () => {
    const disk = simulatedDisk({ seed: 3 })
    const world = newWorld()
    const ledger = await open(disk)
    await ledger.journal.append(step(world, [{ id: 'deposit/1' }, { id: 'deposit/2' }]))
    const walking = checkpointOf(ledger, world)
    const appended = ledger.journal.append(step(world, [{ id: 'deposit/1' }]))
    await Promise.all([walking, appended])
    const lines = disk.peek(`${DIRECTORY}/checkpoint/2.jsonl`)!.toString().trimEnd().split('\n')
    const images = lines
      .map(line => (JSON.parse(line) as { instance?: Instance }).instance)
      .filter(image => image !== undefined)
    expect(images.map(({ id, seq }) => [id, seq])).toEqual([['deposit/2', 2]])
    await ledger.journal.close()
    expect((await verify(disk)).findings).toEqual([])
  })

  test('replaces the one before it, and never touches the journal', async () => {
    const disk = simulatedDisk({ seed: 4 })
    const world = newWorld()
    const ledger = await open(disk)
    for (let n = 1; n <= 3; n++) {
      await ledger.journal.append(step(world, [{ id: `deposit/${n}` }]))
      await checkpointOf(ledger, world)
    }
    const files = [
      'HEAD.json',
      'checkpoint/3.jsonl',
      ...[1, 2, 3].map(n => `index/${n}-${n}.run`),
      ...[1, 2, 3].map(n => `journal/${n}.index`),
      ...[1, 2, 3, 4].map(n => `journal/${n}.jsonl`),
    ]
    expect(disk.paths()).toEqual(files.map(name => `${DIRECTORY}/${name}`).sort())
  })

  test('is not taken twice for the same seq, nor of an empty ledger, nor two at once', async () => {
    const disk = simulatedDisk({ seed: 5 })
    const world = newWorld()
    const ledger = await open(disk)
    await checkpointOf(ledger, world)
    expect(headOf(disk)).toMatchObject({ checkpoint: null, segments: [{ first: 1 }] })
    await ledger.journal.append(step(world, [{ id: 'deposit/1' }]))
    await Promise.all([checkpointOf(ledger, world), checkpointOf(ledger, world)])
    await checkpointOf(ledger, world)
    expect(headOf(disk)).toMatchObject({ checkpoint: { seq: 1 }, segments: [{ first: 1 }, { first: 2 }] })
  })
})
