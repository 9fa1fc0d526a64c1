import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { ANIMATION, animationSvg } from '../../visualizations/animation.ts'
import type { Statechart } from '../../visualizations/statechart.ts'
import charts from '../../visualizations/statecharts.json' with { type: 'json' }
import { FONTS } from '../../visualizations/typeset.ts'

/** As GitHub shows it, in pixels. */
const SHOWN_WIDTH = 838
const LEAST_SHOWN = 11
const MAXIMUM_BYTES = 2_000_000

const all = charts as Statechart[]
const text = await readFile(new URL(`../../visualizations/${ANIMATION}.svg`, import.meta.url), 'utf8')

const attributesOf = (name: string): Record<string, string>[] =>
  [...text.matchAll(new RegExp(`<${name} ([^>]*)`, 'g'))].map(([, list]) =>
    Object.fromEntries([...list!.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, key, value]) => [key!, value!])),
  )

const numbers = (list: string): number[] => list.split(';').map(Number)

test('a machine without one of its steps is not drawn', () => {
  const broken = all.map(chart => ({ ...chart, edges: chart.edges.filter(({ key }) => key !== 'credited>reversed') }))
  expect(() => animationSvg(broken)).toThrow('deposit has no line from credited to reversed at block.disconnected')
  expect(() => animationSvg(all.filter(({ machine }) => machine !== 'withdrawal'))).toThrow('no machine withdrawal')
})

describe('every coin', () => {
  const motions = attributesOf('animateMotion')

  test('goes round in twenty seconds, forwards, from the first moment to the last', () => {
    expect(motions.length).toBeGreaterThan(2)
    for (const { dur, keyTimes, keyPoints, repeatCount } of motions) {
      expect([dur, repeatCount]).toEqual(['20s', 'indefinite'])
      const [times, points] = [numbers(keyTimes!), numbers(keyPoints!)]
      expect(times).toHaveLength(points.length)
      for (const list of [times, points]) {
        expect([list[0], list.at(-1)]).toEqual([0, 1])
        expect(list).toEqual(list.toSorted((a, b) => a - b))
      }
    }
  })

  test('and every word beside it is seen and goes within a round', () => {
    for (const { dur, keyTimes, values } of attributesOf('animate')) {
      expect(dur).toBe('20s')
      expect(numbers(keyTimes!)).toHaveLength(values!.split(';').length)
      for (const time of numbers(keyTimes!)) expect(time).toBeLessThanOrEqual(1)
    }
  })
})

test('it is small, legible where it is shown, and stands still for who prefers that', () => {
  expect(text.length).toBeLessThan(MAXIMUM_BYTES)
  const [, width] = /<svg [^>]*width="(\d+)"/.exec(text)!
  for (const { size } of Object.values(FONTS))
    expect(size * Math.min(1, SHOWN_WIDTH / Number(width))).toBeGreaterThanOrEqual(LEAST_SHOWN)
  expect(text).toMatch(/prefers-reduced-motion:reduce\)\{\.coin,\.said\{display:none/)
})
