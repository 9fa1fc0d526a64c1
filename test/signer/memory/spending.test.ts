import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createSpending } from '../../../src/signer/memory/spending.ts'

const HOUR_MS = 60 * 60 * 1000
const DAY_MS = 24 * HOUR_MS
const WEEK_MS = 7 * DAY_MS

test('what was spent since a time is the sum of what was added after it, also when the clock was set back', () => {
  const added = fc.tuple(fc.nat(1_000), fc.bigInt({ min: 0n, max: 1_000n }))
  fc.assert(
    fc.property(fc.array(added, { maxLength: 60 }), fc.array(fc.nat(1_000), { maxLength: 20 }), (list, times) => {
      const spending = createSpending()
      for (const [at, amount] of list) spending.add(at, amount)
      return times.every(
        time => spending.since(time) === list.reduce((sum, [at, amount]) => (at > time ? sum + amount : sum), 0n),
      )
    }),
  )
})

test('what is older than a week is kept by the hour, and the last day is known exactly', () => {
  const spending = createSpending()
  for (let n = 0; n < 5_000; n++) spending.add(n * (WEEK_MS / 1_000), 1n)
  const now = 4_999 * (WEEK_MS / 1_000)
  expect(spending.since(now - WEEK_MS / 7)).toBe(143n)
  expect(spending.since(now)).toBe(0n)
  expect(spending.since(-1)).toBe(5_000n)
  expect(spending.size()).toBeLessThan(3_000)
})

test('a clock that jumps ahead for any number of signatures and back makes nothing of the last day forgotten', () => {
  for (const [days, signatures] of [
    [8, 1],
    [8, 10],
    [400, 1_000],
  ] as const) {
    const spending = createSpending()
    const now = 1_000 * DAY_MS
    for (let n = 0; n < 10; n++) spending.add(now + n, 100n)
    for (let n = 0; n < signatures; n++) spending.add(now + days * DAY_MS + n, 1n)
    expect(spending.since(now + 10 - DAY_MS)).toBe(1_000n + BigInt(signatures))
    spending.add(now + 20, 5n)
    expect(spending.since(now + 30 - DAY_MS)).toBe(1_005n + BigInt(signatures))
  }
})

test('wherever the clock goes, never less is counted than was spent, and no more than an hour too much', () => {
  const moves = fc.array(
    fc.tuple(fc.integer({ min: -20 * DAY_MS, max: 20 * DAY_MS }), fc.bigInt({ min: 1n, max: 9n })),
    {
      maxLength: 200,
    },
  )
  fc.assert(
    fc.property(moves, list => {
      const spending = createSpending()
      let at = 1_000 * DAY_MS
      const all: [number, bigint][] = []
      for (const [by, amount] of list) {
        at += by
        spending.add(at, amount)
        all.push([at, amount])
      }
      const sumAfter = (time: number) => all.reduce((sum, [when, amount]) => (when > time ? sum + amount : sum), 0n)
      return all.every(([time]) => {
        const told = spending.since(time - 1)
        return told >= sumAfter(time - 1) && told <= sumAfter(time - 1 - HOUR_MS)
      })
    }),
  )
})
