/**
 * The highest memory of the signer that this ledger has seen. A signer that shows less was restored from a backup, has
 * forgotten what it signed, and is not to be asked for anything (S3); unless a person says that the later memory is lost.
 */
import type { Ports } from '../kernel/ports.ts'
import type { MemoryPosition } from '../../machines/vocabulary.ts'
import type { WatcherConfig } from '../config.ts'
import type { LiveMemory } from '../orchestrator/memory.ts'
import { openFamilies } from './families.ts'
import { openLedger } from './ledger.ts'

export function highestPosition(memory: LiveMemory): MemoryPosition | null {
  const positions = memory.list('account').flatMap(one => one.context.seen ?? [])
  return positions.sort((a, b) => b.sequence - a.sequence)[0] ?? null
}

/**
 * Forgets what was seen, offline, as a transition of the ledger; answers what that was. Rejects as the watcher's start
 * does: operating `locked` while a watcher runs.
 */
export async function acceptSigner(ports: Ports, config: WatcherConfig): Promise<MemoryPosition | null> {
  const { policies } = await openFamilies(ports, config)
  const { ledger, orchestrator } = await openLedger(ports, config, { policies, performers: {} })
  try {
    const seen = highestPosition(orchestrator.memory)
    await orchestrator.dispatch({ type: 'signer.replaced', at: ports.clock.now(), data: {} })
    await orchestrator.stop()
    return seen
  } finally {
    await ledger.journal.close()
  }
}
