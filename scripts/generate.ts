/**
 * `npm run generate` writes what is made from the machines and schemas: pictures, state tables, the references of
 * configuration and API. `npm run generated` only compares, and ends with 1 when what stands there is not what would be written.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

interface Generator {
  /** Of the command line; `--out` says where to. */
  command: string
  directory: string
  /** Whether a file of this name in `directory` is written by hand. */
  isByHand: (name: string) => boolean
}

const GENERATORS: readonly Generator[] = [
  { command: 'reference', directory: join('docs', 'reference'), isByHand: name => name.startsWith('signer-memory.') },
  { command: 'monitoring', directory: join('deploy', 'monitoring'), isByHand: name => name === 'alerts.yml' },
  { command: 'visualize', directory: 'visualizations', isByHand: name => name.endsWith('.ts') },
]

/** From dist/scripts. */
const CLI = fileURLToPath(new URL('../src/cli.js', import.meta.url))

function write({ command }: Generator, directory: string): void {
  const { status } = spawnSync(process.execPath, [CLI, command, '--out', directory], { stdio: 'inherit' })
  if (status !== 0) throw new Error(`lockkeeper ${command} ended with ${status}`)
}

/** What is stale, missing or left over, one line each. */
function compare(generator: Generator, fresh: string): string[] {
  const { directory, isByHand } = generator
  write(generator, fresh)
  const wanted = readdirSync(fresh)
  const present = readdirSync(directory).filter(name => !isByHand(name))
  const isStale = (name: string) =>
    present.includes(name) && !readFileSync(join(fresh, name)).equals(readFileSync(join(directory, name)))
  return [
    ...wanted.filter(name => !present.includes(name)).map(name => `${join(directory, name)} is missing`),
    ...wanted.filter(isStale).map(name => `${join(directory, name)} is stale`),
    ...present.filter(name => !wanted.includes(name)).map(name => `${join(directory, name)} is made by nothing`),
  ]
}

function check(): void {
  const fresh = mkdtempSync(join(tmpdir(), 'lockkeeper-generated-'))
  try {
    const found = GENERATORS.flatMap(generator => compare(generator, join(fresh, generator.command)))
    if (found.length === 0) return
    for (const line of found) console.error(line)
    console.error('npm run generate writes them again')
    process.exitCode = 1
  } finally {
    rmSync(fresh, { recursive: true })
  }
}

if (process.argv.includes('--check')) check()
else for (const generator of GENERATORS) write(generator, generator.directory)
