/**
 * event -> route -> step -> commit -> task -> event. Decisions are made and applied to memory in one synchronous turn;
 * tasks, answers and the feed wait until the commit is durable. The only writer of the ledger.
 */
import { logTransitions } from './transition-log.ts'
import { viewOf } from './routes/view.ts'
import { onApplied, onUneventful } from './routes/chains.ts'
import { onRecovered } from './routes/recovery.ts'
import { Fault, invariant, operating, reasonOf } from '../kernel/fault.ts'
import type { Ports } from '../kernel/ports.ts'
import type { ChainContext } from '../../machines/chain.ts'
import { chainId, type Id } from '../../machines/ids.ts'
import { tell, type Message } from '../../machines/messages.ts'
import type { Ledger } from '../ledger/engine.ts'
import { chainOf, type Commit, type Instance } from '../kernel/entry.ts'
import type { Inbound } from './inbound.ts'
import { checkCommit } from './invariants.ts'
import { createMemory, type LiveMemory } from './memory.ts'
import type { Policies } from './policy.ts'
import { chainOfInbound, route } from './route.ts'
import { machineOf, step, taskOf, type Machines } from '../kernel/step.ts'
import { createTasks, type Performers, type Tasks } from './tasks.ts'

/** The one writer: what happened goes in, commits come out, and what states owe is performed. */
export interface Orchestrator {
  readonly memory: LiveMemory
  /**
   * Applies the event to memory at once, and promises that everything memory now holds is durable. Throws only when it
   * is stopped: an invariant that the event would violate halts the event's chain instead.
   */
  dispatch(event: Inbound): Promise<void>
  /** The images that these events would make of whom they concern, in order: decided as `dispatch` decides, and nothing is kept. */
  rehearse(events: readonly Inbound[]): Instance[]
  /** Resolves when everything that memory holds now is durable. */
  settled(): Promise<void>
  /** Performs what is owed and starts the clock. Nothing is performed before. */
  start(): void
  /** Told of each commit, in their order, once it is durable. The answer stops it. */
  onDurable(listener: (commit: Commit) => void): () => void
  stop(): Promise<void>
}

/** What an orchestrator is made of. */
export interface OrchestratorOptions {
  ports: Ports
  machines: Machines
  policies: Policies
  ledger: Ledger
  performers: Performers
}

/** What a block brings or takes back is committed so many messages at a time, so that it does not hold up everything else. */
const SLICE = 500
/** Of what a slice's messages bring and of the images that they change, about: a stranger decides how large a transaction is. */
const SLICE_CHARACTERS = 4 * 1024 * 1024
const MAXIMUM_DUE_AT_ONCE = 500
/** When a step that time should have moved was refused: long enough not to spin, short enough to be seen. */
const POSTPONE_MS = 60_000
const MAXIMUM_WAKE_MS = 3_600_000

interface Engine extends OrchestratorOptions {
  memory: LiveMemory
  tasks: Tasks
  listeners: Set<(commit: Commit) => void>
  last: Promise<void>
  isStarted: boolean
  isStopped: boolean
  cancel: () => void
  armedFor: number
}

/** Nothing is performed for a chain that is followed no more. */
function oweTask(engine: Engine, instance: Instance): void {
  if (!Object.hasOwn(engine.policies, chainOf(instance))) return
  const name = taskOf(machineOf(engine.machines, instance.id), instance.value)
  if (name !== null) engine.tasks.owe(name, instance)
}

/** The states just entered, if nothing has left them since, owe their tasks now that they are durable. */
function oweTasks(engine: Engine, commit: Commit): void {
  if (!engine.isStarted) return
  for (const { seq, image } of commit.entries) {
    const now = engine.memory.get(image.id)
    if (image.entered === seq && now?.entered === seq) oweTask(engine, now)
  }
}

function commitSlice(
  engine: Engine,
  messages: readonly Message[],
  at: number,
  archived: readonly Instance[] = [],
): void {
  const commit = step(engine.machines, engine.memory, messages, at, archived)
  if (commit === null) return
  checkCommit(engine.policies, engine.memory, commit)
  engine.memory.apply(commit)
  engine.last = engine.ledger.journal.append(commit).then(() => {
    logTransitions(engine.ports.log, commit)
    oweTasks(engine, commit)
    for (const listener of engine.listeners) listener(commit)
  })
  // Whoever waits sees the rejection; a failed disk has ended the process already.
  engine.last.catch(() => {})
}

