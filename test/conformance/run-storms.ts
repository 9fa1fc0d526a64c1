/**
 * `npm run storms -- --family ethereum --seeds 1000 --from 1` runs the storms of a family (of all of them unless said), one a seed. Shows progress and what
 * went wrong; `--trace` shows what came before, and with `--size 300` each has 300 deposits and 300 withdrawals.
 */
import { parseArgs } from 'node:util'
import { storm } from './storm.ts'
import { SUBJECTS } from './subjects.ts'

const PROGRESS_EVERY = 50

const { values } = parseArgs({
  options: {
    family: { type: 'string' },
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    size: { type: 'string' },
    trace: { type: 'boolean', default: false },
  },
})

const say = (line: string) => process.stdout.write(`${line}\n`)
const subjects = SUBJECTS.filter(({ family }) => values.family === undefined || values.family === family)
if (subjects.length === 0)
  throw new Error(`--family ${values.family}: none of ${SUBJECTS.map(({ family }) => family).join(', ')}`)
const size = values.size === undefined ? null : Number(values.size)
const [from, count] = [Number(values.from), Number(values.seeds)]
for (const subject of subjects) {
  const startedAt = performance.now()
  let failures = 0
  for (let seed = from; seed < from + count; seed++) {
    const { wrong, lines } = await storm(subject, seed, size)
    if (wrong !== null) {
      failures++
      process.exitCode = 1
      if (values.trace) say(lines.join('\n'))
      say(`${subject.family}, seed ${seed}: ${wrong}`)
    }
    const done = seed - from + 1
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(0)
    if (done % PROGRESS_EVERY === 0 || done === count)
      say(`${subject.family}: ${done} of ${count}, ${failures} wrong, ${seconds} s`)
  }
}
