/**
 * Mixed traffic on a real chain that reorganises now and then, while watcher and signer are killed at random moments:
 * everything that moved must be accounted for afterwards by the node, the ledger, the feed and the backend's book, to the
 * base unit.
 */
import { audit, type Audit } from './audit.ts'
import { openBackend } from './soak-backend.ts'
import { createRandom, FUNDING, pause, PAYER_BLOCKS, ROUND_MS, run, type Traffic } from './soak-traffic.ts'
import { startSystem } from './system.ts'

export interface SoakPlan {
  deposits: number
  withdrawals: number
  kills: number
  seed?: number
}

export interface SoakReport extends Audit {
  kills: { watcher: number; signer: number }
  /** Milliseconds from each start after a kill to the line that says it serves. */
  readyMs: { watcher: number[]; signer: number[] }
  /** The same in processor time, which other work on the machine does not lengthen. */
  readyUsedMs: { watcher: number[]; signer: number[] }
  reorganisations: number
  seconds: number
}

type Kills = Pick<SoakReport, 'kills' | 'readyMs' | 'readyUsedMs'>

const POOL = { low: 10, high: 30 }

async function killOne({ system, random }: Traffic, { kills, readyMs, readyUsedMs }: Kills): Promise<void> {
  await pause(random(ROUND_MS))
  const victim = random(2) === 0 ? 'watcher' : 'signer'
  await system[victim].kill9()
  kills[victim]++
  readyMs[victim].push(Math.round(await system[victim].start()))
  readyUsedMs[victim].push(system[victim].usedMs())
}

/** What everything must come to in the end; stops the system. Rejects with what does not add up. */
export async function account({ system, backend, plan, sent }: Traffic): Promise<Audit> {
  const fundedSat = FUNDING.reduce((a, b) => a + b, 0n)
  const found = await audit(system, { ...plan, backend, sent, fundedSat })
  await system.close()
  return found
}

/** `rounds`: how often something falls. */
export async function openTraffic(plan: Traffic['plan'], rounds: number): Promise<Traffic> {
  const system = await startSystem({ blocks: PAYER_BLOCKS, chain: { addressPool: POOL } })
  const random = createRandom(plan.seed)
  return { system, backend: openBackend(system), plan, rounds, random, sent: [], reorganisations: 0, isOver: false }
}

/** Rejects with what does not add up. */
export async function soak({ kills, seed = 1, ...plan }: SoakPlan): Promise<SoakReport> {
  const startedAt = performance.now()
  const traffic = await openTraffic({ ...plan, seed }, kills)
  const none = () => ({ watcher: [], signer: [] })
  const report: Kills = { kills: { watcher: 0, signer: 0 }, readyMs: none(), readyUsedMs: none() }
  try {
    await run(traffic, () => killOne(traffic, report))
    const found = await account(traffic)
    const { reorganisations } = traffic
    return { ...found, ...report, reorganisations, seconds: Math.round((performance.now() - startedAt) / 1000) }
  } catch (error) {
    await traffic.system.abandon()
    throw error
  }
}
