/** What an operator's day brings: nodes and signers that are down, restarts, wrong nodes, old copies, stolen keys. */
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mnemonicToSeedSync } from '@scure/bip39'
import { script as scripts, Transaction } from 'bitcoinjs-lib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { scriptOf } from '../../adapters/bitcoin/address.ts'
import { createDeriver } from '../../adapters/bitcoin/deriver.ts'
import { fromDisplay, hash160 } from '../../adapters/bitcoin/hash.ts'
import { networkOf } from '../../adapters/bitcoin/network.ts'
import { scriptFor } from '../../adapters/bitcoin/script.ts'
import { run } from './daemon.ts'
import { startNode } from './bitcoin-node.ts'
import { deposit } from './payer.ts'
import { freePort } from './port.ts'
import { CHAIN, CREDIT, FINAL, NETWORK, startSystem, type FeedEvent, type System } from './system.ts'

const COIN = 100_000_000n
const chain = `/v1/chains/${CHAIN}`

let system: System
beforeAll(async () => {
  system = await startSystem()
  await system.fund(3n * COIN, 3n * COIN)
})
afterAll(() => system.close())

interface Readiness {
  ready: boolean
  problems: string[]
}
const becomesReady = () => system.until<Readiness>('/readyz', ({ ready }) => ready)
const lacks = async (pattern: RegExp | string) => {
  const problems = async () => {
    const { status, body } = await system.get<Readiness>('/readyz')
    return status === 503 ? body.problems.join('; ') : ''
  }
  await expect.poll(problems).toMatch(pattern)
}
const newAddress = async () => (await system.node.rpc('getnewaddress', '', 'bech32')) as string
const lastSeq = async () => (await system.events()).at(-1)!.seq

/** The heights that the chain went through after `seq`: each block once, none skipped (A7). */
async function heightsSince(seq: number): Promise<number[]> {
  const events = await system.events(seq, 'chain')
  const connected = events.filter(({ event }) => event === 'block.connected') as (FeedEvent & {
    data: { height: number }
  })[]
  return connected.map(({ data }) => data.height)
}
const range = (from: number, count: number) => Array.from({ length: count }, (_, n) => from + n)

async function paid(id: string, amountSat = 1_000_000n) {
  const to = await newAddress()
  expect((await system.withdraw(id, { to, amountSat })).status).toBe(201)
  return { to, path: `/v1/withdrawals/${id}`, amountSat }
}
const onItsWay = async (path: string) => {
  const { transferId } = await system.until(path, ({ transactionId }) => transactionId !== null)
  return system.until(`/v1/transfers/${transferId!}`, ({ attempts }) => attempts[0]!.state === 'published')
}

