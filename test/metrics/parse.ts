/** Prometheus' text format, read back: https://prometheus.io/docs/instrumenting/exposition_formats/ */

interface Sample {
  labels: Readonly<Record<string, string>>
  value: number
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g
const unescape = (text: string): string => text.replaceAll(/\\(.)/g, (_, sign: string) => (sign === 'n' ? '\n' : sign))

/** The samples of each metric, by its name. */
export function parseMetrics(text: string): Map<string, Sample[]> {
  const found = new Map<string, Sample[]>()
  for (const line of text.split('\n')) {
    const [, name, labels = '', value] = LINE.exec(line) ?? []
    if (name === undefined) continue
    const pairs = [...labels.matchAll(LABEL)].map(([, label, content]) => [label!, unescape(content!)] as const)
    const sample = { labels: Object.fromEntries(pairs), value: Number(value) }
    found.set(name, [...(found.get(name) ?? []), sample])
  }
  return found
}
