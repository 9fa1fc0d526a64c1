/**
 * The watcher: follows the chains, finds deposits, pays withdrawals, answers the backend. Everything real comes through
 * the ports, so that the simulator runs it unchanged and crashes it at any await.
 */
import type { Trouble } from '../kernel/trouble.ts'
import { setMaxListeners } from 'node:events'
import { join } from 'node:path'
import { chainOf, isKind } from '../kernel/entry.ts'
import { boundary, reasonOf } from '../kernel/fault.ts'
import type { Ports } from '../kernel/ports.ts'
import type { WatchingFamily } from '../../adapters/family.ts'
import type { WatcherConfig } from '../config.ts'
import { createHandler, type RouteHandler } from '../http/handler.ts'
import { openTokenFile, type TokenFile } from '../http/token-file.ts'
import { mayWrite } from '../http/tokens.ts'
import { fileRoutes, type BuiltFile } from '../inspector/files.ts'
import type { Ledger } from '../ledger/engine.ts'
import type { LiveMemory, Observer } from '../orchestrator/memory.ts'
import { areExplained } from '../orchestrator/routes/facts.ts'
import { viewOf } from '../orchestrator/routes/view.ts'
import { chainContext, type Orchestrator } from '../orchestrator/orchestrator.ts'
import type { Unexplained } from '../../adapters/book.ts'
import { audit, beginningOf, isOlderThan, type Audit } from './audit.ts'
import { apiRoutes } from './api.ts'
import { memoryHeaders } from '../signer-api/routes.ts'
import { openFamilies, type Families } from './families.ts'
import { startFollower, type FollowerLoop } from './follower.ts'
import { knownChains, refuseForgotten } from './forgotten-chains.ts'
import { createMeters, type Meters } from './meters.ts'
import { createHealth, healthOf, type Health } from './health.ts'
import { openLedger } from './ledger.ts'
import type { Loop } from './loop.ts'
import { decimalsIn, type ApiContext } from './api-context.ts'
import { createQuotes } from './quotes.ts'
import { overheard } from './overheard.ts'
import { unheardOf } from './rereading.ts'
import { createLately } from './lately.ts'
import { createRecent, type Recent } from './recent.ts'
import { readHooks, startNotifier, type Hook, type Notifier } from './notify.ts'
import { createPerformers } from './performers.ts'
import { startPulse } from './pulse.ts'
import { createSignerClient, type SignerClient } from './signer-client.ts'
import { highestPosition } from './signer-position.ts'
import { startSearch, type Search } from './search/index.ts'
import { createStore } from './store.ts'
import { completeAddresses, refuseFormerAddresses } from './address-pool.ts'
import { startSignerLoop } from './signer-loop.ts'

export interface Watcher {
  handle: RouteHandler
  /** Compares what the ledger holds of a chain with what its node counts. */
  audit(chain: string): Promise<Audit | 'moved' | null>
  /** Whether the chain's addresses are older than the block at this height. */
  isOlderThan(chain: string, height: number): Promise<boolean>
  /** Whether its ledger still stands where it was opened: null, or what is wrong. */
  check(): Promise<string | null>
  /** The highest block, up to this one, from which all that was paid to the chain's addresses is read. */
  beginningOf(chain: string, height: number): Promise<number>
  /** What was spent, though nothing that was read has brought it. */
  unexplained(chain: string): Promise<Unexplained>
  /** What the chain's node fails with now, or null. */
  nodeTrouble(chain: string): Trouble | null
  /** Reads the tokens anew, those of the API and the one for the signer; see token-file.ts. */
  reload(): Promise<void>
  /** Takes no new work, finishes the commit in flight and lets go of the ledger. */
  stop(): Promise<void>
}

/** What a process serves besides, where it has it. */
export interface Extras {
  /** The page for people. */
  inspector?: readonly BuiltFile[]
  /** What the process says of itself, in Prometheus' text format. */
  processMetrics?: () => string
}

/** In the data directory, beside the ledger. */
const SEARCH_DIRECTORY = 'search'
/** There too: how far each webhook is. */
const NOTIFY_DIRECTORY = 'notify'
/** A withdrawal with a hundred authorisations stays far below it. */
const MAXIMUM_BODY_BYTES = 64 * 1024

/** Each chain's watch follows memory. */
function watching(families: Readonly<Record<string, WatchingFamily>>, memory: LiveMemory): Observer {
  return (before, after) => {
    const watch = families[chainOf(after)]?.watch
    if (watch === undefined) return
    if (isKind(after, 'address') && before === undefined) watch.addAddress(after.context.index, after.context.address)
    watch.changed(memory, before, after)
  }
}

const nodesOf = (families: Readonly<Record<string, WatchingFamily>>) =>
  Object.fromEntries(Object.entries(families).map(([chain, { node }]) => [chain, node]))

