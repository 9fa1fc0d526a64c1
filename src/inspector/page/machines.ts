/** The machines as they are drawn, and what their charts say of a transition. */
import { signal } from '@preact/signals'
import type { Edge, Look, Node, Rule, Statechart } from '../../../visualizations/statechart.ts'

/** Of the watcher; the signer's instances are not in its ledger. */
export const charts = signal<readonly Statechart[]>([])

/** The charts are a file of the page's own: no token is needed. */
export async function loadCharts(): Promise<void> {
  const path = document.querySelector<HTMLMetaElement>('meta[name="charts"]')!.content
  const all = (await (await fetch(path)).json()) as Statechart[]
  charts.value = all.filter(({ side }) => side === 'watcher')
}

export const chartOf = (kind: string): Statechart | undefined => charts.value.find(({ machine }) => machine === kind)

/** The API names states without their sub-states. */
export const topOf = (key: string): string => key.split('.', 1)[0]!

export const NO_STATES: readonly Look[] = ['origin', 'start', 'footnote']

const isState = ({ look, parent }: Node): boolean => !NO_STATES.includes(look) && parent === ''

/** What instances can stand in: states of the top, in the order of their drawing. */
export const statesOf = (chart: Statechart): Node[] =>
  chart.nodes.filter(node => isState(node) && node.look !== 'absent')

export const stateIn = (chart: Statechart | undefined, name: string): Node | undefined =>
  chart?.nodes.find(node => isState(node) && node.key === name)

const birthOf = (chart: Statechart): string => chart.nodes.find(({ look }) => look === 'absent')?.key ?? ''

export interface Step {
  /** Null where it came to be. */
  from: string | null
  to: string
  event: string
}

const leads = ({ sources, target }: Rule, from: string, to: string): boolean =>
  topOf(target) === to && sources.some(source => topOf(source) === from)

/** The line that a transition took, or undefined where it stayed in its state. */
export function edgeOf(chart: Statechart, { from, to, event }: Step): Edge | undefined {
  const start = from ?? birthOf(chart)
  if (start === to) return undefined
  return chart.edges.find(({ rules }) => rules.some(rule => rule.event === event && leads(rule, start, to)))
}

/** The states, without their sub-states, that a line leaves and enters. */
export const endsOf = ({ rules, to }: Edge): { from: string[]; to: string } => ({
  from: [...new Set(rules.flatMap(({ sources }) => sources.map(topOf)))],
  to: topOf(to),
})

export interface Way {
  to: string
  events: string[]
  /** What comes where nothing goes wrong. */
  isOnPath: boolean
}

/** What leads out of a state to another one; the way that everything takes where nothing goes wrong comes first. */
export function waysFrom(chart: Statechart, name: string): Way[] {
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
