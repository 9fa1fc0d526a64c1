/** S6: the installed command, copied, with its WebAssembly taken away or damaged. */
import { spawnSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const BACKEND = 'tiny-secp256k1'
const PARTS = ['machines', 'adapters', 'src']
const COMMANDS = [['signer', '--config', 'signer.yaml'], ['watcher', '--config', 'watcher.yaml'], ['--help']]

let directory = ''
let wasm = ''
let sound: Buffer

/** As an installation looks: our code, and every package beside it; the one to be damaged is a copy. */
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'launch-'))
  const packages = join(directory, 'node_modules')
  await mkdir(packages)
  await writeFile(join(directory, 'package.json'), '{ "type": "module" }')
  for (const part of PARTS) await cp(join('dist', part), join(directory, 'dist', part), { recursive: true })
  for (const name of await readdir('node_modules')) {
    if (name !== BACKEND) await symlink(resolve('node_modules', name), join(packages, name))
  }
  await cp(join('node_modules', BACKEND), join(packages, BACKEND), { recursive: true })
  wasm = join(packages, BACKEND, 'lib', 'secp256k1.wasm')
  sound = await readFile(wasm)
})
afterAll(() => rm(directory, { recursive: true, force: true }))

function run(args: readonly string[], options: readonly string[] = []) {
  const cli = join(directory, 'dist', 'src', 'cli.js')
  const { status, stdout, stderr } = spawnSync(process.execPath, [...options, cli, ...args], {
    cwd: directory,
    encoding: 'utf8',
  })
  return { status, stdout, lines: stderr.trimEnd().split('\n') }
}

describe('S6: a command whose cryptography cannot be loaded', () => {
  test('S6: the copy runs as long as it is whole', async () => {
    await writeFile(wasm, sound)
    expect(run(['--help'])).toMatchObject({ status: 0, lines: [''] })
    expect(run(COMMANDS[0]!).lines).toEqual(['lockkeeper: signer.yaml: there is no file signer.yaml'])
  })

  test.each(COMMANDS)('S6: says in one line that a file is missing: %s', async (...args) => {
    await rm(wasm)
    const { status, stdout, lines } = run(args)
    await writeFile(wasm, sound)
    expect([status, stdout, lines]).toEqual([1, '', [expect.stringMatching(/^lockkeeper: .*ENOENT.*secp256k1\.wasm/)]])
  })

  test.each([
    ['cut off', () => sound.subarray(0, sound.length / 2)],
    ['empty', () => Buffer.alloc(0)],
    ['something else', () => Buffer.from('<html>not found</html>')],
  ])('S6: says in one line that a file is %s', async (_, content) => {
    await writeFile(wasm, content())
    const { status, stdout, lines } = run(COMMANDS[0]!)
    await writeFile(wasm, sound)
    expect([status, stdout, lines]).toEqual([1, '', [expect.stringMatching(/^lockkeeper: .*WebAssembly.*install/)]])
  })

  test('S6: shows where it failed with --verbose only', async () => {
    await rm(wasm)
    const { status, lines } = run(['--verbose', ...COMMANDS[0]!])
    await writeFile(wasm, sound)
    expect(status).toBe(1)
    expect(lines.join('\n')).toMatch(/\n\s+at .*wasm_loader/)
  })

  test('S6: does not fall back where Node has no WebAssembly', () => {
    const { status, lines } = run(COMMANDS[0]!, ['--jitless'])
    expect(status).toBe(1)
    expect(lines.at(-1)).toMatch(/^lockkeeper: .*WebAssembly is not defined/)
  })

  test('S6: a missing package is one line too', async () => {
    const name = join(directory, 'node_modules', '@scure')
    await rm(name)
    const { status, lines } = run(COMMANDS[0]!)
    await symlink(resolve('node_modules', '@scure'), name)
    expect([status, lines]).toEqual([1, [expect.stringMatching(/^lockkeeper: .*Cannot find package '@scure/)]])
  })
})

test.each(['bench', 'visualize'])('%s, whose code is not in this copy, says so in one line', async name => {
  await writeFile(wasm, sound)
  const { status, stdout, lines } = run([name])
  expect([status, stdout, lines]).toEqual([1, '', [expect.stringMatching(/^lockkeeper: this needs a checkout/)]])
})
