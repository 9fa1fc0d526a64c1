/** `lockkeeper status`: what a running watcher says of its chains, its signer and what waits, as tables or as JSON. */
import { z } from 'zod'
import { operating } from '../kernel/fault.ts'
import { table } from './table.ts'
import type { Terminal } from './terminal.ts'
import type { WatcherApi } from './watcher-api.ts'

const chainsSchema = z.object({
  items: z.array(
    z.looseObject({
      chain: z.string(),
      state: z.string(),
      reason: z.string().nullable(),
      height: z.number().nullable(),
      nodeHeight: z.number().nullable(),
      lag: z.number().nullable(),
      addressPool: z.object({ free: z.number(), assigned: z.number() }),
      balances: z.array(
        z.object({ asset: z.string(), confirmed: z.string(), pending: z.string(), reserved: z.string() }),
      ),
    }),
  ),
})
const readySchema = z.object({ ready: z.boolean(), problems: z.array(z.string()), notices: z.array(z.string()) })
type Chain = z.output<typeof chainsSchema>['items'][number] & Beside

/** What the metrics say of a chain. */
interface Beside {
  /** The signer's memory has been compared since the start. */
  signerCompared: boolean
  /** Since anything changed for the withdrawal that waits longest to be planned; 0 for none. */
  oldestQueuedSeconds: number
}

interface Count {
  chain: string
  kind: string
  state: string
  live: number
  ended: number
}

export interface Status {
  ready: boolean
  problems: string[]
  notices: string[]
  chains: Chain[]
  instances: Count[]
}

interface Sample {
  labels: Record<string, string>
  value: number
}

/** Prometheus' text: lines `name{label="…"} value`. */
function samplesOf(metrics: string, name: string): Sample[] {
  const line = new RegExp(`^lockkeeper_${name}\\{(.*)\\} (\\S+)$`, 'gm')
  return [...metrics.matchAll(line)].map(([, labels = '', value]) => ({
    labels: Object.fromEntries([...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, label, text]) => [label!, text!])),
    value: Number(value),
  }))
}

function countsOf(metrics: string): Count[] {
  const counts = new Map<string, Count>()
  for (const [name, member] of [
    ['instances', 'live'],
    ['ended_instances', 'ended'],
  ] as const)
    for (const { labels, value } of samplesOf(metrics, name)) {
      const { chain = '', kind = '', state = '' } = labels
      const key = `${chain} ${kind} ${state}`
      counts.set(key, { chain, kind, state, live: 0, ended: 0, ...counts.get(key), [member]: value })
    }
  return [...counts.values()]
}

/** Asks a running watcher. Rejects with operating `unexpected-answer` for what no watcher says. */
export async function readStatus(api: WatcherApi): Promise<Status> {
  const [chainsText, ready, metrics] = await Promise.all([
    api.get('/v1/chains'),
    api.ask('/readyz', { statuses: [200, 503] }),
    api.get('/metrics'),
  ])
  const chains = chainsSchema.safeParse(JSON.parse(chainsText))
  const readiness = readySchema.safeParse(JSON.parse(ready.text))
  if (!chains.success || !readiness.success)
    throw operating('unexpected-answer', `${api.base} does not answer as a watcher does`)
  const valueOf = (name: string, chain: string) =>
    samplesOf(metrics, name).find(({ labels }) => labels['chain'] === chain)?.value ?? 0
  const items = chains.data.items.map(chain => ({
    ...chain,
    signerCompared: valueOf('signer_recalled', chain.chain) === 1,
    oldestQueuedSeconds: Math.round(valueOf('oldest_queued_seconds', chain.chain)),
  }))
  return { ...readiness.data, chains: items, instances: countsOf(metrics) }
}

const HEAD = [
  ...['chain', 'state', 'height', 'node', 'lag', 'free', 'assigned', 'signer', 'oldest queued'],
  ...['confirmed', 'pending', 'reserved'],
]

function rowsOf(chain: Chain): (string | number | null)[][] {
  const { free, assigned } = chain.addressPool
  const first = [
    ...[chain.chain, chain.state, chain.height, chain.nodeHeight, chain.lag, free, assigned],
    chain.signerCompared ? 'compared' : 'not compared',
    chain.oldestQueuedSeconds === 0 ? '-' : `${chain.oldestQueuedSeconds} s`,
  ]
  const balances = chain.balances.map(({ asset, confirmed, pending, reserved }) =>
    [confirmed, pending, reserved].map(amount => `${amount} ${asset}`),
  )
  const filler = first.map(() => '')
  return (balances.length === 0 ? [[]] : balances).map((cells, n) => [...(n === 0 ? first : filler), ...cells])
}

function linesOf({ ready, problems, notices, chains, instances }: Status): string[] {
  const rows = chains.flatMap(rowsOf).map(row => row.map(cell => String(cell ?? '-')))
  const counts = instances.map(({ chain, kind, state, live, ended }) => [chain, kind, state, `${live}`, `${ended}`])
  return [
    ...table([HEAD, ...rows]),
    ...chains.flatMap(({ chain, reason }) => (reason === null ? [] : [`${chain}: ${reason}`])),
    '',
    ready ? 'ready' : 'not ready:',
    ...problems.map(problem => `  ${problem}`),
    ...notices.map(notice => `note: ${notice}`),
    ...(counts.length === 0 ? [] : ['', ...table([['chain', 'kind', 'state', 'instances', 'ended'], ...counts])]),
  ]
}

/** Once, as a table or as JSON. */
export async function showStatus(api: WatcherApi, isJson: boolean, terminal: Terminal): Promise<void> {
  const status = await readStatus(api)
  if (isJson) terminal.out(JSON.stringify(status))
  else for (const line of linesOf(status)) terminal.out(line)
}
