/** deploy/monitoring/dashboard.json: a dashboard for Grafana 10 and later, a panel for each metric of the catalogue. */
import { GROUPS, METRICS, type Metric } from './catalogue.ts'

const WIDTH = 24
const PANELS_A_ROW = 3
const HEIGHT = 8
const SOURCE = { type: 'prometheus', uid: '${source}' }
/** How often what a chain is asked for: of a histogram this share is faster. */
const QUANTILE = 0.99
/** https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/ */
const SCHEMA_VERSION = 39

const UNITS: readonly [RegExp, string][] = [
  [/_start_time_seconds$/, 'dateTimeFromNow'],
  [/_seconds$/, 's'],
  [/_bytes$/, 'bytes'],
]

function unitOf(name: string, { type }: Metric): string {
  if (name === 'process_cpu_seconds_total') return 'percentunit'
  if (type === 'counter') return 'cps'
  return UNITS.find(([pattern]) => pattern.test(name))?.[1] ?? 'short'
}

function expressionOf(name: string, { type, labels }: Metric): string {
  const chosen = labels.includes('chain') ? '{chain=~"$chain"}' : ''
  const by = (given: readonly string[]) => (given.length === 0 ? ' by (job)' : ` by (${given.join(', ')})`)
  if (type === 'counter') return `sum${by(labels)} (rate(${name}${chosen}[$__rate_interval]))`
  if (type === 'gauge') return `${name}${chosen}${name.endsWith('_time_seconds') ? ' * 1000' : ''}`
  const buckets = `sum${by(['le', ...labels])} (rate(${name}_bucket${chosen}[$__rate_interval]))`
  return `histogram_quantile(${QUANTILE}, ${buckets})`
}

const legendOf = ({ labels }: Metric) =>
  labels.length === 0 ? '{{job}}' : labels.map(label => `{{${label}}}`).join(' ')

function panel([name, metric]: [string, Metric], id: number, x: number, y: number) {
  const title = metric.type === 'histogram' ? `${name}, 99 of 100` : name
  return {
    id,
    type: 'timeseries',
    title,
    description: metric.help,
    datasource: SOURCE,
    gridPos: { h: HEIGHT, w: WIDTH / PANELS_A_ROW, x, y },
    fieldConfig: { defaults: { unit: unitOf(name, metric) }, overrides: [] },
    targets: [{ refId: 'A', datasource: SOURCE, expr: expressionOf(name, metric), legendFormat: legendOf(metric) }],
  }
}

function panels(): object[] {
  const all: object[] = []
  let y = 0
  for (const group of GROUPS) {
    const own = Object.entries<Metric>(METRICS).filter(([, metric]) => metric.group === group)
    all.push({ id: all.length + 1, type: 'row', title: group, collapsed: false, panels: [], gridPos: { h: 1, w: WIDTH, x: 0, y } }) // prettier-ignore
    y += 1
    for (const [n, metric] of own.entries()) {
      const x = (n % PANELS_A_ROW) * (WIDTH / PANELS_A_ROW)
      all.push(panel(metric, all.length + 1, x, y + Math.floor(n / PANELS_A_ROW) * HEIGHT))
    }
    y += Math.ceil(own.length / PANELS_A_ROW) * HEIGHT
  }
  return all
}

const variable = (name: string, rest: object) => ({ name, hide: 0, ...rest })

/** JSON, as Grafana imports it. */
export function renderDashboard(): string {
  const chain = variable('chain', {
    type: 'query',
    label: 'Chain',
    datasource: SOURCE,
    query: { query: 'label_values(lockkeeper_chain_height, chain)', refId: 'chain' },
    ...{ refresh: 2, multi: true, includeAll: true, sort: 1 },
  })
  const dashboard = {
    title: 'Lockkeeper',
    uid: 'lockkeeper',
    tags: ['lockkeeper'],
    schemaVersion: SCHEMA_VERSION,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    templating: { list: [variable('source', { type: 'datasource', label: 'Source', query: 'prometheus' }), chain] },
    panels: panels(),
  }
  return `${JSON.stringify(dashboard, null, 2)}\n`
}
