/** What happens before anything is started: what is missing is said in one line, and what has changed is compiled. */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'

interface Ran {
  status: number | null
  out: string
}

function run(cwd: string, ...args: string[]): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: 'utf8' })
  return { status, out: stdout + stderr }
}

interface Lock {
  packages: Record<string, { version?: string; dev?: boolean; optional?: boolean }>
}

/** A checkout with nothing in it but what looks for what is missing. */
function checkout(engine = '>=20.19.0'): { directory: string; lock: (wanted: Lock, installed?: Lock) => void } {
  const directory = mkdtempSync(join(tmpdir(), 'lockkeeper-start-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  cpSync('bin', join(directory, 'bin'), { recursive: true })
  writeFileSync(join(directory, 'package.json'), JSON.stringify({ type: 'module', engines: { node: engine } }))
  return {
    directory,
    lock(wanted, installed) {
      writeFileSync(join(directory, 'package-lock.json'), JSON.stringify(wanted))
      if (installed === undefined) return
      mkdirSync(join(directory, 'node_modules'))
      for (const [path, { version }] of Object.entries(installed.packages)) {
        if (version === undefined) continue
        mkdirSync(join(directory, path))
        writeFileSync(join(directory, path, 'package.json'), JSON.stringify({ version }))
      }
    },
  }
}

const packages = (version: string, dev = false): Lock => ({
  packages: { '': {}, 'node_modules/xstate': { version, ...(dev && { dev }) } },
})

describe('before it begins', () => {
  test.each(['bin/lockkeeper.js', 'bin/requirements.js'])('%s says that npm ci was not run', file => {
    const { directory, lock } = checkout()
    lock(packages('1.0.0'))
    expect(run(directory, file)).toEqual({
      status: 1,
      out: 'lockkeeper: its packages are not installed: run npm ci\n',
    })
  })

  test('it says that Node is too old', () => {
    const { directory, lock } = checkout('>=99.1.0')
    lock(packages('1.0.0'))
    const words = `lockkeeper: Node 99.1.0 or later is needed, and this is Node ${process.versions.node}\n`
    expect(run(directory, 'bin/lockkeeper.js')).toEqual({ status: 1, out: words })
  })

  test('it says which package is not the one that is wanted', () => {
    const { directory, lock } = checkout()
    lock(packages('2.0.0'), packages('1.0.0'))
    const words = 'lockkeeper: xstate is 1.0.0, package-lock.json wants 2.0.0: run npm ci\n'
    expect(run(directory, 'bin/lockkeeper.js')).toEqual({ status: 1, out: words })
  })

  test('a development package is wanted for tests, not to run', () => {
    const { directory, lock } = checkout()
    lock(packages('2.0.0', true), { packages: {} })
    expect(run(directory, 'bin/requirements.js').out).toContain('xstate is not installed')
    expect(run(directory, 'bin/lockkeeper.js').out).not.toContain('xstate')
  })

  test('a checkout that has all is told nothing', () => {
    expect(run(process.cwd(), 'bin/requirements.js')).toEqual({ status: 0, out: '' })
  })
})

describe('compiling', () => {
  function sources() {
    const directory = mkdtempSync(join(tmpdir(), 'lockkeeper-build-'))
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
    for (const folder of ['machines', 'adapters', 'src', 'visualizations', 'test', 'scripts'])
      mkdirSync(join(directory, folder))
    for (const file of ['scripts/build.mjs', 'tsconfig.json', 'package-lock.json'])
      writeFileSync(join(directory, file), '')
    const write = (path: string, text: string) => writeFileSync(join(directory, path), text)
    write('src/cli.ts', "#!/usr/bin/env node\nimport { two } from './two.ts'\nconsole.log(two satisfies number)\n")
    write('src/two.ts', 'export const two: number = 2\n')
    const script = new URL('../../scripts/build.mjs', import.meta.url).href
    const code = `import(${JSON.stringify(script)}).then(({ build }) => build(process.argv[1], console.log, false))`
    return { directory, write, build: () => run(process.cwd(), '-e', code, directory) }
  }

  const result = (directory: string) => run(directory, 'dist/src/cli.js').out

  test('happens once, and again for what has changed', () => {
    const { directory, write, build } = sources()
    expect(build()).toEqual({ status: 0, out: '2 2\n' })
    expect(result(directory)).toBe('2\n')
    expect(build()).toEqual({ status: 0, out: '' })
    write('src/two.ts', 'export const two: number = 1 + 1 + 1\n')
    expect(build()).toEqual({ status: 0, out: '1 2\n' })
    expect(result(directory)).toBe('3\n')
  })

  test('an older copy of a source is a change as well, and what is gone is removed', () => {
    const { directory, write, build } = sources()
    build()
    write('src/two.ts', 'export const two: number = 7\n')
    utimesSync(join(directory, 'src/two.ts'), 1, 1)
    build()
    expect(result(directory)).toBe('7\n')
    write('src/cli.ts', "console.log('alone')\n")
    rmSync(join(directory, 'src/two.ts'))
    build()
    expect(result(directory)).toBe('alone\n')
    expect(existsSync(join(directory, 'dist/src/two.js'))).toBe(false)
  })

  test('what does not parse is named, and what was compiled before stays', () => {
    const { directory, write, build } = sources()
    build()
    write('src/two.ts', 'export const two: number = = 2\n')
    const { status, out } = build()
    expect(status).not.toBe(0)
    expect(out).toContain('src/two.ts')
    expect(result(directory)).toBe('2\n')
    expect(readFileSync(join(directory, 'dist/.built.json'), 'utf8')).toContain('two.ts')
  })
})
