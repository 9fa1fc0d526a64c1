/**
 * Coins that move through deposit and withdrawal, twenty seconds long and for ever: the states that everything takes where
 * nothing goes wrong, and what a reorganisation does. Each step is looked up in the machine's chart, so that a picture of
 * what cannot happen is not drawn. SMIL moves them (https://www.w3.org/TR/SVG11/animate.html): it runs in an `<img>` too.
 */
import type { Box, Node, Point, Statechart } from './statechart.ts'
import { arrowHead, group, linePath, picture, rectangle, tag, textLine } from './svg.ts'
import { drawnAs } from './transition.ts'
import { centred, move, paragraph, tenth, stack } from './typeset.ts'

export const ANIMATION = 'moving-coins'
const SECONDS = 20
const WIDTH = 900
const MARGIN = 16
const BOX = { width: 96, height: 126 }
const PADDING = 7
/** Coins travel and rest this far below the top of a box, clear of its words. */
const LANE = 112
const HEADING = 26
/** The one below a row, and how far below: its coins rest beside its name. */
const ASIDE = { height: 62, gap: 14, rest: { right: 16, top: 16 } }
/** Below a row, where nothing but a way back is. */
const BACK = 50
const ARROW = { length: 10, width: 10 }
const RADIUS = 6.5
/** Of one step, and of what is too quick to be seen otherwise. */
const MOVE_SECONDS = 0.9
const REST_SECONDS = 0.9

/** Where one goes, and at which event. */
interface Leg {
  event: string
  to: string
}

interface Journey {
  /** Seconds after the beginning of a round. */
  beginsAt: number
  legs: readonly Leg[]
  /** What is said of it below, from its first detour on. */
  words: string | null
}

interface Lane {
  machine: string
  states: readonly string[]
  /** Below the row, under the gap or box with this number. */
  aside: { state: string; under: number } | null
  journeys: readonly Journey[]
}

const leg = (event: string, to: string): Leg => ({ event, to })

const CREDIT = [leg('height.reached', 'confirmed'), leg('credit.acknowledged', 'credited')]
const DEPOSIT = [leg('payment.seen', 'detected'), leg('payment.seen', 'confirming'), ...CREDIT]
const PAY = [
  leg('withdrawal.requested', 'requested'),
  leg('withdrawal.accepted', 'queued'),
  leg('transfer.bound', 'paying'),
  leg('transfer.confirmed', 'paid'),
]

const LANES: readonly Lane[] = [
  {
    machine: 'deposit',
    states: ['detected', 'confirming', 'confirmed', 'credited', 'final'],
    aside: { state: 'reversed', under: 2 },
    journeys: [
      ...[2.5, 9, 13].map(beginsAt => ({
        beginsAt,
        legs: [...DEPOSIT, leg('height.reached', 'final')],
        words: null,
      })),
      {
        beginsAt: 0,
        legs: [
          ...DEPOSIT,
          leg('block.disconnected', 'reversed'),
          leg('payment.seen', 'confirming'),
          ...CREDIT,
          leg('height.reached', 'final'),
        ],
        words:
          'A reorganisation: its block has left the chain, the credit is taken back, and given again when it is mined again',
      },
    ],
  },
  {
    machine: 'withdrawal',
    states: ['requested', 'queued', 'paying', 'paid', 'final'],
    aside: null,
    journeys: [
      ...[0.5, 6, 11].map(beginsAt => ({
        beginsAt,
        legs: [...PAY, leg('transfer.finalised', 'final')],
        words: null,
      })),
      {
        beginsAt: 3,
        legs: [
          ...PAY,
          leg('transfer.unmined', 'paying'),
          leg('transfer.confirmed', 'paid'),
          leg('transfer.finalised', 'final'),
        ],
        words: 'A reorganisation: the same transaction waits to be mined again; nothing is paid anew',
      },
    ],
  },
]

