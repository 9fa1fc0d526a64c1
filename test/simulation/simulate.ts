/** One run: a seed in, a verdict out. */
import { FEW_COINS } from './fixtures.ts'
import { newBooks, type Books } from './books.ts'
import { runBackend } from './backend.ts'
import { runBumper, runOperator } from './operator.ts'
import { changeWeather, runLoss, stepClocks, tortureMachine } from './chaos.ts'
import { watchReadiness } from './readiness.ts'
import { checkEnd, unsettled } from './ending.ts'
import { checkPayments } from './invariants.ts'
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
/** What some signers let go in a day: a withdrawal or two. */
const DAILY = '80000000'

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
  // The limit is raised, for which the signer is started again.
  if (sky.perDay !== null) signer.fall('kill')
  sky.perDay = null
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
    stepClocks(system, season),
    runLoss(system, books, season),
  ]
}

const storyOf = (error: unknown) => (error instanceof Error ? (error.stack ?? error.message) : String(error))

/** Both backends' invariants at once: no address of one is the other's. */
function checkApart({ world }: System, [first, second]: readonly [Books, Books]): void {
  const firsts = new Set([...first.addresses.values()].map(({ address }) => address))
  for (const { address, reference } of second.addresses.values())
    if (firsts.has(address)) world.violate(`${address} was given to ${reference} and to a user of the other watcher`)
}

/** Two watchers that pay, with a backend each, beside each other on one signer and one node. */
export async function simulatePair(seed: number): Promise<Verdict> {
  const world = createWorld(seed)
  const script = { ...STORM, loss: 0 }
  const first = createSystem(world, await (prepared ??= prepare()))
  const second: System = { ...first, ...first.another('second') }
  const season: Season = { isStormy: true, script, losesLedger: false }
  const pair: [Books, Books] = [newBooks(), newBooks('second-')]
  for (const books of pair) Object.assign(books, { isShared: true, payments: pair[0].payments })
  const startedAt = world.now()
  for (const machine of [first.signer, first.watcher, second.watcher]) machine.start()
  const funded = fillTreasury(first, pair[0], season)
  const verdicts = [{ isOver: false }, { isOver: false }]
  const actors = [
    runMiner(first, pair[0], season),
    runPayers(first, pair[0], season),
    funded,
    ...[first, second].flatMap((system, n) => [
      runBackend({ ...system, books: pair[n]!, season }),
      runOperator(system),
      watchReadiness(system),
      tortureMachine(world, system.watcher, season),
      funded.then(() => judge(system, pair[n]!, season, verdicts[n]!)),
    ]),
    tortureMachine(world, first.signer, season),
    changeWeather(first, season),
  ]
  for (const actor of actors)
    actor.catch((error: unknown) => world.violate(`the simulation itself failed: ${storyOf(error)}`))
  world.after(world.dice.between(...script.stormMs), () => {
    calmDown(first, season)
    second.watcher.fallAt(Infinity, 'kill')
    second.watcher.start()
  })
  const isDone = await world.run(
    () => verdicts.every(({ isOver }) => isOver),
    startedAt + script.stormMs[1] + 2 * CALM_MS,
  )
  for (const [n, system] of [first, second].entries()) checkPayments(system, pair[n]!)
  checkApart(first, pair)
  if (!isDone && world.violation() === null) {
    const open = [first, second].flatMap((system, n) => unsettled(system, pair[n]!).map(line => `${n}: ${line}`))
    world.violate(`not settled: ${open.slice(0, SHOWN_UNSETTLED).join('; ')}`)
  }
  const awaits = { watcher: first.watcher.awaits(), signer: first.signer.awaits() }
  const virtualMs = world.now() - startedAt
  return { seed, violation: world.violation(), hash: world.hash(), virtualMs, awaits, lines: world.lines() }
}

export async function simulate(seed: number, script: Script = STORM): Promise<Verdict> {
  const world = createWorld(seed)
  const isReplacing = !script.isFaulty || world.dice.chance(0.75)
  const system = createSystem(world, await (prepared ??= prepare()), isReplacing)
  const books = newBooks()
  const season: Season = { isStormy: true, script, losesLedger: world.dice.chance(script.loss) }
  if (script.isFaulty && world.dice.chance(0.2)) system.sky.perDay = DAILY
  if (script.isFaulty && seed % 4 === 2) system.sky.consolidatesAbove = FEW_COINS
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
    runBumper(system, books, season),
    watchReadiness(system),
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
