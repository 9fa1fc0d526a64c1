import { expect, test } from 'vitest'
import { attack } from './attack/attack.ts'

test.each(['bitcoin', 'ethereum'] as const)(
  '%s: a thief in the place of the watcher gets out no more than was authorised, within the caps, and nothing twice',
  async side => {
    const { figures, violation } = await attack({ side, runs: 3_000, seed: 1 })
    expect(violation).toBeNull()
    expect(figures.templates).toBeGreaterThanOrEqual(3_000)
    // The attack means something only if some of it is signed and most of it is not.
    expect(figures.signed).toBeGreaterThan(100)
    expect(figures.notSigned).toBeGreaterThan(1_000)
  },
)
