/**
 * The page in a real Chromium, as a person has it; and everything that must never happen on it, noted while it is used: errors
 * in the console or in a script, a request that leaves the origin, a violated policy.
 */
import axe from 'axe-core'
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core'

const CHROMIUM = '/usr/bin/chromium'
const DESKTOP = { width: 1280, height: 900 }
/** Chromium's sandbox needs rights that root in a container does not have. */
const ARGUMENTS = ['--no-sandbox', '--disable-dev-shm-usage']
const PATIENCE_MS = 60_000

export interface Visit {
  page: Page
  /** What went wrong so far, in words. */
  complaints: () => string[]
  /** Accessibility rules that what is shown now breaks: WCAG 2.2 A and AA, and best practices. */
  barriers(): Promise<string[]>
  close(): Promise<void>
}

export interface VisitOptions extends BrowserContextOptions {
  url: string
  /** Opens the page with it; null shows the gate. */
  token: string | null
  /** Where on the page. */
  at?: string
  /** Complaints that the test provokes. */
  provoked?: RegExp
}

export const launch = (): Promise<Browser> => chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS })

/** A watcher that is not ready says so with 503, which the browser reports as an error of its own. */
const NOT_READY = /status of 503.*\/readyz/

interface Violation {
  id: string
  help: string
  nodes: { html: string }[]
}

export async function visit(
  browser: Browser,
  { url, token, at = '', provoked, ...options }: VisitOptions,
): Promise<Visit> {
  const context = await browser.newContext({ viewport: DESKTOP, ...options })
  context.setDefaultTimeout(PATIENCE_MS)
  const page = await context.newPage()
  const found: string[] = []
  page.on('console', message => {
    if (['error', 'warning'].includes(message.type()))
      found.push(`console: ${message.text()} ${message.location().url}`)
  })
  page.on('pageerror', error => found.push(`script: ${error.message}`))
  page.on('request', request => {
    if (!request.url().startsWith(url)) found.push(`request: ${request.url()}`)
  })
  await page.goto(`${url}/${token === null ? '' : `#token=${encodeURIComponent(token)}`}`)
  if (at !== '') await go(page, at)
  return {
    page,
    complaints: () => found.filter(text => !NOT_READY.test(text) && provoked?.test(text) !== true),
    async barriers() {
      await page.evaluate(axe.source)
      const tags = JSON.stringify(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
      const violations = await page.evaluate<Violation[]>(
        `axe.run({ runOnly: ${tags} }).then(result => result.violations)`,
      )
      return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(' ')}`)
    },
    close: () => context.close(),
  }
}

export const go = (page: Page, at: string): Promise<unknown> => page.evaluate(`location.hash = ${JSON.stringify(at)}`)
