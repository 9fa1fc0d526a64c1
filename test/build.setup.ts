/**
 * The processes that tests start are the compiled command, as an operator has it; so it is compiled once before all
 * tests, unless nothing has changed. A type error is the business of `npm run types`: what was emitted runs.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const SOURCES = ['machines', 'adapters', 'src', 'scripts', 'visualizations']
const STAMP = join('dist', '.built')
/** tsc's exit status when it has found errors and written nothing. */
const NOTHING_EMITTED = 1

const newestMs = (directory: string): number =>
  Math.max(
    ...readdirSync(directory, { recursive: true, encoding: 'utf8' }).map(
      name => statSync(join(directory, name)).mtimeMs,
    ),
  )

const isFresh = (): boolean =>
  existsSync(STAMP) && statSync(STAMP).mtimeMs > Math.max(...SOURCES.map(directory => newestMs(directory)))

export default function setup(): void {
  if (isFresh()) return
  const startedAt = new Date()
  const built = spawnSync(
    process.execPath,
    [join('node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.build.json'],
    {
      encoding: 'utf8',
    },
  )
  if (built.status !== 0) console.warn(built.stdout)
  if (built.status === NOTHING_EMITTED || built.status === null) throw new Error('the command could not be compiled')
  writeFileSync(STAMP, '')
  // What was edited while tsc ran is compiled next time.
  utimesSync(STAMP, startedAt, startedAt)
}
