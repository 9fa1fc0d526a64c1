/**
 * The step: one event and all that follows from it, decided purely, as one commit. Nothing is stored or performed here.
 */
import { createActor, initialTransition, type AnyMachineSnapshot, type AnyStateMachine } from 'xstate'
import { invariant } from './fault.ts'
import type { Addressed, Event, Id, Json, SpendKey, TaskName } from '../../machines/vocabulary.ts'
import type { Commit, Entry, Instance } from './entry.ts'

/** A machine by its id, which is also the kind of its instances. */
export type Machines = Readonly<Record<string, AnyStateMachine>>

/** What a step reads. */
export interface Memory {
  readonly seq: number
  readonly heights: Readonly<Record<string, number>>
  get(id: Id): Instance | undefined
  /** Who has reserved a spend key. */
  holder(key: SpendKey): Id | undefined
}

/** A bound on what one event may set in motion. Slices of 500 stay far below it; a disconnected block is one commit. */
const MAXIMUM_MESSAGES = 200_000

export const kindOf = (id: Id): string => id.slice(0, id.indexOf('/'))
export const nameOf = (id: Id): string => id.slice(id.indexOf('/') + 1)
export const runOf = (instance: Instance): string => `${instance.id}@${instance.entered}`

export function machineOf(machines: Machines, id: Id): AnyStateMachine {
  const machine = machines[kindOf(id)]
  if (machine === undefined) throw invariant('unknown-kind', `no machine for ${id}`)
  return machine
}

export const versionOf = (machine: AnyStateMachine): number => Number(machine.version ?? 0)

type StateValue = string | { [key: string]: StateValue }

/** `{ published: 'due' }` is stored as `published.due`. */
const flatten = (value: StateValue): string => {
  if (typeof value === 'string') return value
  const [key, child] = Object.entries(value)[0]!
  return `${key}.${flatten(child)}`
}

const unflatten = (value: string): StateValue => {
  const dot = value.indexOf('.')
  return dot < 0 ? value : { [value.slice(0, dot)]: unflatten(value.slice(dot + 1)) }
}

/** The snapshot that every new instance of a machine starts from: immutable, and costly to make. */
const initialSnapshots = new WeakMap<AnyStateMachine, AnyMachineSnapshot>()

function initialOf(machine: AnyStateMachine): AnyMachineSnapshot {
  let initial = initialSnapshots.get(machine)
  if (initial === undefined)
    initialSnapshots.set(machine, (initial = initialTransition(machine)[0] as AnyMachineSnapshot))
  return initial
}

export function restore(machine: AnyStateMachine, instance: Instance | undefined): AnyMachineSnapshot {
  if (instance === undefined) return initialOf(machine)
  return machine.resolveState({ value: unflatten(instance.value), context: instance.context }) as AnyMachineSnapshot
}

/** The task that a state owes, or null. */
export function taskOf(machine: AnyStateMachine, value: string): TaskName | null {
  const node = machine.getStateNodeById(`${machine.id}.${value}`)
  return (node.meta as { task?: TaskName } | undefined)?.task ?? null
}

export const isEnded = (snapshot: AnyMachineSnapshot): boolean => snapshot.status === 'done' || snapshot.hasTag('ended')

interface Draft {
  memory: Memory
  overlay: Map<Id, Instance>
  work: Addressed[]
  commit: Commit
  held: Map<SpendKey, Id | null>
}

function imageOf(draft: Draft, id: Id, before: Instance | undefined, after: AnyMachineSnapshot): Instance {
  const seq = draft.memory.seq + draft.commit.entries.length + 1
  const value = flatten(after.value as StateValue)
  return {
    id,
    version: versionOf(after.machine),
    value,
    context: after.context as { [key: string]: Json },
    revision: (before?.revision ?? 0) + 1,
    seq,
    at: draft.commit.at,
    entered: before?.value === value ? before.entered : seq,
    ended: isEnded(after),
  }
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
    if (before !== null && id === null) commit.release.push(key)
    if (id !== null && before !== id) commit.reserve.push([key, id])
  }
}

