/** Numbers for operators, in Prometheus' text format: what was counted, and what is read off memory when asked; nothing twice. */
import type { Gauge } from 'prom-client'
import { EXPOSITION_TYPE } from '../metrics/exposition.ts'
import { longestQueuedMs } from './problems.ts'
import { balancesOf } from './balances.ts'
import { healthOf } from './health.ts'
import { gaugeOf } from './meters.ts'
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

/** Gauges of each chain, and what sets them. */
function chainGauges({ meters: { registry }, ...api }: ApiContext): (chain: string) => void {
  const height = gaugeOf(registry, 'lockkeeper_chain_height')
  const nodeHeight = gaugeOf(registry, 'lockkeeper_node_height')
  const failing = gaugeOf(registry, 'lockkeeper_node_failing')
  const tipAge = gaugeOf(registry, 'lockkeeper_tip_age_seconds')
  const interval = gaugeOf(registry, 'lockkeeper_block_interval_seconds')
  const turnAge = gaugeOf(registry, 'lockkeeper_follower_turn_age_seconds')
  const mempoolPause = gaugeOf(registry, 'lockkeeper_mempool_pause_seconds')
  const halted = gaugeOf(registry, 'lockkeeper_chain_halted')
  const free = gaugeOf(registry, 'lockkeeper_free_addresses')
  const recalled = gaugeOf(registry, 'lockkeeper_signer_recalled')
  const queued = gaugeOf(registry, 'lockkeeper_oldest_queued_seconds')
  const balance = gaugeOf(registry, 'lockkeeper_balance_base_units')
  const age = (since: number | null) =>
    since === null ? -1 : (api.clock.monotonic() - since) / MILLISECONDS_PER_SECOND
  return chain => {
    const { memory } = api.orchestrator
    const health = healthOf(api.health, chain)
    height.set({ chain }, chainContext(memory, chain)?.height ?? -1)
    nodeHeight.set({ chain }, health.nodeHeight ?? -1)
    failing.set({ chain }, health.nodeTrouble === null ? 0 : 1)
    tipAge.set({ chain }, age(health.movedAt))
    interval.set({ chain }, health.blockSeconds ?? 0)
    turnAge.set({ chain }, age(health.turnedAt))
    mempoolPause.set({ chain }, health.mempoolPauseMs / MILLISECONDS_PER_SECOND)
    halted.set({ chain }, memory.count('chain', chain, 'halted'))
    free.set({ chain }, freeAddresses(memory, chain).length)
    queued.set({ chain }, (longestQueuedMs(memory, chain, api.clock.now()) ?? 0) / MILLISECONDS_PER_SECOND)
    recalled.set({ chain }, health.isReconciled ? 1 : 0)
    for (const { asset, confirmed, pending, reserved } of balancesOf(memory, api.policies[chain]!))
      for (const [kind, amount] of Object.entries({ confirmed, pending, reserved }))
        balance.set({ chain, asset, kind }, Number(amount))
  }
}

/** `problems`: as /readyz names them. */
export function createMetrics(api: ApiContext, problems: () => readonly string[]): Metrics {
  const { registry } = api.meters
  const instances = gaugeOf(registry, 'lockkeeper_instances')
  const ended = gaugeOf(registry, 'lockkeeper_ended_instances')
  const countedSeq = gaugeOf(registry, 'lockkeeper_counted_seq')
  const standstill = gaugeOf(registry, 'lockkeeper_event_loop_stall_seconds')
  const seq = gaugeOf(registry, 'lockkeeper_ledger_seq')
  const seen = gaugeOf(registry, 'lockkeeper_signer_seen_sequence')
  const ready = gaugeOf(registry, 'lockkeeper_ready')
  const named = gaugeOf(registry, 'lockkeeper_problems')
  const behind = gaugeOf(registry, 'lockkeeper_notify_behind_events')
  const refreshChain = chainGauges(api)

  const refresh = () => {
    const { memory } = api.orchestrator
    instances.reset()
    for (const { count, ...labels } of memory.counts()) if (count > 0) instances.set(labels, count)
    countedSeq.set(memory.seq)
    refreshEnded(ended, api)
    for (const chain of Object.keys(api.policies)) refreshChain(chain)
    standstill.set(api.pulse.longestMs() / MILLISECONDS_PER_SECOND)
    seq.set(api.journal.position().sequence)
    seen.set(api.signer.position()?.sequence ?? -1)
    for (const { url, events } of api.notifier.behind()) behind.set({ url }, events)
    const found = problems().length
    ready.set(found === 0 ? 1 : 0)
    named.set(found)
  }
  return {
    contentType: EXPOSITION_TYPE,
    async text() {
      refresh()
      return `${await registry.metrics()}${api.processMetrics()}`
    },
  }
}
