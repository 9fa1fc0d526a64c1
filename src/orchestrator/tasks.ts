/**
 * Performs what states owe. A task belongs to one run of one state (`id@entered`): its result is an event that carries
 * the run, and a result of any other run is dropped by the step. Nothing is queued on disk: what a state owes follows
 * from the state, so at boot the same tasks are simply performed again, and every task must be safe to repeat.
 */
import { Fault, reasonOf } from '../kernel/fault.ts'
import type { Clock, Log, Random } from '../kernel/ports.ts'
import type { Id, TaskName } from '../../machines/vocabulary.ts'
import type { Instance } from '../kernel/entry.ts'
import type { TaskResult } from './inbound.ts'
import { kindOf, runOf } from '../kernel/step.ts'

/** A result without its run, which is added here. */
export type Outcome = TaskResult extends infer One ? (One extends TaskResult ? Omit<One, 'run'> : never) : never
export type Performers = Partial<Record<TaskName, (instance: Instance) => Promise<Outcome>>>

interface Task {
  run: string
  name: TaskName
  id: Id
  perform: (instance: Instance) => Promise<Outcome>
}

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

interface Desk {
  performers: Performers
  get(id: Id): Instance | undefined
  finish(result: TaskResult): void
  clock: Clock
  random: Random
  log: Log
}

async function perform({ clock, random, log }: Desk, task: Task, instance: Instance): Promise<Outcome> {
  try {
    return await task.perform(instance)
  } catch (error) {
    const isDefect = !(error instanceof Fault)
    log(isDefect ? 'error' : 'warn', 'task failed', { task: task.name, id: task.id, reason: reasonOf(error) })
    const data = { id: task.id, reason: reasonOf(error), retryAt: retryAt(clock, random, failuresOf(instance)) }
    return { type: 'task.failed', data }
  }
}

export const failuresOf = (instance: Instance): number => instance.context['failures'] as number

/** One account's tasks of one name run in their order. */
const laneOf = (name: TaskName, instance: Instance): string =>
  `${name}|${kindOf(instance.id) === 'attempt' ? (instance.context['account'] as Id) : instance.id}`

export function createTasks(desk: Desk): Tasks {
  const lanes = new Map<string, Task[]>()
  const busy = new Set<string>()
  let isStopped = false

  const work = async (lane: string, task: Task): Promise<void> => {
    const instance = desk.get(task.id)
    if (instance !== undefined && runOf(instance) === task.run) {
      const outcome = await perform(desk, task, instance)
      if (!isStopped) desk.finish({ ...outcome, run: task.run })
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
      const performer = desk.performers[name]
      if (isStopped || performer === undefined) return
      const lane = laneOf(name, instance)
      const queue = lanes.get(lane) ?? []
      queue.push({ run: runOf(instance), name, id: instance.id, perform: performer })
      lanes.set(lane, queue)
      turn()
    },
    stop() {
      isStopped = true
      lanes.clear()
    },
  }
}
