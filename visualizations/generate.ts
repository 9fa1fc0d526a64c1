/**
 * Regenerates visualizations/: for each machine a picture, its Mermaid source and a state table; two sequences, the
 * architecture and coins that move; and `statecharts.json`, from which everything else that shows a machine draws it (statechart.ts).
 */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ANIMATION, animationSvg } from './animation.ts'
import { ARCHITECTURE_MERMAID, architectureSvg } from './architecture.ts'
import { statechartSvg } from './draw.ts'
import { mermaidOf } from './mermaid.ts'
import { modelOf } from './model.ts'
import { statechartOf } from './plan.ts'
import { sequenceMermaid, sequenceSvg } from './sequence.ts'
import { SHOWN } from './shown.ts'
import type { Statechart } from './statechart.ts'
import { DEPOSIT, WITHDRAWAL } from './stories.ts'
import { pageOf } from './table.ts'

const STORIES = [DEPOSIT, WITHDRAWAL]
const GENERATED = ['.md', '.mmd', '.svg', '.json']

/** Every generated file, by name. The same machines give the same bytes. */
export async function render(): Promise<Record<string, string>> {
  const files: Record<string, string> = {
    'README.md': index(),
    'architecture.mmd': ARCHITECTURE_MERMAID,
    'architecture.svg': architectureSvg(),
  }
  for (const story of STORIES) {
    files[`${story.name}.mmd`] = sequenceMermaid(story)
    files[`${story.name}.svg`] = sequenceSvg(story)
  }
  const charts: Statechart[] = []
  for (const shown of SHOWN) {
    const model = modelOf(shown.machine)
    const chart = await statechartOf(shown)
    charts.push(chart)
    files[`${model.id}.md`] = pageOf(model, shown.purpose)
    files[`${model.id}.mmd`] = mermaidOf(model, shown)
    files[`${model.id}.svg`] = statechartSvg(chart)
  }
  return { ...files, [`${ANIMATION}.svg`]: animationSvg(charts), 'statecharts.json': chartsText(charts) }
}

/** What no machine gives any more goes. */
export async function generate(directory: string): Promise<void> {
  const files = await render()
  await mkdir(directory, { recursive: true })
  for (const name of await readdir(directory))
    if (GENERATED.some(end => name.endsWith(end)) && !(name in files)) await rm(join(directory, name))
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text)
}

/** A line for each node and edge, so that a change is seen in a difference. */
function chartsText(charts: readonly Statechart[]): string {
  const list = (items: readonly object[]) => `[\n${items.map(item => `  ${JSON.stringify(item)}`).join(',\n')}\n ]`
  const text = charts.map(({ nodes, edges, ...rest }) => {
    const head = JSON.stringify(rest).slice(1, -1)
    return `{${head},\n "nodes": ${list(nodes)},\n "edges": ${list(edges)}}`
  })
  return `[\n${text.join(',\n')}\n]\n`
}

const index = (): string =>
  [
    '# Every machine, drawn',
    '',
    'Generated from the definitions in [machines/](../machines) by `npm run generate`; a test fails when they are stale.',
    '[docs/machines.md](../docs/machines.md) shows all of them and says how to read them.',
    '',
    '| Machine | Lives in | What it is | Ends well in | Ends badly in |',
    '|---|---|---|---|---|',
    ...SHOWN.map(
      ({ machine: { id }, side, purpose, good, bad }) =>
        `| [${id}](${id}.md) | ${side} | ${purpose} | ${codes(good)} | ${codes(bad)} |`,
    ),
    '',
    '## A deposit and a withdrawal, step by step',
    '',
    'A test runs both in the simulated world and finds exactly these commits, in this order.',
    '',
    ...STORIES.flatMap(({ name, title }) => [
      `### ${title}`,
      '',
      `![${title}](${name}.svg)`,
      '',
      `Mermaid: [${name}.mmd](${name}.mmd)`,
      '',
    ]),
    '## The parts',
    '',
    '![Backend, watcher, signer and nodes](architecture.svg)',
    '',
    '## Coins on their way',
    '',
    `![Coins on their way through deposits and withdrawals](${ANIMATION}.svg)`,
    '',
    '## For who draws them elsewhere',
    '',
    '`statecharts.json` holds every machine as it lies in its picture: boxes, lines, labels, each with its place. The format',
    'is [statechart.ts](statechart.ts); [transition.ts](transition.ts) finds the line for a transition of the feed.',
    '`lockkeeper visualize --instance ID --config watcher.yaml` draws the way of one deposit, withdrawal or transfer.',
    '',
  ].join('\n')

const codes = (keys: readonly string[]): string => keys.map(key => `\`${key}\``).join(', ')
