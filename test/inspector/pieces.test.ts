/** The page's pure pieces: counts that follow the feed, blocks that come and go, amounts as people read them. */
import { describe, expect, test } from 'vitest'
import { blocksOn } from '../../src/inspector/blocks.ts'
import { countIn, countOn, countsOf } from '../../src/inspector/page/counts.ts'
import type { ApiEvent } from '../../src/inspector/page/shapes.ts'
import { inUnits, shortened, span, spoken } from '../../src/inspector/page/words.ts'

const event = (seq: number, from: string | null, to: string, more: Partial<ApiEvent> = {}): ApiEvent => ({
  ...{ seq, at: new Date(seq * 1000).toISOString(), kind: 'deposit', id: `d${seq}`, chain: 'litecoin' },
  ...{ event: 'x', from, to, revision: 1, data: {} },
  ...more,
})

describe('counts', () => {
  const counted = countsOf({
    counts: [
      { kind: 'deposit', chain: 'litecoin', state: 'detected', count: 2 },
      { kind: 'deposit', chain: 'dogecoin', state: 'detected', count: 1 },
      { kind: 'deposit', chain: 'litecoin', state: 'final', count: 7 },
    ],
    seq: 10,
  })

  test('are those of the watcher, over all chains or of one', () => {
    expect(countIn(counted.counts, 'deposit', 'detected')).toBe(3)
    expect(countIn(counted.counts, 'deposit', 'detected', 'litecoin')).toBe(2)
    expect(countIn(counted.counts, 'deposit', 'final')).toBe(7)
    expect(countIn(counted.counts, 'deposit', 'lost')).toBe(0)
  })
  test('move with what they do not count yet, once', () => {
    const events = [event(10, null, 'detected'), event(11, null, 'detected'), event(12, 'detected', 'confirming')]
    const after = countOn(counted, events)
    expect(after.seq).toBe(12)
    expect(countIn(after.counts, 'deposit', 'detected', 'litecoin')).toBe(2)
    expect(countIn(after.counts, 'deposit', 'confirming', 'litecoin')).toBe(1)
    expect(countOn(after, events)).toEqual(after)
  })
})

test('a strip of blocks shows what left the chain beside what came in its place', () => {
  const block = (seq: number, name: string, height: number, hash: string) => ({
    event: name,
    at: new Date(seq * 1000).toISOString(),
    height,
    hash,
  })
  const told = [
    block(1, 'block.connected', 5, 'a5'),
    block(2, 'block.connected', 6, 'a6'),
    block(3, 'block.disconnected', 5, 'a5'),
    block(4, 'block.connected', 6, 'b6'),
    block(5, 'block.connected', 6, 'b6'),
    block(6, 'block.connected', 7, 'b7'),
  ]
  const whole = blocksOn([], told, 10)
  expect(whole.map(({ height, hash, isGone }) => [height, hash, isGone])).toEqual([
    [5, 'a5', false],
    [6, 'a6', true],
    [6, 'b6', false],
    [7, 'b7', false],
  ])
  expect(blocksOn([], told, 2)).toEqual(whole.slice(-2))
  for (const n of told.keys()) expect(blocksOn(blocksOn([], told.slice(0, n), 10), told.slice(n), 10)).toEqual(whole)
})

test.each([
  ['150000000', 8, '1.5'],
  ['1', 8, '0.00000001'],
  ['0', 8, '0'],
  ['100000000', 8, '1'],
  ['123456789012345678901234567890', 18, '123\u202f456\u202f789\u202f012.34567890123456789'],
  ['12345', 0, '12\u202f345'],
])('%s base units with %i decimals are %s', (amount, decimals, shown) => {
  expect(inUnits(amount, decimals)).toBe(shown)
})

test('names and spans are spoken', () => {
  expect(spoken('awaitingApproval')).toBe('awaiting approval')
  expect(spoken('block.disconnected')).toBe('block disconnected')
  expect([500, 61_000, 3_600_000, 172_800_000].map(span)).toEqual(['1 s', '1 min', '1 h', '2 d'])
  expect(shortened('short')).toBe('short')
  expect(shortened('a'.repeat(30), 4)).toBe('aaaa…aaaa')
})
