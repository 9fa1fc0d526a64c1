import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createTable } from '../../src/kernel/table.ts'

/** Few different strings that share first and last word: every one collides with every other. */
const key = (n: number, length = 20) => {
  const bytes = new Uint8Array(length)
  bytes[8] = n & 0xff
  bytes[9] = n >> 8
  return bytes
}

test('strings made to collide are told apart, and removing some loses none of the others', () => {
  const table = createTable(20)
  const entries = Array.from({ length: 300 }, (_, n) => table.add(key(n), 0))
  expect(new Set(entries).size).toBe(300)
  for (let n = 0; n < 300; n += 2) table.remove(entries[n]!)
  for (let n = 0; n < 300; n++) expect(table.find(key(n), 0)).toBe(n % 2 === 0 ? -1 : entries[n])
})

test('a table does what a map does, whatever is added and removed', () => {
  const operation = fc.record({ add: fc.boolean(), n: fc.nat(120), spread: fc.nat(3), value: fc.nat(1000) })
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 400 }), operations => {
      const table = createTable(36)
      const model = new Map<string, number>()
      for (const { add, n, spread, value } of operations) {
        const bytes = key(n, 36)
        bytes[0] = spread
        const name = `${n}/${spread}`
        if (add) {
          table.setValue(table.add(bytes, 0), value)
          model.set(name, value)
        } else if (model.delete(name)) table.remove(table.find(bytes, 0))
      }
      expect(table.size()).toBe(model.size)
      for (let n = 0; n <= 120; n++)
        for (let spread = 0; spread <= 3; spread++) {
          const bytes = key(n, 36)
          bytes[0] = spread
          const entry = table.find(bytes, 0)
          const expected = model.get(`${n}/${spread}`)
          expect(entry === -1 ? undefined : table.value(entry)).toBe(expected)
        }
    }),
    { numRuns: 60 },
  )
})

test('strings are found at any offset, and memory is used again after removal', () => {
  const table = createTable(20)
  const bytes = new Uint8Array(64)
  bytes.fill(9, 7, 27)
  const entry = table.add(bytes, 7)
  expect(table.find(bytes, 7)).toBe(entry)
  expect(table.find(bytes, 8)).toBe(-1)
  const held = table.bytesHeld()
  for (let n = 0; n < 10_000; n++) table.remove(table.add(key(n), 0))
  expect(table.size()).toBe(1)
  expect(table.bytesHeld()).toBeLessThanOrEqual(held + 16)
})

test('a string of 20 bytes costs at most 40 bytes, up to a million of them and just behind each growth', () => {
  const table = createTable(20)
  const bytes = new Uint8Array(20)
  const words = new Uint32Array(bytes.buffer)
  let mostEach = 0
  for (let n = 0; n < 1_000_000; n++) {
    words[0] = Math.imul(n + 1, 0x9e3779b1)
    words[1] = n
    table.add(bytes, 0)
    if (n >= 100_000) mostEach = Math.max(mostEach, table.bytesHeld() / (n + 1))
  }
  expect(table.size()).toBe(1_000_000)
  expect(mostEach).toBeLessThanOrEqual(40)
})
