/** The way that one instance took through its machine, drawn over the machine's picture, and listed below it. */
import { statechartSvg, type Overlay } from './draw.ts'
import type { Edge, Point, Statechart } from './statechart.ts'
import { rectangle, textLine } from './svg.ts'
import { drawnAs, type Drawn, type Transition } from './transition.ts'
import { move, paragraph, row, stack, type Block } from './typeset.ts'

/** One line of a history, as the watcher's API tells it. */
export interface Step extends Transition {
  /** ISO 8601. */
  at: string
  seq: number
}

export interface Travelled {
  id: string
  state: string
  history: readonly Step[]
}

const LEAST_WIDTH = 640
const MARGIN = 14
/** Of the list: number, time, event, states. */
const COLUMNS = [34, 190, 200]
/** The list says how many came before. */
const MAXIMUM_LISTED = 100
/** Numbers that a mark names one by one. */
const MAXIMUM_NAMED = 3
const MARK = { height: 17, padding: 5 }

interface Marked extends Step {
  /** From 1, in the order of the history. */
  n: number
  drawn: Drawn | null
}

export function pathSvg(chart: Statechart, travelled: Travelled): string {
  const steps = travelled.history.map((step, i): Marked => ({ ...step, n: i + 1, drawn: drawnAs(chart, step) }))
  const list = listOf(chart, steps)
  const width = Math.max(chart.width, LEAST_WIDTH)
  const overlay: Overlay = {
    title: `The way of ${chart.machine} ${travelled.id}, now ${travelled.state}`,
    size: { width, height: chart.height + list.height + 2 * MARGIN },
    classOf: classesOf(chart, steps, travelled.state),
    above: [...marksOf(steps), ...move(list.texts, { x: MARGIN, y: chart.height + MARGIN }).map(textLine)],
  }
  return statechartSvg(chart, overlay)
}

function classesOf(chart: Statechart, steps: readonly Marked[], state: string): Overlay['classOf'] {
  const taken = new Set(steps.flatMap(({ drawn }) => (drawn?.kind === 'edge' ? [drawn.edge.key, drawn.edge.from] : [])))
  const visited = new Set(steps.flatMap(({ from, to }) => [from ?? 'absent', to]))
  const groups = new Set(chart.nodes.map(({ parent }) => parent))
  const inVisited = (key: string) => key.includes('.') && !groups.has(key) && visited.has(key.split('.', 1)[0]!)
  return key => {
    if (key === state) return ['visited', 'now']
    if (visited.has(key)) return ['visited']
    if (taken.has(key)) return ['taken']
    return inVisited(key) ? [] : ['aside']
  }
}

const keyOf = (drawn: Drawn): string =>
  drawn.kind === 'edge' ? drawn.edge.key : `${drawn.node.key}: ${drawn.stay.event} ${drawn.stay.guard}`

/** The numbers of the steps, on the lines and beside the words that they took. */
function marksOf(steps: readonly Marked[]): string[] {
  const places = new Map<string, { at: Point; numbers: number[] }>()
  for (const { n, drawn } of steps) {
    if (drawn === null) continue
    const place = places.get(keyOf(drawn)) ?? { at: markPlace(drawn), numbers: [] }
    place.numbers.push(n)
    places.set(keyOf(drawn), place)
  }
  return [...places.values()].map(({ at, numbers }) => mark(numberText(numbers), at))
}

const numberText = (numbers: readonly number[]): string =>
  numbers.length <= MAXIMUM_NAMED ? numbers.join(' · ') : `${numbers[0]} … ${numbers.at(-1)}`

function markPlace(drawn: Drawn): Point {
  if (drawn.kind === 'edge') return aboveLabel(drawn.edge)
  const { node, stay } = drawn
  return { x: node.box.x + node.box.width, y: stay.box.y + stay.box.height / 2 }
}

/** On the line, where it enters its label; else in the middle of its longest piece. */
function aboveLabel({ points, label }: Edge): Point {
  const pieces = points.slice(1).map((to, i) => ({ from: points[i]!, to }))
  const long = (piece: { from: Point; to: Point }) =>
    Math.abs(piece.from.x - piece.to.x) + Math.abs(piece.from.y - piece.to.y)
  const longest = pieces.reduce((a, b) => (long(b) > long(a) ? b : a))
  if (label === null) return { x: (longest.from.x + longest.to.x) / 2, y: (longest.from.y + longest.to.y) / 2 }
  const { x, y, width } = label.box
  const through = pieces.find(
    ({ from, to }) =>
      from.x === to.x && from.x > x && from.x < x + width && Math.min(from.y, to.y) <= y && Math.max(from.y, to.y) >= y,
  )
  return { x: through?.from.x ?? x + width / 2, y: y - MARK.height / 2 }
}

function mark(text: string, { x, y }: Point): string {
  const block = paragraph(text, 'owes', LEAST_WIDTH)
  const width = Math.max(MARK.height, block.width + 2 * MARK.padding)
  const box = { x: x - width / 2, y: y - MARK.height / 2, width, height: MARK.height }
  const [line] = move(block.texts, { x: x - block.width / 2, y: y - block.height / 2 })
  return `<g class="mark">${rectangle('badge', box, MARK.height / 2)}${textLine(line!)}</g>`
}

function listOf({ machine }: Statechart, steps: readonly Marked[]): Block {
  const left = Math.max(0, steps.length - MAXIMUM_LISTED)
  const lines = steps.slice(left).map(({ n, at, event, from, to, drawn }) => {
    const states = from === to ? `stays ${to}` : `${from ?? 'absent'} → ${to}`
    const unknown = drawn === null ? `, by another version of ${machine}` : ''
    const cells = [
      paragraph(String(n), 'owes', LEAST_WIDTH),
      paragraph(at, 'guard', LEAST_WIDTH),
      paragraph(event, 'event', LEAST_WIDTH),
      paragraph(states + unknown, 'meaning', LEAST_WIDTH),
    ]
    return row(cells, COLUMNS)
  })
  const earlier = left === 0 ? [] : [paragraph(`${left} earlier transitions are not listed`, 'note', LEAST_WIDTH)]
  return stack([...earlier, ...lines], 2)
}

/** Colons would begin a label. */
const escapeColons = (text: string): string => text.replaceAll(':', '#colon;')

/** The states and transitions of one instance only, in order: at most as many as the picture lists. */
export function pathMermaid({ machine }: Statechart, { id, state, history }: Travelled): string {
  const name = (key: string | null) => key ?? 'absent'
  const left = Math.max(0, history.length - MAXIMUM_LISTED)
  const steps = history
    .slice(left)
    .map(
      ({ from, event, to, at }, i) => `  ${name(from)} --> ${to} : ${left + i + 1}. ${event}<br/>${escapeColons(at)}`,
    )
  return [
    'stateDiagram-v2',
    `  %% ${machine} ${id}`,
    ...(left === 0 ? [] : [`  %% ${left} earlier transitions are not listed`]),
    ...steps,
    '  classDef now stroke-width:4px',
    `  class ${state} now`,
    '',
  ].join('\n')
}
