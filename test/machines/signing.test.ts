import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { initialTransition, transition } from 'xstate'
import type { SigningEvent } from '../../machines/messages.ts'
import { signingMachine, type SigningContext } from '../../machines/signing.ts'
import { versionOf } from '../../src/kernel/step.ts'
import { signingEvents as events } from './subjects/signing.ts'

/** An instance of every state as version 1 stored it. A change of machine that cannot read them needs a new version. */
const golden = JSON.parse(
  readFileSync(new URL(`golden/signing.v${versionOf(signingMachine)}.json`, import.meta.url), 'utf8'),
) as {
  version: number
  states: Record<string, SigningContext>
}

const states = ['absent', 'received', 'inspected', 'awaitingApproval', 'signed', 'refused', 'forgotten'] as const
type State = (typeof states)[number]
type EventType = SigningEvent['type']

/** Whatever is not listed changes nothing. */
const table: Record<State, Partial<Record<EventType, State>>> = {
  absent: { 'request.received': 'received' },
  received: { 'template.inspected': 'inspected', 'template.refused': 'refused' },
  inspected: { 'template.signed': 'signed', 'template.refused': 'refused', 'approvals.missed': 'awaitingApproval' },
  awaitingApproval: { 'request.received': 'received', 'attempt.forgotten': 'forgotten' },
  signed: {},
  refused: { 'request.received': 'received', 'attempt.forgotten': 'forgotten' },
  forgotten: {},
}

const stood = (state: State) =>
  state === 'absent'
    ? initialTransition(signingMachine)[0]
    : signingMachine.resolveState({ value: state, context: structuredClone(golden.states[state]!) })

describe('signing', () => {
  for (const state of states) {
    for (const type of Object.keys(events) as EventType[]) {
      const target = table[state][type]
      test(`${state} -- ${type} -- ${target ?? 'changes nothing'}`, () => {
        const before = stood(state)
        const [after, actions] = transition(signingMachine, before, events[type])
        expect(actions).toEqual([])
        if (target === undefined) expect(after).toBe(before)
        else expect(after.value).toBe(target)
      })
    }
  }

  test('the golden snapshots are what this machine stores', () => {
    const walk = (...types: EventType[]) =>
      types.reduce((snapshot, type) => transition(signingMachine, snapshot, events[type])[0], stood('absent')).context
    expect(golden.version).toBe(versionOf(signingMachine))
    expect(golden.states).toEqual({
      received: walk('request.received'),
      inspected: walk('request.received', 'template.inspected'),
      awaitingApproval: walk('request.received', 'template.inspected', 'approvals.missed'),
      signed: walk('request.received', 'template.inspected', 'template.signed'),
      refused: walk('request.received', 'template.inspected', 'template.refused'),
      forgotten: walk('request.received', 'template.inspected', 'template.refused', 'attempt.forgotten'),
    })
  })

  test('S1: signed is an end: no event changes it', () => {
    expect(stood('signed').status).toBe('done')
  })

  test('a new request forgets reasons and approvals of the one before, but never a round', () => {
    for (const state of ['refused', 'awaitingApproval'] as const) {
      const { context } = transition(signingMachine, stood(state), events['request.received'])[0]
      expect(context).toMatchObject({ reasons: [], missing: [], spendKeys: [], signed: null, rounds: { 'w-1': 2 } })
    }
  })

  test('rounds only rise', () => {
    const lower = {
      ...events['template.inspected'],
      data: { ...events['template.inspected'].data, rounds: { 'w-1': 1, 'w-2': 5 } },
    }
    const received = transition(signingMachine, stood('refused'), events['request.received'])[0]
    expect(transition(signingMachine, received, lower)[0].context.rounds).toEqual({ 'w-1': 2, 'w-2': 5 })
  })

  test('every state says in one line what it is', () => {
    for (const state of states) {
      const { description } = signingMachine.getStateNodeById(`signing.${state}`)
      expect(description).toMatch(/^[^\n]{20,}$/)
    }
  })
})
