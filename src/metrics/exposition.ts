/** Prometheus' text format 0.0.4, for a process that keeps no metrics: what it knows is written down when asked. */
import { METRICS, type MetricName } from './catalogue.ts'

/** One value, with labels as the catalogue names them. */
export interface Measured {
  labels?: Readonly<Record<string, string>>
  value: number
}

export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

const escaped = (text: string): string =>
  text
    .replaceAll('\\', String.raw`\\`)
    .replaceAll('"', String.raw`\"`)
    .replaceAll('\n', String.raw`\n`)

function line(name: string, { labels = {}, value }: Measured): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`)
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}`
}

/** Each metric with its help and type, in the order given; a line break at the end. */
export function exposition(measured: Partial<Record<MetricName, readonly Measured[]>>): string {
  const lines = Object.entries(measured).flatMap(([name, samples]) => {
    const { help, type } = METRICS[name as MetricName]
    return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...samples.map(sample => line(name, sample))]
  })
  return `${lines.join('\n')}\n`
}