/** Characters of its JSON, about. */
function sizeOf(fields: object): number {
  const sizes = Object.values(fields).map((value: unknown) => {
    if (typeof value === 'string') return value.length
    return Array.isArray(value) ? value.length * 100 : 0
  })
  return sizes.reduce((sum, size) => sum + size, 1000)
}

/** The messages in their order, so many together as are well committed at once. */
function slicesOf(find: (id: Id) => Instance | undefined, messages: readonly Message[]): Message[][] {
  const slices: Message[][] = []
  let characters = Infinity
  for (const message of messages) {
    const size = sizeOf(message.event.data) + sizeOf(find(message.to)?.context ?? {})
    const slice = slices.at(-1)
    if (slice === undefined || slice.length >= SLICE || characters + size > SLICE_CHARACTERS) {
      slices.push([message])
      characters = size
    } else {
      slice.push(message)
      characters += size
    }
  }
  return slices
}

function commitSlices(engine: Engine, messages: readonly Message[], at: number): void {
  for (const slice of slicesOf(id => engine.memory.get(id), messages)) commitSlice(engine, slice, at)
}

/** One commit where it is small. Else the block counts as unapplied until the last: a crash in between finds that and reads it again. */
function dispatchDisconnected(engine: Engine, event: Inbound & { type: 'block.disconnected' }): void {
  const { chain, height, hash } = event.data
  const messages = route(engine.policies, engine.memory, event)
  const slices = slicesOf(id => engine.memory.get(id), messages)
  if (slices.length > 1)
    commitSlice(engine, [tell(chainId(chain), 'block.unapplied', event.at, { height, hash })], event.at)
  for (const slice of slices) commitSlice(engine, slice, event.at)
}

/**
 * First what the block brings, then who wakes at its height (also those that it has just brought), at last that it is
 * applied. A crash in between leaves `applied: false`, and the block is read again.
 */
function dispatchBlock(engine: Engine, event: Inbound & { type: 'block.connected' }): void {
  const { chain, block } = event.data
  const { memory, policies } = engine
  const messages = route(policies, memory, event)
  if (messages.length === 0) return
  const { nodeHeight, facts } = event.data
  const uneventful = onUneventful(viewOf(policies, memory, chain, event.at), block, nodeHeight, facts)
  if (uneventful !== null) return commitSlice(engine, uneventful, event.at)
  commitSlices(engine, messages, event.at)
  const wakened = memory.takeDueHeight(chain, block.height)
  try {
    commitSlices(engine, onApplied(viewOf(policies, memory, chain, event.at), wakened, block), event.at)
  } catch (error) {
    memory.returnDueHeight(chain, wakened, block.height)
    throw error
  }
}

/** What had ended is live again before the chain goes on: the blocks that it leaves then find it, and nothing is made anew. */
function dispatchResumed(engine: Engine, event: Inbound & { type: 'chain.resumed' }): void {
  const { memory, policies } = engine
  const ended = event.data.ended.filter(({ id }) => memory.get(id) === undefined)
  const archived = new Map<Id, Instance>(ended.map(instance => [instance.id, instance]))
  const messages = onRecovered(viewOf(policies, memory, event.data.chain, event.at), ended)
  for (const slice of slicesOf(id => archived.get(id) ?? memory.get(id), messages)) {
    const its = slice.flatMap(({ to }) => archived.get(to) ?? [])
    commitSlice(engine, slice, event.at, its)
    for (const { id } of its) archived.delete(id)
  }
  commitSlice(engine, route(engine.policies, engine.memory, event), event.at)
}

function halt(engine: Engine, event: Inbound, error: Fault): void {
  const chain = chainOfInbound(engine.memory, event)
  engine.ports.log('error', 'invariant violated', { event: event.type, chain, kind: error.kind, reason: error.message })
  if (chain === null || event.type === 'invariant.violated') return
  const reason = `${error.kind}: ${error.message}`
  apply(engine, { type: 'invariant.violated', at: event.at, data: { chain, reason } })
}

