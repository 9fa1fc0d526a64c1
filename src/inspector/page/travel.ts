/**
 * What moves through a chart: for each transition a small disc that travels along its line, from state to state, and for one
 * that stays where it is a flash of its state. Who prefers less motion sees the numbers change, and nothing travel.
 */
import type { Statechart } from '../../../visualizations/statechart.ts'
import { edgeOf } from './machines.ts'
import type { ApiEvent } from './shapes.ts'

const TRAVEL_MS = 1100
/** Transitions of one batch are spread over so long, in their order and at their distances. */
const SPREAD_MS = 900
const MAXIMUM_TRAVELLERS = 80
const RADIUS = 6
const NAMESPACE = 'http://www.w3.org/2000/svg'

const calm = matchMedia('(prefers-reduced-motion: reduce)')

interface Traveller {
  disc: SVGCircleElement
  line: SVGPathElement
  length: number
  startsAt: number
  arrive: () => void
}

const travellers = new Set<Traveller>()
let isRunning = false

const eased = (part: number): number => (part < 0.5 ? 2 * part * part : 1 - (2 - 2 * part) ** 2 / 2)

function move(now: number): void {
  for (const traveller of travellers) {
    const { disc, line, length, startsAt, arrive } = traveller
    const part = (now - startsAt) / TRAVEL_MS
    if (part < 0) continue
    const isOver = part >= 1 || !line.isConnected
    if (isOver) {
      disc.remove()
      travellers.delete(traveller)
      arrive()
      continue
    }
    const { x, y } = line.getPointAtLength(length * eased(part))
    disc.setAttribute('cx', String(x))
    disc.setAttribute('cy', String(y))
    disc.style.opacity = '1'
  }
  isRunning = travellers.size > 0
  if (isRunning) requestAnimationFrame(move)
}

/** Restarts the flash where one is under way. */
function flash(element: Element | null, name: string): void {
  if (element === null) return
  element.classList.remove(name)
  void element.getBoundingClientRect()
  element.classList.add(name)
}

const stateElement = (picture: SVGSVGElement, state: string): Element | null =>
  picture.querySelector(`[data-state="${CSS.escape(state)}"]`)

/** Moves what these transitions of the chart's machine say. */
export function sendAlong(picture: SVGSVGElement, chart: Statechart, events: readonly ApiEvent[]): void {
  if (document.hidden || calm.matches || events.length === 0) return
  const layer = picture.querySelector('.tokens')
  const first = Date.parse(events[0]!.at)
  const whole = Math.max(1, Date.parse(events.at(-1)!.at) - first)
  const now = performance.now()
  for (const event of events.slice(-MAXIMUM_TRAVELLERS)) {
    const startsAt = now + ((Date.parse(event.at) - first) / whole) * SPREAD_MS
    const edge = edgeOf(chart, event)
    if (edge === undefined) {
      setTimeout(() => flash(stateElement(picture, event.to), 'flash'), startsAt - now)
      continue
    }
    const line = picture.querySelector<SVGPathElement>(`[data-edge="${CSS.escape(edge.key)}"]`)
    if (line === null || layer === null || travellers.size >= MAXIMUM_TRAVELLERS) continue
    const disc = document.createElementNS(NAMESPACE, 'circle')
    disc.setAttribute('r', String(RADIUS))
    disc.setAttribute('class', 'token')
    disc.style.opacity = '0'
    layer.append(disc)
    const arrive = () => flash(stateElement(picture, event.to), 'flash')
    travellers.add({ disc, line, length: line.getTotalLength(), startsAt, arrive })
  }
  if (isRunning) return
  isRunning = true
  requestAnimationFrame(move)
}
