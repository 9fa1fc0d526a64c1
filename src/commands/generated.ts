/** Commands whose work lies outside src: it is compiled beside it, and found by its place. */
import { fileURLToPath } from 'node:url'
import { operating, reasonOf } from '../kernel/fault.ts'
import { readText } from '../shell/files.ts'
import type { Chart } from '../inspector/story.ts'
import type { Charts } from './explain.ts'
import type { RenderPath } from './draw-instance.ts'
import type { Terminal } from './terminal.ts'
import { measuredTable, type Measured } from './table.ts'

/** From dist/src/commands to dist. @throws operating `not-built`, where a part that only development needs is missing */
const load = (path: string): Promise<unknown> =>
  import(new URL(`../../${path}`, import.meta.url).href).catch((error: unknown) => {
    if ((error as { code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw operating('not-built', `this needs a checkout, after npm ci and npm run build: ${reasonOf(error)}`, error)
  })

export async function visualize(directory: string): Promise<void> {
  const { generate } = (await load('visualizations/generate.js')) as { generate: (directory: string) => Promise<void> }
  await generate(directory)
}

/** From dist/src/commands to what is in the package beside dist. */
const CHARTS = fileURLToPath(new URL('../../../visualizations/statecharts.json', import.meta.url))

/** The machines as they are drawn, by name. */
export async function readCharts(): Promise<Charts> {
  const charts = JSON.parse(await readText(CHARTS)) as (Chart & { machine: string })[]
  return machine => charts.find(chart => chart.machine === machine)
}

export async function loadRenderPath(): Promise<RenderPath> {
  type Drawer = (charts: unknown, ...instance: Parameters<RenderPath>) => ReturnType<RenderPath>
  const module = (await load('visualizations/instance.js')) as { renderPath: Drawer }
  const charts: unknown = JSON.parse(await readText(CHARTS))
  return (machine, travelled) => module.renderPath(charts, machine, travelled)
}

/** Progress goes to stderr, the table to stdout. Performance is reported, never an error. */
export async function bench(terminal: Terminal, isLarge: boolean): Promise<void> {
  type Bench = (progress: (line: string) => void) => Promise<Measured[]>
  const module = (await load('test/bench/bench.js')) as { bench: Bench; benchHistory: Bench }
  const measured = await (isLarge ? module.benchHistory : module.bench)(line => terminal.err(line))
  for (const line of measuredTable(measured)) terminal.out(line)
}
