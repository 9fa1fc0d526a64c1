/** The way of one instance, drawn from what was laid out when the pictures were generated: no layout runs here. */
import { pathMermaid, pathSvg, type Travelled } from './path.ts'
import type { Statechart } from './statechart.ts'

/** @returns the files' contents, or null where no machine of that name is drawn */
export function renderPath(
  charts: readonly Statechart[],
  machine: string,
  travelled: Travelled,
): { svg: string; mermaid: string } | null {
  const chart = charts.find(chart => chart.machine === machine)
  if (chart === undefined) return null
  return { svg: pathSvg(chart, travelled), mermaid: pathMermaid(chart, travelled) }
}
