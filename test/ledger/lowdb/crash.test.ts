/** Scripted and random runs on a disk that fails, loses power or loses its process: what was acknowledged is always there. */
import { idOf, kindOf, nameOf, type Id } from '../../../machines/ids.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { simulatedDisk, type DiskCall, type DiskOptions, type SimulatedDisk } from '../../simulation/disk.ts'
import { newWorld, stateFound, stateOf, step, worldAt, type World } from '../made.ts'
import { checkpointOf, open, verify, type Opening } from './opening.ts'

/** What one process did before it ended. */
interface Run {
  world: World
  /** The seq up to which appends have resolved. */
  acknowledged: number
}

const append = async (run: Run, ledger: Opening, ...changes: Parameters<typeof step>[1]): Promise<void> => {
  const commit = step(run.world, changes)
  await ledger.journal.append(commit)
  run.acknowledged = Math.max(run.acknowledged, commit.entries.at(-1)!.seq)
}

/** Creation, single commits, a group, a checkpoint while commits go on, an orderly end, a second start, a second checkpoint. */
async function script(disk: SimulatedDisk, run: Run): Promise<void> {
  let ledger = await open(disk)
  await append(run, ledger, { id: 'deposit/1', reserve: 'k1' }, { id: 'coin/1' })
  await append(run, ledger, { id: 'coin/1', ends: true, release: 'k1' })
  await Promise.all([2, 3, 4, 5].map(n => append(run, ledger, { id: `deposit/${n}`, reserve: `k${n}` })))
  const walking = checkpointOf(ledger, run.world)
  walking.catch(() => undefined)
  await Promise.all([2, 3, 6].map(n => append(run, ledger, { id: `deposit/${n}`, ends: n === 3, release: `k${n}` })))
  await walking
  await append(run, ledger, { id: 'deposit/7', reserve: 'k1' })
  await ledger.journal.close()
  ledger = await open(disk)
  await append(run, ledger, { id: 'deposit/7', ends: true })
  await checkpointOf(ledger, run.world)
  await append(run, ledger, { id: 'deposit/8' })
  await ledger.journal.close()
}

/** The ledger holds a whole number of commits, at least the acknowledged ones, exactly as they were made; and can go on. */
async function check(disk: SimulatedDisk, { world, acknowledged }: Run): Promise<void> {
  const ledger = await open(disk)
  const { opened } = ledger
  expect(opened.seq).toBeGreaterThanOrEqual(acknowledged)
  const past = worldAt(world, opened.seq)
  expect(stateFound(opened)).toEqual(stateOf(past))
  expect(await ledger.archive.entries(0, 1000)).toEqual(past.feed)
  for (const [id, image] of past.ended) expect(await ledger.archive.read(id)).toEqual(image)
  await ledger.journal.append(step(past, [{ id: 'deposit/after' }]))
  await checkpointOf(ledger, past)
  await ledger.journal.append(step(past, [{ id: 'deposit/after' }]))
  await ledger.journal.close()
  expect((await verify(disk)).findings).toEqual([])
  const again = await open(disk.crash())
  expect(stateFound(again.opened)).toEqual(stateOf(past))
  expect(await again.archive.entries(0, 1000)).toEqual(past.feed)
}

/** Runs the script until it ends, fails, or the disk stops at its n-th call (counting all calls). */
async function runUntil(
  options: DiskOptions,
  stopAt: number,
): Promise<{ disk: SimulatedDisk; run: Run; error: unknown; calls: number }> {
  let calls = 0
  let stop: () => void = () => undefined
  const stopped = new Promise<void>(done => {
    stop = done
  })
  const disk = simulatedDisk({
    ...options,
    settle: async () => {
      if (++calls !== stopAt) return
      stop()
      await new Promise(() => undefined)
    },
  })
  const run: Run = { world: newWorld(), acknowledged: 0 }
  let error: unknown = null
  await Promise.race([
    stopped,
    script(disk, run).catch((reason: unknown) => {
      error = reason
    }),
  ])
  return { disk, run, error, calls }
}

const never = Number.POSITIVE_INFINITY