function apply(engine: Engine, event: Inbound): void {
  try {
    if (event.type === 'block.connected') return dispatchBlock(engine, event)
    if (event.type === 'block.disconnected') return dispatchDisconnected(engine, event)
    // Whether they come together matters to nobody.
    if (event.type === 'facts.pending' || event.type === 'block.reread')
      return commitSlices(engine, route(engine.policies, engine.memory, event), event.at)
    if (event.type === 'chain.resumed') return dispatchResumed(engine, event)
    const archived = event.type === 'signer.recalled' ? event.data.ended : []
    commitSlice(engine, route(engine.policies, engine.memory, event), event.at, archived)
  } catch (error) {
    halt(engine, event, error instanceof Fault ? error : invariant('defect', reasonOf(error)))
    if (event.type === 'time.passed') engine.memory.postpone(event.data.ids, event.at + POSTPONE_MS)
  }
}

/** Wakes for the next instance that is due; called again whenever that may have changed. */
function arm(engine: Engine): void {
  const next = engine.memory.nextDue()
  if (!engine.isStarted || engine.isStopped || next === null || next >= engine.armedFor) return
  engine.cancel()
  engine.armedFor = next
  const { clock } = engine.ports
  const after = Math.min(Math.max(next - clock.now(), 0), MAXIMUM_WAKE_MS)
  engine.cancel = clock.wake(after, () => {
    engine.armedFor = Infinity
    const at = clock.now()
    const ids = engine.memory.takeDue(at, MAXIMUM_DUE_AT_ONCE)
    if (ids.length > 0) apply(engine, { type: 'time.passed', at, data: { ids } })
    arm(engine)
  })
}

function dispatch(engine: Engine, event: Inbound): Promise<void> {
  if (engine.isStopped) return Promise.reject(operating('stopping', 'the watcher is stopping'))
  apply(engine, event)
  arm(engine)
  return engine.last
}

/** Steps on memory as it is now, and keeps nothing of it. */
function rehearse({ machines, policies, memory }: Engine, events: readonly Inbound[]): Instance[] {
  const messages = events.flatMap(event => route(policies, memory, event))
  const commit = step(machines, memory, messages, events.at(-1)?.at ?? 0)
  return commit?.entries.map(({ image }) => image) ?? []
}

function start(engine: Engine): void {
  engine.isStarted = true
  const owing = [...engine.memory.all()].filter(
    ({ id, value }) => taskOf(machineOf(engine.machines, id), value) !== null,
  )
  for (const instance of owing.sort((a, b) => a.entered - b.entered)) oweTask(engine, instance)
  arm(engine)
}

async function stop(engine: Engine): Promise<void> {
  engine.isStopped = true
  engine.cancel()
  engine.tasks.stop()
  await engine.last.catch(() => {})
}

/** Owes nothing before `start`. */
export function createOrchestrator(options: OrchestratorOptions): Orchestrator {
  const { ledger, performers, ports } = options
  const memory = createMemory(ledger.opened, options.policies)
  const engine: Engine = {
    ...options,
    memory,
    listeners: new Set(),
    last: Promise.resolve(),
    isStarted: false,
    isStopped: false,
    cancel: () => {},
    armedFor: Infinity,
    tasks: createTasks({
      performers,
      get: id => memory.get(id),
      finish: result => void dispatch(engine, { ...result, at: ports.clock.now() }).catch(() => {}),
      ...ports,
    }),
  }
  return {
    memory,
    dispatch: event => dispatch(engine, event),
    rehearse: events => rehearse(engine, events),
    settled: () => engine.last,
    start: () => start(engine),
    onDurable(listener) {
      engine.listeners.add(listener)
      return () => engine.listeners.delete(listener)
    },
    stop: () => stop(engine),
  }
}

/** The tip and whether all of it is applied: what a follower starts from. */
export const chainContext = (memory: LiveMemory, chain: string): ChainContext | null =>
  memory.get(chainId(chain))?.context ?? null
