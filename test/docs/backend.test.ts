/** The backend of docs/integration.md, as somebody would copy it: from the page alone, in a clean folder, beside a running system. */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, onTestFinished, test } from 'vitest'
import { ASSET, CHAIN, CREDIT, startSystem, type System } from '../nodes/system.ts'
import { inTime, PATIENCE_MS } from '../patience.ts'

const MAXIMUM_LINES = 60
const PATIENCE = { timeout: PATIENCE_MS }

const code = /^```js\n([\s\S]*?)^```/m.exec(readFileSync('docs/integration.md', 'utf8'))![1]!

/** Calls what the page's code exports: one line of JSON in, one out. */
const DRIVER = `
import { createInterface } from 'node:readline'
import * as backend from './backend.mjs'
backend.run()
for await (const line of createInterface({ input: process.stdin })) {
  const { verb, args } = JSON.parse(line)
  const said = verb === 'db' ? { value: backend.db } : await backend[verb](...args).then(value => ({ value }), error => ({ error: error.message }))
  console.log(JSON.stringify(said))
}`

interface Driven {
  call(verb: string, ...args: unknown[]): Promise<{ value: never; error?: string }>
  kill(): void
}

function start(folder: string, { url, directory }: System): Driven {
  const child = spawn(process.execPath, ['driver.mjs'], {
    cwd: folder,
    env: { PATH: process.env['PATH'], WATCHER_URL: url, SECRETS: join(directory, 'secrets') },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    async call(verb, ...args) {
      child.stdin.write(`${JSON.stringify({ verb, args })}\n`)
      const line = await inTime<IteratorResult<string, unknown>>(lines.next(), () => `the backend answers ${verb}`)
      return JSON.parse(String(line.value)) as { value: never }
    },
    kill: () => void child.kill('SIGKILL'),
  }
}

interface Db {
  credits: Record<string, { user: string; amount: string; isTold: boolean }>
  withdrawals: Record<string, { state: string }>
}

test(`the backend of the page has at most ${MAXIMUM_LINES} lines`, () => {
  expect(code.trim().split('\n').length).toBeLessThanOrEqual(MAXIMUM_LINES)
})

test('the backend of the page credits once, pays, refunds on proof, and bears being killed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lockkeeper-integration-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(resolve('.'), join(folder, 'node_modules', 'lockkeeper'))
  writeFileSync(join(folder, 'backend.mjs'), code)
  writeFileSync(join(folder, 'driver.mjs'), DRIVER)
  const system = await startSystem()
  onTestFinished(() => system.abandon())
  let backend = start(folder, system)
  const db = async (): Promise<Db> => (await backend.call('db')).value

  const { value: address } = await backend.call('addressOf', 'ann', CHAIN)
  expect((await backend.call('addressOf', 'ann', CHAIN)).value).toBe(address)
  await system.node.pay(address, 50_000_000n)
  await system.mine(CREDIT)
  await expect
    .poll(async () => Object.values((await db()).credits), PATIENCE)
    .toEqual([{ user: 'ann', asset: ASSET, amount: '50000000', isTold: true }])
  const [id] = Object.keys((await db()).credits)
  expect((await system.reaches(`/v1/deposits/${id}`, 'credited')).reference).toBe('ann')

  // What may happen at any moment: it goes on from its database, and credits nothing again.
  backend.kill()
  backend = start(folder, system)
  const to = (await system.node.rpc('getnewaddress')) as string
  const wish = { id: 'w-1', chain: CHAIN, asset: ASSET, to, dataField: null, amount: '20000000' }
  expect((await backend.call('withdraw', wish)).error).toBeUndefined()
  expect((await backend.call('withdraw', wish)).error).toBeUndefined()
  // Bound is not yet handed over.
  await expect.poll(() => system.node.rpc('getrawmempool'), PATIENCE).toHaveLength(1)
  await system.mine(CREDIT)
  await expect.poll(async () => (await db()).withdrawals['w-1']!.state, PATIENCE).toBe('paid')
  expect((await backend.call('cancel', 'w-1')).value).toBe(false)

  // More than there is: nothing is signed for it, and the signer says so.
  await backend.call('withdraw', { ...wish, id: 'w-2', amount: '90000000000' })
  expect((await backend.call('cancel', 'w-2')).value).toBe(true)
  expect(Object.keys((await db()).credits)).toEqual([id])
  expect((await db()).withdrawals['w-2']!.state).toBe('refunded')
  expect((await backend.call('withdraw', { ...wish, id: 'w-3', to: 'nowhere' })).error).toMatch(/nowhere|address/)
})
