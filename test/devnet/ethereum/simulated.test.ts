import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { Devnet, DevnetTools } from '../../../src/devnet/devnet.ts'
import { dataOf } from './calls.ts'
import { hexOf } from '../../../src/devnet/ethereum/bytes.ts'
import { CONTRACTS } from '../../../src/devnet/ethereum/network.ts'
import { simulateEthereum } from '../../../src/devnet/ethereum/simulated.ts'
import { createPorts } from '../../../src/shell/ports.ts'
import { serveAny } from '../../../src/shell/serve-any.ts'

const directory = mkdtempSync(join(tmpdir(), 'lockkeeper-simulated-ethereum-'))
const real = createPorts('error')
/** No block comes by itself. */
const ports = { ...real, clock: { ...real.clock, wake: () => () => undefined } }
afterAll(() => {
  real.close()
  rmSync(directory, { recursive: true, force: true })
})

const US = '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed'
const never = (): never => {
  throw new Error('the simulated network starts no process')
}
const tools: DevnetTools = {
  ...{ ports, directory, username: 'node', password: 'secret', passwordFile: join(directory, 'password') },
  ...{ serve: serveAny, freePort: never, launch: never, say: never },
}

const start = () => simulateEthereum({ name: 'ethereum', chainId: 31_337 }, tools)

async function ask({ node }: Devnet, method: string, ...params: unknown[]): Promise<unknown> {
  const authorization = `Basic ${Buffer.from('node:secret').toString('base64')}`
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
  const headers = { 'content-type': 'application/json', authorization }
  const answer = await fetch(node.url, { method: 'POST', headers, body })
  return ((await answer.json()) as { result?: unknown }).result
}

describe('the simulated ethereum network', () => {
  test('pays, mines, forks and pretends, tells what has arrived, and goes on where it was', async () => {
    const first = await start()
    const paid = await first.pay(US, 5n)
    await first.mine()
    expect(await ask(first, 'eth_getBalance', US, 'latest')).toBe('0x5')
    expect((await first.received([US])).get(US)).toEqual([{ transactionId: paid, amount: 5n }])

    await first.accidents.reorganise!(1)
    expect((await first.received([US])).get(US)).toEqual([])
    await first.mine()
    expect((await first.received([US])).get(US)).toEqual([{ transactionId: paid, amount: 5n }])

    let seen = ''
    await first.accidents.doubleSpend!(US, 7n, async hash => {
      seen = hash
      expect(await ask(first, 'eth_getTransactionByHash', hash)).toMatchObject({ blockHash: null })
    })
    const pretended = await first.accidents.pretend!.send(US, 9n)
    await first.mine()
    expect(await ask(first, 'eth_getTransactionReceipt', seen)).toBeNull()
    expect(await ask(first, 'eth_getTransactionReceipt', pretended)).toMatchObject({
      ...{ status: '0x1', logs: [{ address: CONTRACTS.lookAlike, data: hexOf(dataOf(9n)) }] },
    })
    const height = await first.height()
    const tip = await ask(first, 'eth_getBlockByNumber', 'latest', true)
    await first.stop()

    const second = await start()
    expect(await second.height()).toBe(height)
    expect(await ask(second, 'eth_getBlockByNumber', (tip as { number: string }).number, true)).toEqual(tip)
    expect((await second.received([US])).get(US)).toEqual([{ transactionId: paid, amount: 5n }])
    expect(await second.strangerAddress()).toMatch(/^0x[0-9a-f]{40}$/)
    await second.stop()
  })
})
