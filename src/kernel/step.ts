/**
 * The step: one event and all that follows from it, decided purely, as one commit. Nothing is stored or performed here.
 */
import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate'
import { kindOf, nameOf, type Id, type Kind } from '../../machines/ids.ts'
import type { Message } from '../../machines/messages.ts'
import type { SpendKey, TaskName } from '../../machines/vocabulary.ts'
import { isKind, runOf, type Commit, type Entry, type Found, type Instance } from './entry.ts'
import { invariant } from './fault.ts'
import { initialOf, transition, type ReturnedAction } from './transition.ts'

/** A machine by its id, which is also the kind of its instances. */
export type Machines = Readonly<Partial<Record<Kind, AnyStateMachine>>>

/** What a step reads. */
export interface Memory {
  readonly seq: number
  /** Tip height of each chain. */
  readonly heights: Readonly<Record<string, number>>
  get<I extends Id>(id: I): Found<I> | undefined
  /** Who has reserved a spend key. */
  holder(key: SpendKey): Id | undefined
}

/** A bound on what one event may set in motion. Slices of 500 stay far below it; a disconnected block is one commit. */
const MAXIMUM_MESSAGES = 200_000

/** Throws an invariant fault for a kind that these machines do not have. */
export function machineOf(machines: Machines, id: Id): AnyStateMachine {
  const machine = machines[kindOf(id)]
  if (machine === undefined) throw invariant('unknown-kind', `no machine for ${id}`)
  return machine
}

/** The version that images of this machine are stored under, from 1. */
export const versionOf = (machine: AnyStateMachine): number => Number(machine.version ?? 0)

type StateValue = string | { [key: string]: StateValue }

/** `{ ignored: 'recent' }` is stored as `ignored.recent`. */
const flatten = (value: StateValue): string => {
  if (typeof value === 'string') return value
  const [key, child] = Object.entries(value)[0]!
  return `${key}.${flatten(child)}`
}

const unflatten = (value: string): StateValue => {
  const dot = value.indexOf('.')
  return dot < 0 ? value : { [value.slice(0, dot)]: unflatten(value.slice(dot + 1)) }
}

/** The snapshot of an instance, or the initial one of an instance that does not exist yet. */
export function restore(machine: AnyStateMachine, instance: Instance | undefined): AnyMachineSnapshot {
  if (instance === undefined) return initialOf(machine)
  return machine.resolveState({ value: unflatten(instance.value), context: instance.context })
}

const tasks = new WeakMap<AnyStateMachine, Map<string, TaskName | null>>()

/** The task that a state owes, or null. */
export function taskOf(machine: AnyStateMachine, value: string): TaskName | null {
  const its = tasks.get(machine) ?? new Map<string, TaskName | null>()
  tasks.set(machine, its)
  const known = its.get(value)
  if (known !== undefined) return known
  const task = readTask(machine, value)
  its.set(value, task)
  return task
}

function readTask(machine: AnyStateMachine, value: string): TaskName | null {
  const node = machine.getStateNodeById(`${machine.id}.${value}`)
  return (node.meta as { task?: TaskName } | undefined)?.task ?? null
}

/** Nothing can happen to it any more: its image leaves memory. */
export const isEnded = (snapshot: AnyMachineSnapshot): boolean => snapshot.status === 'done' || snapshot.hasTag('ended')

/** What had ended is live again: its end is taken back, or the signer shows that it is not over. */
const REVIVING: ReadonlySet<string> = new Set([
  'ending.revoked',
  'transfer.adopted',
  'attempt.adopted',
  'withdrawal.adopted',
])

/** Whether what has ended hears such an event, if it is known then. */
export const isHeardByEnded = (event: string): boolean => REVIVING.has(event)

interface Draft {
  memory: Memory
  overlay: Map<Id, Instance>
  work: Message[]
  commit: Commit
  held: Map<SpendKey, Id | null>
}

/** The context is the machine's own: whoever is told by id is told by type, so that it fits the kind. */
function imageOf(draft: Draft, id: Id, before: Instance | undefined, after: AnyMachineSnapshot): Instance {
  const seq = draft.memory.seq + draft.commit.entries.length + 1
  const value = flatten(after.value as StateValue)
  return {
    id,
    version: versionOf(after.machine),
    value,
    context: after.context as Instance['context'],
    revision: (before?.revision ?? 0) + 1,
    seq,
    at: draft.commit.at,
    entered: before?.value === value ? before.entered : seq,
    ended: isEnded(after),
  } as Instance
}

