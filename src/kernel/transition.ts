/**
 * XState's own `transition(machine, snapshot, event)`, without what half of its time goes into: it makes an actor for
 * every event. Here each machine has one actor that is never started, in whose scope all its transitions take place. That reaches
 * below XState's public interface (the scope that `machine.transition` is given), so this file is the only one that does,
 * and test/kernel/transition.test.ts compares it with the public function over every state and event of every machine.
 * Compared with XState 5.33.3; another version first has to pass that test.
 */
import { createActor, initialTransition, type AnyMachineSnapshot, type AnyStateMachine, type EventObject } from 'xstate'

/** An action that a transition returns: named, never executed. */
export interface ReturnedAction {
  type: string
  params?: unknown
}

type Scope = Parameters<AnyStateMachine['transition']>[2]

const nothing = (): void => undefined

/** Both are pure functions of the machine, and costly to make. */
const scopes = new WeakMap<AnyStateMachine, Scope>()
const initialSnapshots = new WeakMap<AnyStateMachine, AnyMachineSnapshot>()

function scopeOf(machine: AnyStateMachine): Scope {
  const known = scopes.get(machine)
  if (known !== undefined) return known
  const self = createActor(machine)
  const inert = { logger: nothing, defer: nothing, emit: nothing, stopChild: nothing, actionExecutor: nothing }
  const scope: Scope = { ...inert, self, system: self.system, id: '', sessionId: '' }
  scopes.set(machine, scope)
  return scope
}

/** The snapshot that every new instance of a machine starts from: immutable. */
export function initialOf(machine: AnyStateMachine): AnyMachineSnapshot {
  const known = initialSnapshots.get(machine)
  if (known !== undefined) return known
  const initial: AnyMachineSnapshot = initialTransition(machine)[0]
  initialSnapshots.set(machine, initial)
  return initial
}

/** The next snapshot (the same one where nothing has changed) and the actions, in order. Throws nothing: see `status`. */
export function transition(
  machine: AnyStateMachine,
  snapshot: AnyMachineSnapshot,
  event: EventObject,
): [AnyMachineSnapshot, ReturnedAction[]] {
  const returned: ReturnedAction[] = []
  const actionExecutor: Scope['actionExecutor'] = action => {
    returned.push(action)
  }
  const after: AnyMachineSnapshot = machine.transition(snapshot, event, { ...scopeOf(machine), actionExecutor })
  return [after, returned]
}
