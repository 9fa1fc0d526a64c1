/** Which chains must be configured: none is left out because somebody has forgotten it. */
import { nameOf } from '../../machines/ids.ts'
import type { WatcherConfig } from '../config.ts'
import { boundary } from '../kernel/fault.ts'
import type { LiveMemory } from '../orchestrator/memory.ts'

/** Those that are followed first, then those that the ledger knows and that are retired. */
export const knownChains = (followed: Readonly<Record<string, unknown>>, memory: LiveMemory): string[] => [
  ...new Set([...Object.keys(followed), ...memory.list('chain').map(({ id }) => nameOf(id))]),
]

/** A chain that is not followed any more holds money and promises: it is left out only where somebody says so. Throws boundary `configuration`. */
export function refuseForgotten(
  { chains, retired }: Pick<WatcherConfig, 'chains' | 'retired'>,
  memory: LiveMemory,
): void {
  if (Object.keys(chains).length === 0)
    throw boundary('configuration', 'chains: none is configured: there is nothing to watch')
  const forgotten = memory
    .list('chain')
    .map(({ id }) => nameOf(id))
    .filter(name => !Object.hasOwn(chains, name) && !retired.includes(name))
  if (forgotten.length > 0)
    throw boundary(
      'configuration',
      `chains: the ledger knows ${forgotten.join(', ')}, which is not configured: configure it, or say that it is left out with retired: [${forgotten.join(', ')}]`,
    )
}