/** One coin at one moment: it moves to the next of these in a straight line. */
interface Stop extends Point {
  /** Seconds after its beginning. */
  at: number
}

interface Drawn extends Lane {
  chart: Statechart
  top: number
}

const gapOf = ({ states }: Lane): number => (WIDTH - 2 * MARGIN - states.length * BOX.width) / states.length

/** Before the first box there is a gap: what is not there yet comes from the left. */
function boxOfState(lane: Drawn, state: string): Box {
  const step = BOX.width + gapOf(lane)
  const n = lane.states.indexOf(state)
  if (n >= 0) return { x: tenth(MARGIN + gapOf(lane) + n * step), y: lane.top, ...BOX }
  const { under } = lane.aside!
  const x = tenth(MARGIN + gapOf(lane) / 2 + under * step)
  return { x, y: lane.top + BOX.height + ASIDE.gap, width: tenth(step), height: ASIDE.height }
}

const heightOf = ({ aside }: Lane): number => BOX.height + (aside === null ? BACK : ASIDE.gap + ASIDE.height + MARGIN)

/** From the side of one box to a side of another; all its pieces are horizontal or vertical. */
function wayOf(lane: Drawn, from: string | null, to: string): Point[] {
  const b = boxOfState(lane, to)
  const y = lane.top + LANE
  if (from === null)
    return [
      { x: MARGIN, y },
      { x: b.x, y },
    ]
  const a = boxOfState(lane, from)
  if (to === lane.aside?.state) return turn(bottomOf(a, 0.5), { x: b.x + b.width, y: b.y + ASIDE.rest.top })
  if (from === lane.aside?.state) return turn(bottomOf(b, 0.5), { x: a.x, y: a.y + ASIDE.rest.top }).toReversed()
  if (b.x > a.x)
    return [
      { x: a.x + a.width, y },
      { x: b.x, y },
    ]
  const low = lane.top + BOX.height + 22
  const [leave, enter] = [bottomOf(a, 0.35), bottomOf(b, 0.65)]
  return [leave, { ...leave, y: low }, { ...enter, y: low }, enter]
}

const bottomOf = ({ x, y, width, height }: Box, part: number): Point => ({ x: tenth(x + width * part), y: y + height })
const turn = (from: Point, to: Point): Point[] => [from, { x: from.x, y: to.y }, to]
const restOf = (lane: Drawn, state: string): Point => {
  const { x, y, width } = boxOfState(lane, state)
  if (state === lane.aside?.state) return { x: x + width - ASIDE.rest.right, y: y + ASIDE.rest.top }
  return { x: tenth(x + width / 2), y: lane.top + LANE }
}

/** @throws where the machine knows no such step */
function checked({ chart }: Drawn, from: string | null, { event, to }: Leg): void {
  if (drawnAs(chart, { from, event, to })?.kind !== 'edge')
    throw new Error(`${chart.machine} has no line from ${from ?? 'absent'} to ${to} at ${event}`)
}

const reach = (a: Point, b: Point): number => Math.hypot(a.x - b.x, a.y - b.y)

/** Where a coin is and when: it waits in each state, and the last wait is its end. */
function stopsOf(lane: Drawn, { legs }: Journey): Stop[] {
  const stops: Stop[] = []
  let at = 0
  let from: string | null = null
  for (const step of legs) {
    checked(lane, from, step)
    const way = [...(from === null ? [] : [restOf(lane, from)]), ...wayOf(lane, from, step.to), restOf(lane, step.to)]
    const whole = way.slice(1).reduce((sum, point, i) => sum + reach(way[i]!, point), 0)
    let gone = 0
    for (const [i, point] of way.entries()) {
      if (i > 0) gone += reach(way[i - 1]!, point)
      stops.push({ ...point, at: at + (MOVE_SECONDS * gone) / whole })
    }
    at += MOVE_SECONDS + REST_SECONDS
    from = step.to
  }
  return [...stops, { ...restOf(lane, from!), at }]
}

