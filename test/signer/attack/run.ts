/** `npm run attack -- --runs 100000 --seed 1`: so many templates of a thief in the watcher's place. */
import { parseArgs } from 'node:util'
import { attack, fewest } from './attack.ts'

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' } },
})

const PROGRESS_EVERY = 5_000
const say = (line: string) => process.stdout.write(`${line}\n`)
const startedAt = performance.now()
const seconds = () => Math.round((performance.now() - startedAt) / 1000)

async function runAttack(runs: number, seed: number): Promise<boolean> {
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

process.exitCode = (await runAttack(Number(values.runs), Number(values.seed))) ? 0 : 1
