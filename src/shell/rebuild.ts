/**
 * `lockkeeper rebuild`: the watcher's ledger was lost. A new one is made from the signer (addresses, everything it ever
 * signed) and the chain; it ends when every chain is at its tip, and says how the coins compare with the node's own count.
 * Killed on its way, it goes on when it is run again.
 */
import { Fault, operating } from '../kernel/fault.ts'
import type { WatcherConfig } from '../config.ts'
import { parseTokens } from '../http/tokens.ts'
import type { Audit } from '../watcher/audit.ts'
import { ledgerEngine } from '../watcher/ledger.ts'
import { main, type Watcher } from '../watcher/main.ts'
import { readWatcherConfig } from './configuration.ts'
import { readText } from './files.ts'
import { createPorts, type RealPorts } from './ports.ts'
import { beginRebuild, endRebuild } from './rebuild-mark.ts'
import { createRequest } from './request.ts'
import { clientTls } from './watcher.ts'

interface ChainProgress {
  chain: string
  state: string
  reason: string | null
  height: number | null
  nodeHeight: number | null
}

interface Rebuilding {
  watcher: Watcher
  token: string
  directory: string
  from: number
  out: (line: string) => void
}

const LOOK_MS = 500
const FAST_POLL_MS = 50
/** The node may count at another block than ours, be away, or still be counting for a rebuild that was killed: 20 minutes. */
const AUDITS_AT_MOST = 600
const AUDIT_PAUSE_MS = 2000
const SHOWN_AT_MOST = 5
/** In these a chain waits for somebody, and progress is why. */
const WAITING = ['connecting', 'unreachable']

const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

/** Every chain from this height, whatever the configuration says; the treasury's pool is kept as usual. */
function configFrom(config: WatcherConfig, startHeight: number): WatcherConfig {
  const chains = Object.entries(config.chains).map(([name, chain]) => [
    name,
    { ...chain, startHeight, pollMs: FAST_POLL_MS },
  ])
  return { ...config, chains: Object.fromEntries(chains) as WatcherConfig['chains'] }
}

async function ask<Body>({ watcher, token }: Rebuilding, path: string): Promise<Body> {
  const headers = { authorization: `Bearer ${token}` }
  const answer = await watcher.handle({ method: 'GET', path, query: {}, headers, body: new Uint8Array() })
  return answer.body as Body
}

async function lineOf(rebuilding: Rebuilding, chains: readonly ChainProgress[]): Promise<string> {
  const waiting = chains.filter(({ state }) => WAITING.includes(state))
  const { problems } =
    waiting.length > 0 ? await ask<{ problems: string[] }>(rebuilding, '/readyz') : { problems: [] as string[] }
  const lines = chains
    .filter(one => !waiting.includes(one))
    .map(({ chain, state, height, nodeHeight }) => `${chain}: ${state}, block ${height ?? '-'} of ${nodeHeight ?? '-'}`)
  return [...lines, ...problems].join('; ')
}

/** A halted chain needs a person, who can resume it only through a watcher: so that one may start where it can go on. */
function haltedAt({ directory }: Rebuilding, { chain, reason, height }: ChainProgress) {
  const next =
    height === null
      ? `correct it, move ${directory} away and rebuild again`
      : `find out why; then start the watcher and resume the chain there: it goes on from block ${height}`
  return operating('halted', `${chain} halted: ${reason ?? 'no reason given'}. What to do: ${next}`)
}

/** No waiting brings back what a node has thrown away. */
function refusePruned({ watcher }: Rebuilding, chains: readonly ChainProgress[]): void {
  for (const { chain } of chains) {
    const trouble = watcher.nodeTrouble(chain)
    if (trouble?.kind === 'node-pruned')
      throw operating('node-pruned', `${chain}: ${trouble.reason}; then run it again, and it goes on`)
  }
}

/** Shows progress until every chain is at its tip; a chain that halts needs a person. */
async function untilDone(rebuilding: Rebuilding, onHalted: () => Promise<void>): Promise<ChainProgress[]> {
  for (let last = ''; ;) {
    const { items: chains } = await ask<{ items: ChainProgress[] }>(rebuilding, '/v1/chains')
    const halted = chains.find(({ state }) => state === 'halted')
    if (halted !== undefined) {
      if (chains.every(({ height }) => height !== null)) await onHalted()
      throw haltedAt(rebuilding, halted)
    }
    refusePruned(rebuilding, chains)
    const line = await lineOf(rebuilding, chains)
    if (line !== last) rebuilding.out(line)
    last = line
    if (chains.every(({ state, height, nodeHeight }) => state === 'following' && height === nodeHeight)) return chains
    await pause(LOOK_MS)
  }
}

