import { describe, expect, test } from 'vitest'
import { LONG_TEST_MS } from '../patience.ts'
import { FOUND } from './seeds.ts'
import { simulate, simulatePair } from './simulate.ts'
import { awaitsOf, simulateFall } from './sweep.ts'

const SEEDS = 70
const BATCH = 10
/** Every await of the watcher is swept by `npm run simulate -- --sweep watcher`; here every so many. */
const WATCHER_STRIDE = 11
/** By `npm run simulate -- --sweep watcher --bumped`. */
const BUMPED_STRIDE = 47

const batches = Array.from({ length: SEEDS / BATCH }, (_, n) => 1001 + n * BATCH)

describe('whatever crashes, is lost or reorganised: nothing is paid twice, no deposit is lost or invented', () => {
  test.each(batches)(`${BATCH} seeds from %i`, async from => {
    for (let seed = from; seed < from + BATCH; seed++) {
      const { violation } = await simulate(seed)
      expect(violation, `seed ${seed}`).toBeNull()
    }
  })

  test.each(FOUND)('seed $seed: $found', async ({ seed }) => {
    expect((await simulate(seed)).violation).toBeNull()
  })

  test.each([1, 4, 5])('two paying watchers on one signer, seed %i', async seed => {
    expect((await simulatePair(seed)).violation).toBeNull()
  })

  test('the same seed gives the same run, step by step', async () => {
    const first = await simulate(7)
    await simulate(8)
    const second = await simulate(7)
    expect(second.hash).toBe(first.hash)
    expect((await simulate(9)).hash).not.toBe(first.hash)
  })
})

describe('a process falls at one exact await, and everything comes to its right end', () => {
  test(
    'the signer, at every await',
    async () => {
      const awaits = await awaitsOf('signer')
      expect(awaits).toBeGreaterThan(30)
      for (let at = 1; at <= awaits; at++)
        expect((await simulateFall('signer', at)).violation, `await ${at}`).toBeNull()
    },
    LONG_TEST_MS,
  )

  test(
    `the watcher, at every ${BUMPED_STRIDE}th await while fees are raised`,
    async () => {
      const awaits = await awaitsOf('watcher', 'bumped')
      expect(awaits).toBeGreaterThan(300)
      for (let at = 1; at <= awaits; at += BUMPED_STRIDE)
        expect((await simulateFall('watcher', at, 'bumped')).violation, `await ${at}`).toBeNull()
    },
    LONG_TEST_MS,
  )

  test(
    `the watcher, at every ${WATCHER_STRIDE}th await`,
    async () => {
      const awaits = await awaitsOf('watcher')
      expect(awaits).toBeGreaterThan(300)
      for (let at = 1; at <= awaits; at += WATCHER_STRIDE)
        expect((await simulateFall('watcher', at)).violation, `await ${at}`).toBeNull()
    },
    LONG_TEST_MS,
  )
})
