/**
 * Performs what states owe. A task belongs to one run of one state (`id@entered`): its result is an event that carries
 * the run, and a result of any other run is dropped by the step. Nothing is queued on disk: what a state owes follows
 * from the state, so at boot the same tasks are simply performed again, and every task must be safe to repeat.
 */
import { Fault, invariant, reasonOf } from '../kernel/fault.ts'
import type { Clock, Log, Random } from '../kernel/ports.ts'
import { isIdOf, type Id } from '../../machines/ids.ts'
import type { TaskName } from '../../machines/vocabulary.ts'
import { isKind, runOf, type Found, type Instance, type InstanceOf } from '../kernel/entry.ts'
import type { TaskResult } from './inbound.ts'

/** A result without its run, which is added here. */
export type Outcome = TaskResult extends infer One ? (One extends TaskResult ? Omit<One, 'run'> : never) : never

/** Whose states owe each task. What identifies a node is performed by what follows the chain. */
interface Owing {
  sign: 'attempt'
  publish: 'attempt'
  gather: 'account'
}

/** An instance whose state owes a task. */
type Owner = InstanceOf<Owing[keyof Owing]>

/** How each task is done, by its name. What rejects is tried again with back-off. */
export type Performers = { [Name in keyof Owing]?: (instance: InstanceOf<Owing[Name]>) => Promise<Outcome> }

interface Task {
  run: string
  name: TaskName
  id: Owner['id']
}

/** What states owe, performed one at a time for each account. */
export interface Tasks {
  /** The instance has entered a state that owes this task, and that is durable. */
  owe(name: TaskName, instance: Instance): void
  stop(): void
}

const MAXIMUM_AT_ONCE = 16
const FIRST_DELAY_MS = 500
const MAXIMUM_DELAY_MS = 60_000

/** Bounded exponential back-off with up to half of it as jitter, so that many do not come back at once. */
export function retryAt(clock: Clock, random: Random, failures: number): number {
  const delay = Math.min(FIRST_DELAY_MS * 2 ** Math.min(failures, 16), MAXIMUM_DELAY_MS)
  const [byte] = random.bytes(1)
  return clock.now() + Math.round(delay * (0.5 + byte! / 512))
}

interface TaskOptions {
  performers: Performers
  get<I extends Id>(id: I): Found<I> | undefined
  finish(result: TaskResult): void
  clock: Clock
  random: Random
  log: Log
}

/** How an instance's task is performed, or null where nobody does. */
function performanceOf(performers: Performers, name: TaskName, instance: Owner): (() => Promise<Outcome>) | null {
  const { sign, publish, gather } = performers
  if (name === 'sign' && sign !== undefined && isKind(instance, 'attempt')) return () => sign(instance)
  if (name === 'publish' && publish !== undefined && isKind(instance, 'attempt')) return () => publish(instance)
  if (name === 'gather' && gather !== undefined && isKind(instance, 'account')) return () => gather(instance)
  return null
}

async function perform(options: TaskOptions, { name, id }: Task, instance: Owner): Promise<Outcome> {
  const { performers, clock, random, log } = options
  try {
    const performance = performanceOf(performers, name, instance)
    if (performance === null) throw invariant('no-performer', `nobody performs ${name} for ${id}`)
    return await performance()
  } catch (error) {
    const isDefect = !(error instanceof Fault)
    log(isDefect ? 'error' : 'warn', 'task failed', { task: name, id, reason: reasonOf(error) })
    const failed = { id, reason: reasonOf(error), retryAt: retryAt(clock, random, failuresOf(instance)) }
    return { type: 'task.failed', data: failed }
  }
}

const isOwner = (instance: Instance): instance is Owner => isIdOf(['attempt', 'account'], instance.id)

/** How often the present task has failed in a row. */
export const failuresOf = ({ context }: Owner): number => context.failures

/** One account's tasks of one name run in their order. */
const laneOf = (name: TaskName, instance: Owner): string =>
  `${name}|${isKind(instance, 'attempt') ? instance.context.account : instance.id}`

/** Nothing runs before the first `owe`. */
export function createTasks(options: TaskOptions): Tasks {
  const lanes = new Map<string, Task[]>()
  const busy = new Set<string>()
  let isStopped = false

  const work = async (lane: string, task: Task): Promise<void> => {
    const instance = options.get(task.id)
    if (instance !== undefined && runOf(instance) === task.run) {
      const outcome = await perform(options, task, instance)
      if (!isStopped) options.finish({ ...outcome, run: task.run })
    }
    busy.delete(lane)
    if (!isStopped) turn()
  }

  const turn = (): void => {
    for (const [lane, queue] of lanes) {
      if (busy.size >= MAXIMUM_AT_ONCE) return
      if (busy.has(lane)) continue
      const task = queue.shift()
      if (queue.length === 0) lanes.delete(lane)
      if (task === undefined) continue
      busy.add(lane)
      void work(lane, task)
    }
  }

  return {
    owe(name, instance) {
      if (isStopped || !isOwner(instance) || performanceOf(options.performers, name, instance) === null) return
      const lane = laneOf(name, instance)
      const queue = lanes.get(lane) ?? []
      queue.push({ run: runOf(instance), name, id: instance.id })
      lanes.set(lane, queue)
      turn()
    },
    stop() {
      isStopped = true
      lanes.clear()
    },
  }
}
