/** The kernel's transition against XState's public one, over everything that can be said to every machine anywhere. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  assign,
  initialTransition,
  setup,
  transition as publicTransition,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type StateValue,
} from 'xstate'
import { SIGNER_KINDS, WATCHER_KINDS } from '../../machines/ids.ts'
import type { Event } from '../../machines/vocabulary.ts'
import { initialOf, transition, type ReturnedAction } from '../../src/kernel/transition.ts'
import { accountSubject } from '../machines/subjects/account.ts'
import { addressSubject } from '../machines/subjects/address.ts'
import { attemptSubject } from '../machines/subjects/attempt.ts'
import { chainSubject } from '../machines/subjects/chain.ts'
import { coinSubject } from '../machines/subjects/coin.ts'
import { depositSubject } from '../machines/subjects/deposit.ts'
import { movementSubject } from '../machines/subjects/movement.ts'
import { poolStage } from '../machines/subjects/pool.ts'
import { signingStage } from '../machines/subjects/signing.ts'
import { transactionSubject } from '../machines/subjects/transaction.ts'
import { transferSubject } from '../machines/subjects/transfer.ts'
import { voidStage } from '../machines/subjects/void.ts'
import { withdrawalSubject } from '../machines/subjects/withdrawal.ts'
import { happened, stood, type Stage } from '../machines/table.ts'

const watcher = [
  ...[accountSubject, addressSubject, attemptSubject, chainSubject],
  ...[coinSubject, depositSubject, movementSubject, transactionSubject, transferSubject, withdrawalSubject],
]
const stages: Stage[] = [...watcher, signingStage, voidStage, poolStage]

type Transition = (
  machine: AnyStateMachine,
  snapshot: AnyMachineSnapshot,
  event: Event,
) => [AnyMachineSnapshot, ReturnedAction[]]

/** What XState leaves untyped in a snapshot of any machine. */
interface Shown {
  value: StateValue
  context: object
  status: string
  error: unknown
  tags: ReadonlySet<string>
}

const shownOf = (snapshot: AnyMachineSnapshot): Shown => snapshot

/** All that a step reads of a transition. */
function told(one: Transition, machine: AnyStateMachine, before: AnyMachineSnapshot, event: Event) {
  const [after, actions] = one(machine, before, event)
  const { value, context, status, error, tags } = shownOf(after)
  const named = actions.map(({ type, params }) => ({ type, params }))
  return { isSame: after === before, value, context, status, error, tags: [...tags], actions: named }
}

/** As `stood` led there, and as the step restores it from what is stored. */
const snapshotsAt = (stage: Stage, stand: string): AnyMachineSnapshot[] => {
  const led = stood(stage, stand)
  const { value, context } = shownOf(led)
  return [led, stage.machine.resolveState({ value, context: structuredClone(context) })]
}

test('every machine is compared', () => {
  expect(stages.map(({ machine }) => machine.id).sort()).toEqual([...WATCHER_KINDS, ...SIGNER_KINDS].sort())
})

describe.each(stages.map(stage => [stage.machine.id, stage] as const))('%s', (_, stage) => {
  const { machine, events, stands } = stage

  test('begins as it does with XState alone, and is not begun anew every time', () => {
    const initial = initialOf(machine)
    const [expected] = initialTransition(machine)
    expect([initial.value, initial.context, initial.status]).toEqual([
      expected.value,
      expected.context,
      expected.status,
    ])
    expect(initialOf(machine)).toBe(initial)
  })

  test.each(Object.keys(stands))('%s: every event does what it does with XState alone', stand => {
    for (const before of snapshotsAt(stage, stand))
      for (const [name, event] of Object.entries(events))
        expect(told(transition, machine, before, event), name).toEqual(told(publicTransition, machine, before, event))
  })
})

/** Whatever a machine of ours never does, but a defect of one might. */
const defective = setup({
  types: { context: {} as { count: number }, events: {} as Event },
  actions: {
    tell: (_: unknown, _params: { n: number }) => {},
    count: assign({ count: ({ context }) => context.count + 1 }),
    fail: assign(() => {
      throw new Error('broken')
    }),
  },
  guards: {
    isBroken: () => {
      throw new Error('guard broken')
    },
  },
}).createMachine({
  id: 'defective',
  context: { count: 0 },
  initial: 'one',
  states: {
    one: {
      on: {
        'made.counted': {
          actions: ['count', { type: 'tell', params: ({ context }) => ({ n: context.count }) }, 'count'],
        },
        'made.failed': { actions: ['count', { type: 'tell', params: { n: 1 } }, 'fail'] },
        'made.guarded': { guard: 'isBroken', target: 'two' },
        'made.moved': 'two',
      },
    },
    two: { entry: 'count', always: 'three' },
    three: { exit: { type: 'tell', params: { n: 3 } }, on: { 'made.moved': 'four' } },
    four: { type: 'final' },
  },
})

describe('a defective machine', () => {
  const outcomeOf = (one: Transition, before: AnyMachineSnapshot, type: string) => {
    try {
      return told(one, defective, before, happened(type))
    } catch (error) {
      return { thrown: String(error) }
    }
  }

  test('fails as it does with XState alone, and leaves nothing behind for the next event', () => {
    let before: AnyMachineSnapshot = initialOf(defective)
    for (const type of ['made.counted', 'made.moved', 'made.moved', 'made.moved']) {
      for (const failing of ['made.failed', 'made.guarded', 'made.unheard', type])
        expect(outcomeOf(transition, before, failing), failing).toEqual(outcomeOf(publicTransition, before, failing))
      before = transition(defective, before, happened(type))[0]
    }
    expect([before.value, before.status]).toEqual(['four', 'done'])
  })
})

test('the XState that is installed is one that src/kernel/transition.ts was compared with', () => {
  const source = readFileSync(new URL('../../src/kernel/transition.ts', import.meta.url), 'utf8')
  const compared = /Compared with XState (\d[\d., ]*\d);/.exec(source)![1]!.split(', ')
  const manifest = readFileSync(new URL('../../node_modules/xstate/package.json', import.meta.url), 'utf8')
  const { version } = JSON.parse(manifest) as { version: string }
  expect(compared).toContain(version)
})
