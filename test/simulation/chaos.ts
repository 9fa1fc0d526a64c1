/** Power failures and kills, and weather that changes. */
import type { Books } from './books.ts'
import { copyDisk, loseLedger, type Copy } from './loss.ts'
import type { Machine } from './machine.ts'
import type { Season } from './season.ts'
import type { System } from './system.ts'
import { CALM, type Weather } from './wire.ts'

const MAXIMUM_GAP_MS = 40_000
const MAXIMUM_AWAITS = 400
const CHANGE_MS = 30_000
const STEP_MS = 60_000
const HOUR_MS = 3_600_000
const ASSIGNED_MS = 1000

const MIXED: Weather = { drop: 0.02, loseAnswer: 0.02, duplicate: 0.02, garble: 0.01, stall: 0.02 }
const BAD: Weather = { drop: 0.1, loseAnswer: 0.15, duplicate: 0.1, garble: 0.05, stall: 0.1 }

/** Lets a machine fall again and again, at an await and not at a time: so it falls in the middle of things. */
export async function tortureMachine(world: System['world'], machine: Machine, season: Season): Promise<void> {
  for (;;) {
    await world.sleep(world.dice.between(0, MAXIMUM_GAP_MS))
    if (!season.isStormy) return
    machine.fallAt(world.dice.between(1, MAXIMUM_AWAITS), world.dice.chance(0.6) ? 'power' : 'kill')
  }
}

/**
 * Not before every reference has its address: a copy cannot tell whom a free one was given to since, so a backend asks for
 * no new one before it has restored the others; and a request that is still on its way must not do it instead.
 */
async function copyOnce(system: System, books: Books): Promise<Copy> {
  const { world } = system
  while (!books.isAssigned) await world.sleep(ASSIGNED_MS)
  await world.sleep(world.dice.between(0, MAXIMUM_GAP_MS))
  return copyDisk(system)
}

export async function runLoss(system: System, books: Books, season: Season): Promise<void> {
  const { world } = system
  const { script, losesLedger } = season
  if (!losesLedger) return
  const copy = world.dice.chance(0.5) ? await copyOnce(system, books) : null
  await world.sleep(world.dice.between(0, script.stormMs[0]))
  if (season.isStormy) loseLedger(system, books, copy)
}

/** Dates step, forward and back: only the date, time goes on as it does. */
export async function stepClocks({ world, sky }: System, season: Season): Promise<void> {
  const { dice } = world
  if (dice.chance(0.5)) return
  for (;;) {
    await world.sleep(dice.between(0, STEP_MS))
    if (!season.isStormy) return
    const name = dice.pick(['watcher', 'signer'] as const)
    sky.skewMs[name] = dice.pick([
      0,
      -HOUR_MS,
      HOUR_MS,
      dice.between(-2 * HOUR_MS, 2 * HOUR_MS),
      dice.between(-2000, 2000),
    ])
    world.trace(`the date of the ${name} is ${sky.skewMs[name]} ms off`)
  }
}

export async function changeWeather({ world, sky }: System, season: Season): Promise<void> {
  while (season.isStormy) {
    sky.weather = world.dice.pick([CALM, MIXED, MIXED, BAD])
    await world.sleep(world.dice.between(0, CHANGE_MS))
  }
}
