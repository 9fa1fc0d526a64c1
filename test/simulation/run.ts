/** `npm run simulate -- --seeds 2000 --from 1`: runs seeds, shows progress and what was violated. */
import { parseArgs } from 'node:util'
import { simulate, type Verdict } from './simulate.ts'

const SHOWN_LINES = 60

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
  },
})
const from = Number(values.from)
const count = Number(values.seeds)
const failures: Verdict[] = []
const startedAt = performance.now()
const elapsed = () => ((performance.now() - startedAt) / 1000).toFixed(1)

for (let seed = from; seed < from + count; seed++) {
  const verdict = await simulate(seed)
  if (verdict.violation !== null) {
    failures.push(verdict)
    process.stdout.write(`seed ${seed}: ${verdict.violation}\n`)
    if (values.trace) process.stdout.write(`${verdict.recent.slice(-SHOWN_LINES).join('\n')}\n`)
  }
  const done = seed - from + 1
  if (done % 50 === 0 || done === count)
    process.stdout.write(`${done} of ${count} seeds, ${failures.length} violations, ${elapsed()} s\n`)
}
process.exitCode = failures.length > 0 ? 1 : 0
