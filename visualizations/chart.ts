/**
 * What is drawn of a machine, before it has a place: boxes with their texts, and the lines between them. What happens
 * without leaving a state is written into its box, as in UML.
 */
import { arrowsOf, type Arrow } from './arrows.ts'
import { staying, type Model, type State } from './model.ts'
import type { Shown } from './shown.ts'
import type { Edge, Look, Node, Point, Rule } from './statechart.ts'
import { ANYWHERE, exceptionsOf } from './text.ts'
import { boxOf, heading, move, paragraph, ruleBlock, stack, type Block } from './typeset.ts'

/** Of a line that has no way yet. */
export type DraftEdge = Omit<Edge, 'points' | 'label'> & { parent: string; label: Block | null }

export interface Draft {
  /** Their boxes have sizes, but no places; that of a group has room for its own texts only. */
  nodes: Node[]
  edges: DraftEdge[]
}

/** Of texts, in pixels. */
export interface Widths {
  box: number
  label: number
}

/** The state of what is not in the ledger yet. */
const BIRTH = 'absent'
const PADDING: Point = { x: 11, y: 8 }
const LABEL_PADDING: Point = { x: 4, y: 2 }
const ICON = 15
const ICON_GAP = 6
const PARAGRAPH_GAP = 5
const DOT = 9
const ORIGIN: Point = { x: 0, y: 0 }
const HAS_ICON: readonly Look[] = ['good', 'bad', 'neutral', 'alarm']

export function draftOf(model: Model, shown: Shown, widths: Widths): Draft {
  const isOnPath = pathOf(model, shown)
  const { own, shared } = arrowsOf(model, isOnPath)
  const groups = model.states.filter(({ initial }) => initial !== null)
  const label = (rules: readonly Rule[], { from, to }: Arrow) => labelOf(model, rules, { from, to }, widths.label)
  return {
    nodes: [
      ...groups.map(startNode),
      ...model.states.map(state => stateNode(state, shown, widths.box)),
      ...shared.map(arrow => originNode(model, arrow, widths.box)),
    ],
    edges: [
      ...own.map(arrow => edgeOf(arrow, isOnPath(arrow.from, arrow.to), label(arrow.rules, arrow))),
      ...groups.map(({ key, initial }) =>
        edgeOf({ parent: key, from: startOf(key), to: initial!, rules: [] }, false, null),
      ),
      ...shared.map(arrow => edgeOf({ ...arrow, from: keyOf(arrow) }, false, null)),
    ],
  }
}

/** Whether a step is one of the path's, which names states without their sub-states. */
export function pathOf({ id, states }: Model, { path }: Shown): (from: string, to: string) => boolean {
  for (const key of path)
    if (!states.some(state => state.key === key)) throw new Error(`shown.ts: ${id} has no state ${key}`)
  const steps = new Set(path.slice(1).map((to, i) => `${path[i]}>${to}`))
  const top = (key: string) => key.split('.', 1)[0]!
  return (from, to) => steps.has(`${top(from)}>${top(to)}`)
}

export function lookOf({ key, isEnd, initial, task }: State, shown: Shown): Look {
  if (key === BIRTH) return 'absent'
  if (shown.bad.includes(key)) return 'bad'
  if (shown.good.includes(key)) return 'good'
  if (shown.neutral?.includes(key) === true) return 'neutral'
  if (isEnd) throw new Error(`shown.ts does not say whether ${shown.machine.id} ends well in ${key}`)
  if (initial !== null) return 'group'
  if (shown.alarm?.includes(key) === true) return 'alarm'
  return task === null ? 'plain' : 'task'
}

