/**
 * Spend keys of the family. Each block of an account uses up its account's place behind the block before, and a receive also the send that
 * it receives: so whatever stands for such a key is spent exactly once, as an output is in the bitcoin family.
 */
import type { SpendKey } from '../../machines/vocabulary.ts'

/** The place behind the block `previous`; behind none, that is 64 zeros. `account`: canonical. */
export const frontierKey = (chain: string, account: string, previous: string): SpendKey =>
  `${chain}:${account}:${previous}`

/** A send that waits to be received. */
export const receivableKey = (chain: string, hash: string): SpendKey => `${chain}:${hash}`

/** What a key stands for. `hash`: of the block behind which there is room, or of the send. */
export function readKey(chain: string, key: SpendKey): { sort: 'frontier' | 'receivable'; hash: string } {
  const rest = key.slice(chain.length + 1)
  const colon = rest.indexOf(':')
  return colon === -1 ? { sort: 'receivable', hash: rest } : { sort: 'frontier', hash: rest.slice(colon + 1) }
}
