import { expect, test } from 'vitest'
import { firstThat, firstThatAsync } from '../../src/kernel/bisect.ts'
import { appendTo } from '../../src/kernel/multimap.ts'

const beginnings = Array.from({ length: 18 }, (_, count) =>
  Array.from({ length: count + 1 }, (_, first) => ({ count, first })),
).flat()

test('the first number for which it holds is found, wherever it stands; the count where it holds for none', async () => {
  for (const { count, first } of beginnings) {
    expect(firstThat(count, n => n >= first)).toBe(first)
    expect(await firstThatAsync(count, async n => n >= first)).toBe(first)
  }
})

test('a million records are asked twenty times', () => {
  let asked = 0
  firstThat(1_000_000, n => (asked++, n >= 777_777))
  expect(asked).toBeLessThanOrEqual(20)
})

test('an answer that cannot be read is no answer', async () => {
  await expect(firstThatAsync(3, () => Promise.reject(new Error('unreadable')))).rejects.toThrow('unreadable')
})

test('values under one key keep their order', () => {
  const lists = new Map<string, number[]>()
  for (const [key, value] of [
    ['a', 1],
    ['b', 2],
    ['a', 3],
  ] as const)
    appendTo(lists, key, value)
  expect([...lists]).toEqual([
    ['a', [1, 3]],
    ['b', [2]],
  ])
})
