/** Commands whose work lies outside src: it is compiled beside it, and found by its place. */
import type { Terminal } from './terminal.ts'
import { table } from './table.ts'

interface Measured {
  row: string
  ratio: number
  wanted: string
}

/** From dist/src/commands to dist. */
const load = (path: string): Promise<unknown> => import(new URL(`../../${path}`, import.meta.url).href)

export async function visualize(directory: string): Promise<void> {
  const { generate } = (await load('visualizations/generate.js')) as { generate: (directory: string) => Promise<void> }
  await generate(directory)
}

export async function bench(terminal: Terminal): Promise<void> {
  const module = (await load('test/bench/bench.js')) as { bench(): Promise<Measured[]> }
  const rows = (await module.bench()).map(({ row, ratio, wanted }) => [row, ratio.toFixed(2), wanted])
  for (const line of table([['measured', 'value', 'wanted'], ...rows])) terminal.out(line)
}
