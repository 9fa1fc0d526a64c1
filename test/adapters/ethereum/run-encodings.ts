/** `npm run encodings -- --runs 100000 --seed 1`: so many transactions, built by one implementation and read and signed by the other. */
import { parseArgs } from 'node:util'
import { compareEncodings } from './encodings.ts'

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' } },
})
const SLICE = 5_000
const [runs, seed] = [Number(values.runs), Number(values.seed)]
const startedAt = performance.now()
for (let done = 0; done < runs; done += SLICE) {
  const count = Math.min(SLICE, runs - done)
  compareEncodings(count, seed + done)
  process.stdout.write(`${done + count} transactions agree, ${Math.round((performance.now() - startedAt) / 1000)} s\n`)
}
