/** A short run, once for every await of a process: there it falls, and afterwards everything must be as it should. */
import type { Fall } from './machine.ts'
import { SHORT } from './season.ts'
import { simulate, type Verdict } from './simulate.ts'

/** This one leaves blocks that hold a deposit and a withdrawal, and pays again in the same run. */
export const SWEPT_SEED = 8

/** How many awaits there are to fall at. */
export async function awaitsOf(machine: 'watcher' | 'signer'): Promise<number> {
  const { awaits, violation } = await simulate(SWEPT_SEED, SHORT)
  if (violation !== null) throw new Error(violation)
  return awaits[machine]
}

/** The power goes at two of three, at the third only the process is killed. */
const fallOf = (at: number): Fall => (at % 3 === 0 ? 'kill' : 'power')

export const simulateFall = (machine: 'watcher' | 'signer', at: number): Promise<Verdict> =>
  simulate(SWEPT_SEED, { ...SHORT, fall: { machine, at, how: fallOf(at) } })
