/** A short run, once for every await of a process: there it falls, and afterwards everything must be as it should. */
import type { Fall } from './machine.ts'
import { SHORT, SHORT_BUMPED, type Script } from './season.ts'
import { simulate, type Verdict } from './simulate.ts'

/** This one leaves blocks that hold a deposit and a withdrawal, and pays again in the same run. */
export const SWEPT_SEED = 8

/** In this one a person has fees raised three times, and blocks leave. */
const BUMPED_SEED = 7

/** What is swept: each with a seed of its own, in which all of it happens. */
export const SWEEPS = {
  plain: { seed: SWEPT_SEED, script: SHORT },
  bumped: { seed: BUMPED_SEED, script: SHORT_BUMPED },
} as const satisfies Record<string, { seed: number; script: Script }>
/** By name. */
export type Sweep = keyof typeof SWEEPS

/** How many awaits there are to fall at. */
export async function awaitsOf(machine: 'watcher' | 'signer', sweep: Sweep = 'plain'): Promise<number> {
  const { seed, script } = SWEEPS[sweep]
  const { awaits, violation } = await simulate(seed, script)
  if (violation !== null) throw new Error(violation)
  return awaits[machine]
}

/** The power goes at two of three, at the third only the process is killed. */
const fallOf = (at: number): Fall => (at % 3 === 0 ? 'kill' : 'power')

export const simulateFall = (machine: 'watcher' | 'signer', at: number, sweep: Sweep = 'plain'): Promise<Verdict> =>
  simulate(SWEEPS[sweep].seed, { ...SWEEPS[sweep].script, fall: { machine, at, how: fallOf(at) } })
