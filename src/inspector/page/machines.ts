/** The machines as they are drawn, and what their charts say of a transition. */
import { signal } from '@preact/signals'
import type { Edge, Node, Statechart } from '../../../visualizations/statechart.ts'

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

const isState = ({ look, parent }: Node): boolean => look !== 'origin' && parent === ''

/** What instances can stand in: states of the top, in the order of their drawing. */
export const statesOf = (chart: Statechart): Node[] => chart.nodes.filter(node => isState(node) && node.look !== 'absent')

export const stateIn = (chart: Statechart | undefined, name: string): Node | undefined =>
  chart?.nodes.find(node => isState(node) && node.key === name)

const birthOf = (chart: Statechart): string => chart.nodes.find(({ look }) => look === 'absent')?.key ?? ''

export interface Step {
  /** Null where it came to be. */
  from: string | null
  to: string
  event: string
}

/** The line that a transition took, or undefined where it stayed in its state. */
export function edgeOf(chart: Statechart, { from, to, event }: Step): Edge | undefined {
  const start = from ?? birthOf(chart)
  if (start === to) return undefined
  const between = chart.edges.filter(edge => topOf(edge.to) === to && edge.sources.some(source => topOf(source) === start))
  return between.find(({ rules }) => rules.some(rule => rule.event === event)) ?? between[0]
}

export interface Way {
  to: string
  events: string[]
}

/** What leads out of a state to another one; the way that everything takes where nothing goes wrong comes first. */
export function waysFrom(chart: Statechart, name: string): Way[] {
  const leaving = chart.edges.filter(({ sources, to }) => topOf(to) !== name && sources.some(source => topOf(source) === name))
  const ways = new Map<string, Set<string>>()
  for (const { to, rules } of leaving.toSorted((a, b) => Number(b.isOnPath) - Number(a.isOnPath))) {
    const events = ways.get(topOf(to)) ?? new Set()
    for (const { event } of rules) events.add(event)
    ways.set(topOf(to), events)
  }
  return [...ways].map(([to, events]) => ({ to, events: [...events] }))
}
