/** Numbers for operators, in Prometheus' text format. Read off memory when asked; nothing is counted twice. */
import { Gauge, Registry } from 'prom-client'
import { longestQueuedMs } from './problems.ts'
import { healthOf } from './health.ts'
import type { ApiContext } from './api-context.ts'
import { chainContext } from '../orchestrator/orchestrator.ts'
import { freeAddresses } from './address-pool.ts'

const MILLISECONDS_PER_SECOND = 1000

export interface Metrics {
  contentType: string
  text(): Promise<string>
}

/** None while the search index, which counts them, is being made. */
function refreshEnded(ended: Gauge, { search }: ApiContext): void {
  ended.reset()
  for (const [key, count] of search.endedCounts() ?? []) {
    const [kind, chain, state] = key.split('|') as [string, string, string]
    ended.set({ kind, chain, state }, count)
  }
}

export function createMetrics(api: ApiContext): Metrics {
  const registry = new Registry()
  const gauge = (name: string, help: string, labelNames: string[] = ['chain']) =>
    new Gauge({ name: `lockkeeper_${name}`, help, labelNames, registers: [registry] })
  const instances = gauge('instances', 'Live instances', ['chain', 'kind', 'state'])
  const ended = gauge('ended_instances', 'Instances that have ended', ['chain', 'kind', 'state'])
  const countedSeq = gauge('counted_seq', 'Seq as of which instances are counted', [])
  const height = gauge('chain_height', 'Height of the tip that is followed')
  const nodeHeight = gauge('node_height', 'Height that the node reports')
  const failing = gauge('node_failing', '1 while the node cannot be followed')
  const tipAge = gauge('tip_age_seconds', "Since the node's chain last moved; -1 before that is known")
  const turnAge = gauge('follower_turn_age_seconds', 'Since a turn of following last ended; -1 before the first')
  const mempoolPause = gauge('mempool_pause_seconds', 'Between two looks at the mempool, where they are spared; else 0')
  const halted = gauge('chain_halted', '1 when the chain is halted and waits for a person')
  const free = gauge('free_addresses', 'Addresses that can be assigned')
  const recalled = gauge('signer_recalled', "1 when the signer's memory has been compared since the start")
  const queued = gauge(
    'oldest_queued_seconds',
    'Since anything changed for the withdrawal that waits longest; 0 for none',
  )
  const standstill = gauge('event_loop_stall_seconds', 'Longest standstill of the process within the last minute', [])
  const seq = gauge('ledger_seq', 'Last durable seq', [])

  const refresh = () => {
    const { memory } = api.orchestrator
    const now = api.clock.monotonic()
    const age = (since: number | null) => (since === null ? -1 : (now - since) / MILLISECONDS_PER_SECOND)
    instances.reset()
    for (const { count, ...labels } of memory.counts()) if (count > 0) instances.set(labels, count)
    countedSeq.set(memory.seq)
    refreshEnded(ended, api)
    for (const chain of Object.keys(api.policies)) {
      const health = healthOf(api.health, chain)
      height.set({ chain }, chainContext(memory, chain)?.height ?? -1)
      nodeHeight.set({ chain }, health.nodeHeight ?? -1)
      failing.set({ chain }, health.nodeTrouble === null ? 0 : 1)
      tipAge.set({ chain }, age(health.movedAt))
      turnAge.set({ chain }, age(health.turnedAt))
      mempoolPause.set({ chain }, health.mempoolPauseMs / MILLISECONDS_PER_SECOND)
      halted.set({ chain }, memory.count('chain', chain, 'halted'))
      free.set({ chain }, freeAddresses(memory, chain).length)
      queued.set({ chain }, (longestQueuedMs(memory, chain, api.clock.now()) ?? 0) / MILLISECONDS_PER_SECOND)
      recalled.set({ chain }, health.isReconciled ? 1 : 0)
    }
    standstill.set(api.pulse.longestMs() / MILLISECONDS_PER_SECOND)
    seq.set(api.journal.position().sequence)
  }
  return {
    contentType: registry.contentType,
    text() {
      refresh()
      return registry.metrics()
    },
  }
}
