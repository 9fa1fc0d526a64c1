/** One run: a seed in, a verdict out. */
import { newBooks, type Books } from './books.ts'
import { runBackend } from './backend.ts'
import { runOperator } from './operator.ts'
import { changeWeather, runLoss, tortureMachine } from './chaos.ts'
import { checkEnd, unsettled } from './ending.ts'
import { runMiner } from './miner.ts'
import { fillTreasury, runPayers } from './payer.ts'
import { STORM, type Script, type Season } from './season.ts'
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
  awaits: { watcher: number; signer: number }
  /** What happened. */
  lines: readonly string[]
}

const SHOWN_UNSETTLED = 20
/** After the last fault everything ends within this. */
const CALM_MS = 6 * 60_000
const JUDGE_MS = 2000

type Prepared = Awaited<ReturnType<typeof prepare>>
let prepared: Promise<Prepared> | undefined

/** Looks at times whether everything has come to its end, then once at everything. */
async function judge(system: System, books: Books, season: Season, verdict: { isOver: boolean }): Promise<void> {
  const { world } = system
  while (season.isStormy || !books.isRestored || unsettled(system, books).length > 0) await world.sleep(JUDGE_MS)
  await checkEnd(system, books)
  verdict.isOver = true
}

function calmDown({ world, sky, watcher, signer }: System, season: Season): void {
  world.trace('calm')
  season.isStormy = false
  sky.weather = CALM
  sky.node = 'up'
  for (const machine of [watcher, signer]) {
    machine.fallAt(Infinity, 'kill')
    machine.start()
  }
}

/** What makes things go wrong, as far as the script says so. */
function startFaults(system: System, books: Books, season: Season): Promise<void>[] {
  const { world, watcher, signer } = system
  const { fall, isFaulty } = season.script
  if (fall !== null) system[fall.machine].fallAt(fall.at, fall.how)
  if (!isFaulty) return []
  return [
    tortureMachine(world, watcher, season),
    tortureMachine(world, signer, season),
    changeWeather(system, season),
    runLoss(system, books, season),
  ]
}

const storyOf = (error: unknown) => (error instanceof Error ? (error.stack ?? error.message) : String(error))

export async function simulate(seed: number, script: Script = STORM): Promise<Verdict> {
  const world = createWorld(seed)
  const system = createSystem(world, await (prepared ??= prepare()))
  const books = newBooks()
  const season: Season = { isStormy: true, script, losesLedger: world.dice.chance(script.loss) }
  const verdict = { isOver: false }
  const startedAt = world.now()
  system.signer.start()
  system.watcher.start()
  const funded = fillTreasury(system, books, season)
  const actors = [
    runMiner(system, books, season),
    runBackend({ ...system, books, season }),
    runPayers(system, books, season),
    funded,
    runOperator(system),
    ...startFaults(system, books, season),
    funded.then(() => judge(system, books, season, verdict)),
  ]
  for (const actor of actors)
    actor.catch((error: unknown) => world.violate(`the simulation itself failed: ${storyOf(error)}`))
  world.after(world.dice.between(...script.stormMs), () => calmDown(system, season))
  const isDone = await world.run(() => verdict.isOver, startedAt + script.stormMs[1] + CALM_MS)
  if (!isDone && world.violation() === null)
    world.violate(`not settled: ${unsettled(system, books).slice(0, SHOWN_UNSETTLED).join('; ')}`)
  const awaits = { watcher: system.watcher.awaits(), signer: system.signer.awaits() }
  const virtualMs = world.now() - startedAt
  return { seed, violation: world.violation(), hash: world.hash(), virtualMs, awaits, lines: world.lines() }
}
