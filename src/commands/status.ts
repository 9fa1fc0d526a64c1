/** `lockkeeper status`: what a running watcher says of its chains, as a table. */
import { z } from 'zod'
import { operating } from '../kernel/fault.ts'
import { table } from './table.ts'
import type { Terminal } from './terminal.ts'
import type { WatcherApi } from './watcher-api.ts'

const INSTANCES = /^lockkeeper_instances\{(.*)\} (\d+)$/

const chainsSchema = z.object({
  items: z.array(
    z.looseObject({
      chain: z.string(),
      state: z.string(),
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

export async function showStatus(api: WatcherApi, terminal: Terminal): Promise<void> {
  const chains = chainsSchema.safeParse(JSON.parse(await api.get('/v1/chains')))
  if (!chains.success) throw operating('unexpected-answer', `${api.base} does not answer as a watcher does`)
  const head = ['chain', 'state', 'height', 'node', 'lag', 'free', 'assigned', 'confirmed', 'pending', 'reserved']
  const rows = chains.data.items.flatMap(chain => {
    const { free, assigned } = chain.addressPool
    const first = [chain.chain, chain.state, chain.height, chain.nodeHeight, chain.lag, free, assigned]
    const balances = chain.balances.map(balance => [
      ...[balance.confirmed, balance.pending, balance.reserved].map(amount => `${amount} ${balance.asset}`),
    ])
    const filler = first.map(() => '')
    return (balances.length === 0 ? [[]] : balances).map((cells, index) => [
      ...(index === 0 ? first : filler),
      ...cells,
    ])
  })
  for (const line of table([head, ...rows.map(row => row.map(cell => String(cell ?? '-')))])) terminal.out(line)
  const counts = instances(await api.get('/metrics'))
  if (counts.length === 0) return
  terminal.out('')
  for (const line of table([['chain', 'kind', 'state', 'instances'], ...counts])) terminal.out(line)
}

/** Prometheus lines `lockkeeper_instances{chain="…",kind="…",state="…"} n`. */
function instances(metrics: string): string[][] {
  return metrics.split('\n').flatMap(line => {
    const found = INSTANCES.exec(line)
    if (found === null) return []
    const labels = Object.fromEntries([...found[1]!.matchAll(/(\w+)="([^"]*)"/g)].map(label => [label[1]!, label[2]!]))
    return [[labels.chain ?? '', labels.kind ?? '', labels.state ?? '', found[2]!]]
  })
}
