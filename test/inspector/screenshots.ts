/**
 * `npm run screenshots`: the pictures of the page in the README, taken of a demonstration that runs: the overview while the
 * signer stands still, a machine with its numbers, a withdrawal that is final; each in light and in dark.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { go, launch, visit, type Visit } from './visit.ts'

const TO = join('docs', 'images')
const MAXIMUM_BYTES = 200 * 1024
const QUALITY = 82
const SCHEMES = ['light', 'dark'] as const
const PATIENCE_MS = 300_000
const STEP_MS = 100
/** What is being drawn comes to rest. */
const REST_MS = 1500
const SIZES = {
  overview: { width: 1280, height: 1180 },
  statechart: { width: 1280, height: 1260 },
  withdrawal: { width: 1280, height: 1260 },
}

type Name = keyof typeof SIZES

interface Demonstrated {
  child: ChildProcess
  text: () => string
}

function demonstrate(directory: string): Demonstrated {
  const args = [join('bin', 'lockkeeper.js'), 'up', '--directory', directory, '--accidents', '3']
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
  return { child, text: () => text }
}

const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

async function until(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let waitedMs = 0; waitedMs < PATIENCE_MS; waitedMs += STEP_MS) {
    if (await isSo()) return
    await pause(STEP_MS)
  }
  throw new Error(`nothing to be seen yet: ${what}`)
}

/** WebP, which Playwright itself does not write. */
async function take(page: Page, name: string): Promise<void> {
  const session = await page.context().newCDPSession(page)
  const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality: QUALITY })
  const bytes = Buffer.from(data, 'base64')
  if (bytes.length > MAXIMUM_BYTES) throw new Error(`${name} has ${bytes.length} bytes, and may have ${MAXIMUM_BYTES}`)
  writeFileSync(join(TO, `${name}.webp`), bytes)
  console.log(`${name}: ${(bytes.length / 1024).toFixed(0)} KiB`)
}

interface Eyes {
  browser: Browser
  url: string
  token: string
}

/** Both looks at the same moment. */
async function takeBoth(
  { browser, url, token }: Eyes,
  name: Name,
  at: string,
  isThere: (page: Page) => Promise<unknown>,
): Promise<void> {
  const visits: Visit[] = []
  for (const colorScheme of SCHEMES)
    visits.push(await visit(browser, { url, token, at, colorScheme, viewport: SIZES[name] }))
  await Promise.all(visits.map(({ page }) => isThere(page)))
  for (const [i, { page }] of visits.entries()) await take(page, `${name}-${SCHEMES[i]}`)
  for (const one of visits) await one.close()
}

const directory = mkdtempSync(join(tmpdir(), 'lockkeeper-screenshots-'))
const { child, text } = demonstrate(join(directory, 'data'))
const browser = await launch()
try {
  mkdirSync(TO, { recursive: true })
  await until(() => /inspector +http/.test(text()), 'the page')
  const [, url] = /inspector +(http\S+)\//.exec(text())!
  const eyes = { browser, url: url!, token: readFileSync(join(directory, 'data/secrets/read-token'), 'utf8').trim() }
  await until(() => text().includes('▲ SLOW SIGNER'), 'the fourth accident')
  // It answers again before the page has nothing to complain of any more.
  await takeBoth(eyes, 'overview', '#/', page => page.locator('.alarm').first().waitFor({ timeout: PATIENCE_MS }))
  await takeBoth(eyes, 'statechart', '#/machines/deposit', async page => {
    await page.locator('.ticker li').first().waitFor()
    await page.locator('.token').first().waitFor({ state: 'attached' })
    await pause(REST_MS / 3)
  })
  await takeBoth(eyes, 'withdrawal', '#/withdrawals/w-1', async page => {
    await page.locator('.timeline li').first().waitFor()
    await go(page, '#/withdrawals/w-1')
    await pause(REST_MS)
  })
} finally {
  await browser.close()
  child.kill('SIGTERM')
  await once(child, 'exit')
  rmSync(directory, { recursive: true, force: true })
}
