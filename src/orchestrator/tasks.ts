/**
 * Performs what states owe. A task belongs to one run of one state (`id@entered`): its result is an event that carries
 * the run, and a result of any other run is dropped by the step. Nothing is queued on disk: what a state owes follows
 * from the state, so at boot the same tasks are simply performed again, and every task must be safe to repeat. Trying
 * again, asking again and publishing again are waits in memory: the ledger learns only what somebody would act on.
 */
import { invariant, reasonOf } from '../kernel/fault.ts'
import type { Clock, Log, Random } from '../kernel/ports.ts'
import { createWatchman, type Watchman } from '../kernel/trouble.ts'
import { isIdOf, type Id, type Kind } from '../../machines/ids.ts'
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

/** What has become of one performance. */
export interface Performed {
  /** Null where nothing has changed that the ledger must learn. */
  outcome: Outcome | null
  /** When to perform it again as long as the state owes it, in milliseconds; null where the state has done with it. */
  againMs: number | null
}

/** `tries`: how often this run was performed before. */
type Perform<K extends Kind> = (instance: InstanceOf<K>, tries: number) => Promise<Performed>

/** How each task is done, by its name. What rejects is tried again with back-off. */
export type Performers = { [Name in keyof Owing]?: Perform<Owing[Name]> }

interface Task {
  run: string
  name: TaskName
  id: Owner['id']
  tries: number
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

/** Milliseconds of bounded exponential back-off, with up to half as jitter, so that many do not come back at once. */
export function backOffMs(random: Random, tries: number): number {
  const delay = Math.min(FIRST_DELAY_MS * 2 ** Math.min(tries, 16), MAXIMUM_DELAY_MS)
  const [byte] = random.bytes(1)
  return Math.round(delay * (0.5 + byte! / 512))
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
function performanceOf(
  performers: Performers,
  name: TaskName,
  instance: Owner,
): ((tries: number) => Promise<Performed>) | null {
  const { sign, publish, gather } = performers
  if (name === 'sign' && sign !== undefined && isKind(instance, 'attempt')) return tries => sign(instance, tries)
  if (name === 'publish' && publish !== undefined && isKind(instance, 'attempt'))
    return tries => publish(instance, tries)
  if (name === 'gather' && gather !== undefined && isKind(instance, 'account')) return tries => gather(instance, tries)
  return null
}

/** A failure is told with its reason, and the task is tried again. */
async function perform(
  options: TaskOptions,
  { name, id, tries }: Task,
  instance: Owner,
  watchman: Watchman,
): Promise<Performed> {
  const { performers, random } = options
  try {
    const performance = performanceOf(performers, name, instance)
    if (performance === null) throw invariant('no-performer', `nobody performs ${name} for ${id}`)
    const performed = await performance(tries)
    watchman.worked()
    return performed
  } catch (error) {
    const reason = reasonOf(error)
    watchman.failed(error)
    return { outcome: { type: 'task.failed', data: { id, reason } }, againMs: backOffMs(random, tries) }
  }
}

const isOwner = (instance: Instance): instance is Owner => isIdOf(['attempt', 'account'], instance.id)

/** One account's tasks of one name run in their order. */
const laneOf = (name: TaskName, instance: Owner): string =>
  `${name}|${isKind(instance, 'attempt') ? instance.context.account : instance.id}`

/** One for each lane, of which there are a few: many attempts fail for one reason, which is said once. */
function keepWatchmen({ clock, log }: TaskOptions): (lane: string, task: TaskName) => Watchman {
  const watchmen = new Map<string, Watchman>()
  return (lane, task) => {
    const known = watchmen.get(lane)
    if (known !== undefined) return known
    const made = createWatchman({
      what: 'task failed',
      over: 'the task works again',
      fields: { task, account: lane.slice(lane.indexOf('|') + 1) },
      ...{ firstMs: FIRST_DELAY_MS, longestMs: MAXIMUM_DELAY_MS, clock, log },
      note: () => undefined,
    })
    watchmen.set(lane, made)
    return made
  }
}

/** Nothing runs before the first `owe`. */
export function createTasks(options: TaskOptions): Tasks {
  const lanes = new Map<string, Task[]>()
  const busy = new Set<string>()
  const waits = new Set<() => void>()
  const watchmanOf = keepWatchmen(options)
  let isStopped = false

  /** The instance, as long as its state owes this run of the task. */
  const ownerOf = ({ id, run }: Task): Owner | undefined => {
    const instance = options.get(id)
    return instance !== undefined && runOf(instance) === run ? instance : undefined
  }

  const enqueue = (lane: string, task: Task): void => {
    const queue = lanes.get(lane) ?? []
    queue.push(task)
    lanes.set(lane, queue)
    turn()
  }

  /** A wait whose loss costs nothing: a start performs what is owed at once. */
  const wait = (lane: string, task: Task, ms: number): void => {
    const cancel = options.clock.wake(ms, () => {
      waits.delete(cancel)
      if (!isStopped) enqueue(lane, task)
    })
    waits.add(cancel)
  }

  const work = async (lane: string, task: Task): Promise<void> => {
    const owner = ownerOf(task)
    if (owner !== undefined) {
      const { outcome, againMs } = await perform(options, task, owner, watchmanOf(lane, task.name))
      if (isStopped) return
      if (outcome !== null) options.finish({ ...outcome, run: task.run })
      if (againMs !== null && ownerOf(task) !== undefined) wait(lane, { ...task, tries: task.tries + 1 }, againMs)
    }
    busy.delete(lane)
    turn()
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
      enqueue(laneOf(name, instance), { run: runOf(instance), name, id: instance.id, tries: 0 })
    },
    stop() {
      isStopped = true
      lanes.clear()
      for (const cancel of waits) cancel()
    },
  }
}
