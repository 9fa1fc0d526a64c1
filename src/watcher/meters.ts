/** What is counted while it happens: commits, steps, tasks, calls to nodes, denials of the signer. The rest is read off memory when asked. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { Fault } from '../kernel/fault.ts'
import { stateOf, chainOf, type Commit, type Instance } from '../kernel/entry.ts'
import { kindOf } from '../../machines/ids.ts'
import type { Clock, Request } from '../kernel/ports.ts'
import type { Ledger } from '../ledger/engine.ts'
import { METRICS, type Metric, type MetricName } from '../metrics/catalogue.ts'
import type { Performed, Performers } from '../orchestrator/tasks.ts'
import { rpcMethodIn } from './overheard.ts'
import type { SignerClient } from './signer-client.ts'

const MILLISECONDS_PER_SECOND = 1000

/** As the catalogue has it. */
type NamesOf<Type> = { [Name in MetricName]: (typeof METRICS)[Name]['type'] extends Type ? Name : never }[MetricName]

const described = (name: MetricName, registry: Registry) => {
  const { help, labels }: Metric = METRICS[name]
  return { name, help, labelNames: [...labels], registers: [registry] }
}

export const gaugeOf = (registry: Registry, name: NamesOf<'gauge'>) => new Gauge(described(name, registry))
const counterOf = (registry: Registry, name: NamesOf<'counter'>) => new Counter(described(name, registry))
function histogramOf(registry: Registry, name: NamesOf<'histogram'>) {
  const { buckets }: Metric = METRICS[name]
  return new Histogram({ ...described(name, registry), buckets: [...buckets!] })
}

export type Meters = ReturnType<typeof createMeters>

/** Nothing is counted yet. */
export function createMeters(clock: Clock) {
  const registry = new Registry()
  const steps = counterOf(registry, 'lockkeeper_steps_total')
  const commits = counterOf(registry, 'lockkeeper_commits_total')
  const commitSeconds = histogramOf(registry, 'lockkeeper_commit_seconds')
  const tasks = counterOf(registry, 'lockkeeper_tasks_total')
  const nodeCalls = counterOf(registry, 'lockkeeper_node_calls_total')
  const nodeSeconds = histogramOf(registry, 'lockkeeper_node_call_seconds')
  const denials = counterOf(registry, 'lockkeeper_signing_denials_total')
  const secondsSince = (before: number) => (clock.monotonic() - before) / MILLISECONDS_PER_SECOND

  /** Counts calls to this chain's node. */
  const node =
    (request: Request, chain: string): Request =>
    async call => {
      const before = clock.monotonic()
      const method = rpcMethodIn(call.body) ?? call.method
      const note = (outcome: string) => {
        nodeCalls.inc({ chain, method, outcome })
        nodeSeconds.observe({ chain }, secondsSince(before))
      }
      try {
        const answer = await request(call)
        note(`${Math.floor(answer.status / 100)}xx`)
        return answer
      } catch (error) {
        note(error instanceof Fault ? error.kind : 'defect')
        throw error
      }
    }

  /** Counts its commits, and how long each takes. */
  const ledger = (opened: Ledger): Ledger => {
    const { journal } = opened
    const append = async (commit: Commit) => {
      const before = clock.monotonic()
      try {
        await journal.append(commit)
        commits.inc({ outcome: 'durable' })
        commitSeconds.observe(secondsSince(before))
      } catch (error) {
        commits.inc({ outcome: 'failed' })
        throw error
      }
    }
    return { ...opened, journal: { ...journal, append } }
  }

  const counted =
    <I extends Instance>(task: string, perform: (instance: I, tries: number) => Promise<Performed>) =>
    async (instance: I, tries: number): Promise<Performed> => {
      const chain = chainOf(instance)
      try {
        const performed = await perform(instance, tries)
        tasks.inc({ chain, task, outcome: performed.outcome?.type ?? 'unchanged' })
        return performed
      } catch (error) {
        tasks.inc({ chain, task, outcome: 'failed' })
        throw error
      }
    }

  return {
    registry,
    node,
    ledger,
    /** Counts what is performed. */
    performers: ({ sign, publish, gather, ...rest }: Performers): Performers => ({
      ...rest,
      ...(sign && { sign: counted('sign', sign) }),
      ...(publish && { publish: counted('publish', publish) }),
      ...(gather && { gather: counted('gather', gather) }),
    }),
    /** Counts what it does not sign. */
    signer: (client: SignerClient): SignerClient => ({
      ...client,
      async sign(...asked) {
        const answer = await client.sign(...asked)
        const [{ chain }] = asked
        if (answer.kind === 'awaitingApproval') denials.inc({ chain, reason: 'awaiting-approval' })
        if (answer.kind === 'refused') for (const { kind } of answer.reasons) denials.inc({ chain, reason: kind })
        return answer
      },
    }),
    /** Counts the transitions of a commit that is durable. */
    durable({ entries }: Commit): void {
      for (const { image, to } of entries)
        steps.inc({ chain: chainOf(image), kind: kindOf(image.id), to: stateOf({ value: to }) })
    },
  }
}
