/** Every link between pages of this repository leads somewhere, to the heading that it names too. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { anchorsOf } from './headings.ts'

const pages = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.md'], { encoding: 'utf8' })
  .trim()
  .split('\n')
  .filter(page => existsSync(page))

/** Targets of links and pictures, without those in code. */
function targetsIn(page: string): string[] {
  const text = readFileSync(page, 'utf8')
    .replaceAll(/^```[\s\S]*?^```/gm, '')
    .replaceAll(/`[^`\n]*`/g, '')
  const inline = [...text.matchAll(/\]\(<?([^)\s>]+)>?\)/g)].map(match => match[1]!)
  const html = [...text.matchAll(/(?:src|srcset|href)="([^"]+)"/g)].map(match => match[1]!)
  return [...inline, ...html].filter(target => !/^[a-z]+:/.test(target))
}

function problemOf(page: string, target: string): string | null {
  const [path = '', heading] = target.split('#')
  const file = path === '' ? page : join(dirname(page), decodeURI(path))
  if (!existsSync(file)) return `${page}: ${target} is not there`
  if (heading === undefined || !file.endsWith('.md')) return null
  return anchorsOf(file).includes(heading) ? null : `${page}: ${target} has no such heading`
}

test('every link between pages leads somewhere', () => {
  const links = pages.flatMap(page => targetsIn(page).map(target => ({ page, target })))
  expect(links.length).toBeGreaterThan(100)
  expect(links.flatMap(({ page, target }) => problemOf(page, target) ?? [])).toEqual([])
})

test('every page is reached from the first one', () => {
  const reached = new Set<string>()
  const visit = (page: string): void => {
    if (reached.has(page) || !existsSync(page) || !page.endsWith('.md')) return
    reached.add(page)
    for (const target of targetsIn(page)) visit(join(dirname(page), target.split('#')[0]!))
  }
  visit('README.md')
  const apart = /^(docs\/decisions|visualizations|test\/vectors)\//
  expect(pages.filter(page => !reached.has(page) && !apart.test(page))).toEqual([])
})
