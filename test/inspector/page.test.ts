/** The inspector on a real watcher with a real signer and a real node, in a real browser. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { CHAIN, READ_TOKEN, startSystem, type System } from '../nodes/system.ts'
import { go, launch, visit, type Visit, type VisitOptions } from './visit.ts'

const TIMEOUT_MS = 180_000
const PATIENCE_MS = 60_000

let system: System
let browser: Browser
let open: Visit | null = null

beforeAll(async () => {
  system = await startSystem()
  browser = await launch()
  await system.fund(300_000_000n, 200_000_000n)
}, TIMEOUT_MS)

afterEach(async () => {
  const complaints = open?.complaints() ?? []
  await open?.close()
  open = null
  expect(complaints).toEqual([])
})

afterAll(async () => {
  await browser.close()
  await system.close()
}, TIMEOUT_MS)

async function look(options: Partial<VisitOptions> = {}): Promise<Page> {
  open = await visit(browser, { url: system.url, token: READ_TOKEN, ...options })
  return open.page
}

const testPage = (name: string, body: () => Promise<void>) => test(name, { timeout: TIMEOUT_MS }, body)

/** The number that the overview shows for a state. */
async function countOf(page: Page, state: string): Promise<number> {
  return Number(await page.locator(`[data-count="${state}"] strong`).textContent())
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error('it did not come to pass')
    await new Promise(resolve => setTimeout(resolve, 100))
  }
}

const chip = (page: Page, state: string) => page.locator('.head .chip', { hasText: state }).waitFor()

async function pay(reference: string, amountSat: bigint): Promise<string> {
  return system.node.pay(await system.address(reference), amountSat)
}

async function depositOf(transactionId: string): Promise<string> {
  const { items } = await system.until<{ items: { id: string; transactionId: string }[] }>(
    '/v1/deposits?limit=1000',
    list => list.items.some(one => one.transactionId === transactionId),
  )
  return items.find(one => one.transactionId === transactionId)!.id
}

testPage('asks for a token once a tab, refuses a wrong one in words, and forgets it on demand', async () => {
  const page = await look({ token: null, provoked: /status of 401/ })
  await page.getByLabel('API token').fill('a-wrong-token')
  await page.getByRole('button', { name: 'Open' }).click()
  await page.getByRole('alert').getByText('does not accept this token').waitFor()
  expect(await open!.barriers()).toEqual([])
  await page.getByLabel('API token').fill(READ_TOKEN)
  await page.keyboard.press('Enter')
  await page.getByText(/^live/).waitFor()
  await page.reload()
  await page.getByText(/^live/).waitFor()
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByLabel('API token').waitFor()
  expect(await page.evaluate('sessionStorage.length')).toBe(0)
})

testPage('a token in the address opens the page and is gone from it', async () => {
  const page = await look()
  await page.getByText(/^live/).waitFor()
  expect(page.url()).not.toContain(READ_TOKEN)
  expect(await page.evaluate('JSON.stringify(localStorage)')).toBe('{}')
})

testPage(
  'the overview shows chains, balances, blocks and counts, and its numbers move as steps are committed',
  async () => {
    await system.mine(1)
    const page = await look()
    const card = page.getByRole('region', { name: `Chain ${CHAIN}` })
    await card.getByText('spendable').waitFor()
    const { height } = (await system.get(`/v1/chains/${CHAIN}`)).body
    await card
      .getByText(new RegExp(`^${height}$`))
      .first()
      .waitFor()
    const before = await countOf(page, 'deposit/detected')
    const transaction = await pay('moving', 1_000_000n)
    await depositOf(transaction)
    await until(async () => (await countOf(page, 'deposit/detected')) === before + 1)
    await page.locator('.ticker').getByText('deposit').first().waitFor()
    await system.mine(1)
    await until(async () => (await countOf(page, 'deposit/detected')) === before)
    await card.locator('.strip .tip', { hasText: String(height + 1).slice(-3) }).waitFor()
    expect(await open!.barriers()).toEqual([])
  },
)

testPage('an alarm stands on top, and leads to what it is about and to what to do', async () => {
  const to = await system.address('held')
  await system.put('/v1/withdrawals/w-held', { chain: CHAIN, asset: 'LTC', to, amount: '1000000', authorisations: [] })
  const page = await look()
  const alarm = page.getByRole('region', { name: 'Alarms' }).locator('li', { hasText: '1 withdrawal held' })
  await alarm.waitFor()
  const guide = await alarm.getByRole('link', { name: /What to do/ }).getAttribute('href')
  await alarm.getByRole('link', { name: 'Look' }).click()
  await page.getByRole('link', { name: 'w-held' }).waitFor()
  expect(await open!.barriers()).toEqual([])
  await page.goto(`${system.url}${guide}`)
  await page.locator(`[id="${guide!.split('#')[1]}"]`, { hasText: 'held' }).waitFor()
  expect(await open!.barriers()).toEqual([])
  await system.put('/v1/withdrawals/w-held/cancellation')
})

