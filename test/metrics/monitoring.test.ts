/** What operators import: every alert speaks of metrics that there are, and leads to a heading that is there. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { METRICS, type Metric } from '../../src/metrics/catalogue.ts'
import { renderDashboard } from '../../src/metrics/dashboard.ts'
import { exposition } from '../../src/metrics/exposition.ts'
import { createMeters } from '../../src/watcher/meters.ts'
import { createClock } from '../../src/shell/ports.ts'
import { processMetrics } from '../../src/shell/process-metrics.ts'
import { parseMetrics } from './parse.ts'
import { VERSION } from '../../src/version.ts'
import { anchorsOf } from '../docs/headings.ts'

const ALERTS = 'deploy/monitoring/alerts.yml'

interface Alert {
  alert: string
  expr: string
  labels: { severity: string }
  annotations: { summary: string; runbook: string }
}

const alerts = (parse(readFileSync(ALERTS, 'utf8')) as { groups: { rules: Alert[] }[] }).groups.flatMap(
  ({ rules }) => rules,
)
const all: Record<string, Metric> = METRICS
/** A histogram's series have names of their own. */
const metricOf = (series: string) => all[series] ?? all[series.replace(/_(bucket|sum|count)$/, '')]

describe('the alerts', () => {
  test('are many, and each has its name once', () => {
    expect(alerts.length).toBeGreaterThan(20)
    expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length)
  })
  test.each(alerts)('$alert speaks of what is measured, by labels that it has', ({ expr, annotations, labels }) => {
    const named = [...expr.matchAll(/\b((?:lockkeeper|process)_\w+)(?:\{([^}]*)\})?/g)]
    expect(named.length + (expr.includes('up{') ? 1 : 0)).toBeGreaterThan(0)
    for (const [, series, selector = ''] of named) {
      const metric = metricOf(series!)
      expect(metric, series).toBeDefined()
      for (const [, label] of selector.matchAll(/(\w+)(?:=~|=|!=)/g)) expect(metric!.labels).toContain(label)
    }
    expect(['page', 'ticket']).toContain(labels.severity)
    const [page, heading] = annotations.runbook.split('#')
    expect(anchorsOf(page!)).toContain(heading)
  })
  test('are rules as Prometheus reads them, where promtool is there to say', () => {
    const { error, status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', ALERTS], { encoding: 'utf8' })
    if (error === undefined) expect(status, stdout + stderr).toBe(0)
    else expect(error.message).toContain('ENOENT')
  })
})

test('the dashboard shows every metric', () => {
  const dashboard = renderDashboard()
  expect(JSON.parse(dashboard)).toMatchObject({ uid: 'lockkeeper' })
  expect(Object.keys(METRICS).filter(name => !dashboard.includes(name))).toEqual([])
})

describe('names', () => {
  test.each(Object.entries(all))('of %s follow the conventions', (name, { type, labels, buckets }) => {
    expect(name).toMatch(/^(lockkeeper|process)_[a-z_]+$/)
    expect(name.endsWith('_total')).toBe(type === 'counter')
    expect(buckets !== undefined).toBe(type === 'histogram')
    expect(labels).not.toContain('le')
  })
})

describe('what is shown', () => {
  test('escapes what labels may not hold', () => {
    const text = exposition({ lockkeeper_signer_policy_info: [{ labels: { digest: 'a"b\\c\nd' }, value: 1 }] })
    expect(text).toContain(String.raw`{digest="a\"b\\c\nd"} 1`)
    expect(parseMetrics(text).get('lockkeeper_signer_policy_info')).toEqual([
      { labels: { digest: 'a"b\\c\nd' }, value: 1 },
    ])
  })
  test('of the process is its own', () => {
    const found = parseMetrics(processMetrics('signer'))
    expect(found.get('lockkeeper_build_info')).toEqual([
      { labels: { daemon: 'signer', version: VERSION, node: process.version }, value: 1 },
    ])
    expect(found.get('process_resident_memory_bytes')![0]!.value).toBeGreaterThan(1_000_000)
    expect(found.get('process_start_time_seconds')![0]!.value).toBeLessThan(Date.now() / 1000)
  })
  test('is the version of the package', () => {
    expect(JSON.parse(readFileSync('package.json', 'utf8'))).toMatchObject({ version: VERSION })
  })
})

describe('what is counted', () => {
  const meters = () => createMeters(createClock())
  const answer = (status: number) => ({ status, headers: {}, body: new Uint8Array() })
  const call = (body: string | null) => ({
    method: 'POST' as const,
    url: 'http://node',
    headers: {},
    body: body === null ? null : new TextEncoder().encode(body),
    timeoutMs: 1,
    maximumBytes: 1,
  })

  test('is each call to a node, by method and outcome', async () => {
    const { node, registry } = meters()
    const statuses = [200, 200, 500]
    const request = node(() => Promise.resolve(answer(statuses.shift()!)), 'ltc')
    await request(call('{"jsonrpc":"2.0","method":"getblock"}'))
    await request(call('[{"method":"getblock"},{"method":"other"}]'))
    await request(call(null))
    const found = parseMetrics(await registry.metrics())
    expect(found.get('lockkeeper_node_calls_total')).toEqual([
      { labels: { chain: 'ltc', method: 'getblock', outcome: '2xx' }, value: 2 },
      { labels: { chain: 'ltc', method: 'POST', outcome: '5xx' }, value: 1 },
    ])
    expect(found.get('lockkeeper_node_call_seconds_count')![0]!.value).toBe(3)
  })
})
