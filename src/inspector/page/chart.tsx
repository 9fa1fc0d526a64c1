/** A machine, drawn as its statechart says; with numbers in it, with the path of one instance, and with what moves. */
import { useEffect, useRef } from 'preact/hooks'
import type { Edge, Node, Point, Statechart, Text } from '../../../visualizations/statechart.ts'
import { onEvents } from './live.ts'
import { endsOf, NO_STATES, topOf } from './machines.ts'
import { sendAlong } from './travel.ts'
import { spoken, wholeNumber } from './words.ts'

/** What is chosen in a chart: a state, or the line between two. */
export type Selection = { state: string } | { edge: string } | null

/** The way of one instance through its chart. */
export interface Path {
  /** By the key of the edge: how often it was taken, and when last. */
  edges: ReadonlyMap<string, { times: number; at: string }>
  /** Tops of the states that it has been in. */
  states: ReadonlySet<string>
  current: string
}

interface Properties {
  chart: Statechart
  countOf?: ((state: string) => number) | undefined
  path?: Path | undefined
  /** Where one instance stands, if its way is not shown. */
  current?: string | undefined
  selection?: Selection | undefined
  onSelect?: ((selection: Selection) => void) | undefined
  isLive?: boolean
}

const MARGIN = 14
const CORNER = 7
/** Drawn narrower than this, the words cannot be read: it scrolls instead. */
const LEGIBLE_WIDTH = 680

const towards = (from: Point, to: Point, distance: number): Point => {
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1
  const part = Math.min(distance / length, 0.5)
  return { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part }
}

/** Lines with rounded corners. */
export function lineOf(points: readonly Point[]): string {
  const [first, ...rest] = points
  if (first === undefined) return ''
  const parts = rest.map((point, i) => {
    const [before, after] = [points[i]!, points[i + 2]]
    if (after === undefined) return `L${point.x} ${point.y}`
    const [enter, leave] = [towards(point, before, CORNER), towards(point, after, CORNER)]
    return `L${enter.x} ${enter.y}Q${point.x} ${point.y} ${leave.x} ${leave.y}`
  })
  return `M${first.x} ${first.y}${parts.join('')}`
}

function Words({ texts }: { texts: readonly Text[] }) {
  return (
    <>
      {texts.map(({ text, role, x, y, width }, i) => (
        <text key={i} class={`role-${role}`} x={x} y={y} textLength={width} lengthAdjust="spacingAndGlyphs">
          {text}
        </text>
      ))}
    </>
  )
}

/** Enter and the space bar do what a click does. */
const pressed = (act: () => void) => (event: KeyboardEvent) => {
  if (event.key !== 'Enter' && event.key !== ' ') return
  event.preventDefault()
  act()
}

const button = (label: string, isPressed: boolean, act: (() => void) | undefined) =>
  act === undefined
    ? {}
    : ({
        role: 'button',
        tabIndex: 0,
        'aria-label': label,
        'aria-pressed': isPressed,
        onClick: act,
        onKeyDown: pressed(act),
      } as const)

interface LineProperties extends Omit<Properties, 'countOf'> {
  edge: Edge
}

function Line({ edge, path, selection, onSelect }: LineProperties) {
  const taken = path?.edges.get(edge.key)
  const isSelected = selection !== null && selection !== undefined && 'edge' in selection && selection.edge === edge.key
  const line = lineOf(edge.points)
  const events = [...new Set(edge.rules.map(({ event }) => spoken(event)))].join(', ')
  const ends = endsOf(edge)
  const name = `${ends.from.map(spoken).join(' or ')} to ${spoken(ends.to)}: ${events}`
  const look = [
    edge.isOnPath && 'on-path',
    path !== undefined && (taken === undefined ? 'not-taken' : 'taken'),
    isSelected && 'selected',
  ]
  const select =
    onSelect !== undefined && edge.rules.length > 0 ? () => onSelect(isSelected ? null : { edge: edge.key }) : undefined
  const times = taken === undefined ? undefined : `${taken.at}${taken.times > 1 ? ` ×${taken.times}` : ''}`
  const end = edge.points.at(-1)!
  return (
    <g class={`edge ${look.filter(Boolean).join(' ')}`} {...button(name, isSelected, select)}>
      <path class="hit" d={line} />
      <path
        class="line"
        d={line}
        data-edge={edge.key}
        marker-end={taken !== undefined || isSelected ? 'url(#tip-strong)' : 'url(#tip)'}
      />
      {edge.label !== null && (
        <>
          <rect class="ground" {...edge.label.box} rx={3} />
          <Words texts={edge.label.texts} />
        </>
      )}
      {times !== undefined && (
        <When
          text={times}
          at={
            edge.label === null
              ? end
              : { x: edge.label.box.x + edge.label.box.width / 2, y: edge.label.box.y + edge.label.box.height }
          }
        />
      )}
    </g>
  )
}

const TIME_WIDTH = 6.4

/** When a line was taken: a small plate under its label. */
function When({ text, at }: { text: string; at: Point }) {
  const width = text.length * TIME_WIDTH + 10
  return (
    <g class="when">
      <rect x={at.x - width / 2} y={at.y - 1} width={width} height={16} rx={8} />
      <text x={at.x} y={at.y + 11} text-anchor="middle">
        {text}
      </text>
    </g>
  )
}