const find = (draft: Draft, id: Id): Instance | undefined => draft.overlay.get(id) ?? draft.memory.get(id)

function holderOf(draft: Draft, key: SpendKey): Id | null {
  const drafted = draft.held.get(key)
  return drafted === undefined ? (draft.memory.holder(key) ?? null) : drafted
}

function reserve(draft: Draft, id: Id, keys: SpendKey[]): void {
  for (const key of keys) {
    const holder = holderOf(draft, key)
    if (holder !== null && holder !== id) throw invariant('reserved-twice', `${id} wants ${key}, which ${holder} holds`)
    draft.held.set(key, id)
  }
}

function release(draft: Draft, id: Id, keys: SpendKey[]): void {
  for (const key of keys) if (holderOf(draft, key) === id) draft.held.set(key, null)
}

/** What the whole step comes to, whatever was reserved and released on the way. */
function settleReservations({ memory, held, commit }: Draft): void {
  for (const [key, id] of held) {
    const before = memory.holder(key) ?? null
    if (before !== null && before !== id) commit.release.push(key)
    if (id !== null && before !== id) commit.reserve.push([key, id])
  }
}

/** The parameters are what machines/messages.ts declares of its three actions. */
function follow(draft: Draft, id: Id, { type, params }: ReturnedAction): void {
  if (type === 'tell') draft.work.push(...(params as { messages: Message[] }).messages)
  else if (type === 'reserve') reserve(draft, id, (params as { keys: SpendKey[] }).keys)
  else if (type === 'release') release(draft, id, (params as { keys: SpendKey[] }).keys)
  else throw invariant('unknown-action', `${id} returned the action ${type}, which is none of tell, reserve, release`)
}

function deliver(machines: Machines, draft: Draft, { to, event }: Message): void {
  const before = find(draft, to)
  if (before?.ended === true && !isHeardByEnded(event.type)) return
  if (event.run !== undefined && (before === undefined || event.run !== runOf(before))) return
  const machine = machineOf(machines, to)
  const snapshot = restore(machine, before)
  const [after, returned] = transition(machine, snapshot, event)
  if (after.status === 'error')
    throw invariant('machine-error', `${to} failed at ${event.type}: ${String(after.error)}`)
  if (after !== snapshot) record(draft, event.type, before, after, to)
  // Who changes nothing in itself may still have to tell others: XState answers the same snapshot then, too.
  for (const action of returned) follow(draft, to, action)
}

function record(draft: Draft, event: string, before: Instance | undefined, after: AnyMachineSnapshot, to: Id): void {
  const image = imageOf(draft, to, before, after)
  const { seq, value } = image
  const entry: Entry = { seq, prev: before?.seq ?? null, event, from: before?.value ?? null, to: value, image }
  draft.commit.entries.push(entry)
  if (isKind(image, 'chain')) draft.commit.heights[nameOf(to)] = image.context.height
  draft.overlay.set(to, image)
}

/**
 * Steps through `first` and everything they tell, in order, until nobody has anything to say.
 * `archived`: ended instances that the messages may be for, which memory holds no more.
 * Answers null when nothing changed. Throws an invariant fault, and then nothing has happened.
 */
export function step(
  machines: Machines,
  memory: Memory,
  first: readonly Message[],
  at: number,
  archived: readonly Instance[] = [],
): Commit | null {
  const commit: Commit = { at, heights: { ...memory.heights }, entries: [], reserve: [], release: [] }
  const draft: Draft = {
    memory,
    overlay: new Map(archived.map(image => [image.id, image])),
    work: [...first],
    commit,
    held: new Map(),
  }
  for (let i = 0; i < draft.work.length; i++) {
    if (i >= MAXIMUM_MESSAGES)
      throw invariant('endless-step', `one event set more than ${MAXIMUM_MESSAGES} messages in motion`)
    deliver(machines, draft, draft.work[i]!)
  }
  settleReservations(draft)
  return commit.entries.length === 0 ? null : commit
}
