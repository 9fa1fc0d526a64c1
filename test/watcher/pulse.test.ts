import { expect, test } from 'vitest'
import type { Clock } from '../../src/kernel/ports.ts'
import { startPulse } from '../../src/watcher/pulse.ts'
import { quiet } from '../orchestrator/rig.ts'

/** A clock whose wakes come when the test says so, however late. */
function lateClock() {
  let now = 0
  let due: { at: number; run: () => void } | null = null
  const clock: Clock = {
    now: () => now,
    monotonic: () => now,
    processor: () => 0,
    wake: (afterMs, run) => {
      due = { at: now + afterMs, run }
      return () => (due = null)
    },
  }
  return {
    clock,
    isWaiting: () => due !== null,
    beat: async (lateMs = 0) => {
      const { at, run } = due!
      due = null
      now = at + lateMs
      run()
      await quiet()
    },
  }
}

function started() {
  const late = lateClock()
  const lines: { level: string; fields: unknown }[] = []
  const pulse = startPulse(late.clock, (level, _, fields) => void lines.push({ level, fields }))
  return { ...late, lines, pulse }
}

test('a process that turns has not stood still', async () => {
  const { beat, pulse, lines } = started()
  await quiet()
  for (let i = 0; i < 10; i++) await beat(20)
  expect(pulse.longestMs()).toBe(0)
  expect(lines).toEqual([])
})

test('the longest standstill of the last minute is known, and forgotten', async () => {
  const { beat, pulse } = started()
  await quiet()
  await beat(6000)
  await beat(500)
  expect(pulse.longestMs()).toBe(6000)
  for (let i = 0; i < 59; i++) await beat()
  expect(pulse.longestMs()).toBe(500)
  await beat()
  expect(pulse.longestMs()).toBe(0)
})

test('many standstills are a line at once, and one later that sums them up', async () => {
  const { beat, lines } = started()
  await quiet()
  for (let i = 0; i < 300; i++) await beat(1000)
  expect(lines).toEqual([{ level: 'warn', fields: { ms: 1000, times: 1 } }])
  await beat(1000)
  await beat(2000)
  expect(lines.slice(1)).toEqual([{ level: 'warn', fields: { ms: expect.any(Number) as number, times: 300 } }])
})

test('it ends when it is stopped', async () => {
  const { beat, isWaiting, pulse } = started()
  await quiet()
  await beat()
  await pulse.stop()
  expect(isWaiting()).toBe(false)
})
