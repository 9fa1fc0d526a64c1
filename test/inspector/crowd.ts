/**
 * A watcher's API over a ledger of so many instances, in a process of its own, with steady traffic when asked for: what the
 * inspector is measured on. `node crowd.js INSTANCES`; told `traffic`, it commits 50 transitions a second.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHandler } from '../../src/http/handler.ts'
import { fileRoutes } from '../../src/inspector/files.ts'
import { readInspector } from '../../src/shell/inspector.ts'
import { serve } from '../../src/shell/koa.ts'
import { createPorts } from '../../src/shell/ports.ts'
import { apiRoutes } from '../../src/watcher/api.ts'
import { createMeters } from '../../src/watcher/meters.ts'
import { createHealth } from '../../src/watcher/health.ts'
import { decimalsIn, type ApiContext } from '../../src/watcher/api-context.ts'
import { startSearch } from '../../src/watcher/search/index.ts'
import { startPulse } from '../../src/watcher/pulse.ts'
import { createLately } from '../../src/watcher/lately.ts'
import { createRecent } from '../../src/watcher/recent.ts'
import { createSignerClient } from '../../src/watcher/signer-client.ts'
import { createStore } from '../../src/watcher/store.ts'
import { AT, CHAIN, confirmDeposits, openChain, openWorld, policies } from '../bench/world.ts'

export const TOKEN = 'a-token-for-measuring'
const ADDRESSES = 1000
/** A payment makes a deposit, a coin and a transaction. */
const INSTANCES_EACH = 3
const MAXIMUM_BODY_BYTES = 64 * 1024
const BEAT_MS = 200
const TRANSITIONS_A_BEAT = 10

async function run(instances: number): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'lockkeeper-crowd-'))
  process.on('exit', () => void rm(directory, { recursive: true, force: true }))
  const ports = createPorts('error')
  const world = await openWorld(join(directory, 'ledger'))
  const { ledger, orchestrator } = world
  await openChain(world, ADDRESSES)
  const deposits = await confirmDeposits(world, Math.floor((instances - ADDRESSES) / INSTANCES_EACH), ADDRESSES)
  const durableSeq = () => ledger.journal.position().sequence
  const { ledgerId } = ledger.opened
  const of = { ledgerId, memory: orchestrator.memory, archive: ledger.archive, chains: [CHAIN], durableSeq }
  const search = startSearch({ ...ports, ...of, directory: join(directory, 'search') })
  orchestrator.onDurable(() => search.follow())
  const recent = createRecent(durableSeq())
  orchestrator.onDurable(commit => recent.note(commit))
  const lately = createLately(ledger.archive, ports.clock, durableSeq())
  orchestrator.onDurable(commit => lately.note(commit))
  const health = createHealth([CHAIN])
  health.trigger.noted({ chain: CHAIN, isReconciled: true, nodeHeight: orchestrator.memory.heights[CHAIN]! })
  const api: ApiContext = {
    ...{ orchestrator, archive: ledger.archive, journal: ledger.journal, search, ledgerId, policies, health },
    ...{ store: createStore(orchestrator, ledger.archive), clock: ports.clock, wakeSignerLoop: () => undefined },
    ...{ chains: () => [CHAIN], decimals: decimalsIn(policies), quote: () => Promise.reject(new Error('no node')) },
    ...{ meters: createMeters(ports.clock), processMetrics: () => '' },
    notifier: { troubles: () => [], behind: () => [] },
    ...{ recent, lately, role: 'paying' as const, pulse: startPulse(ports.clock, ports.log) },
    signer: createSignerClient({ url: 'http://127.0.0.1:1', token: () => TOKEN }, ports.request),
    stopping: new AbortController().signal,
  }
  const routes = [...apiRoutes(api), ...fileRoutes(await readInspector())]
  const handler = createHandler(routes, { tokens: () => [TOKEN], maximumBodyBytes: MAXIMUM_BODY_BYTES, log: ports.log })
  const { address } = await serve(handler, { listen: '127.0.0.1:0' })
  process.on('message', message => {
    if (message === 'traffic') setInterval(beat, BEAT_MS)
  })
  function beat(): void {
    for (const id of deposits.splice(0, TRANSITIONS_A_BEAT))
      void orchestrator.dispatch({ type: 'credit.acknowledged', at: AT, data: { id } })
  }
  while (search.endedCounts() === null) await new Promise(resolve => setTimeout(resolve, BEAT_MS))
  process.send?.({ url: `http://${address}`, instances: [...orchestrator.memory.all()].length })
}

if (process.send !== undefined) await run(Number(process.argv[2]))