async function audit({ watcher, out }: Rebuilding, chain: string): Promise<Audit | null> {
  out(`${chain}: the node counts its unspent outputs`)
  let trouble = 'the chain moved each time'
  for (let n = 0; n < AUDITS_AT_MOST; n++) {
    try {
      const found = await watcher.audit(chain)
      if (found !== 'moved') return found
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      const reason = error.message
      if (reason !== trouble) out(`${chain}: the node cannot count yet: ${reason}`)
      trouble = reason
    }
    await pause(AUDIT_PAUSE_MS)
  }
  throw operating('not-counted', `${chain}: the node could not be asked to count (${trouble}): run it again`)
}

const some = (keys: readonly string[]): string => {
  const shown = keys.slice(0, SHOWN_AT_MOST).join(', ')
  return keys.length > SHOWN_AT_MOST ? `${shown} and ${keys.length - SHOWN_AT_MOST} more` : shown || 'nothing'
}

/**
 * Whatever is not explained by the blocks that were read ends the rebuild, with the height to begin at.
 * @throws operating `began-too-high`, or `coins-differ` when the node counts other coins than the chain's blocks have shown
 */
async function compare(rebuilding: Rebuilding, { chain, nodeHeight }: ChainProgress): Promise<void> {
  const { watcher, directory, from, out } = rebuilding
  const top = Math.min(from, nodeHeight!)
  const beginning = await watcher.beginningOf(chain, top)
  const again = `ove ${directory} away and rebuild with --from ${beginning}`
  const lower = `Were they paid before block ${from}? Then m${again}`
  if (await watcher.isOlderThan(chain, top))
    throw operating(
      'began-too-high',
      `${chain}: the signer's addresses are older than block ${from}, and what was paid to them before is not read. M${again}`,
    )
  const { earlier, unseen } = await watcher.unexplained(chain)
  if (earlier.length > 0)
    throw operating('coins-differ', `${chain}: no block that was read has paid ${some(earlier)}. ${lower}`)
  if (unseen.length > 0)
    throw operating(
      'coins-differ',
      `${chain}: transfers under way spend ${some(unseen)}, which no block that was read has paid. ${lower}; were they paid by what is not in a block now, run it again when it is`,
    )
  const found = await audit(rebuilding, chain)
  if (found === null) return out(`${chain}: the node cannot count unspent outputs; the coins were not compared`)
  const { count, total, missing, surplus } = found
  if (missing.length + surplus.length > 0)
    throw operating(
      'coins-differ',
      `${chain}: the node has ${some(missing)} more, the ledger ${some(surplus)}. ${lower}`,
    )
  out(`${chain}: ${count} coins, ${total} base units, as the node counts them`)
}

async function fill(ports: RealPorts, config: WatcherConfig, rebuilding: Rebuilding): Promise<void> {
  const { watcher, directory } = rebuilding
  try {
    const chains = await untilDone(rebuilding, () => endRebuild(ports.disk, directory))
    for (const chain of chains) await compare(rebuilding, chain)
  } finally {
    await watcher.stop()
  }
  await endRebuild(ports.disk, config.dataDirectory)
}

/** @throws what `beginRebuild` and `main` throw; operating `halted`, `node-pruned`, `began-too-high`, `coins-differ`, `not-counted` */
export async function runRebuild(configPath: string, from: number, out: (line: string) => void): Promise<void> {
  const config = await readWatcherConfig(configPath)
  const directory = config.dataDirectory
  const token = parseTokens(await readText(config.apiTokenFile))[0]!
  const ports = createPorts('warn', createRequest(await clientTls(config.signer)))
  try {
    const engine = ledgerEngine(ports.disk, config)
    if (await beginRebuild(ports.disk, directory, engine, from)) out('going on with the rebuild that was interrupted')
    const watcher = await main(ports, configFrom(config, from))
    await fill(ports, config, { watcher, token, directory, from, out })
  } finally {
    ports.close()
  }
}
