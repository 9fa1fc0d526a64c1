import { spawnSync } from 'node:child_process'
import { appendFileSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'

const SCRIPT = resolve('dist', 'scripts', 'generate.js')

/** The generated files as they are checked in, to be changed. */
function copied(): string {
  const root = mkdtempSync(join(tmpdir(), 'generated-'))
  onTestFinished(() => rmSync(root, { recursive: true }))
  for (const directory of ['visualizations', join('docs', 'reference'), join('deploy', 'monitoring')])
    cpSync(directory, join(root, directory), { recursive: true })
  return root
}

function generate(root: string, ...args: string[]) {
  const { status, stderr } = spawnSync(process.execPath, [SCRIPT, ...args], { cwd: root, encoding: 'utf8' })
  return { status, lines: stderr.trimEnd().split('\n') }
}

test('what is checked in is up to date; what is stale, missing or left over fails the check and is named', () => {
  const root = copied()
  expect(generate(root, '--check')).toEqual({ status: 0, lines: [''] })
  appendFileSync(join(root, 'docs', 'reference', 'configuration.md'), 'by hand\n')
  rmSync(join(root, 'visualizations', 'coin.svg'))
  writeFileSync(join(root, 'visualizations', 'gone.md'), 'of a machine that is gone\n')
  const { status, lines } = generate(root, '--check')
  expect(status).toBe(1)
  expect(lines).toEqual([
    'docs/reference/configuration.md is stale',
    'visualizations/coin.svg is missing',
    'visualizations/gone.md is made by nothing',
    'npm run generate writes them again',
  ])
  rmSync(join(root, 'visualizations', 'gone.md'))
  expect(generate(root).status).toBe(0)
  expect(generate(root, '--check')).toEqual({ status: 0, lines: [''] })
})
