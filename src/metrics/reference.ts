/** docs/reference/metrics.md, from the catalogue. */
import { GROUPS, METRICS, type Metric } from './catalogue.ts'

const HEAD = `# Metrics

Generated from the catalogue by \`npm run generate\`; do not edit. What \`GET /metrics\` shows, in Prometheus' text format. How they are collected and
what to be woken for: [operations](../operations.md#metrics).
`

function row([name, { type, labels, shownBy, help }]: [string, Metric]): string {
  const cells = [`\`${name}\``, type, labels.map(label => `\`${label}\``).join(' '), shownBy, help]
  return `| ${cells.join(' | ')} |`
}

/** Markdown: one table for each group. */
export function renderMetrics(): string {
  const tables = GROUPS.map(group => {
    const rows = Object.entries<Metric>(METRICS).filter(([, metric]) => metric.group === group)
    return [
      `## ${group}\n`,
      '| metric | type | labels | of | says |',
      '|---|---|---|---|---|',
      ...rows.map(row),
      '',
    ].join('\n')
  })
  return `${[HEAD, ...tables].join('\n').trimEnd()}\n`
}