const share = (seconds: number): string => (seconds / SECONDS).toFixed(4)

/** Shown from `from` to `to`, in a round that begins `later` than the picture's. */
function shownFor(from: number, to: number, begin: string): string {
  const times = from === 0 ? ['0', share(to)] : ['0', share(from), share(to)]
  const values = from === 0 ? ['1', '0'] : ['0', '1', '0']
  const timing = { dur: `${SECONDS}s`, begin, repeatCount: 'indefinite' }
  return tag('animate', {
    attributeName: 'opacity',
    calcMode: 'discrete',
    values: values.join(';'),
    keyTimes: times.join(';'),
    ...timing,
  })
}

function coinOf(lane: Drawn, journey: Journey): string {
  const stops = stopsOf(lane, journey)
  const last = stops.at(-1)!
  const lengths = stops.map((stop, i) => (i === 0 ? 0 : reach(stops[i - 1]!, stop)))
  const whole = lengths.reduce((sum, length) => sum + length, 0)
  let gone = 0
  const points = lengths.map(length => ((gone += length) / whole).toFixed(4))
  // A round that has begun before the picture: there are coins in it from the first moment on.
  const begin = `${journey.beginsAt - (journey.beginsAt === 0 ? 0 : SECONDS)}s`
  const motion = tag('animateMotion', {
    path: `M${stops.map(({ x, y }) => `${tenth(x)} ${tenth(y)}`).join('L')}`,
    calcMode: 'linear',
    keyPoints: [...points, '1'].join(';'),
    keyTimes: [...stops.map(({ at }) => share(at)), '1'].join(';'),
    ...{ dur: `${SECONDS}s`, begin, repeatCount: 'indefinite' },
  })
  const look = journey.words === null ? 'coin' : 'coin detour'
  return tag('circle', { class: look, r: RADIUS, opacity: 0 }, motion + shownFor(0, last.at, begin))
}

/** Where it goes back. */
const detourOf = ({ legs }: Journey, { states, aside }: Lane): number =>
  legs.findIndex(({ to }, i) => to === aside?.state || (i > 0 && states.indexOf(to) < states.indexOf(legs[i - 1]!.to)))

/** In the corner below the first boxes, as far as nothing else is there. */
const SAID = { narrow: 218, wide: 350, gap: 6 }
const SAID_SECONDS = 6

function wordsOf(lane: Drawn, journey: Journey): string {
  const from = detourOf(journey, lane) * (MOVE_SECONDS + REST_SECONDS)
  const begin = `${journey.beginsAt - (journey.beginsAt === 0 ? 0 : SECONDS)}s`
  const block = paragraph(journey.words!, 'owes', lane.aside === null ? SAID.wide : SAID.narrow)
  const texts = move(block.texts, { x: MARGIN, y: lane.top + BOX.height + SAID.gap })
  return tag(
    'g',
    { class: 'said', opacity: 0 },
    texts.map(textLine).join('') + shownFor(from, from + SAID_SECONDS, begin),
  )
}

function nodeOf(lane: Drawn, state: string): string {
  const node = lane.chart.nodes.find(({ key }) => key === state)
  if (node === undefined) throw new Error(`${lane.machine} has no state ${state}`)
  const box = boxOfState(lane, state)
  const inside = box.width - 2 * PADDING
  const words = stack([paragraph(state, 'name', inside), paragraph(shortOf(node), 'meaning', inside)], 1)
  const inner = { x: box.x + 3, y: box.y + 3, width: box.width - 6, height: box.height - 6 }
  const shapes = [
    rectangle('box', box, 8),
    ...(node.isEnd ? [rectangle('inner', inner, 5)] : []),
    ...move(words.texts, { x: box.x + PADDING, y: box.y + 6 }).map(textLine),
  ]
  return group(['node', node.look], state, `${state}: ${node.description}`, shapes.join(''))
}

