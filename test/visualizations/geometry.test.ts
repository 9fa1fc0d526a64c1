import { describe, expect, test } from 'vitest'
import { isOverlapping, segmentsOf } from '../../visualizations/room.ts'
import { SHOWN } from '../../visualizations/shown.ts'
import type { Box, Edge, Node, Statechart } from '../../visualizations/statechart.ts'
import charts from '../../visualizations/statecharts.json' with { type: 'json' }
import { FONTS } from '../../visualizations/typeset.ts'

/** As GitHub shows a picture beside a repository's files, in pixels. */
const SHOWN_WIDTH = 880
const LEAST_SHOWN = 11
const MOST_POINTS = 900

const all = charts as Statechart[]

/** A little less than the box, so that what only touches does not overlap. */
const within = ({ x, y, width, height }: Box): Box => ({ x: x + 1, y: y + 1, width: width - 2, height: height - 2 })

const isInside = (inner: Box, outer: Box): boolean =>
  inner.x >= outer.x &&
  inner.y >= outer.y &&
  inner.x + inner.width <= outer.x + outer.width &&
  inner.y + inner.height <= outer.y + outer.height

const holds = (group: Node, key: string): boolean => key.startsWith(`${group.key}.`)

/** What may hold the edge's label: the groups that the edge lies in. */
const isAround = (node: Node, { from, to }: Edge): boolean =>
  holds(node, to) && (holds(node, from) || from === `${node.key}.`)

test('every machine is drawn', () => {
  expect(all.map(({ machine }) => machine)).toEqual(SHOWN.map(({ machine }) => machine.id))
})

describe.each(all.map(chart => [chart.machine, chart] as const))('%s', (_, { nodes, edges, width, height }) => {
  const labels = edges.flatMap(edge => (edge.label === null ? [] : [{ edge, box: edge.label.box }]))

  test('is legible at the width that GitHub shows it in', () => {
    expect(width).toBeLessThanOrEqual(MOST_POINTS)
    const scale = Math.min(1, SHOWN_WIDTH / width)
    for (const { size } of Object.values(FONTS)) expect(size * scale).toBeGreaterThanOrEqual(LEAST_SHOWN)
  })

  test('no label lies on another label, a state, or the line of another edge', () => {
    for (const [i, { edge, box }] of labels.entries()) {
      for (const other of labels.slice(i + 1))
        expect(isOverlapping(within(box), within(other.box)), `${edge.key} and ${other.edge.key}`).toBe(false)
      for (const node of nodes.filter(node => !isAround(node, edge)))
        expect(isOverlapping(within(box), node.box), `${edge.key} and ${node.key}`).toBe(false)
      for (const other of edges.filter(other => other !== edge))
        for (const segment of segmentsOf(other))
          expect(isOverlapping(within(box), segment), `${edge.key} and the line of ${other.key}`).toBe(false)
    }
  })

  test('every label lies on its own line', () => {
    for (const { edge, box } of labels)
      expect(
        segmentsOf(edge).some(segment => isOverlapping(box, segment)),
        edge.key,
      ).toBe(true)
  })

  test('no state lies on another, and no line runs through one', () => {
    for (const [i, node] of nodes.entries()) {
      for (const other of nodes.slice(i + 1))
        if (!holds(node, other.key))
          expect(isOverlapping(node.box, other.box), `${node.key} and ${other.key}`).toBe(false)
      for (const edge of edges.filter(edge => !isAround(node, edge)))
        for (const segment of segmentsOf(edge))
          expect(isOverlapping(within(node.box), segment), `${edge.key} through ${node.key}`).toBe(false)
    }
  })

  test('a line begins and ends at the borders of its boxes, upright and level pieces only', () => {
    const touches = ({ x, y, width: w, height: h }: Box, at: { x: number; y: number }) =>
      at.x >= x - 1 && at.x <= x + w + 1 && (Math.abs(at.y - y) <= 1 || Math.abs(at.y - y - h) <= 1)
    for (const { key, from, to, points } of edges) {
      const box = (name: string) => nodes.find(node => node.key === name)!.box
      expect(touches(box(from), points[0]!), `${key} begins`).toBe(true)
      expect(touches(box(to), points.at(-1)!), `${key} ends`).toBe(true)
      for (const [i, { x, y }] of points.slice(1).entries())
        expect(
          [points[i]!.x, points[i]!.y].some((value, axis) => value === [x, y][axis]),
          key,
        ).toBe(true)
    }
  })

  test('every text lies in its box, and everything in the picture', () => {
    const whole = { x: 0, y: 0, width, height }
    const texts = [...nodes, ...edges.flatMap(({ key, label }) => (label === null ? [] : [{ key, ...label }]))]
    for (const { key, box, texts: lines } of texts) {
      expect(isInside(box, whole), key).toBe(true)
      for (const { text, role, x, y, width: w } of lines) {
        const { size } = FONTS[role]
        expect(isInside({ x, y: y - size * 0.8, width: w, height: size }, box), `${text} of ${key}`).toBe(true)
      }
    }
  })

  test('the path is a straight line down, wherever it goes on', () => {
    const down = edges.filter(({ isOnPath, points }) => isOnPath && points.at(-1)!.y > points[0]!.y)
    expect(down.length).toBeGreaterThan(0)
    const xs = new Set(down.flatMap(({ points }) => points.map(({ x }) => x)))
    expect([...xs]).toHaveLength(1)
  })
})
