import { expect, test } from 'vitest'
import { attack } from './attack/run.ts'

test('a thief in the place of the watcher gets out no more than was authorised, within the caps, and nothing twice', async () => {
  const figures = await attack(3_000, 1)
  expect(figures.requests).toBeGreaterThanOrEqual(3_000)
  // The attack means something only if some of it is signed and most of it is not.
  expect(figures.signed).toBeGreaterThan(100)
  expect(figures.refused).toBeGreaterThan(1_000)
  expect(figures.voided).toBeGreaterThan(50)
  expect(figures.restarts).toBeGreaterThan(20)
}, 300_000)