/** Up to the first stop: the rest is in the machine's own picture. */
const shortOf = ({ description }: Node): string => description.split(/[;:.(]/, 1)[0]!.trim()

interface Line {
  from: string | null
  leg: Leg
}

function linesOf(lane: Drawn): Line[] {
  const lines = new Map<string, Line>()
  for (const { legs } of lane.journeys)
    for (const [i, step] of legs.entries()) {
      const from = i === 0 ? null : legs[i - 1]!.to
      lines.set(`${from}>${step.to}`, { from, leg: step })
    }
  return [...lines.values()]
}

function lineOf(lane: Drawn, { from, leg: { event, to } }: Line): string {
  const points = wayOf(lane, from, to)
  const isOnPath = points.length === 2
  const shapes = [tag('path', { class: 'line', d: linePath(points, ARROW.length - 1) }), arrowHead(points, ARROW)]
  const title = `${from ?? 'absent'} to ${to}: ${event}`
  return group(
    ['edge', ...(isOnPath ? ['path'] : [])],
    `${from ?? ''}>${to}`,
    title,
    shapes.join('') + labelOf(points, event),
  )
}

/** Above a straight line, what happened to what; beside one that turns, all of it. */
function labelOf(points: readonly Point[], event: string): string {
  const [a, b] = [points.at(0)!, points.at(-1)!]
  if (points.length === 2) {
    const block = centred(stack(event.split('.').map(word => paragraph(word, 'event', BOX.width))))
    const at = { x: (a.x + b.x) / 2 - block.width / 2, y: a.y - block.height - RADIUS - 3 }
    return move(block.texts, at).map(textLine).join('')
  }
  const block = paragraph(event, 'event', 2 * BOX.width)
  if (points.length === 4) {
    const at = { x: Math.min(a.x, b.x) - block.width - 8, y: points[1]!.y - block.height / 2 + 2 }
    return move(block.texts, at).map(textLine).join('')
  }
  const corner = points[1]!
  const at = { x: corner.x + 8, y: corner.y - block.height - 4 }
  return move(block.texts, at).map(textLine).join('')
}

const STYLE = [
  '.coin{fill:#f2b01e;stroke:#7a4f00;stroke-width:1.6}.coin.detour{fill:#ff7a45;stroke:#7a2300}',
  '@media (prefers-reduced-motion:reduce){.coin,.said{display:none}}',
].join('')

/** @throws where a machine does not have what is shown of it */
export function animationSvg(charts: readonly Statechart[]): string {
  let top = MARGIN
  const lanes = LANES.map((lane): Drawn => {
    const chart = charts.find(({ machine }) => machine === lane.machine)
    if (chart === undefined) throw new Error(`there is no machine ${lane.machine}`)
    const drawn = { ...lane, chart, top: top + HEADING }
    top += HEADING + heightOf(lane)
    return drawn
  })
  const states = (lane: Drawn) => [...lane.states, ...(lane.aside === null ? [] : [lane.aside.state])]
  const inside = lanes.flatMap(lane => [
    ...move(paragraph(lane.machine, 'name', WIDTH).texts, { x: MARGIN, y: lane.top - HEADING }).map(textLine),
    ...linesOf(lane).map(line => lineOf(lane, line)),
    ...states(lane).map(state => nodeOf(lane, state)),
    ...lane.journeys.filter(({ words }) => words !== null).map(journey => wordsOf(lane, journey)),
    ...lane.journeys.map(journey => coinOf(lane, journey)),
  ])
  const description = LANES.map(
    ({ machine, states: of, journeys }) =>
      `${machine}: ${of.join(', ')}. ${journeys.flatMap(({ words }) => words ?? []).join(' ')}.`,
  ).join(' ')
  const title = 'Coins on their way through deposits and withdrawals'
  return picture({ name: ANIMATION, title, description }, { width: WIDTH, height: top }, [
    tag('style', {}, STYLE),
    ...inside,
  ])
}