describe('A7: after', () => {
  test('an outage of the node, which /readyz names, every block is followed', async () => {
    const [seq, { height }] = [await lastSeq(), (await system.get(chain)).body]
    const { path } = await deposit(system, await system.address('during-an-outage'))
    system.toNode.isDown = true
    expect((await system.reaches(chain, 'unreachable')).reason).not.toBeNull()
    await lacks(`${CHAIN} is unreachable`)
    await system.node.mine(6)
    expect((await system.get(chain)).body.height).toBe(height)
    system.toNode.isDown = false
    await becomesReady()
    await system.synced()
    await system.reaches(path, 'confirmed')
    expect(await heightsSince(seq)).toEqual(range(height + 1, 6))
  })

  test('a start while the node is down the API serves, /readyz names it, and every block is followed when it is back', async () => {
    const [seq, { height }] = [await lastSeq(), (await system.get(chain)).body]
    await system.watcher.stop()
    system.toNode.isDown = true
    await system.node.mine(2)
    await system.watcher.start()
    await lacks(new RegExp(`${CHAIN} is unreachable: .*did not answer`))
    expect((await system.get(chain)).body).toMatchObject({ height, state: 'unreachable' })
    system.toNode.isDown = false
    await becomesReady()
    await system.synced()
    expect(await heightsSince(seq)).toEqual(range(height + 1, 2))
  })

  test('a restart of the node, every block is followed', async () => {
    const [seq, { height }] = [await lastSeq(), (await system.get(chain)).body]
    await system.node.mine(2)
    await system.node.restart()
    await system.node.mine(2)
    await system.synced()
    await becomesReady()
    expect(await heightsSince(seq)).toEqual(range(height + 1, 4))
  })

  test('the watcher has been away, every block is followed; SIGTERM ends it with 0', async () => {
    const [seq, { height }] = [await lastSeq(), (await system.get(chain)).body]
    expect(await system.watcher.stop()).toBe(0)
    const address = await newAddress()
    await system.node.mine(5)
    await system.node.pay(address, COIN)
    await system.node.mine(7)
    await system.watcher.start()
    await system.synced()
    expect(await heightsSince(seq)).toEqual(range(height + 1, 12))
  })

  test('a kill it is ready again, and a second watcher on its data refuses to start', async () => {
    await system.watcher.kill9()
    await system.watcher.start()
    const config = JSON.parse(readFileSync(join(system.directory, 'watcher.yaml'), 'utf8')) as object
    const second = join(system.directory, 'second.yaml')
    writeFileSync(second, JSON.stringify({ ...config, listen: `127.0.0.1:${await freePort()}` }))
    const { status, stderr } = await run(['watcher', '--config', second])
    expect(status).toBe(1)
    expect(stderr).toMatch(/data\/watcher is in use by another process/)
    await becomesReady()
  })
})

describe('a node that is not ours', () => {
  test('A4: lags, and nothing moves, which /readyz names', async () => {
    const lagging = await startNode()
    try {
      const [seq, before] = [await lastSeq(), (await system.get(chain)).body]
      system.toNode.target = lagging.url
      await lagging.mine(3)
      await system.until<{ nodeHeight: number }>(chain, ({ nodeHeight }) => nodeHeight === 3)
      await lacks(/the node is at block 3, the ledger at \d+/)
      const after = (await system.get(chain)).body
      expect(after).toMatchObject({ height: before.height, blockHash: before.blockHash })
      const moved = (await system.events(seq)).filter(({ event }) => event.startsWith('block.'))
      expect(moved).toEqual([])
      system.toNode.target = system.node.url
      await system.mine(1)
      await becomesReady()
    } finally {
      system.toNode.target = system.node.url
      await lagging.stop()
    }
  })

  test('A3: is of another network, and the chain halts until a person resumes it', async () => {
    const other = await startNode({ extra: ['-regtest=0'] })
    try {
      system.toNode.isDown = true
      await system.reaches(chain, 'unreachable')
      system.toNode.target = other.url
      system.toNode.isDown = false
      expect((await system.reaches(chain, 'halted')).reason).toMatch(/genesis|network/)
      system.toNode.target = system.node.url
      expect((await system.get(chain)).body.state).toBe('halted')
      expect((await system.put(`${chain}/resumption`, { reason: 'the right node is back' })).status).toBe(200)
      await system.mine(1)
      await becomesReady()
    } finally {
      system.toNode.target = system.node.url
      await other.stop()
    }
  })
})

describe('while the signer is down', () => {
  test('deposits go on, withdrawals wait, and both are finished when it is back', async () => {
    await system.signer.kill9()
    const { path } = await deposit(system, await system.address('without-signer'))
    const withdrawal = await paid('without-signer')
    await lacks(/the signer cannot be used/)
    await system.mine(CREDIT)
    await system.reaches(path, 'confirmed')
    expect((await system.put(`${path}/credit`)).status).toBe(200)
    expect((await system.get(withdrawal.path)).body).toMatchObject({ transactionId: null })
    await system.signer.start()
    await onItsWay(withdrawal.path)
    await becomesReady()
    await system.mine(FINAL)
    await system.reaches(withdrawal.path, 'final')
    await system.reaches(path, 'final')
  })
})