testPage('a deposit is followed from detected to final, through a reorganisation', async () => {
  const transaction = await pay('followed', 12_345_678n)
  const id = await depositOf(transaction)
  const page = await look({ at: `#/deposits/${encodeURIComponent(id)}` })
  await chip(page, 'detected')
  await page.locator('.head h1', { hasText: '0.12345678' }).waitFor()
  await system.mine(1)
  await chip(page, 'confirming')
  await page.getByLabel('1 of 2 confirmations').waitFor()
  await page.locator('[data-story]', { hasText: 'With 1 more block on top it becomes confirmed' }).waitFor()
  await system.reorganise(1)
  await chip(page, 'detected')
  await system.mine(1)
  await chip(page, 'confirming')
  await system.mine(1)
  await chip(page, 'confirmed')
  await system.put(`/v1/deposits/${id}/credit`)
  await chip(page, 'credited')
  await system.mine(6)
  await chip(page, 'final')
  await page.locator('[data-story]', { hasText: 'Nothing follows' }).waitFor()
  const timeline = page.getByRole('region', { name: 'Timeline' })
  await timeline.getByText('block disconnected').waitFor()
  expect(await page.locator('.edge.taken').count()).toBeGreaterThan(4)
  await page.locator('.node.current[data-state="final"]').waitFor()
  expect(await open!.barriers()).toEqual([])
})

testPage(
  'a withdrawal is followed through a crash of the watcher; the page says that it is gone, and goes on',
  async () => {
    const to = (await system.node.rpc('getnewaddress')) as string
    const page = await look({ at: '#/withdrawals/w-crash', provoked: /ERR_CONNECTION|status of 404|ERR_EMPTY/ })
    await page.getByText('There is no withdrawal with this id').waitFor()
    await system.withdraw('w-crash', { to, amountSat: 5_000_000n })
    await system.watcher.kill9()
    await page.getByText('The watcher does not answer.').waitFor()
    await system.watcher.start()
    await page.getByText('The watcher does not answer.').waitFor({ state: 'detached' })
    await chip(page, 'paying')
    await system.mine(2)
    await chip(page, 'paid')
    await system.mine(8)
    await chip(page, 'final')
    const attempt = page.getByRole('region', { name: 'Attempts' })
    await attempt.getByText('Transaction, decoded').click()
    await attempt.getByText('Pays').waitFor()
    await attempt.locator('.movements', { hasText: '0.05' }).waitFor()
    await attempt.getByText('Template, as the signer gets it').click()
    await page.getByText('As the API has it').click()
    expect(await open!.barriers()).toEqual([])
  },
)

testPage('a state lists what stands in it, and a line what took it last', async () => {
  const page = await look({ at: '#/machines/withdrawal' })
  await page.locator('[data-state="final"]').click()
  await page.getByRole('region', { name: 'final' }).getByRole('link', { name: 'w-crash' }).waitFor()
  await page.getByRole('button', { name: /^paying to paid/ }).click({ force: true })
  await page.getByText('The last that took it').waitFor()
  await page.locator('.ticker').getByRole('link', { name: 'w-crash' }).first().waitFor()
  for (const machine of ['attempt', 'coin', 'chain', 'deposit', 'transfer', 'address', 'account']) {
    await go(page, `#/machines/${machine}`)
    await page.locator(`[aria-label="Statechart of ${machine}"]`).waitFor()
    expect(await open!.barriers()).toEqual([])
  }
})

testPage('the machines of the signer are drawn, without numbers, and say where their instances are', async () => {
  for (const machine of ['signing', 'void', 'pool']) {
    const page = open?.page ?? (await look())
    await go(page, `#/machines/${machine}`)
    await page.locator(`[aria-label="Statechart of ${machine}"]`).waitFor()
    expect(await page.locator('[data-badge]').count()).toBe(0)
    await page.getByText('in the signer’s own memory').waitFor()
    expect(await open!.barriers()).toEqual([])
  }
  await go(open!.page, '#/machines/signing?state=signed')
  await open!.page.getByRole('region', { name: 'signed' }).waitFor()
})

testPage('a transfer with two attempts shows what each pays more, and which of them was mined', async () => {
  const to = (await system.node.rpc('getnewaddress')) as string
  await system.withdraw('w-raised', { to, amountSat: 2_000_000n })
  const { transferId } = await system.reaches('/v1/withdrawals/w-raised', 'paying')
  await system.until(`/v1/transfers/${transferId}`, one => one.attempts[0]?.state === 'published')
  const page = await look({ at: '#/withdrawals/w-raised' })
  await page.getByText('Further attempt').waitFor()
  await system.put(`/v1/transfers/${transferId}/replacement`, { feeRate: 40 })
  const attempts = page.getByRole('region', { name: 'Attempts' })
  await attempts.getByText('only one of them can ever be mined').waitFor()
  await attempts.getByText('more than attempt 1').waitFor()
  await system.mine(2)
  await attempts.locator('.chip', { hasText: 'mined' }).waitFor()
  expect(await open!.barriers()).toEqual([])
})

