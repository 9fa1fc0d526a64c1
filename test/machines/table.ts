/**
 * One machine under test: events, ways to each state, and a table of what every event does in every state. What the
 * table does not list must change nothing. `describeMachine` turns it into tests; `GOLDEN=write npx vitest run
 * test/machines` writes the golden snapshots anew, which is right only for a new version or before the first release.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  initialTransition,
  transition,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type AnyTransitionDefinition,
} from 'xstate'
import { getShortestPaths } from 'xstate/graph'
import { type Id, kindOf } from '../../machines/ids.ts'
import type { Event } from '../../machines/vocabulary.ts'
import type { Instance } from '../../src/kernel/entry.ts'
import { watcherMachines } from '../../src/orchestrator/machines.ts'
import { createMemory } from '../../src/orchestrator/memory.ts'
import { restore, step, versionOf, isHeardByEnded } from '../../src/kernel/step.ts'
import { untypedMessage } from '../kernel/untyped.ts'

/** To whom, what, with which data. */
export type Told = [to: Id, type: string, data: object]

/** What a step is told to do besides. */
interface Actions {
  tells?: Told[]
  reserves?: string[]
  releases?: string[]
}

/** Everything that an event does: the state, exactly the context fields that change, exactly the actions. */
export interface Effect extends Actions {
  to: string
  /** Not listed at a creation, which sets all of them: the golden snapshots have them. */
  set: object
}

export const to = (value: string, set: object = {}, also: Actions = {}): Effect => ({ to: value, set, ...also })

/** A machine, what can be said to it, and the ways to where it can stand when it is said. */
export interface Stage {
  machine: AnyStateMachine
  /** By name: the type, and what is particular about it. */
  events: Record<string, Event>
  /** `<value>` or `<value>, <what is particular>`: the events that lead there. */
  stands: Record<string, string[]>
}

export interface Subject extends Stage {
  id: Id
  /** By stand and event; what is not here changes nothing. */
  table: Record<string, Record<string, Effect>>
}

type Context = Record<string, unknown>
type Action = { type: string; params?: unknown }
type Node = AnyStateMachine['root']
type Definition = AnyTransitionDefinition

export const at = 1_767_225_600_000
export const happened = (type: string, data: object = {}): Event => ({ type, at, data })

export function flat(value: unknown): string {
  if (typeof value === 'string') return value
  const [key, child] = Object.entries(value as object)[0] as [string, unknown]
  return `${key}.${flat(child)}`
}

const next = (machine: AnyStateMachine, before: AnyMachineSnapshot, event: Event) =>
  transition(machine, before, event) as [AnyMachineSnapshot, Action[]]

const absent = (machine: AnyStateMachine) => initialTransition(machine)[0] as AnyMachineSnapshot

export function stood({ machine, events, stands }: Stage, stand: string): AnyMachineSnapshot {
  return stands[stand]!.reduce((snapshot, name) => {
    const [after] = next(machine, snapshot, events[name]!)
    if (after === snapshot) throw new Error(`on the way to ${stand}: ${flat(snapshot.value)} ignores ${name}`)
    return after
  }, absent(machine))
}

/** The context fields that differ; `undefined` where one has gone. */
function changed(before: Context, after: Context): Context {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  return Object.fromEntries(
    keys.filter(key => JSON.stringify(before[key]) !== JSON.stringify(after[key])).map(key => [key, after[key]]),
  )
}

const isEnded = (snapshot: AnyMachineSnapshot): boolean => snapshot.status === 'done' || snapshot.hasTag('ended')

/** What has ended hears nothing but that its end is undone: the step does not ask its machine, and neither do we. */
export function effectOf({ machine, events }: Subject, before: AnyMachineSnapshot, name: string): Effect | null {
  if (isEnded(before) && !isHeardByEnded(events[name]!.type)) return null
  const [after, actions] = next(machine, before, events[name]!)
  if (after.status === 'error') throw after.error
  if (after === before && actions.length === 0) return null
  const isCreation = flat(before.value) === 'absent'
  const effect = to(flat(after.value), isCreation ? {} : changed(before.context as Context, after.context as Context))
  for (const { type, params } of actions) add(effect, type, params)
  return effect
}

function add(effect: Effect, type: string, params: unknown): void {
  const { keys = [], messages = [] } = params as { keys?: string[]; messages?: { to: Id; event: Event }[] }
  if (type === 'tell')
    effect.tells = [
      ...(effect.tells ?? []),
      ...messages.map(({ to, event }): Told => [to, event.type, event.data as object]),
    ]
  else if (type === 'reserve') effect.reserves = keys
  else if (type === 'release') effect.releases = keys
  else throw new Error(`the action ${type} is none of tell, reserve, release`)
}

