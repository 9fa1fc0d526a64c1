/**
 * `npm run measure:inspector`: what the inspector costs and how quick it is over a ledger of 100,000 instances (or of as many as
 * are asked for), as one table.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { readInspector } from '../../src/shell/inspector.ts'
import { table } from '../../src/commands/table.ts'
import { TOKEN } from './crowd.ts'
import { go, launch, visit } from './visit.ts'

const INSTANCES = Number(process.argv[2] ?? 100_000)
const ROUNDS = 7
const WATCHED_MS = 60_000
/** proc(5): fields 14 and 15 of stat are in ticks of 10 ms. */
const TICK_MS = 10

interface Crowd {
  child: ChildProcess
  url: string
  instances: number
}

function startCrowd(): Promise<Crowd> {
  const child = fork(fileURLToPath(new URL('crowd.js', import.meta.url)), [String(INSTANCES)])
  return new Promise((resolve, reject) => {
    child.once('message', message => resolve({ child, ...(message as { url: string; instances: number }) }))
    child.once('exit', code => reject(new Error(`the crowd ended with ${code}`)))
  })
}

function usedMs({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}

const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))
const median = (numbers: number[]): number => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!

async function rounds(measure: () => Promise<number>): Promise<number> {
  const all: number[] = []
  for (let n = 0; n < ROUNDS; n++) all.push(await measure())
  return median(all)
}

async function timed(what: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await what()
  return performance.now() - startedAt
}

/** From the first byte asked for to numbers that can be clicked. */
async function opening(browser: Browser, url: string): Promise<number> {
  const context = await browser.newContext()
  const page = await context.newPage()
  await page.addInitScript(`sessionStorage.setItem('lockkeeper-token', '${TOKEN}')`)
  const ms = await timed(async () => {
    await page.goto(url, { waitUntil: 'commit' })
    await page.locator('[data-count="deposit/confirmed"] strong', { hasText: /[1-9]/ }).waitFor()
  })
  await context.close()
  return ms
}

async function listing(page: Page): Promise<number> {
  await go(page, '#/machines/deposit')
  await page.getByText('Latest transitions').waitFor()
  return timed(async () => {
    await page.locator('[data-state="confirmed"]').click()
    await page.locator('.instances li').first().waitFor()
  })
}

/** The answer alone: the page waits until somebody has stopped typing. */
const searching = (page: Page, text: string): Promise<number> =>
  page.evaluate<number>(`(async () => {
    const startedAt = performance.now()
    const answer = await fetch('/v1/search?q=${text}', { headers: { authorization: 'Bearer ${TOKEN}' } })
    const { items } = await answer.json()
    if (items.length === 0) throw new Error('nothing was found')
    return performance.now() - startedAt
  })()`)

async function cost(child: ChildProcess): Promise<number> {
  const before = usedMs(child)
  await pause(WATCHED_MS)
  return (usedMs(child) - before) / WATCHED_MS
}

const row = (what: string, value: number, unit: string, most: number, digits = 0): string[] => [
  what,
  `${value.toFixed(digits)} ${unit}`,
  `<= ${most} ${unit}`,
  value <= most ? 'yes' : 'NO',
]

const crowd = await startCrowd()
const browser = await launch()
try {
  const files = (await readInspector()).filter(({ path }) => path === '/' || path.startsWith('/inspector/'))
  const bytes = files.reduce((sum, { gzip }) => sum + gzip.length, 0)
  const openMs = await rounds(() => opening(browser, crowd.url))
  const open = await visit(browser, { url: crowd.url, token: TOKEN })
  const listMs = await rounds(() => listing(open.page))
  const searchMs = await rounds(() => searching(open.page, 'customer-77'))
  await open.close()
  crowd.child.send('traffic')
  await pause(2000)
  const without = await cost(crowd.child)
  const watching = await visit(browser, { url: crowd.url, token: TOKEN })
  await pause(5000)
  const withPage = await cost(crowd.child)
  await watching.close()
  const rows = [
    ['measured', 'value', 'wanted', 'met'],
    row('page, gzip', bytes / 1024, 'KiB', 200),
    row('overview interactive', openMs, 'ms', 1000),
    row('a state’s list', listMs, 'ms', 300),
    row('search', searchMs, 'ms', 50, 1),
    row('one open page at 50 transitions/s, of a core', (withPage - without) * 100, '%', 2, 2),
  ]
  console.log(`${crowd.instances} instances; 50 transitions/s alone take ${(without * 100).toFixed(2)} % of a core`)
  for (const line of table(rows)) console.log(line)
} finally {
  await browser.close()
  crowd.child.kill()
}
