import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { initialTransition, transition } from 'xstate'
import { voidMachine, type VoidContext } from '../../machines/void.ts'
import { versionOf } from '../../src/kernel/step.ts'
import { voidEvent as event } from './subjects/void.ts'

const version = versionOf(voidMachine)

/** An instance of every state as version 1 stored it. A change of machine that cannot read them needs a new version. */
const golden = JSON.parse(readFileSync(new URL(`golden/void.v${version}.json`, import.meta.url), 'utf8')) as {
  version: number
  states: Record<string, VoidContext>
}
describe('void', () => {
  test('absent -- withdrawal.voided -- voided', () => {
    const [after, actions] = transition(voidMachine, initialTransition(voidMachine)[0], event)
    expect(after.value).toBe('voided')
    expect(after.status).toBe('done')
    expect(actions).toEqual([])
    expect(golden).toEqual({ version, states: { voided: after.context } })
  })

  test('voided -- withdrawal.voided -- changes nothing', () => {
    const before = voidMachine.resolveState({ value: 'voided', context: structuredClone(golden.states.voided!) })
    const other = { ...event, data: { ...event.data, round: 1, signed: [] } }
    expect(transition(voidMachine, before, other)[0]).toBe(before)
  })
})