testPage('transitions travel along the lines', async () => {
  const page = await look({ at: '#/machines/deposit' })
  await page.locator('[data-state="detected"]').waitFor()
  await page.getByText(/^live/).waitFor()
  const travelling = page.locator('.token').first().waitFor({ state: 'attached' })
  await pay('travelling', 2_000_000n)
  await travelling
})

testPage('everything is found by what one has in hand', async () => {
  const address = await system.address('followed')
  const { body } = await system.get<{ items: { id: string; transactionId: string; blockHash: string }[] }>(
    '/v1/deposits?reference=followed',
  )
  const [deposit] = body.items
  const page = await look()
  const box = page.getByRole('combobox', { name: /Search/ })
  for (const text of [
    deposit!.id,
    deposit!.transactionId,
    deposit!.blockHash,
    address,
    'followed',
    'w-crash',
    'w-cra',
  ]) {
    await box.fill(text)
    await page.getByRole('option').first().waitFor()
    await box.fill('')
  }
  await box.fill('nothing has this name')
  await page.getByText('Nothing has this.').waitFor()
  await box.fill('followed')
  await page.getByRole('option', { name: /address/ }).click()
  await page.locator('.head h1', { hasText: 'followed' }).waitFor()
  await page.getByRole('region', { name: 'What came to it' }).getByText('0.12345678').waitFor()
  await go(page, `#/search?q=${deposit!.transactionId}`)
  await page
    .getByRole('region', { name: /^Found for/ })
    .locator('li')
    .first()
    .waitFor()
  expect(await open!.barriers()).toEqual([])
})

testPage('all of it works from the keyboard', async () => {
  const page = await look()
  await page.getByText(/^live/).waitFor()
  await page.keyboard.press('Tab')
  await page.getByRole('link', { name: 'To the content' }).waitFor()
  await page.keyboard.press('Enter')
  expect(await page.evaluate('document.activeElement.id')).toBe('content')
  await page.keyboard.press('/')
  await page.keyboard.type('w-crash')
  await page.getByRole('option', { name: /w-crash/ }).waitFor()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await chip(page, 'final')
  await go(page, '#/machines/withdrawal')
  await page.getByRole('button', { name: /^paid: / }).focus()
  await page.keyboard.press('Enter')
  await page.getByRole('region', { name: 'paid' }).waitFor()
  await page.keyboard.press(' ')
  await page.getByRole('region', { name: 'Latest transitions' }).waitFor()
  await page.keyboard.press('/')
  await page.keyboard.press('Escape')
  expect(await page.evaluate('document.activeElement.tagName')).toBe('BODY')
})

const VIEWS = (deposit: string) => [
  '#/',
  '#/machines/withdrawal?state=final',
  '#/deposits',
  `#/deposits/${encodeURIComponent(deposit)}`,
  '#/withdrawals/w-crash',
  '#/transfers',
  '#/addresses',
  `#/addresses/${CHAIN}/followed`,
  `#/chains/${CHAIN}`,
  '#/search?q=w-crash',
]

test.each([
  { name: 'at 360 pixels', viewport: { width: 360, height: 740 }, colorScheme: 'light' as const },
  { name: 'in the dark', viewport: { width: 1280, height: 900 }, colorScheme: 'dark' as const },
  { name: 'with less motion', viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce' as const },
])('every view is whole and without barriers $name', { timeout: TIMEOUT_MS }, async ({ name: _, ...options }) => {
  const { body } = await system.get<{ items: { id: string }[] }>('/v1/deposits?reference=followed')
  const page = await look(options)
  for (const view of VIEWS(body.items[0]!.id)) {
    await go(page, view)
    await page.locator('main .panel').first().waitFor()
    // A page that waits for news never stops asking: it is whole when nothing on it is still being read.
    await expect
      .poll(() => page.getByText('Reading…').filter({ visible: true }).count(), { timeout: 30_000, message: view })
      .toBe(0)
    expect(await page.evaluate('document.scrollingElement.scrollWidth - innerWidth'), view).toBeLessThanOrEqual(0)
    expect(await open!.barriers(), view).toEqual([])
  }
})

testPage('a table pages back to the oldest and forth to the newest, each row once', async () => {
  const ids = Array.from({ length: 120 }, (_, n) => `p-${n}`)
  const to = await system.address('pages')
  for (const id of ids)
    await system.put(`/v1/withdrawals/${id}`, { chain: CHAIN, asset: 'LTC', to, amount: '1000000', authorisations: [] })
  const page = await look({ at: '#/withdrawals?state=held' })
  const seen: string[] = []
  for (;;) {
    await page.locator('.rows tbody tr').first().waitFor()
    const rows = await page.locator('.rows tbody tr .name a').allTextContents()
    seen.push(...rows)
    const older = page.getByRole('button', { name: /Older/ })
    if (await older.isDisabled()) break
    await older.click()
    await page.locator('.rows tbody tr', { hasText: rows[0]! }).first().waitFor({ state: 'detached' })
  }
  expect(seen.toSorted()).toEqual(ids.toSorted())
  await page.getByRole('button', { name: 'Latest' }).click()
  await page.getByText('page 1').waitFor()
  for (const id of ids) await system.put(`/v1/withdrawals/${id}/cancellation`)
})
