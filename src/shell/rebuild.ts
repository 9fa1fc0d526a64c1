/**
 * `lockkeeper rebuild`: the watcher's ledger was lost. A new one is made from the signer (addresses, everything it ever
 * signed) and the chain; it ends when every chain is at its tip, and says how the coins compare with the node's own count.
 */
import { join } from 'node:path'
import { boundary, operating } from '../../adapters/fault.ts'
import type { WatcherConfig } from '../config.ts'
import { parseTokens } from '../http/tokens.ts'
import { main, type Watcher } from '../watcher/main.ts'
import { readWatcherConfig } from './configuration.ts'
import { isTaken, readText } from './files.ts'
import { createPorts } from './ports.ts'
import { createRequest } from './request.ts'
import { clientTls } from './watcher.ts'

interface ChainProgress {
  chain: string
  state: string
  reason: string | null
  height: number | null
  nodeHeight: number | null
}

const LOOK_MS = 500
const FAST_POLL_MS = 50

/** Every chain from this height, whatever the configuration says; the treasury's pool is kept as usual. */
function configFrom(config: WatcherConfig, startHeight: number): WatcherConfig {
  const chains = Object.entries(config.chains).map(([name, chain]) => [
    name,
    { ...chain, startHeight, pollMs: FAST_POLL_MS },
  ])
  return { ...config, chains: Object.fromEntries(chains) as WatcherConfig['chains'] }
}

async function lookAt(watcher: Watcher, token: string): Promise<ChainProgress[]> {
  const headers = { authorization: `Bearer ${token}` }
  const answer = await watcher.handle({ method: 'GET', path: '/v1/chains', query: {}, headers, body: new Uint8Array() })
  return (answer.body as { items: ChainProgress[] }).items
}

const lineOf = ({ chain, state, height, nodeHeight }: ChainProgress): string =>
  `${chain}: ${state}, block ${height ?? '-'} of ${nodeHeight ?? '-'}`

/** Shows progress until every chain is at its tip; a chain that halts needs a person. */
async function untilDone(watcher: Watcher, token: string, out: (line: string) => void): Promise<ChainProgress[]> {
  for (let last = ''; ;) {
    const chains = await lookAt(watcher, token)
    const halted = chains.find(({ state }) => state === 'halted')
    if (halted !== undefined) throw operating('halted', `${halted.chain} halted: ${halted.reason ?? 'no reason given'}`)
    const line = chains.map(lineOf).join('; ')
    if (line !== last) out(line)
    last = line
    if (chains.every(({ state, height, nodeHeight }) => state === 'following' && height === nodeHeight)) return chains
    await new Promise(resolve => setTimeout(resolve, LOOK_MS))
  }
}

/** @throws operating `coins-differ` when the node counts other coins than the chain's blocks have shown */
async function compare(watcher: Watcher, chain: string, out: (line: string) => void): Promise<void> {
  const audit = await watcher.audit(chain)
  if (audit === null) return out(`${chain}: the node cannot count unspent outputs; the coins were not compared`)
  const { coins, total, missing, surplus } = audit
  if (missing.length + surplus.length > 0)
    throw operating(
      'coins-differ',
      `${chain}: the node has ${missing.join(', ') || 'nothing'} more, the ledger ${surplus.join(', ') || 'nothing'}`,
    )
  out(`${chain}: ${coins} coins, ${total} base units, as the node counts them`)
}

/** @throws boundary `ledger-exists`; what `main` throws; operating `halted`, `coins-differ` */
export async function runRebuild(configPath: string, from: number, out: (line: string) => void): Promise<void> {
  const config = await readWatcherConfig(configPath)
  if (await isTaken(join(config.dataDirectory, 'HEAD.json')))
    throw boundary('ledger-exists', `${config.dataDirectory} holds a ledger: move it away first, it is not touched`)
  const token = parseTokens(await readText(config.apiTokenFile))[0]!
  const ports = createPorts('warn', createRequest(await clientTls(config.signer.tls)))
  const watcher = await main(ports, configFrom(config, from))
  try {
    for (const { chain } of await untilDone(watcher, token, out)) await compare(watcher, chain, out)
  } finally {
    await watcher.stop()
    ports.close()
  }
}