describe('what was acknowledged', () => {
  test('is there after the power fails at any call of the disk, with other losses each time', async () => {
    const { calls } = await runUntil({ seed: 0 }, never)
    expect(calls).toBeGreaterThan(100)
    for (let stopAt = 1; stopAt <= calls; stopAt++)
      for (const seed of [1, 2, 3]) {
        const { disk, run } = await runUntil({ seed: seed * 1000 + stopAt }, stopAt)
        await check(disk.crash(), run)
      }
  })

  test('is there after the process is killed at any call of the disk, and the power fails after the next start', async () => {
    const { calls } = await runUntil({ seed: 0 }, never)
    for (let stopAt = 1; stopAt <= calls; stopAt++) {
      const { disk, run } = await runUntil({ seed: stopAt }, stopAt)
      const killed = disk.kill()
      const { opened, journal } = await open(killed)
      const seen = { world: run.world, acknowledged: Math.max(run.acknowledged, opened.seq) }
      if (opened.seq > 0) await journal.append(step(worldAt(run.world, opened.seq), [{ id: 'deposit/1' }]))
      const crashed = killed.crash()
      const again = await open(crashed)
      expect(again.opened.seq).toBe(opened.seq === 0 ? 0 : opened.seq + 1)
      expect(seen.acknowledged).toBeLessThanOrEqual(again.opened.seq)
    }
  })

  test('is there after the power fails at any call of a start that follows a crash', async () => {
    const { calls } = await runUntil({ seed: 0 }, never)
    for (let stopAt = 3; stopAt <= calls; stopAt += 4) {
      const { disk, run } = await runUntil({ seed: stopAt }, stopAt)
      let left = 1 + (stopAt % 29)
      let stop: () => void = () => undefined
      const stopped = new Promise<void>(done => {
        stop = done
      })
      const second = disk.crash({
        settle: async () => {
          if (--left > 0) return
          stop()
          await new Promise(() => undefined)
        },
      })
      await Promise.race([stopped, open(second)])
      await check(second.crash(), run)
    }
  })

  test.each<DiskCall>([
    'write',
    'sync',
    'rename',
    'truncate',
    'syncDirectory',
    'remove',
    'open',
    'close',
    'makeDirectory',
  ])('is there after any one %s has failed, and nothing is acknowledged behind the failure', async call => {
    const { disk: whole } = await runUntil({ seed: 0 }, never)
    const count = whole.calls[call]
    expect(count).toBeGreaterThan(0)
    for (let nth = 1; nth <= count; nth++)
      for (const seed of [1, 2]) {
        const { disk, run, error } = await runUntil({ seed: seed * 100 + nth, fail: { call, nth } }, never)
        expect(error, `${call} ${nth}`).not.toBeNull()
        await check(seed === 1 ? disk.crash() : disk.kill(), run)
      }
  })

  test('is there when the power fails again and again, at random, between random changes and checkpoints', async () => {
    const change = fc.record({
      id: fc
        .constantFrom<Id[]>('deposit/a', 'deposit/b', 'coin/a', 'coin/b', 'transfer/c')
        .chain(id => fc.nat(9).map(n => idOf(kindOf(id), nameOf(id) + String(n)))),
      ends: fc.boolean(),
      reserve: fc.constantFrom('k1', 'k2', 'k3'),
      release: fc.constantFrom('k1', 'k2', 'k3'),
    })
    const action = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          kind: fc.constant('append' as const),
          changes: fc.array(change, { minLength: 1, maxLength: 4 }),
        }),
      },
      { weight: 1, arbitrary: fc.constant({ kind: 'settle' as const }) },
      { weight: 1, arbitrary: fc.constant({ kind: 'checkpoint' as const }) },
      { weight: 1, arbitrary: fc.constant({ kind: 'crash' as const }) },
      { weight: 1, arbitrary: fc.constant({ kind: 'kill' as const }) },
    )
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.array(action, { maxLength: 40 }), async (seed, actions) => {
        let disk = simulatedDisk({ seed })
        let ledger = await open(disk)
        const run: Run = { world: newWorld(), acknowledged: 0 }
        for (const one of actions) {
          if (one.kind === 'append') {
            const commit = step(run.world, one.changes)
            const last = commit.entries.at(-1)?.seq
            if (last === undefined) {
              run.world.commits.pop()
              continue
            }
            void ledger.journal.append(commit).then(() => {
              run.acknowledged = Math.max(run.acknowledged, last)
            })
          } else if (one.kind === 'settle') {
            for (let n = 0; n < 20; n++) await Promise.resolve()
          } else if (one.kind === 'checkpoint') void checkpointOf(ledger, run.world)
          else {
            disk = one.kind === 'crash' ? disk.crash() : disk.kill()
            ledger = await open(disk)
            expect(ledger.opened.seq).toBeGreaterThanOrEqual(run.acknowledged)
            run.world = worldAt(run.world, ledger.opened.seq)
            run.acknowledged = ledger.opened.seq
            expect(stateFound(ledger.opened)).toEqual(stateOf(run.world))
          }
          expect(ledger.aborted()).toBeNull()
        }
        await ledger.journal.close()
        await check(disk, run)
      }),
      { numRuns: 200 },
    )
  })
})
