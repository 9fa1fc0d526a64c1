/** A laid-out machine as SVG. Places nothing itself: everything that has a place has it in the chart. */
import type { Box, Edge, Look, Node, Point, Statechart } from './statechart.ts'
import { arrowHead, group, linePath, picture, rectangle, tag, textLine } from './svg.ts'

const ROUNDING = 8
const CUT = 10
/** Between the two borders of an end. */
const DOUBLE = 3

/** What is laid over a chart: classes of nodes and edges by their keys, and what is drawn on top and below. */
export interface Overlay {
  title: string
  classOf: (key: string) => readonly string[]
  above: readonly string[]
  /** Of the whole, with room for what `above` draws beside the chart. */
  size: { width: number; height: number }
}

export function statechartSvg(chart: Statechart, overlay?: Overlay): string {
  const { machine, purpose } = chart
  const title = overlay?.title ?? `The states of ${machine}`
  const size = overlay?.size ?? { width: chart.width, height: chart.height }
  const more = overlay?.classOf ?? (() => [])
  return picture({ name: machine, title, description: `${purpose} ${storyOf(chart)}` }, size, [
    ...chart.nodes.map(node => drawNode(node, more(node.key))),
    ...[...chart.edges].sort(thickLast).map(edge => drawEdge(edge, more(edge.key))),
    ...(overlay?.above ?? []),
  ])
}

const thickLast = (a: Edge, b: Edge): number => Number(a.isOnPath) - Number(b.isOnPath)

/** In words, for who does not see it. */
function storyOf({ nodes }: Statechart): string {
  const names = (keep: (node: Node) => boolean) => nodes.filter(keep).map(({ key }) => key)
  const list = (title: string, keys: readonly string[]) => (keys.length === 0 ? '' : ` ${title}: ${keys.join(', ')}.`)
  const path = `Where nothing goes wrong it goes through ${names(({ isOnPath }) => isOnPath).join(', ')}.`
  const good = list(
    'Ends well in',
    names(({ look }) => look === 'good'),
  )
  const bad = list(
    'Ends badly in',
    names(({ look }) => look === 'bad'),
  )
  const alarm = list(
    'Waits for a person, or was taken back, in',
    names(({ look }) => look === 'alarm'),
  )
  return path + good + bad + alarm
}

function drawNode(node: Node, more: readonly string[]): string {
  const { key, look, box, isEnd, icon, description } = node
  const inner = { x: box.x + DOUBLE, y: box.y + DOUBLE, width: box.width - 2 * DOUBLE, height: box.height - 2 * DOUBLE }
  const owes = node.task === null ? '' : ` Owes the task ${node.task}.`
  const shapes = [
    outline('box', look, box),
    ...(isEnd ? [outline('inner', look, inner)] : []),
    ...(icon === null ? [] : [drawIcon(look, icon)]),
    ...node.texts.map(textLine),
  ]
  return group(
    ['node', look, ...more],
    key,
    `${look === 'origin' ? '' : `${key}: `}${description}${owes}`,
    shapes.join(''),
  )
}

/** What ends badly has its corners cut off. */
function outline(classes: string, look: Look, box: Box): string {
  const { x, y, width, height } = box
  if (look === 'start') return rectangle(classes, box, width / 2)
  if (look !== 'bad') return rectangle(classes, box, classes === 'inner' ? ROUNDING - DOUBLE : ROUNDING)
  const [right, bottom] = [x + width, y + height]
  const corners = [
    ...[`${x + CUT} ${y}`, `${right - CUT} ${y}`, `${right} ${y + CUT}`, `${right} ${bottom - CUT}`],
    ...[`${right - CUT} ${bottom}`, `${x + CUT} ${bottom}`, `${x} ${bottom - CUT}`, `${x} ${y + CUT}`],
  ]
  return tag('path', { class: classes, d: `M${corners.join('L')}Z` })
}

const TICK = 'M-3.5 0.3L-1 2.8L3.6 -2.6'
const CROSS = 'M-2.7 -2.7L2.7 2.7M2.7 -2.7L-2.7 2.7'
const EXCLAMATION = 'M0 -2.6L0 1.4M0 4.2L0 4.3'
const BAR = 'M-3.2 0L3.2 0'
const DISC = 'M-7.5 0A7.5 7.5 0 1 1 7.5 0A7.5 7.5 0 1 1 -7.5 0Z'
const OCTAGON = 'M-3.1 -7.5L3.1 -7.5L7.5 -3.1L7.5 3.1L3.1 7.5L-3.1 7.5L-7.5 3.1L-7.5 -3.1Z'
const TRIANGLE = 'M0 -7.5L8.4 7L-8.4 7Z'

const ICONS: Readonly<Partial<Record<Look, [shape: string, sign: string]>>> = {
  good: [DISC, TICK],
  bad: [OCTAGON, CROSS],
  alarm: [TRIANGLE, EXCLAMATION],
  neutral: [DISC, BAR],
}

function drawIcon(look: Look, { x, y }: Point): string {
  const [shape, sign] = ICONS[look]!
  return tag(
    'g',
    { transform: `translate(${x} ${y})` },
    tag('path', { class: 'icon', d: shape }) + tag('path', { class: 'sign', d: sign }),
  )
}

/** A line within a group has the group's colour under it. */
const groundOf = (to: string): string => (to.includes('.') ? 'ground inside' : 'ground')

const THIN = { length: 9, width: 8 }
const THICK = { length: 13, width: 13 }

function drawEdge(edge: Edge, more: readonly string[]): string {
  const { key, from, to, isOnPath, points, label, rules } = edge
  const head = isOnPath ? THICK : THIN
  const said = rules.map(({ event, guard }) => (guard === null ? event : `${event} [${guard}]`)).join(', ')
  const shapes = [
    tag('path', { class: 'line', d: linePath(points, head.length - 1) }),
    arrowHead(points, head),
    ...(label === null ? [] : [rectangle(groundOf(to), label.box), ...label.texts.map(textLine)]),
  ]
  const title = rules.length === 0 ? `begins in ${to}` : `${from} to ${to}: ${said}`
  return group(['edge', ...(isOnPath ? ['path'] : []), ...more], key, title, shapes.join(''))
}