const valueOf = (stand: string): string => stand.split(',')[0]!

export const nodesOf = (node: Node): Node[] => [node, ...Object.values(node.states).flatMap(child => nodesOf(child))]

/** Every node without children: the states that an instance can be in. */
export const leavesOf = (machine: AnyStateMachine): string[] =>
  nodesOf(machine.root)
    .filter(node => Object.keys(node.states).length === 0)
    .map(node => node.path.join('.'))

export const definitionsOf = (machine: AnyStateMachine): Definition[] =>
  nodesOf(machine.root).flatMap(node => [...node.transitions.values()].flat())

const nameOf = ({ source, eventType, guard, target }: Definition): string => {
  const targets = (target ?? []).map(({ id }) => id).join()
  return `${source.id} -- ${eventType} [${typeof guard === 'string' ? guard : guard === undefined ? '' : 'guarded'}] -> ${targets}`
}

const takenBy = (machine: AnyStateMachine, snapshot: AnyMachineSnapshot, event: Event): Definition[] =>
  machine.getTransitionData(snapshot as never, event) as Definition[]

function describeTable(subject: Subject): void {
  const { events, stands, table } = subject
  for (const stand of Object.keys(stands))
    for (const name of Object.keys(events)) {
      const expected = table[stand]?.[name] ?? null
      test(`${stand} -- ${name} -- ${expected?.to ?? 'changes nothing'}`, () => {
        const before = stood(subject, stand)
        expect(effectOf(subject, before, name)).toEqual(expected)
        if (expected === null && !isEnded(before)) expect(next(subject.machine, before, events[name]!)[0]).toBe(before)
      })
    }
}

function describeCoverage(subject: Subject): void {
  const { machine, events, stands, table } = subject
  const pairs = Object.keys(stands).flatMap(stand =>
    Object.values(events).map(event => ({ snapshot: stood(subject, stand), event })),
  )

  test('the table speaks of every state, of every event, and of nothing else', () => {
    expect(Object.keys(table).filter(stand => !(stand in stands))).toEqual([])
    const listed = Object.values(table).flatMap(row => Object.keys(row))
    expect(listed.filter(name => !(name in events))).toEqual([])
    expect([...new Set(Object.keys(stands).map(valueOf))].sort()).toEqual(leavesOf(machine).sort())
    expect([...new Set(Object.values(events).map(({ type }) => type))].sort()).toEqual(
      [...(machine.events as string[])].sort(),
    )
    for (const stand of Object.keys(stands)) expect(flat(stood(subject, stand).value)).toBe(valueOf(stand))
  })

  test('every transition of the definition is taken at least once', () => {
    const taken = new Set(pairs.flatMap(({ snapshot, event }) => takenBy(machine, snapshot, event)))
    expect(
      definitionsOf(machine)
        .filter(one => !taken.has(one))
        .map(nameOf),
    ).toEqual([])
  })

  test('every guard is seen to say no as well', () => {
    const refused = definitionsOf(machine).filter(one =>
      pairs.some(({ snapshot, event }) => isRefused(machine, snapshot, event, one)),
    )
    expect(
      definitionsOf(machine)
        .filter(one => one.guard !== undefined && !refused.includes(one))
        .map(nameOf),
    ).toEqual([])
  })
}

/** Its turn came, and it was passed over for a later one or for none. */
function isRefused(machine: AnyStateMachine, snapshot: AnyMachineSnapshot, event: Event, one: Definition): boolean {
  if (one.eventType !== event.type || !snapshot._nodes.includes(one.source)) return false
  const [taken] = takenBy(machine, snapshot, event)
  const siblings = one.source.transitions.get(event.type) as Definition[]
  return taken === undefined || !siblings.includes(taken) || siblings.indexOf(taken) > siblings.indexOf(one)
}

/** More than any machine here has contexts, with the few events of its test. */
const MAXIMUM_STATES = 100_000

/** What is only told to people, or only added up, decides no path. */
const UNTOLD = { settled: {}, rivals: [], failures: 0, askedRate: null, reason: null, fee: null, authorisations: [] }

