import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { initialTransition, transition } from 'xstate'
import type { PoolEvent } from '../../machines/messages.ts'
import { poolMachine, type PoolContext } from '../../machines/pool.ts'
import { versionOf } from '../../src/kernel/step.ts'

const version = versionOf(poolMachine)

const golden = JSON.parse(readFileSync(new URL(`golden/pool.v${version}.json`, import.meta.url), 'utf8')) as {
  version: number
  states: Record<string, PoolContext>
}
const event: PoolEvent = {
  type: 'pool.extended',
  at: 1_767_225_600_000,
  data: { chain: 'litecoin', from: 3, count: 2, address: 'rltc1q', ledgerId: 'l' },
}

describe('pool', () => {
  test('absent -- pool.extended -- generated', () => {
    const [after, actions] = transition(poolMachine, initialTransition(poolMachine)[0], event)
    expect(after.value).toBe('generated')
    expect(after.status).toBe('active')
    expect(actions).toEqual([])
    expect(golden).toEqual({ version, states: { generated: after.context } })
  })

  test('generated -- pool.extended -- changes nothing', () => {
    const before = poolMachine.resolveState({ value: 'generated', context: structuredClone(golden.states.generated!) })
    const other = { ...event, data: { ...event.data, from: 0, count: 9 } }
    expect(transition(poolMachine, before, other)[0]).toBe(before)
  })
})
