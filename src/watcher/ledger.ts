/** The watcher's ledger, and the orchestrator whose memory it keeps. */
import { boundary } from '../kernel/fault.ts'
import { upgradeOf, versionsOf } from '../kernel/migration.ts'
import type { Disk, Ports } from '../kernel/ports.ts'
import type { WatcherConfig } from '../config.ts'
import type { Engine, Ledger } from '../ledger/engine.ts'
import { lowdbEngine } from '../ledger/lowdb/engine.ts'
import { watcherMachines } from '../orchestrator/machines.ts'
import { createOrchestrator, type Orchestrator, type OrchestratorOptions } from '../orchestrator/orchestrator.ts'

/** Where the configuration has it. Throws boundary `configuration` for an engine that this version lacks. */
export function ledgerEngine(disk: Disk, { ledger, dataDirectory }: WatcherConfig): Engine {
  if (ledger.engine === 'lowdb') return lowdbEngine(disk, dataDirectory)
  throw boundary('configuration', 'ledger.engine: this version has lowdb only')
}

export interface OpenedLedger {
  ledger: Ledger
  orchestrator: Orchestrator
}

/** Rejects as the engine's `open` does: corruptStore, operating `locked`; and boundary `configuration`. */
export async function openLedger(
  ports: Ports,
  config: WatcherConfig,
  {
    policies,
    performers,
    measured = ledger => ledger,
  }: Pick<OrchestratorOptions, 'policies' | 'performers'> & { measured?: (ledger: Ledger) => Ledger },
): Promise<OpenedLedger> {
  const memory = { live: () => orchestrator.memory.all(), reservations: () => orchestrator.memory.reservations() }
  const opened = await ledgerEngine(ports.disk, config).open({
    ports,
    upgrade: upgradeOf(watcherMachines),
    versions: versionsOf(watcherMachines),
    memory,
  })
  const ledger = measured(opened)
  const orchestrator = createOrchestrator({ ports, machines: watcherMachines, policies, ledger, performers })
  return { ledger, orchestrator }
}
