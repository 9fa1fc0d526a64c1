import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createSpending } from '../../../src/signer/memory/spending.ts'

const WEEK_MS = 7 * 24 * 60 * 60 * 1000

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

test('a week and more of many payments is forgotten, and the last day is still known', () => {
  const spending = createSpending()
  for (let n = 0; n < 5_000; n++) spending.add(n * (WEEK_MS / 1_000), 1n)
  const now = 4_999 * (WEEK_MS / 1_000)
  expect(spending.since(now - WEEK_MS / 7)).toBe(143n)
  expect(spending.since(now)).toBe(0n)
})
