import { expect, test } from 'vitest'
import { bench, benchHistory, type BenchSizes } from './bench.ts'
import { benchRow } from './measure.ts'

/** Big enough that every side does what it does, small enough to prove nothing about time. */
const TINY: BenchSizes = {
  durable: { rounds: 1, steps: 10 },
  steps: { rounds: 1, deposits: 20 },
  scan: { scripts: 1000, keys: 100, rounds: 1 },
  checkpoint: { instances: 2000 },
  signer: { warming: 1, rounds: 1, requests: 10, largeRequests: 1 },
  plan: { coins: 1000, rounds: 1 },
  remembered: { signed: 20, voids: 20, addresses: 1000 },
  turns: { coins: 200, withdrawals: 20 },
  polls: { ids: 1000, rounds: 1, blocks: 3 },
  start: { rounds: 1 },
  lattice: { blocks: 2, rounds: 1, accounts: 1000 },
}

test('every row of the benchmark is measured, with figures and progress', async () => {
  const progress: string[] = []
  const rows = await bench(line => progress.push(line), TINY)
  expect(rows.map(({ row, wanted }) => [row, wanted])).toEqual([
    ['durable steps, one writer / raw append and fdatasync', '>= 0.5'],
    ['durable steps, 64 in flight / one writer', '>= 5'],
    ["steps without disk / XState's bare transition", '>= 0.5'],
    ['block scan / the same walk without matching', '<= 3'],
    ['bitcoinjs-lib parse and ids / block scan', '>= 30'],
    ['bytes per watched script, its arrays', '<= 40'],
    ['bytes per watched script, heap and buffers', 'reported'],
    ['seconds for a checkpoint of 2,000 instances', 'reported'],
    ['longest commit during it, ms', 'reported'],
    ['seconds to open it again', 'reported'],
    ['signing requests / the sum of their bare parts', '>= 0.5'],
    ['signatures with 100 inputs a request / bare tiny-secp256k1', '>= 0.5'],
    ['seconds to choose among 1,000 coins that do not suffice', '<= 5'],
    ['seconds until a signer that has signed much serves', '<= 10'],
    ['its resident memory, MiB', '<= 512'],
    ['longest turn, 200 coins and 20 queued, that can be paid, ms of processor', '<= 50'],
    ['longest turn, 200 coins and 20 queued, that cannot, ms of processor', '<= 50'],
    ['a poll of a mempool of 1,000 / JSON.parse of it', '<= 2'],
    ['3 full blocks, followed / the walk alone', '<= 3'],
    ["a signer's start / its scrypt", '<= 2'],
    ['seconds until a killed watcher serves again', '<= 2'],
    ['seconds from SIGTERM to the end, the slower', '<= 5'],
    ['blocks signed / bare ed25519-blake2b', '>= 0.5'],
    ['questions of an idle poll of 1,000 accounts', '<= 2'],
  ])
  for (const { row, ratio, measured } of rows) {
    expect(Number.isFinite(ratio), row).toBe(true)
    expect(measured, row).toMatch(/\d/)
  }
  expect(progress.length).toBeGreaterThan(0)
})

test('a long history is measured, too', async () => {
  const ledger = {
    ...{ instances: 2000, live: 400, segments: 20, scripts: 100, reads: 3, commits: 20, small: 100, plain: 100 },
    plainWrites: 1,
  }
  const rows = await benchHistory(() => undefined, ledger, TINY.remembered)
  expect(rows.map(({ wanted }) => wanted)).toEqual([
    ...['<= 2', 'reported', '<= 5', '<= 5', '<= 5', '<= 1', '<= 1', '<= 20', '<= 100', '<= 1.3', '>= 300', 'reported'],
    ...['<= 10', '<= 512'],
  ])
  for (const { row, ratio } of rows) expect(Number.isFinite(ratio), row).toBe(true)
})

test('a row says whether what is wanted was reached', () => {
  expect(benchRow('a', 0.5, { least: 0.5 }, '').met).toBe(true)
  expect(benchRow('a', 0.49, { least: 0.5 }, '').met).toBe(false)
  expect(benchRow('a', 3, { most: 3 }, '').met).toBe(true)
  expect(benchRow('a', 3.01, { most: 3 }, '').met).toBe(false)
  expect(benchRow('a', 7, null, '').met).toBe(null)
})
