import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'

const SCRIPT = resolve('dist', 'scripts', 'census.js')

const HOUSE = {
  'machines/a.ts': `/** Said. */
export const a = (value: unknown) => {
  // A comment is no code.
  return value as string
}
export const list = ['x'] as const
`,
  'adapters/b.ts': `import { c } from '../src/c.ts'
export type { Shared } from '../src/c.ts'
export const b = () => [1].map(n => c + n)
export function a(): void {}
`,
  'adapters/nano/d.ts': `/** Alike. */
export const d = 1
`,
  'adapters/ripple/d.ts': `/** Alike. */
export const d = 1
`,
  'src/c.ts': `import type { b } from '../adapters/b.ts'
export const c = 1
/** Said. */
export interface Shared {
  of: typeof b
}
`,
}

function census(...args: string[]): string[] {
  const root = mkdtempSync(join(tmpdir(), 'census-'))
  onTestFinished(() => rmSync(root, { recursive: true }))
  for (const [path, text] of Object.entries(HOUSE)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  const { stdout, stderr } = spawnSync(process.execPath, [SCRIPT, '--root', root, ...args], { encoding: 'utf8' })
  expect(stderr).toBe('')
  return stdout.trimEnd().split('\n').slice(1)
}

test('the census counts casts, names, docstrings, functions, files and cycles', () => {
  expect(census()).toEqual([
    'casts in machines: 250.0 per 1,000 lines of code (1)',
    'casts in adapters: 0.0 per 1,000 lines of code (0)',
    'casts in src: 0.0 per 1,000 lines of code (0)',
    'exported names declared more than once (what families have alike counts once): 1',
    'exports documented: 50 % (4 of 8)',
    'functions: 3, median 1, 90th percentile 4, longest 4 lines',
    'files: 5, median 4, 90th percentile 6, longest 6 lines',
    'import cycles: 1',
  ])
})

test('with --verbose it says which and where', () => {
  const lines = census('--verbose').map(line => line.trim())
  expect(lines).toContain('machines/a.ts:4  value as string')
  expect(lines).toContain('a: machines/a.ts, adapters/b.ts')
  expect(lines).toContain('machines/a.ts: list')
  expect(lines).toContain('4 machines/a.ts:2')
  expect(lines).toContain('adapters/b.ts ↔ src/c.ts')
})