type Action = { type: string; params?: unknown }
type Scope = Parameters<AnyStateMachine['transition']>[2]

const nothing = (): void => undefined
/** Where a machine's transitions take place: an actor that is never started. */
const scopes = new WeakMap<AnyStateMachine, Scope>()

function scopeOf(machine: AnyStateMachine): Scope {
  const before = scopes.get(machine)
  if (before !== undefined) return before
  const self = createActor(machine)
  const inert = { logger: nothing, defer: nothing, emit: nothing, stopChild: nothing, actionExecutor: nothing }
  const scope: Scope = { ...inert, self, system: self.system, id: '', sessionId: '' }
  scopes.set(machine, scope)
  return scope
}

/** XState's own `transition`, which makes an actor for every event: half of what it costs. Actions are not executed. */
function transition(machine: AnyStateMachine, snapshot: AnyMachineSnapshot, event: Event) {
  const actions: Action[] = []
  const actionExecutor: Scope['actionExecutor'] = action => {
    actions.push(action)
  }
  const after = machine.transition(snapshot, event, { ...scopeOf(machine), actionExecutor })
  return [after as AnyMachineSnapshot, actions] as const
}

function follow(draft: Draft, id: Id, { type, params }: Action): void {
  if (type === 'tell') draft.work.push(...(params as { messages: Addressed[] }).messages)
  else if (type === 'reserve') reserve(draft, id, (params as { keys: SpendKey[] }).keys)
  else if (type === 'release') release(draft, id, (params as { keys: SpendKey[] }).keys)
  else throw invariant('unknown-action', `${id} returned the action ${type}, which is none of tell, reserve, release`)
}

function deliver(machines: Machines, draft: Draft, { to, event }: Addressed): void {
  const before = find(draft, to)
  if (before?.ended === true) return
  if (event.run !== undefined && (before === undefined || event.run !== runOf(before))) return
  const machine = machineOf(machines, to)
  const snapshot = restore(machine, before)
  const [after, returned] = transition(machine, snapshot, event)
  if (after.status === 'error')
    throw invariant('machine-error', `${to} failed at ${event.type}: ${String(after.error)}`)
  if (after !== snapshot) record(draft, event, before, after, to)
  // Who changes nothing in itself may still have to tell others: XState answers the same snapshot then, too.
  for (const action of returned) follow(draft, to, action)
}

function record(draft: Draft, event: Event, before: Instance | undefined, after: AnyMachineSnapshot, to: Id): void {
  const image = imageOf(draft, to, before, after)
  const { seq, value } = image
  const entry: Entry = {
    seq,
    prev: before?.seq ?? null,
    event: event.type,
    from: before?.value ?? null,
    to: value,
    image,
  }
  draft.commit.entries.push(entry)
  if (kindOf(to) === 'chain') draft.commit.heights[nameOf(to)] = image.context['height'] as number
  draft.overlay.set(to, image)
}

/**
 * Steps through `first` and everything they tell, in order, until nobody has anything to say.
 * Answers null when nothing changed. Throws an invariant fault, and then nothing has happened.
 */
export function step(machines: Machines, memory: Memory, first: readonly Addressed[], at: number): Commit | null {
  const commit: Commit = { at, heights: { ...memory.heights }, entries: [], reserve: [], release: [] }
  const draft: Draft = { memory, overlay: new Map(), work: [...first], commit, held: new Map() }
  for (let i = 0; i < draft.work.length; i++) {
    if (i >= MAXIMUM_MESSAGES)
      throw invariant('endless-step', `one event set more than ${MAXIMUM_MESSAGES} messages in motion`)
    deliver(machines, draft, draft.work[i]!)
  }
  settleReservations(draft)
  return commit.entries.length === 0 ? null : commit
}
