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

interface Round {
  /** By the clock, with whatever else the machine does. */
  ms: number
  /** Of a processor. */
  pageMs: number
  serverMs: number
}

/** The server's clock ticks too coarsely for one round: the rounds are counted together. */
async function rounds(server: ChildProcess, measure: () => Promise<Omit<Round, 'serverMs'>>): Promise<Round> {
  const before = usedMs(server)
  const all: Omit<Round, 'serverMs'>[] = []
  for (let n = 0; n < ROUNDS; n++) all.push(await measure())
  return {
    ms: median(all.map(({ ms }) => ms)),
    pageMs: median(all.map(({ pageMs }) => pageMs)),
    serverMs: (usedMs(server) - before) / ROUNDS,
  }
}

/** Of the page's main thread, in milliseconds of a processor, since it was begun. */
async function threadClock(page: Page): Promise<() => Promise<number>> {
  const session = await page.context().newCDPSession(page)
  await session.send('Performance.enable', { timeDomain: 'threadTicks' })
  return async () => {
    const { metrics } = await session.send('Performance.getMetrics')
    return metrics.find(({ name }) => name === 'TaskDuration')!.value * 1000
  }
}

async function timedOn(page: Page, what: () => Promise<unknown>): Promise<Omit<Round, 'serverMs'>> {
  const clock = await threadClock(page)
  const before = await clock()
  const ms = await timed(what)
  return { ms, pageMs: (await clock()) - before }
}

async function timed(what: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await what()
  return performance.now() - startedAt
}

/** From the first byte asked for to numbers that can be clicked. */
async function opening(browser: Browser, url: string): Promise<Omit<Round, 'serverMs'>> {
  const context = await browser.newContext()
  const page = await context.newPage()
  await page.addInitScript(`sessionStorage.setItem('lockkeeper-token', '${TOKEN}')`)
  const round = await timedOn(page, async () => {
    await page.goto(url, { waitUntil: 'commit' })
    await page.locator('[data-count="deposit/confirmed"] strong', { hasText: /[1-9]/ }).waitFor()
  })
  await context.close()
  return round
}

async function listing(page: Page): Promise<Omit<Round, 'serverMs'>> {
  await go(page, '#/machines/deposit')
  await page.getByText('Latest transitions').waitFor()
  return timedOn(page, async () => {
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

const timedRow = (what: string, { ms, serverMs, pageMs }: Round, most: number): string[] => [
  ...row(what, ms, 'ms', most, 1),
  `${serverMs.toFixed(1)} ms`,
  `${pageMs.toFixed(1)} ms`,
]

const crowd = await startCrowd()
const browser = await launch()
try {
  const files = (await readInspector()).filter(({ path }) => path === '/' || path.startsWith('/inspector/'))
  const bytes = files.reduce((sum, { gzip }) => sum + gzip.length, 0)
  const opened = await rounds(crowd.child, () => opening(browser, crowd.url))
  const open = await visit(browser, { url: crowd.url, token: TOKEN })
  const listed = await rounds(crowd.child, () => listing(open.page))
  const searched = await rounds(crowd.child, () => timedOn(open.page, () => searching(open.page, 'customer-77')))
  await open.close()
  crowd.child.send('traffic')
  await pause(2000)
  const without = await cost(crowd.child)
  const watching = await visit(browser, { url: crowd.url, token: TOKEN })
  await pause(5000)
  const withPage = await cost(crowd.child)
  await watching.close()
  const rows = [
    ['measured', 'value', 'wanted', 'met', 'processor: server', 'page'],
    row('page, gzip', bytes / 1024, 'KiB', 200),
    timedRow('overview interactive', opened, 1000),
    timedRow('a state’s list', listed, 300),
    timedRow('search', searched, 50),
    row('one open page at 50 transitions/s, of a core', (withPage - without) * 100, '%', 2, 2),
  ]
  console.log(`${crowd.instances} instances; 50 transitions/s alone take ${(without * 100).toFixed(2)} % of a core`)
  for (const line of table(rows)) console.log(line)
} finally {
  await browser.close()
  crowd.child.kill()
}
