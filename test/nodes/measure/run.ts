/** `npm run measure:litecoind`, or `npm run measure:litecoind -- burst catching-up` for some of it: minutes, on a litecoind in regtest. */
import { measuredTable } from '../../../src/commands/table.ts'
import { NODE_SIZES, PARTS } from './measure.ts'

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(PARTS)
const unknown = names.find(name => PARTS[name] === undefined)
if (unknown !== undefined) throw new Error(`${unknown} is none of ${Object.keys(PARTS).join(', ')}`)
const startedAt = performance.now()
const progress = (line: string) =>
  process.stderr.write(`${((performance.now() - startedAt) / 1000).toFixed(0)} s: ${line}\n`)
for (const name of names) {
  const rows = await PARTS[name]!(NODE_SIZES, progress)
  for (const line of measuredTable(rows)) console.log(line)
}
