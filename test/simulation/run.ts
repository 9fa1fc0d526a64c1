/**
 * `npm run simulate -- --seeds 2000 --from 1` runs seeds, with `--pair` of two paying watchers on one signer; `--sweep watcher` (or `signer`), with `--bumped` while fees are raised, lets that process fall at each
 * await of a short run in turn, or only at the one that `--at` says. Shows progress and what was violated; `--trace` shows what came before.
 */
import { parseArgs } from 'node:util'
import { simulate, simulatePair, type Verdict } from './simulate.ts'
import { awaitsOf, simulateFall } from './sweep.ts'

const PROGRESS_EVERY = 50

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
    sweep: { type: 'string' },
    at: { type: 'string' },
    trace: { type: 'boolean', default: false },
    pair: { type: 'boolean', default: false },
    bumped: { type: 'boolean', default: false },
  },
})

const say = (line: string) => process.stdout.write(`${line}\n`)
const failures: Verdict[] = []
const startedAt = performance.now()

async function runEach(name: string, from: number, count: number, run: (n: number) => Promise<Verdict>): Promise<void> {
  for (let n = from; n < from + count; n++) {
    const verdict = await run(n)
    if (verdict.violation !== null) {
      failures.push(verdict)
      if (values.trace) say(verdict.lines.join('\n'))
      say(`${name} ${n}: ${verdict.violation}`)
    }
    const done = n - from + 1
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
    if (done % PROGRESS_EVERY === 0 || done === count)
      say(`${done} of ${count}, ${failures.length} violations, ${seconds} s`)
  }
}

const machine = values.sweep
const sweep = values.bumped ? 'bumped' : 'plain'
if (machine === 'watcher' || machine === 'signer')
  await runEach(
    `${machine} at await`,
    Number(values.at ?? 1),
    values.at === undefined ? await awaitsOf(machine, sweep) : 1,
    at => simulateFall(machine, at, sweep),
  )
else {
  const run = (seed: number) => (values.pair ? simulatePair(seed) : simulate(seed))
  await runEach(values.pair ? 'pair' : 'seed', Number(values.from), Number(values.seeds), run)
}
process.exitCode = failures.length > 0 ? 1 : 0
