/** One run: a seed in, a verdict out. */
import { newBooks, type Books } from './books.ts'
import { runBackend } from './backend.ts'
import { changeWeather, tortureMachine } from './chaos.ts'
import { checkEnd, unsettled } from './ending.ts'
import { runMiner } from './miner.ts'
import { fillTreasury, runPayers } from './payer.ts'
import type { Season } from './season.ts'
import { createSystem, prepare, type System } from './system.ts'
import { CALM } from './wire.ts'
import { createWorld } from './world.ts'

export interface Verdict {
  seed: number
  /** What was violated, or null. */
  violation: string | null
  /** Over everything that happened, in its order. */
  hash: string
  virtualMs: number
  /** Awaits of watcher and signer. */
  awaits: number
  /** The last lines of what happened. */
  recent: string[]
}

const STORM_MS = 120_000
/** After the last fault everything ends within this. */
const CALM_MS = 6 * 60_000
const JUDGE_MS = 2000

type Prepared = Awaited<ReturnType<typeof prepare>>
let prepared: Promise<Prepared> | undefined

/** Looks at times whether everything has come to its end, then once at everything. */
async function judge(system: System, books: Books, season: Season, verdict: { isOver: boolean }): Promise<void> {
  const { world } = system
  while (season.isStormy || unsettled(system, books).length > 0) await world.sleep(JUDGE_MS)
  await checkEnd(system, books)
  verdict.isOver = true
}

function calmDown({ world, sky, watcher, signer }: System, season: Season): void {
  world.trace('calm')
  season.isStormy = false
  sky.weather = CALM
  sky.isNodeUp = true
  for (const machine of [watcher, signer]) {
    machine.fallAt(Infinity, 'kill')
    machine.start()
  }
}

export async function simulate(seed: number): Promise<Verdict> {
  const world = createWorld(seed)
  const system = createSystem(world, await (prepared ??= prepare()))
  const books = newBooks()
  const season: Season = { isStormy: true }
  const verdict = { isOver: false }
  const startedAt = world.now()
  const failed = (error: unknown) =>
    world.violate(`the simulation itself failed: ${error instanceof Error ? (error.stack ?? '') : String(error)}`)
  system.signer.start()
  system.watcher.start()
  const exchange = { ...system, books, season }
  const actors = [
    runMiner(system, books, season),
    runBackend(exchange),
    runPayers(system, books, season),
    fillTreasury(system, books),
    tortureMachine(world, system.watcher, season),
    tortureMachine(world, system.signer, season),
    changeWeather(system, season),
    judge(system, books, season, verdict),
  ]
  for (const actor of actors) actor.catch(failed)
  world.after(world.dice.between(STORM_MS / 4, STORM_MS), () => calmDown(system, season))
  const isDone = await world.run(() => verdict.isOver, startedAt + STORM_MS + CALM_MS)
  if (!isDone && world.violation() === null)
    world.violate(`not settled: ${unsettled(system, books).slice(0, 20).join('; ')}`)
  const awaits = system.watcher.awaits() + system.signer.awaits()
  return {
    seed,
    violation: world.violation(),
    hash: world.hash(),
    virtualMs: world.now() - startedAt,
    awaits,
    recent: world.recent(),
  }
}
