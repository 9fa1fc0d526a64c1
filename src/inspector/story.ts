/** Why an instance is where it is and what happens next, in a sentence: from its state's description, its reason, its depth. */
import { plural, spoken } from './words.ts'

interface ChartNode {
  key: string
  look: string
  parent: string
  description?: string
  isEnd?: boolean
}

interface ChartEdge {
  isOnPath: boolean
  rules: readonly { event: string; sources: readonly string[]; target: string }[]
}

/** What of a drawn machine (visualizations/statecharts.json) is told of. */
export interface Chart {
  nodes: readonly ChartNode[]
  edges: readonly ChartEdge[]
}

/** What is drawn and is no state. */
export const NO_STATES: readonly string[] = ['origin', 'start', 'footnote']

/** The API names states without their sub-states. */
export const topOf = (key: string): string => key.split('.', 1)[0]!

/** A state of the top. */
export const isState = ({ look, parent }: ChartNode): boolean => !NO_STATES.includes(look) && parent === ''

/** The state of this name. */
export const stateIn = <Node extends ChartNode>(
  chart: { nodes: readonly Node[] } | undefined,
  name: string,
): Node | undefined => chart?.nodes.find(node => isState(node) && node.key === name)

/** A state that another one leads to. */
export interface Way {
  to: string
  events: string[]
  /** What comes where nothing goes wrong. */
  isOnPath: boolean
}

/** What leads out of a state to another one; the way that everything takes where nothing goes wrong comes first. */
export function waysFrom(chart: Pick<Chart, 'edges'>, name: string): Way[] {
  const ways = new Map<string, Way>()
  for (const { rules, isOnPath } of chart.edges.toSorted((a, b) => Number(b.isOnPath) - Number(a.isOnPath)))
    for (const { event, sources, target } of rules) {
      const to = topOf(target)
      if (to === name || !sources.some(source => topOf(source) === name)) continue
      const way = ways.get(to) ?? { to, events: [], isOnPath }
      ways.set(to, { ...way, events: [...new Set([...way.events, event])] })
    }
  return [...ways.values()]
}

/** What is told of. */
export interface Told {
  state: string
  reason: string | null
  /** Null where depth means nothing. */
  depth: { confirmations: number; required: number; isInBlock: boolean } | null
}

const listed = (parts: readonly string[]): string =>
  parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} or ${parts.at(-1)}`

const wayText = ({ to, events }: Way): string => `${spoken(to)} (when “${listed(events.map(spoken))}”)`

const sentence = (text: string): string => {
  const trimmed = text.trim()
  const whole = trimmed.charAt(0).toUpperCase() + trimmed.slice(1)
  return /[.!?]$/.test(whole) ? whole : `${whole}.`
}

function nextOf({ depth }: Told, ways: readonly Way[]): string {
  const [first, ...others] = ways
  if (first === undefined) return 'Nothing follows.'
  if (!first.isOnPath)
    return `It stays so until something happens: it may become ${listed(ways.map(({ to }) => spoken(to)))}.`
  const left = depth?.isInBlock === true ? depth.required - depth.confirmations : 0
  if (left > 0) return `With ${plural(left, 'more block')} on top it becomes ${spoken(first.to)}.`
  const rest = others.length === 0 ? '' : `; it may also become ${listed(others.map(({ to }) => spoken(to)))}`
  return `Next it becomes ${wayText(first)}${rest}.`
}

/** `chart`: of the machine that it is an instance of. */
export function storyOf(told: Told, chart: Chart | undefined): { why: string; next: string } {
  const { state, reason } = told
  const description = stateIn(chart, state)?.description ?? ''
  const why = [sentence(description.replace(/ \(end\)\.?$/, '')), reason === null ? '' : sentence(`Reason: ${reason}`)]
  // Only a person who accepts a deeper reorganisation brings an end back.
  const isOver = stateIn(chart, state)?.isEnd === true
  const ways = chart === undefined || isOver ? [] : waysFrom(chart, state)
  return { why: why.filter(part => part !== '').join(' '), next: nextOf(told, ways) }
}
