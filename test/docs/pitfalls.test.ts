import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const ROOT = new URL('../../', import.meta.url)

/** `B8`, `A3`: what comments, test names and pages cite. A word in quotes by itself is data. */
const CITATION = /(?<![\w#./-])([ABSENX]\d{1,2})(?![\w'"`])/g

const filesOf = (...patterns: string[]): string[] =>
  execFileSync('git', ['ls-files', '-co', '--exclude-standard', ...patterns], { cwd: ROOT, encoding: 'utf8' })
    .trim()
    .split('\n')

const numbers = new Set(
  [...readFileSync(new URL('docs/pitfalls.md', ROOT), 'utf8').matchAll(/^\| ([A-Z]\d{1,2}) \|/gm)].map(
    match => match[1]!,
  ),
)

test('every pitfall that is cited anywhere stands in docs/pitfalls.md', () => {
  const cited = filesOf('*.ts', 'docs/*.md', 'README.md').flatMap(file =>
    [...readFileSync(new URL(file, ROOT), 'utf8').matchAll(CITATION)].map(match => `${match[1]!} in ${file}`),
  )
  expect(cited.length).toBeGreaterThan(100)
  expect(cited.filter(citation => !numbers.has(citation.split(' ')[0]!))).toEqual([])
})

test('every pitfall of a family that is here is cited by a test, but those that say that they are not of this version', () => {
  const page = readFileSync(new URL('docs/pitfalls.md', ROOT), 'utf8')
  const exempt = [...page.matchAll(/^\| ([A-Z]\d{1,2}) \|.*\((?:Only where|As B1)/gm)].map(match => match[1]!)
  const cited = new Set(
    filesOf('test/*.ts', 'test/**/*.ts').flatMap(file =>
      [...readFileSync(new URL(file, ROOT), 'utf8').matchAll(CITATION)].map(match => match[1]!),
    ),
  )
  expect([...numbers].filter(number => !cited.has(number) && !exempt.includes(number))).toEqual([])
  expect(exempt).toEqual(['B1', 'B2', 'B5'])
})
