import { expect, test } from 'vitest'
import { attack } from './attack/attack.ts'

test.each([
  ['bitcoin', 3_000],
  ['ethereum', 2_000],
  ['ripple', 2_000],
  ['nano', 2_000],
] as const)(
  '%s: a thief in the place of the watcher gets out no more than was authorised, within the caps, and nothing twice',
  async (side, runs) => {
    const { figures, violation } = await attack({ side, runs, seed: 1 })
    expect(violation).toBeNull()
    expect(figures.templates).toBeGreaterThanOrEqual(runs)
    // The attack means something only if some of it is signed and most of it is not.
    expect(figures.signed).toBeGreaterThan(80)
    expect(figures.notSigned).toBeGreaterThan(1_000)
  },
)