function describePaths({ machine, events }: Subject): void {
  const serializeState = (state: { value: unknown; context: unknown }) =>
    JSON.stringify([state.value, { ...(state.context as object), ...UNTOLD }])
  const paths = getShortestPaths(machine, {
    events: Object.values(events) as never[],
    serializeState: serializeState as never,
    limit: MAXIMUM_STATES,
  })

  test('every state is reached by some path from absent, and the path can be walked again', () => {
    const reached = new Set(paths.map(({ state }) => flat((state as AnyMachineSnapshot).value)))
    expect([...reached].sort()).toEqual(leavesOf(machine).sort())
    for (const path of paths) {
      const steps = path.steps.filter(({ event }) => (event as Event).type !== 'xstate.init')
      const last = steps.reduce((snapshot, { event }) => next(machine, snapshot, event as Event)[0], absent(machine))
      expect(flat(last.value)).toBe(flat((path.state as AnyMachineSnapshot).value))
    }
  })
}

function describeContexts({ machine, events }: Subject): void {
  test('whatever happens in whatever order, the context is JSON and a rejected event leaves the same snapshot', () => {
    const history = fc.array(fc.constantFrom(...Object.keys(events)), { maxLength: 40 })
    fc.assert(
      fc.property(history, names => {
        let snapshot = absent(machine)
        for (const name of names) {
          const [after, actions] = next(machine, snapshot, events[name]!)
          expect(after.status).not.toBe('error')
          expect(JSON.parse(JSON.stringify(after.context))).toStrictEqual(after.context)
          if (takenBy(machine, snapshot, events[name]!).length === 0) expect([after, actions]).toEqual([snapshot, []])
          expect(actions.filter(({ type }) => !['tell', 'reserve', 'release'].includes(type))).toEqual([])
          snapshot = after
        }
      }),
      { numRuns: 300, seed: 1 },
    )
  })
}

/** What the ledger holds of an instance that was led to this stand. */
function imageOf({ id, events, stands }: Subject, stand: string): Instance {
  const memory = createMemory({ seq: 0, heights: {}, live: [], reservations: [] })
  let image: Instance | undefined
  for (const name of stands[stand]!) {
    // What has ended is in memory no more: whoever brings it back reads it from the archive.
    const archived = image?.ended ? [image] : []
    const commit = step(watcherMachines, memory, [untypedMessage(id, events[name]!)], at, archived)!
    memory.apply(commit)
    image = commit.entries.findLast(entry => entry.image.id === id)?.image ?? image
  }
  return image!
}

interface Golden {
  version: number
  states: Record<string, Instance>
}

function describeGolden(subject: Subject): void {
  const { machine, id, stands, table } = subject
  const file = new URL(`golden/${kindOf(id)}.v${versionOf(machine)}.json`, import.meta.url)
  const plain = Object.keys(stands).filter(
    (stand, i, all) => i === all.findIndex(one => valueOf(one) === valueOf(stand)),
  )
  const stored = plain.filter(stand => valueOf(stand) !== 'absent')
  if (process.env['GOLDEN'] === 'write') {
    const states = Object.fromEntries(stored.map(stand => [valueOf(stand), imageOf(subject, stand)]))
    writeFileSync(file, `${JSON.stringify({ version: versionOf(machine), states }, null, 2)}\n`)
  }
  const golden = JSON.parse(readFileSync(file, 'utf8')) as Golden

  test('an instance of every state as it was stored is what this version stores', () => {
    expect(golden.version).toBe(versionOf(machine))
    expect(Object.keys(golden.states).sort()).toEqual(
      leavesOf(machine)
        .filter(value => value !== 'absent')
        .sort(),
    )
    for (const stand of stored) expect(golden.states[valueOf(stand)]).toEqual(imageOf(subject, stand))
  })

  for (const stand of stored)
    test(`as stored, ${valueOf(stand)} is restored and goes on`, () => {
      const image = golden.states[valueOf(stand)]!
      const snapshot = restore(machine, image)
      expect([flat(snapshot.value), snapshot.context]).toEqual([image.value, image.context])
      expect(image.ended).toBe(isEnded(snapshot))
      for (const [name, effect] of Object.entries(table[stand] ?? {}))
        expect(effectOf(subject, snapshot, name)).toEqual(effect)
      if (table[stand] === undefined)
        expect(image.ended || machine.getStateNodeById(`${machine.id}.${image.value}`).transitions.size === 0).toBe(
          true,
        )
    })
}

export function describeMachine(subject: Subject): void {
  describe('every state with every event', () => describeTable(subject))
  describe('all of it', () => describeCoverage(subject))
  describe('paths', () => describePaths(subject))
  describe('contexts', () => describeContexts(subject))
  describe('golden snapshots', () => describeGolden(subject))
}
