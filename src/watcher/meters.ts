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
  const { help, labels, buckets }: Metric = METRICS[name]
  const bounds = buckets === undefined ? {} : { buckets: [...buckets] }
  return { name, help, labelNames: [...labels], registers: [registry], ...bounds }
}

export const gaugeOf = (registry: Registry, name: NamesOf<'gauge'>) => new Gauge(described(name, registry))
const counterOf = (registry: Registry, name: NamesOf<'counter'>) => new Counter(described(name, registry))
const histogramOf = (registry: Registry, name: NamesOf<'histogram'>) => new Histogram(described(name, registry))

const secondsSince = (clock: Clock, before: number) => (clock.monotonic() - before) / MILLISECONDS_PER_SECOND

/** Counts calls to a chain's node, and how long each takes. */
function nodeMeter(registry: Registry, clock: Clock) {
  const calls = counterOf(registry, 'lockkeeper_node_calls_total')
  const seconds = histogramOf(registry, 'lockkeeper_node_call_seconds')
  return (request: Request, chain: string): Request =>
    async call => {
      const before = clock.monotonic()
      const method = rpcMethodIn(call.body) ?? call.method
      const note = (outcome: string) => {
        calls.inc({ chain, method, outcome })
        seconds.observe({ chain }, secondsSince(clock, before))
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
}

/** Counts a ledger's commits, and how long each takes. */
function ledgerMeter(registry: Registry, clock: Clock) {
  const commits = counterOf(registry, 'lockkeeper_commits_total')
  const seconds = histogramOf(registry, 'lockkeeper_commit_seconds')
  return (opened: Ledger): Ledger => {
    const { journal } = opened
    const append = async (commit: Commit) => {
      const before = clock.monotonic()
      try {
        await journal.append(commit)
        commits.inc({ outcome: 'durable' })
        seconds.observe(secondsSince(clock, before))
      } catch (error) {
        commits.inc({ outcome: 'failed' })
        throw error
      }
    }
    return { ...opened, journal: { ...journal, append } }
  }
}

/** Counts what is performed, by what came of it. */
function taskMeter(registry: Registry) {
  const tasks = counterOf(registry, 'lockkeeper_tasks_total')
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
  return ({ sign, publish, gather, ...rest }: Performers): Performers => ({
    ...rest,
    ...(sign && { sign: counted('sign', sign) }),
    ...(publish && { publish: counted('publish', publish) }),
    ...(gather && { gather: counted('gather', gather) }),
  })
}

/** Counts what the signer answers instead of a signature. */
function denialMeter(registry: Registry) {
  const denials = counterOf(registry, 'lockkeeper_signing_denials_total')
  return (client: SignerClient): SignerClient => ({
    ...client,
    async sign(...asked) {
      const answer = await client.sign(...asked)
      const [{ chain }] = asked
      if (answer.kind === 'awaitingApproval') denials.inc({ chain, reason: 'awaiting-approval' })
      if (answer.kind === 'refused') for (const { kind } of answer.reasons) denials.inc({ chain, reason: kind })
      return answer
    },
  })
}

/** Counts the transitions of commits that are durable. */
function stepMeter(registry: Registry) {
  const steps = counterOf(registry, 'lockkeeper_steps_total')
  return ({ entries }: Commit): void => {
    for (const { image, to } of entries)
      steps.inc({ chain: chainOf(image), kind: kindOf(image.id), to: stateOf({ value: to }) })
  }
}

export type Meters = ReturnType<typeof createMeters>

/** Nothing is counted yet. Each but `durable` goes around what it counts. */
export function createMeters(clock: Clock) {
  const registry = new Registry()
  return {
    registry,
    node: nodeMeter(registry, clock),
    ledger: ledgerMeter(registry, clock),
    performers: taskMeter(registry),
    signer: denialMeter(registry),
    durable: stepMeter(registry),
  }
}