describe('an old copy of the ledger', () => {
  test('adopts what the signer has signed since: nothing is paid twice, and repeated requests change nothing', async () => {
    const data = join(system.directory, 'data', 'watcher')
    const copy = join(system.directory, 'copy')
    await system.watcher.stop()
    cpSync(data, copy, { recursive: true })
    expect(existsSync(copy)).toBe(true)
    await system.watcher.start()
    await system.synced()

    const final = await paid('signed-and-final')
    await onItsWay(final.path)
    await system.mine(FINAL)
    await system.reaches(final.path, 'final')
    const mined = await paid('signed-and-mined')
    await onItsWay(mined.path)
    await system.mine(1)
    const pending = await paid('signed-only')
    await onItsWay(pending.path)
    const all = [final, mined, pending]
    const known = await Promise.all(all.map(async ({ path }) => (await system.get(path)).body.transactionId))
    const cursor = await lastSeq()

    await system.watcher.stop()
    rmSync(data, { recursive: true })
    cpSync(copy, data, { recursive: true })
    await system.watcher.start()
    expect((await system.get(`/v1/events?after=${cursor + 1000}`)).body.kind).toBe('unknown-cursor')
    for (const [n, id] of ['signed-and-final', 'signed-and-mined', 'signed-only'].entries()) {
      const { to, amountSat, path } = all[n]!
      const repeated = await system.insist(() => system.withdraw(id, { to, amountSat }))
      expect([200, 201]).toContain(repeated.status)
      expect((await system.until(path, ({ transactionId }) => transactionId !== null)).transactionId).toBe(known[n])
    }
    await system.synced()
    await system.mine(FINAL)
    for (const [n, { path, to, amountSat }] of all.entries()) {
      await system.reaches(path, 'final')
      expect(await system.book.paidTo(to)).toMatchObject([{ txid: known[n], amountSat }])
    }
    const next = await paid('after-the-copy')
    await onItsWay(next.path)
    await system.mine(FINAL)
    await system.reaches(next.path, 'final')
  })
})

describe('a coin of ours that is spent by a stranger', () => {
  test('A8: halts the chain with the transaction and the coin named, until a person resumes it', async () => {
    const network = networkOf(NETWORK)
    const { treasury } = (await system.get(chain)).body
    await system.fund(COIN)
    const outputs = await system.book.paidTo(treasury)
    const { txid, vout, amountSat } = outputs.filter(output => output.amountSat === COIN).at(-1)!

    const seed = mnemonicToSeedSync(readFileSync(join(system.directory, 'phrase'), 'utf8').trim())
    const deriver = createDeriver(network)
    const { address, publicKey } = deriver.derive(seed, 0)
    expect(address).toBe(treasury)
    const transaction = new Transaction()
    transaction.version = 2
    transaction.addInput(fromDisplay(txid), vout)
    transaction.addOutput(scriptOf(await newAddress(), network), amountSat - 10_000n)
    const code = scriptFor('p2pkh', hash160(Buffer.from(publicKey, 'hex')))
    const bytes = transaction.hashForWitnessV0(0, code, amountSat, Transaction.SIGHASH_ALL)
    const payload = { index: 0, address, algorithm: 'secp256k1' as const, bytes }
    const [signature] = deriver.sign(seed, [{ index: 0, payload }])
    const encoded = scripts.signature.encode(signature!, Transaction.SIGHASH_ALL)
    transaction.setWitness(0, [encoded, Buffer.from(publicKey, 'hex')])
    await system.node.rpc('sendrawtransaction', transaction.toHex())
    await system.node.mine(1)

    const { reason } = await system.reaches(chain, 'halted')
    expect(reason).toContain(transaction.getId())
    expect(reason).toContain(`${txid}:${vout}`)
    await lacks(`${CHAIN} is halted`)
    const waiting = await paid('while-halted')
    await system.node.mine(1)
    expect((await system.get(waiting.path)).body.transactionId).toBeNull()
    await system.put(`${chain}/resumption`, { reason: 'the keys were moved on purpose' })
    await system.synced()
    await becomesReady()
    const { attempts } = await onItsWay(waiting.path)
    expect(attempts[0]!.spendKeys.join()).not.toContain(`${txid}:${vout}`)
    await system.mine(FINAL)
    await system.reaches(waiting.path, 'final')
  })
})
