/**
 * `npm run attack -- --runs 100000 --seed 1`: so many templates of a thief in the watcher's place, on a chain of each family in
 * turn, or with `--family ethereum` of that one. Instead of it:
 *
 *     --mutants             at most so many on each signer that lacks a rule, `--aimed` only those that could profit
 *     --races 10000         watchers that ask for the same at the same time
 *     --flood voids         so many (`--runs`) voids of unseen withdrawals, `unsigned` or `waiting` attempts
 *     --tamper              every bit of a valid request is changed in turn
 */
import { parseArgs } from 'node:util'
import { attack, fewest, SIDES, type SideName } from './attack.ts'
import { flood, type FloodKind } from './flood.ts'
import { attackMutants } from './mutate.ts'
import { race } from './races.ts'
import { tamper } from './tamper.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    family: { type: 'string' },
    mutants: { type: 'boolean', default: false },
    aimed: { type: 'boolean', default: false },
    races: { type: 'string' },
    flood: { type: 'string' },
    tamper: { type: 'boolean', default: false },
  },
})
const runs = Number(values.runs)
const seed = Number(values.seed)

const PROGRESS_EVERY = 5_000
const say = (line: string) => process.stdout.write(`${line}\n`)
const startedAt = performance.now()
const seconds = () => Math.round((performance.now() - startedAt) / 1000)

async function runAttack(side: SideName): Promise<boolean> {
  let next = PROGRESS_EVERY
  const { figures, violation } = await attack({
    side,
    runs,
    seed,
    progress: ({ templates, signed }) => {
      if (templates < next) return
      say(`${side}: ${templates} templates, ${signed} signed, ${seconds()} s`)
      next += PROGRESS_EVERY
    },
  })
  say(JSON.stringify({ side, seed, ...figures, seconds: seconds() }, null, 2))
  if (violation === null) return true
  say(`seed ${violation.seed}: ${violation.message}`)
  say((await fewest(side, violation.moves)).map(move => JSON.stringify(move)).join('\n'))
  return false
}

async function runAttacks(): Promise<boolean> {
  const sides = (Object.keys(SIDES) as SideName[]).filter(side => values.family === undefined || side === values.family)
  if (sides.length === 0) throw new Error(`--family is one of ${Object.keys(SIDES).join(', ')}`)
  let isHeld = true
  for (const side of sides) isHeld = (await runAttack(side)) && isHeld
  return isHeld
}

async function runMutants(): Promise<boolean> {
  let unnoticed = 0
  for await (const { mutant, message, templates } of attackMutants(
    runs,
    seed,
    values.aimed,
    ({ side = 'bitcoin' }) => side === (values.family ?? side),
  )) {
    const isNoticed = message !== null && mutant.noticed.test(message)
    if (!isNoticed) unnoticed++
    say(`${isNoticed ? 'noticed' : 'MISSED '} | ${mutant.rule} | ${templates} | ${message ?? 'nothing'}`)
  }
  say(`${unnoticed} unnoticed, ${seconds()} s`)
  return unnoticed === 0
}

async function runOthers(): Promise<boolean> {
  if (values.mutants) return runMutants()
  if (values.races !== undefined) say(JSON.stringify(await race(Number(values.races), seed), null, 2))
  else if (values.flood !== undefined) say(JSON.stringify(await flood(values.flood as FloodKind, runs), null, 2))
  else if (values.tamper) say(JSON.stringify(await tamper([0, 1, 2, 3, 4, 5, 6, 7]), null, 2))
  else return runAttacks()
  say(`${seconds()} s`)
  return true
}

process.exitCode = (await runOthers()) ? 0 : 1
