/** Numbers for operators, in Prometheus' text format. Read off memory when asked; nothing is counted twice. */
import { Gauge, Registry } from 'prom-client'
import { healthOf } from './health.ts'
import type { ApiContext } from './api-context.ts'
import { chainContext } from '../orchestrator/orchestrator.ts'
import { freeAddresses } from './address-pool.ts'

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
  const halted = gauge('chain_halted', '1 when the chain is halted and waits for a person')
  const free = gauge('free_addresses', 'Addresses that can be assigned')
  const recalled = gauge('signer_recalled', "1 when the signer's memory has been compared since the start")
  const seq = gauge('ledger_seq', 'Last durable seq', [])

  const refresh = () => {
    const { memory } = api.orchestrator
    instances.reset()
    for (const { count, ...labels } of memory.counts()) if (count > 0) instances.set(labels, count)
    countedSeq.set(memory.seq)
    refreshEnded(ended, api)
    for (const chain of Object.keys(api.policies)) {
      const health = healthOf(api.health, chain)
      height.set({ chain }, chainContext(memory, chain)?.height ?? -1)
      nodeHeight.set({ chain }, health.nodeHeight ?? -1)
      halted.set({ chain }, memory.count('chain', chain, 'halted'))
      free.set({ chain }, freeAddresses(memory, chain).length)
      recalled.set({ chain }, health.isReconciled ? 1 : 0)
    }
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