function stateNode(state: State, shown: Shown, width: number): Node {
  const { key, parent, isEnd, description, task } = state
  const look = lookOf(state, shown)
  const indent = HAS_ICON.includes(look) ? ICON + ICON_GAP : 0
  const title = indented(heading(state.name, task), indent)
  const rules = staying(state.rules)
  const stays = rules.map(rule => ruleBlock(rule, width))
  const above = stack([title, paragraph(description, 'meaning', width)])
  const whole = stack([above, stack(stays)], PARAGRAPH_GAP)
  const placeOf = (i: number): Point => ({
    x: PADDING.x,
    y: PADDING.y + above.height + PARAGRAPH_GAP + stack(stays.slice(0, i)).height,
  })
  return {
    ...{ key, parent, look, isEnd, description, task },
    isOnPath: shown.path.includes(key),
    box: boxOf(padded(whole, PADDING), ORIGIN),
    icon: indent === 0 ? null : { x: PADDING.x + ICON / 2, y: PADDING.y + title.height / 2 },
    texts: move(whole.texts, PADDING),
    stays: rules.map(({ event, guard }, i) => ({ event, guard, box: boxOf(stays[i]!, placeOf(i)) })),
  }
}

const blank = { isEnd: false, isOnPath: false, task: null, icon: null, texts: [], stays: [] }

const startOf = (group: string): string => `${group}.`

const startNode = ({ key, initial }: State): Node => ({
  ...blank,
  ...{ key: startOf(key), parent: key, look: 'start', description: `begins in ${initial}` },
  box: { ...ORIGIN, width: DOT, height: DOT },
})

/** The box of several states that have the same rules; the rules stand in it, so its line needs no label. */
function originNode(model: Model, arrow: Arrow, width: number): Node {
  const rules = arrow.rules.map(rule => told(model, rule, { from: null, to: arrow.to }, width))
  const whole = stack([paragraph(arrow.from, 'note', width), ...rules])
  return {
    ...blank,
    ...{ key: keyOf(arrow), parent: '', look: 'origin', description: arrow.from },
    box: boxOf(padded(whole, PADDING), ORIGIN),
    texts: move(whole.texts, PADDING),
  }
}

const keyOf = ({ from, to }: Arrow): string => `${from}>${to}`

/** What happens in every state without leaving it. */
export function footnotesOf(model: Model, width: number): Node[] {
  return staying(model.anywhere).map(({ event, guard, ...rest }) => {
    const besides = exceptionsOf(model, { event, guard, ...rest })
    const words = `in ${ANYWHERE}${besides.length === 0 ? '' : ` but ${besides.join(', ')}`}`
    const whole = stack([paragraph(words, 'note', width), ruleBlock({ event, guard }, width)])
    const box = boxOf(padded(whole, PADDING), ORIGIN)
    return {
      ...blank,
      ...{ key: `${words}: ${event}`, parent: '', look: 'footnote', description: words, box },
      texts: move(whole.texts, PADDING),
      stays: [{ event, guard, box }],
    }
  })
}

const edgeOf = ({ parent, from, to, rules }: Arrow, isOnPath: boolean, label: Block | null): DraftEdge => ({
  ...{ key: `${from}>${to}`, parent, from, to, rules, isOnPath, label },
})

/** A rule, and the sub-states that its line does not show because it ends at their group. */
function told(model: Model, rule: Rule, drawn: { from: string | null; to: string }, width: number): Block {
  const inside = drawn.from !== null && drawn.from !== rule.sources[0] ? below(drawn.from, rule.sources[0]!) : null
  const entered = rule.target === drawn.to ? null : rule.target
  const first = model.states.find(({ key }) => key === drawn.to)!.initial
  return stack([
    ...(inside === null ? [] : [paragraph(`in ${inside}`, 'note', width)]),
    ruleBlock(rule, width),
    ...(entered === null || entered === first ? [] : [paragraph(`into ${below(drawn.to, entered)}`, 'note', width)]),
  ])
}

const below = (group: string, key: string): string => key.slice(group.length + 1)

function labelOf(model: Model, rules: readonly Rule[], drawn: { from: string; to: string }, width: number): Block {
  const block = stack(
    rules.map(rule => told(model, rule, drawn, width)),
    1,
  )
  return padded({ ...block, texts: move(block.texts, LABEL_PADDING) }, LABEL_PADDING)
}

const indented = (block: Block, by: number): Block => ({
  ...block,
  width: block.width + by,
  texts: move(block.texts, { x: by, y: 0 }),
})

const padded = ({ width, height, texts }: Block, { x, y }: Point): Block => ({
  width: width + 2 * x,
  height: height + 2 * y,
  texts,
})
