/** The machines as they are drawn, and what their charts say of a transition. */
import { signal } from '@preact/signals'
import type { Edge, Node, Rule, Statechart } from '../../../visualizations/statechart.ts'
import { isState, topOf } from '../story.ts'

export const charts = signal<readonly Statechart[]>([])

/** The charts are a file of the page's own: no token is needed. */
export async function loadCharts(): Promise<void> {
  const path = document.querySelector<HTMLMetaElement>('meta[name="charts"]')!.content
  charts.value = (await (await fetch(path)).json()) as Statechart[]
}

/** Those whose instances the watcher counts and shows; the signer's are in its own memory, which no page reads. */
export const ofWatcher = (): Statechart[] => charts.value.filter(({ side }) => side === 'watcher')

export const chartOf = (kind: string): Statechart | undefined => charts.value.find(({ machine }) => machine === kind)

/** What instances can stand in: states of the top, in the order of their drawing. */
export const chartStatesOf = (chart: Statechart): Node[] =>
  chart.nodes.filter(node => isState(node) && node.look !== 'absent')

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
