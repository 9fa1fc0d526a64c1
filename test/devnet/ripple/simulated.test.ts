import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { Devnet, DevnetTools } from '../../../src/devnet/devnet.ts'
import { rippleFamily } from '../../../src/devnet/ripple/family.ts'
import { worldKey } from '../../../src/devnet/ripple/transaction.ts'
import { createPorts } from '../../../src/shell/ports.ts'
import { serveAny } from '../../../src/shell/serve-any.ts'

const directory = mkdtempSync(join(tmpdir(), 'lockkeeper-simulated-ripple-'))
const real = createPorts('error')
/** No ledger is closed by itself. */
const ports = { ...real, clock: { ...real.clock, wake: () => () => undefined } }
afterAll(() => {
  real.close()
  rmSync(directory, { recursive: true, force: true })
})

const us = worldKey('us').account
const never = (): never => {
  throw new Error('the simulated network starts no process')
}
const tools: DevnetTools = {
  ...{ ports, directory, username: 'node', password: 'secret', passwordFile: join(directory, 'password') },
  ...{ serve: serveAny, freePort: never, launch: never, say: never },
}

const start = () => rippleFamily.simulate(rippleFamily.chains[0]!, tools)

async function ask({ node }: Devnet, method: string, params: object): Promise<Record<string, unknown>> {
  const authorization = `Basic ${Buffer.from('node:secret').toString('base64')}`
  const headers = { 'content-type': 'application/json', authorization }
  const body = JSON.stringify({ method, params: [params] })
  const answer = await fetch(node.url, { method: 'POST', headers, body })
  return ((await answer.json()) as { result: Record<string, unknown> }).result
}

test('the simulated ripple network pays, closes ledgers and pretends, tells what has arrived, and goes on where it was', async () => {
  const first = await start()
  const paid = await first.pay(us, 5_000_000n, '7')
  await first.mine()
  expect(await ask(first, 'tx', { transaction: paid })).toMatchObject({ DestinationTag: 7, validated: true })
  expect((await first.received([us])).get(us)).toEqual([{ transactionId: paid, amount: 5_000_000n }])
  const pretended = await first.accidents.pretend!.send(us, 9_000_000n, '7')
  await first.mine()
  const fake = await ask(first, 'tx', { transaction: pretended })
  expect(fake).toMatchObject({ Amount: '9000000000', meta: { delivered_amount: '1000000' } })
  expect(first.accidents).not.toHaveProperty('reorganise')
  expect(first.accidents).not.toHaveProperty('doubleSpend')
  const height = await first.height()
  const { ledger_hash } = await ask(first, 'ledger', { ledger_index: height })
  await first.stop()

  const second = await start()
  expect(await second.height()).toBe(height + 1)
  expect(await ask(second, 'ledger', { ledger_index: height })).toMatchObject({ ledger_hash })
  expect((await second.received([us])).get(us)).toHaveLength(2)
  expect(await second.strangerAddress()).toMatch(/^r[1-9A-HJ-NP-Za-km-z]{24,34}$/)
  await second.stop()
})
