/** So many templates of a thief in the watcher's place, played in worlds of their own from one seed. */
import fc from 'fast-check'
import { noFigures, type Figures } from './figures.ts'
import { movesOf, type Dishonest, type Move } from './moves.ts'
import { bitcoinSide } from './bitcoin.ts'
import { ethereumSide } from './ethereum.ts'
import { nanoSide } from './nano.ts'
import { rippleSide } from './ripple.ts'
import type { Side } from './side.ts'
import { play } from './world.ts'

const MOVES = 80
/** Moves that lead to a violation are made fewer by playing them again without some of them, at most so often. */
const REPLAYS = 400

export const SIDES = {
  bitcoin: bitcoinSide,
  ethereum: ethereumSide,
  ripple: rippleSide,
  nano: nanoSide,
} satisfies Record<string, Side>
export type SideName = keyof typeof SIDES

export interface AttackOptions {
  side: SideName
  /** Templates, at least. */
  runs: number
  seed: number
  /** Of what is dishonest only these kinds; all unless said. */
  kinds?: readonly Dishonest[]
  /** Called after each play. */
  progress?: (figures: Figures) => void
}

/** Of the first violation, if there is one; `moves` are all that were played in that world. */
export interface Outcome {
  figures: Figures
  violation: { message: string; seed: number; moves: readonly Move[] } | null
}

export async function attack({ side: name, runs, seed, kinds, progress }: AttackOptions): Promise<Outcome> {
  const side: Side = SIDES[name]
  const figures = noFigures()
  for (let next = seed; figures.templates < runs; next++) {
    const moves = fc.sample(movesOf(MOVES, kinds ?? side.kinds), { seed: next, numRuns: 1 })[0]!
    const message = await violationOf(side, moves, figures)
    if (message !== null) return { figures, violation: { message, seed: next, moves } }
    progress?.(figures)
  }
  return { figures, violation: null }
}

async function violationOf(side: Side, moves: readonly Move[], figures: Figures): Promise<string | null> {
  try {
    await play(side, moves, figures)
    return null
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** Leaves out halves, quarters and so on as long as something still goes wrong. */
export async function fewest(side: SideName, moves: readonly Move[]): Promise<readonly Move[]> {
  let kept = moves
  let replays = 0
  for (let size = Math.ceil(kept.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2))
    for (let at = 0; at < kept.length && replays < REPLAYS;) {
      const fewer = [...kept.slice(0, at), ...kept.slice(at + size)]
      replays++
      if ((await violationOf(SIDES[side], fewer, noFigures())) === null) at += size
      else kept = fewer
    }
  return kept
}
