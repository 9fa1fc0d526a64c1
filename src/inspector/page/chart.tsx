/** A machine, drawn as its statechart says; with numbers in it, with the path of one instance, and with what moves. */
import { useEffect, useRef } from 'preact/hooks'
import type { Edge, Node, Point, Statechart, Text } from '../../../visualizations/statechart.ts'
import { onEvents } from './live.ts'
import { NO_STATES, topOf } from '../story.ts'
import { endsOf } from './machines.ts'
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

/**
 * For a shape without words of its own: what is written beside it is spread over many pieces, which nobody wants read out
 * as a name. A click is heard by the group around it, words included.
 */
const button = (label: string, isPressed: boolean, act: (() => void) | undefined) =>
  act === undefined
    ? {}
    : ({
        role: 'button',
        // In SVG names of attributes are taken as they are written.
        tabindex: 0,
        'aria-label': label,
        'aria-pressed': isPressed,
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
    <g class={`edge ${look.filter(Boolean).join(' ')}`} onClick={select}>
      <path class="hit" d={line} {...button(name, isSelected, select)} />
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

const DISC = 'M-7.5 0A7.5 7.5 0 1 1 7.5 0A7.5 7.5 0 1 1-7.5 0Z'
const OCTAGON = 'M-3.1-7.5H3.1L7.5-3.1V3.1L3.1 7.5H-3.1L-7.5 3.1V-3.1Z'
const TRIANGLE = 'M0-7.5 8.4 7H-8.4Z'

/** As in the repository's pictures: told apart by shape and sign, for who cannot by colour. */
const ICONS: Readonly<Partial<Record<Node['look'], { shape: string; sign: string }>>> = {
  good: { shape: DISC, sign: 'M-3.5.3-1 2.8 3.6-2.6' },
  bad: { shape: OCTAGON, sign: 'M-2.7-2.7 2.7 2.7M2.7-2.7-2.7 2.7' },
  neutral: { shape: DISC, sign: 'M-3.2 0H3.2' },
  alarm: { shape: TRIANGLE, sign: 'M0-2.6V1.4M0 4.2V4.3' },
}

function Icon({ look, icon }: Node) {
  const drawn = ICONS[look]
  if (drawn === undefined || icon === null) return null
  return (
    <g transform={`translate(${icon.x} ${icon.y})`}>
      <path class="icon" d={drawn.shape} />
      <path class="sign" d={drawn.sign} />
    </g>
  )
}

const CUT = 10

/** What ends badly has its corners cut off. */
function Outline({ look, name, box }: { look: Node['look']; name: string; box: Node['box'] }) {
  const { x, y, width, height } = box
  if (look !== 'bad') return <rect class={name} {...box} rx={look === 'start' ? width / 2 : name === 'inner' ? 6 : 8} />
  const across = width - 2 * CUT
  const down = height - 2 * CUT
  const corners = `l${CUT} ${CUT}v${down}l${-CUT} ${CUT}h${-across}l${-CUT} ${-CUT}v${-down}l${CUT} ${-CUT}`
  return <path class={name} d={`M${x + CUT} ${y}h${across}${corners}z`} />
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
  return (
    <g class={`node ${look.filter(Boolean).join(' ')}`} data-state={node.key} onClick={select}>
      {select !== undefined && <title>{node.description}</title>}
      <Outline look={node.look} name="box" box={node.box} />
      {node.isEnd && (
        <Outline look={node.look} name="inner" box={{ x: x + 3, y: y + 3, width: width - 6, height: height - 6 }} />
      )}
      <Icon {...node} />
      <Words texts={node.texts} />
      {node.stays.map(({ event, box }) => (
        <rect key={event} class="stay" data-stay={event} {...box} rx={3} />
      ))}
      {count !== undefined && <Badge count={count} node={node} />}
      {select !== undefined && <rect class="hit" {...node.box} rx={8} {...button(label, isSelected, select)} />}
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
          markerUnits="userSpaceOnUse"
          markerWidth="11"
          markerHeight="11"
          orient="auto-start-reverse"
        >
          <path d="M0 1 10 5 0 9z" />
        </marker>
      ))}
    </defs>
  )
}

const pathStart = ({ nodes }: Statechart): string => nodes.find(({ isOnPath }) => isOnPath)?.key ?? ''

/** Where a chart is wider than its room, what matters in it is seen first. */
function showMiddle(picture: SVGSVGElement | null, state: string): void {
  const room = picture?.parentElement
  const node = picture?.querySelector(`[data-state="${CSS.escape(state)}"]`)
  if (!room || !node) return
  const { left, width } = node.getBoundingClientRect()
  room.scrollLeft += left + width / 2 - room.getBoundingClientRect().left - room.clientWidth / 2
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
  useEffect(() => showMiddle(picture.current, current ?? path?.current ?? pathStart(chart)), [chart])
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
