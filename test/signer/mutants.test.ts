import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { MUTANTS, UNREACHABLE } from './attack/mutants.ts'

const rootDirectory = join(import.meta.dirname, '../..')
const run = promisify(execFile)

test('the attack notices each rule of the signer that is switched off', async () => {
  const program = join(rootDirectory, 'dist/test/signer/attack/run.js')
  const { stdout } = await run(process.execPath, [program, '--mutants', '--aimed', '--runs', '1500', '--seed', '1'])
  const lines = stdout.trim().split('\n')
  expect(lines.slice(0, -1).filter(line => !line.startsWith('noticed'))).toEqual([])
  expect(lines).toHaveLength(MUTANTS.length + 1)
})

test('every reason that the policy can give is a rule that was switched off, or cannot be provoked by any template', async () => {
  const source = await readFile(join(rootDirectory, 'src/signer/signing/policy.ts'), 'utf8')
  const kinds = [...source.matchAll(/(?:reason\(|about\(\w+, )'([a-z-]+)'/g)].map(([, kind]) => kind)
  const rules = MUTANTS.map(({ rule }) => rule).filter(rule => /^[a-z-]+$/.test(rule))
  expect(new Set(kinds)).toEqual(new Set([...rules, ...UNREACHABLE]))
})
