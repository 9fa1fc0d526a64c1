/**
 * Unconfirmed transactions, looked for while nothing else happens. They decide nothing, so what goes wrong with them is told
 * and does not keep anybody from following blocks; and they cost a small part of one processor at most, however many there are.
 */
import type { Fact, Node } from '../../adapters/adapter.ts'
import { Fault } from '../kernel/fault.ts'
import type { Clock, Log } from '../kernel/ports.ts'
import type { Orchestrator } from '../orchestrator/orchestrator.ts'
import type { Health } from './health.ts'
import { createWatchman } from '../kernel/trouble.ts'

export interface HintsOptions {
  chain: string
  pollMs: number
  node: Node
  orchestrator: Orchestrator
  health: Health
  clock: Clock
  log: Log
}

export interface Hints {
  /** Looks, unless it is too early. What the node fails with is noted and told; rejects as the orchestrator does. */
  look(): Promise<void>
}

/** Unconfirmed transactions read in one poll. */
const MAXIMUM_PENDING = 500
/** Of one processor: what looking for them may cost. */
const SHARE = 0.05
const LONGEST_MS = 60_000
const WORTH_SAYING_MS = 2000
/** The log says that it is slow, or no longer, at most so often. */
const SAY_MS = 10 * 60_000

export function createHints(options: HintsOptions): Hints {
  const { chain, pollMs, node, orchestrator, health, clock, log } = options
  let nextAt = -Infinity
  let said = { isSlow: false, at: -Infinity }

  const watchman = createWatchman({
    what: 'unconfirmed transactions cannot be read',
    over: 'unconfirmed transactions can be read again',
    fields: { chain },
    ...{ firstMs: pollMs, longestMs: LONGEST_MS, clock, log },
    note: mempoolTrouble => health.trigger.noted({ chain, mempoolTrouble }),
  })

  function pace(usedMs: number): void {
    const pauseMs = Math.min(usedMs / SHARE, LONGEST_MS)
    const now = clock.monotonic()
    nextAt = now + pauseMs
    const mempoolPauseMs = pauseMs > pollMs ? Math.round(pauseMs) : 0
    health.trigger.noted({ chain, mempoolPauseMs })
    const isSlow = pauseMs > Math.max(pollMs, WORTH_SAYING_MS)
    if (isSlow === said.isSlow || now - said.at < SAY_MS) return
    said = { isSlow, at: now }
    if (isSlow) log('info', 'a large mempool: it is looked at less often', { chain, everyMs: mempoolPauseMs })
    else log('info', 'the mempool is looked at as often as configured', { chain })
  }

  /** Nothing where the node fails. */
  async function read(): Promise<Fact[]> {
    const before = clock.processor()
    try {
      const facts = await node.pending(MAXIMUM_PENDING)
      pace(clock.processor() - before)
      watchman.worked()
      return facts
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      nextAt = clock.monotonic() + watchman.failed(error)
      return []
    }
  }

  return {
    async look() {
      const facts = clock.monotonic() < nextAt ? [] : await read()
      if (facts.length > 0)
        await orchestrator.dispatch({ type: 'facts.pending', at: clock.now(), data: { chain, facts } })
    },
  }
}
