import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createOrdered } from '../../src/kernel/ordered.ts'

const numbers = fc.integer({ min: 0, max: 3000 })
const change = fc.record({ n: numbers, isAdded: fc.boolean() })

/** The same changes to a set that is sorted each time. */
function changed(changes: readonly { n: number; isAdded: boolean }[]) {
  const ordered = createOrdered<number>((a, b) => a - b)
  const plain = new Set<number>()
  for (const { n, isAdded } of changes) {
    if (isAdded && !plain.has(n)) ordered.add(n)
    if (isAdded) plain.add(n)
    else expect(ordered.remove(n)).toBe(plain.delete(n))
  }
  return { ordered, sorted: [...plain].sort((a, b) => a - b) }
}

describe('an order', () => {
  test('holds what a sorted set holds, from both ends and from anywhere within, whatever was added and taken out', () => {
    const many = fc.array(change, { minLength: 0, maxLength: 3000, size: 'max' })
    const check = (changes: { n: number; isAdded: boolean }[], start: number) => {
      const { ordered, sorted } = changed(changes)
      expect(ordered.size).toBe(sorted.length)
      expect([...ordered.upwards()]).toEqual(sorted)
      expect([...ordered.downwards()]).toEqual(sorted.toReversed())
      expect([...ordered.from(n => n > start)]).toEqual(sorted.filter(n => n > start))
    }
    fc.assert(fc.property(many, numbers, check), { numRuns: 50 })
  })

  test('that grows at its end, and in its midst, beyond many pieces stays one', () => {
    const upwards = Array.from({ length: 5000 }, (_, n) => n)
    const shuffled = upwards.map(n => (n * 2741) % 5000)
    for (const all of [upwards, upwards.toReversed(), shuffled]) {
      const { ordered, sorted } = changed(all.map(n => ({ n, isAdded: true })))
      expect([...ordered.upwards()]).toEqual(sorted)
      for (const n of shuffled) expect(ordered.remove(n)).toBe(true)
      expect([...ordered.upwards()]).toEqual([])
    }
  })
})
