/** The way of one instance, drawn from what was laid out when the pictures were generated: no layout runs here. */
import { pathMermaid, pathSvg, type Travelled } from './path.ts'
import type { Statechart } from './statechart.ts'
import charts from './statecharts.json' with { type: 'json' }

/** @returns the file's contents, or null where no machine of that name is drawn */
export function renderPath(machine: string, travelled: Travelled): { svg: string; mermaid: string } | null {
  const chart = (charts as Statechart[]).find(chart => chart.machine === machine)
  if (chart === undefined) return null
  return { svg: pathSvg(chart, travelled), mermaid: pathMermaid(chart, travelled) }
}