/** Before anything is served: a new ledger that starts at the tip, beside a signer that has been used. */
async function refuseBlindStart(
  config: WatcherConfig,
  memory: LiveMemory,
  signer: SignerClient,
  { log }: Ports,
): Promise<void> {
  for (const [name, { startHeight }] of Object.entries(config.chains)) {
    const isNew = (chainContext(memory, name)?.blocks.length ?? 0) === 0
    if (!isNew || startHeight !== 'latest') continue
    const refusal = await refuseFormerAddresses(signer, name).then(
      () => null,
      (error: unknown) => error,
    )
    if (isRefusal(refusal)) throw refusal
    if (refusal !== null) log('warn', 'the signer cannot be asked yet', { chain: name, reason: reasonOf(refusal) })
  }
}

const isRefusal = (error: unknown): error is Error =>
  error instanceof Error && 'type' in error && error.type === 'boundary'

interface Started extends Families {
  ports: Ports
  config: WatcherConfig
  ledger: Ledger
  orchestrator: Orchestrator
  signer: SignerClient
  health: Health
  /** By chain, as they start. */
  followers: Map<string, FollowerLoop>
  meters: Meters
  extras: Extras
  tokenFiles: Record<'api' | 'signer', TokenFile>
  hooks: readonly Hook[]
}

function openSearch({ ports, config, ledger, orchestrator, policies }: Started): Search {
  const search = startSearch({
    ...ports,
    directory: join(config.dataDirectory, SEARCH_DIRECTORY),
    ledgerId: ledger.opened.ledgerId,
    memory: orchestrator.memory,
    archive: ledger.archive,
    chains: Object.keys(policies),
    durableSeq: () => ledger.journal.position().sequence,
  })
  orchestrator.onDurable(() => search.follow())
  return search
}

/** Woken by whatever becomes durable. */
function openNotifier({ ports, config, ledger, orchestrator, policies, hooks }: Started, recent: Recent): Notifier {
  const { archive, journal, opened } = ledger
  const notifier = startNotifier({
    ...ports,
    hooks,
    directory: join(config.dataDirectory, NOTIFY_DIRECTORY),
    feed: { archive, journal, recent, ledgerId: opened.ledgerId, decimals: decimalsIn(policies) },
  })
  orchestrator.onDurable(() => notifier.wake())
  return notifier
}

function startLoops(started: Started): { loops: Loop[]; signerLoops: Map<string, Loop> } {
  const { ports, config, families, policies, ledger, orchestrator, signer, health } = started
  const { clock, log } = ports
  const signerLoops = new Map<string, Loop>()
  const followers = Object.entries(config.chains).map(([chain, { startHeight, pollMs }]): Loop => {
    const { node, blockSeconds } = families[chain]!
    const mayStartAtTip = () => refuseFormerAddresses(signer, chain)
    const { final } = policies[chain]!
    const chosen = { chain, startHeight, final, pollMs, blockSeconds }
    const askSigner = () => signerLoops.get(chain)?.wake()
    const { ledgerId } = ledger.opened
    const sharing = () => ({ role: config.role, otherLedger: healthOf(health, chain).otherLedger })
    const viewNow = () => viewOf(policies, orchestrator.memory, chain, clock.now())
    const follower = startFollower({
      unheardOf: facts => unheardOf(viewNow(), facts, ledger.archive),
      completeAddresses: () => completeAddresses({ chain, signer, orchestrator, ledgerId, clock, log }, sharing()),
      ...{ ...chosen, node, orchestrator, health, clock, log, mayStartAtTip, askSigner },
      areExplained: facts => areExplained(viewNow(), facts),
    })
    started.followers.set(chain, follower)
    return follower
  })
  for (const [chain, { addressPool }] of Object.entries(config.chains)) {
    const { archive } = ledger
    signerLoops.set(
      chain,
      startSignerLoop({
        ...{ chain, pool: addressPool, signer, orchestrator, archive, health, clock, log },
        ledgerId: ledger.opened.ledgerId,
        held: keys => policies[chain]!.book.held(keys),
        role: config.role,
      }),
    )
  }
  return { loops: [...followers, ...signerLoops.values()], signerLoops }
}

