/** The machines as they are drawn, and what their charts say of a transition. */
import { signal } from '@preact/signals'
import type { Chart, ChartEdge, ChartState } from './shapes.ts'

export const charts = signal<readonly Chart[]>([])

/** The charts are a file of the page's own: no token is needed. */
export async function loadCharts(): Promise<void> {
  const path = document.querySelector<HTMLMetaElement>('meta[name="charts"]')!.content
  charts.value = (await (await fetch(path)).json()) as Chart[]
}

export const chartOf = (kind: string): Chart | undefined => charts.value.find(({ id }) => id === kind)
export const stateIn = (chart: Chart | undefined, name: string): ChartState | undefined =>
  chart?.states.find(state => state.name === name)
export const birthOf = (chart: Chart): string => chart.states.find(({ isBirth }) => isBirth)?.name ?? ''

export interface Step {
  /** Null where it came to be. */
  from: string | null
  to: string
  event: string
}

/** The line that a transition took, or undefined where it stayed in its state or the line is not drawn. */
export function edgeOf(chart: Chart, { from, to, event }: Step): ChartEdge | undefined {
  const start = from ?? birthOf(chart)
  const between = chart.edges.filter(edge => edge.from === start && edge.to === to)
  return between.find(({ causes }) => causes.some(cause => cause.event === event)) ?? between[0]
}

export const edgeName = ({ from, to }: { from: string; to: string }): string => `${from}>${to}`

export interface Way {
  to: string
  events: string[]
}

/** What leads out of a state. */
export function waysFrom(chart: Chart, name: string): Way[] {
  const all = [...chart.edges, ...chart.hidden].filter(({ from }) => from === name)
  return all.map(({ to, causes }) => ({ to, events: [...new Set(causes.map(({ event }) => event))] }))
}
