/** Pieces of SVG, as text: what all pictures have in common. Deterministic, self-contained, readable aloud. */
import { STYLE } from './palette.ts'
import type { Box, Point, Text } from './statechart.ts'

export const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

export const tag = (name: string, attributes: Readonly<Record<string, string | number>>, inside = ''): string => {
  const list = Object.entries(attributes).map(([key, value]) => ` ${key}="${escape(String(value))}"`)
  return `<${name}${list.join('')}${inside === '' ? '/>' : `>${inside}</${name}>`}`
}

/** What a screen reader says, and a pointer shows. */
const titled = (title: string): string => tag('title', {}, escape(title))

export const group = (classes: readonly string[], key: string, title: string, inside: string): string =>
  tag('g', { class: classes.join(' '), 'data-key': key }, titled(title) + inside)

export const textLine = ({ text, role, x, y, width }: Text): string =>
  tag('text', { class: role, x, y, textLength: width, lengthAdjust: 'spacingAndGlyphs' }, escape(text))

export const rectangle = (classes: string, { x, y, width, height }: Box, radius = 0): string =>
  tag('rect', { class: classes, x, y, width, height, ...(radius > 0 && { rx: radius }) })

const CORNER = 7

/** A line with rounded corners that stops `short` pixels before its end, where the arrow's head begins. */
export function linePath(points: readonly Point[], short = 0): string {
  const ends = [...points.slice(0, -1), towards(points.at(-1)!, points.at(-2)!, short)]
  const parts = ends.slice(1, -1).map((corner, i) => {
    const before = towards(corner, ends[i]!, reach(corner, ends[i]!))
    const after = towards(corner, ends[i + 2]!, reach(corner, ends[i + 2]!))
    return `L${at(before)}Q${at(corner)} ${at(after)}`
  })
  return `M${at(ends[0]!)}${parts.join('')}L${at(ends.at(-1)!)}`
}

const distance = (a: Point, b: Point): number => Math.hypot(a.x - b.x, a.y - b.y)
const reach = (corner: Point, next: Point): number => Math.min(CORNER, distance(corner, next) / 2)
const shown = (pixels: number): string => String(Math.round(pixels * 10) / 10)
const at = ({ x, y }: Point): string => `${shown(x)} ${shown(y)}`

function towards(from: Point, to: Point, by: number): Point {
  const whole = distance(from, to)
  if (whole === 0) return from
  return { x: from.x + ((to.x - from.x) * by) / whole, y: from.y + ((to.y - from.y) * by) / whole }
}

/** Its point is at the line's end. */
export function arrowHead(points: readonly Point[], { length, width }: { length: number; width: number }): string {
  const end = points.at(-1)!
  const back = towards(end, points.at(-2)!, length)
  const side = { x: ((end.y - back.y) * width) / length / 2, y: ((back.x - end.x) * width) / length / 2 }
  const corners = [end, { x: back.x + side.x, y: back.y + side.y }, { x: back.x - side.x, y: back.y - side.y }]
  return tag('path', { class: 'head', d: `M${corners.map(at).join('L')}Z` })
}

/** @param description what a screen reader says after the title */
export function picture(
  { name, title, description }: { name: string; title: string; description: string },
  { width, height }: { width: number; height: number },
  inside: readonly string[],
): string {
  const attributes = {
    xmlns: 'http://www.w3.org/2000/svg',
    ...{ width, height, viewBox: `0 0 ${width} ${height}`, role: 'img' },
    'aria-labelledby': `${name}-title ${name}-description`,
  }
  const head = [
    tag('title', { id: `${name}-title` }, escape(title)),
    tag('desc', { id: `${name}-description` }, escape(description)),
    STYLE,
    rectangle('ground', { x: 0, y: 0, width, height }),
  ]
  return `${tag('svg', attributes, `\n${[...head, ...inside].join('\n')}\n`)}\n`
}