function serve(started: Started): Watcher {
  const { ports, ledger, orchestrator, health, policies, tokenFiles, meters } = started
  const { loops, signerLoops } = startLoops(started)
  const search = openSearch(started)
  const ending = new AbortController()
  // Each long poll listens to it.
  setMaxListeners(0, ending.signal)
  const recent = createRecent(ledger.journal.position().sequence)
  orchestrator.onDurable(commit => recent.note(commit))
  const lately = createLately(ledger.archive, ports.clock, recent.last)
  orchestrator.onDurable(commit => lately.note(commit))
  orchestrator.onDurable(commit => meters.durable(commit))
  const pulse = startPulse(ports.clock, ports.log)
  const notifier = openNotifier(started, recent)
  const api: ApiContext = {
    orchestrator,
    store: createStore(orchestrator, ledger.archive),
    archive: ledger.archive,
    journal: ledger.journal,
    recent,
    lately,
    search,
    ledgerId: ledger.opened.ledgerId,
    role: started.config.role,
    policies,
    chains: () => knownChains(policies, orchestrator.memory),
    decimals: decimalsIn(policies),
    quote: createQuotes(nodesOf(started.families), ports.clock),
    health,
    signer: started.signer,
    clock: ports.clock,
    pulse,
    meters,
    notifier,
    processMetrics: started.extras.processMetrics ?? (() => ''),
    wakeSignerLoop: chain => signerLoops.get(chain)?.wake(),
    stopping: ending.signal,
  }
  // What a backend is to name in its intents, and to compare with what the signer shows later.
  const answerHeaders = () => {
    const seen = started.signer.position()
    return seen === null ? {} : memoryHeaders(seen)
  }
  const options = { tokens: tokenFiles.api.tokens, maximumBodyBytes: MAXIMUM_BODY_BYTES, log: ports.log, answerHeaders }
  const stop = async () => {
    ending.abort()
    notifier.stop()
    await Promise.all([orchestrator.stop(), pulse.stop(), ...loops.map(loop => loop.stop())])
    await search.stop()
    await ledger.journal.close()
  }
  const nodeOf = (chain: string) => started.families[chain]!.node
  return {
    handle: createHandler([...apiRoutes(api), ...fileRoutes(started.extras.inspector ?? [])], options),
    audit: chain => audit(orchestrator.memory, policies[chain]!, nodeOf(chain)),
    isOlderThan: (chain, height) => isOlderThan(orchestrator.memory, chain, nodeOf(chain), height),
    check: () => ledger.journal.check(),
    beginningOf: (chain, height) => beginningOf(orchestrator.memory, chain, nodeOf(chain), height),
    unexplained: chain => policies[chain]!.book.unexplained(orchestrator.memory, ledger.archive, chain),
    nodeTrouble: chain => healthOf(health, chain).nodeTrouble,
    async reload() {
      await Promise.all([tokenFiles.api.reload(), tokenFiles.signer.reload()])
    },
    stop,
  }
}

function reportOpened({ log }: Ports, { opened }: Ledger): void {
  const { ledgerId, seq, live, created } = opened
  log('info', created ? 'new ledger' : 'ledger opened', { ledgerId, seq, live: live.length })
}

/**
 * Starts the watcher. Rejects before it serves: boundary `configuration`,
 * `invalid-tokens`; corruptStore for a damaged ledger; operating `locked`.
 */
export async function main(given: Ports, config: WatcherConfig, extras: Extras = {}): Promise<Watcher> {
  const ports = { ...given, request: overheard(given.request, given.clock, given.log) }
  const api = await openTokenFile(ports, config.apiTokenFile)
  const hooks = await readHooks(ports.disk, config)
  const ofSigner = await openTokenFile(ports, config.signer.tokenFile)
  const token = () => ofSigner.tokens().find(mayWrite)
  if (token() === undefined) throw boundary('configuration', 'signer.tokenFile: holds no token that may write')
  const meters = createMeters(ports.clock)
  const { families, policies } = await openFamilies(ports, config, meters.node)
  const signer = meters.signer(createSignerClient({ url: config.signer.url, token: () => token()! }, ports.request))
  const health = createHealth(Object.keys(policies))
  const nodes = nodesOf(families)
  const followers = new Map<string, FollowerLoop>()
  const performers = createPerformers({
    found: (chain, place) => followers.get(chain)?.reread(place),
    memory: () => orchestrator.memory,
    ledgerId: () => ledger.opened.ledgerId,
    isReconciled: chain => healthOf(health, chain).isReconciled,
    reconcile: chain => health.trigger.noted({ chain, isReconciled: false }),
    rulesKnown: chain => healthOf(health, chain).rules,
    ...{ role: config.role, signer, nodes, policies, random: ports.random },
  })
  const counted = { performers: meters.performers(performers), measured: meters.ledger }
  const { ledger, orchestrator } = await openLedger(ports, config, { policies, ...counted })
  try {
    reportOpened(ports, ledger)
    signer.expect(highestPosition(orchestrator.memory))
    refuseForgotten(config, orchestrator.memory)
    await refuseBlindStart(config, orchestrator.memory, signer, ports)
    orchestrator.memory.observe(watching(families, orchestrator.memory))
    await orchestrator.dispatch({ type: 'process.started', at: ports.clock.now(), data: {} })
    orchestrator.start()
    const shared = { ports, config, ledger, orchestrator, signer, health }
    const tokenFiles = { api, signer: ofSigner }
    return serve({ ...shared, families, policies, meters, extras, tokenFiles, followers, hooks })
  } catch (error) {
    await ledger.journal.close().catch(() => {})
    throw error
  }
}
