/**
 * `npm run attack -- --runs 100000 --seed 1`: so many templates of a thief in the watcher's place; with `--mutants` at
 * most so many on each signer that lacks a rule, `--aimed` only those by which a thief can profit.
 */
import { parseArgs } from 'node:util'
import { attack, fewest } from './attack.ts'
import { attackMutants } from './mutate.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    mutants: { type: 'boolean', default: false },
    aimed: { type: 'boolean', default: false },
  },
})
const runs = Number(values.runs)
const seed = Number(values.seed)

const PROGRESS_EVERY = 5_000
const say = (line: string) => process.stdout.write(`${line}\n`)
const startedAt = performance.now()
const seconds = () => Math.round((performance.now() - startedAt) / 1000)

async function runAttack(): Promise<boolean> {
  let next = PROGRESS_EVERY
  const { figures, violation } = await attack({
    runs,
    seed,
    progress: ({ templates, signed }) => {
      if (templates < next) return
      say(`${templates} templates, ${signed} signed, ${seconds()} s`)
      next += PROGRESS_EVERY
    },
  })
  say(JSON.stringify({ seed, ...figures, seconds: seconds() }, null, 2))
  if (violation === null) return true
  say(`seed ${violation.seed}: ${violation.message}`)
  say((await fewest(violation.moves)).map(move => JSON.stringify(move)).join('\n'))
  return false
}

async function runMutants(): Promise<boolean> {
  let unnoticed = 0
  for await (const { mutant, message, templates } of attackMutants(runs, seed, values.aimed)) {
    const isNoticed = message !== null && mutant.noticed.test(message)
    if (!isNoticed) unnoticed++
    say(`${isNoticed ? 'noticed' : 'MISSED '} | ${mutant.rule} | ${templates} | ${message ?? 'nothing'}`)
  }
  say(`${unnoticed} unnoticed, ${seconds()} s`)
  return unnoticed === 0
}

process.exitCode = (await (values.mutants ? runMutants() : runAttack())) ? 0 : 1