const DIGIT_WIDTH = 7.6
const BADGE_HEIGHT = 20

function Badge({ count, node }: { count: number; node: Node }) {
  const text = wholeNumber(count)
  const width = Math.max(24, text.length * DIGIT_WIDTH + 12)
  const x = node.box.x + node.box.width - width + 8
  return (
    <g class={`badge ${count === 0 ? 'none' : ''}`} data-badge={node.key}>
      <rect x={x} y={node.box.y - BADGE_HEIGHT / 2} width={width} height={BADGE_HEIGHT} rx={BADGE_HEIGHT / 2} />
      <text x={x + width / 2} y={node.box.y + 5} text-anchor="middle">
        {text}
      </text>
    </g>
  )
}

const ICON_PATHS: Readonly<Partial<Record<Node['look'], string>>> = {
  good: 'M-5 0 -1.5 3.5 5-4',
  bad: 'M-4-4 4 4M4-4-4 4',
  neutral: 'M-5 0H5',
  alarm: 'M0-5V1M0 4.5V5',
}

interface StateProperties extends Omit<Properties, 'isLive'> {
  node: Node
}

function State({ node, countOf, path, current = path?.current, selection, onSelect }: StateProperties) {
  const isCounted = node.parent === '' && !['absent', ...NO_STATES].includes(node.look)
  const count = isCounted ? countOf?.(node.key) : undefined
  const isSelected =
    selection !== null && selection !== undefined && 'state' in selection && selection.state === node.key
  const look = [
    `look-${node.look}`,
    node.isEnd && 'end',
    node.isOnPath && 'on-path',
    isSelected && 'selected',
    path !== undefined && (path.states.has(topOf(node.key)) ? 'visited' : 'not-visited'),
    current === node.key && 'current',
  ]
  const select = onSelect && isCounted ? () => onSelect(isSelected ? null : { state: node.key }) : undefined
  const label = `${spoken(node.key)}${count === undefined ? '' : `: ${count}`}. ${node.description}`
  const { x, y, width, height } = node.box
  const isDot = node.look === 'absent' && node.texts.length === 0
  return (
    <g class={`node ${look.filter(Boolean).join(' ')}`} data-state={node.key} {...button(label, isSelected, select)}>
      {select !== undefined && <title>{node.description}</title>}
      <rect class="box" x={x} y={y} width={width} height={height} rx={isDot ? width / 2 : 8} />
      {node.isEnd && <rect class="inner" x={x + 3} y={y + 3} width={width - 6} height={height - 6} rx={6} />}
      {node.icon !== null && (
        <path class="icon" d={ICON_PATHS[node.look] ?? ''} transform={`translate(${node.icon.x} ${node.icon.y})`} />
      )}
      <Words texts={node.texts} />
      {node.stays.map(({ event, box }) => (
        <rect key={event} class="stay" data-stay={event} {...box} rx={3} />
      ))}
      {count !== undefined && <Badge count={count} node={node} />}
    </g>
  )
}

function Tips() {
  return (
    <defs>
      {['tip', 'tip-strong'].map(id => (
        <marker
          key={id}
          id={id}
          class={id}
          viewBox="0 0 10 10"
          refX="9"
          refY="5"
          markerWidth="7"
          markerHeight="7"
          orient="auto-start-reverse"
        >
          <path d="M0 1 10 5 0 9z" />
        </marker>
      ))}
    </defs>
  )
}

export function Chart({ isLive = false, ...properties }: Properties) {
  const { chart, path, current, selection, onSelect, countOf } = properties
  const picture = useRef<SVGSVGElement>(null)
  useEffect(() => {
    if (!isLive) return undefined
    return onEvents(events => {
      if (picture.current !== null)
        sendAlong(
          picture.current,
          chart,
          events.filter(({ kind }) => kind === chart.machine),
        )
    })
  }, [chart, isLive])
  const box = [-MARGIN, -MARGIN, chart.width + 2 * MARGIN, chart.height + 2 * MARGIN].join(' ')
  const isDimmed = path !== undefined
  return (
    <div class="chart-scroll" tabIndex={0} role="group" aria-label={`Statechart of ${chart.machine}`}>
      <svg
        ref={picture}
        class={`chart ${isDimmed ? 'dimmed' : ''}`}
        viewBox={box}
        width={chart.width + 2 * MARGIN}
        height={chart.height + 2 * MARGIN}
        style={{ minWidth: `${Math.min(chart.width, LEGIBLE_WIDTH)}px` }}
      >
        <Tips />
        <g class="nodes">
          {chart.nodes.map(node => (
            <State key={node.key} {...{ node, chart, countOf, path, current, selection, onSelect }} />
          ))}
        </g>
        <g class="edges">
          {chart.edges.map(edge => (
            <Line key={edge.key} {...{ edge, chart, path, selection, onSelect }} />
          ))}
        </g>
        <g class="tokens" aria-hidden="true" />
      </svg>
    </div>
  )
}
