/** What every route of the signer stands on. */
import { boundary } from '../kernel/fault.ts'
import type { Authority } from '../approvals.ts'
import type { PolicyRules } from './audit/trail.ts'
import type { Attempts, ServedChain } from './signing/attempts.ts'
import type { IdentityKey } from './keys/identity.ts'
import type { SignerMemory } from './memory/memory.ts'
import type { Voids } from './signing/voids.ts'

/** What the signer's routes stand on: the same idea as the watcher's, with other contents. */
export interface RouteContext {
  chains: ReadonlyMap<string, ServedChain>
  identity: IdentityKey
  /** Null when authorisation is not required. */
  authority: Authority | null
  attempts: Attempts
  voids: Voids
  memory: SignerMemory
  /** What is configured, for whoever watches that it stays so. */
  policy: PolicyRules
  /** What the process says of itself, in Prometheus' text format. */
  processMetrics: () => string
  /** What reads large records from the disk is done one after the other: a thousand at once would not fit into memory. */
  inTurn: <Result>(job: () => Promise<Result>) => Promise<Result>
}

/** A page ends early beyond this: templates carry whole previous transactions. */
export const PAGE_BYTES = 8 * 1024 * 1024

/** Jobs in the order in which they come, each when the one before has ended. */
export function createTurns(): RouteContext['inTurn'] {
  let last: Promise<unknown> = Promise.resolve()
  return job => {
    const done = last.then(job)
    last = done.catch(() => undefined)
    return done
  }
}

/** Throws boundary `not-found`. */
export function chainNamed({ chains }: RouteContext, name: string): ServedChain {
  const chain = chains.get(name)
  if (chain === undefined) throw boundary('not-found', `this signer does not sign for a chain named ${name}`)
  return chain
}
