/** `npm run attack -- --runs 100000 --seed 1`: so many requests of a thief in the watcher's place. */
import { parseArgs } from 'node:util'
import fc from 'fast-check'
import { movesOf } from './moves.ts'
import { play, type Figures } from './world.ts'

const MOVES = 120

export async function attack(runs: number, seed: number): Promise<Figures> {
  const figures: Figures = { requests: 0, signed: 0, refused: 0, voided: 0, restarts: 0 }
  for (let round = 0; figures.requests < runs; round++) {
    const property = fc.asyncProperty(movesOf(MOVES), moves => play(moves, figures))
    await fc.assert(property, { seed: seed + round, numRuns: 5, endOnFailure: false })
  }
  return figures
}

if (process.argv[1]?.endsWith('attack/run.js') === true) {
  const options = { runs: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' } } as const
  const { values } = parseArgs({ options })
  const startedMs = Date.now()
  const figures = await attack(Number(values.runs), Number(values.seed))
  console.log(JSON.stringify({ ...figures, seconds: Math.round((Date.now() - startedMs) / 1000) }))
}
