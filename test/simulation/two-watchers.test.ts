/**
 * A second watcher with a ledger of its own beside the one that pays: on the same signer, or on one that has the same keys
 * and has signed nothing, as a stranger's would be who has stolen them.
 */
import { describe, expect, test } from 'vitest'
import type { HttpCall } from '../../src/kernel/ports.ts'
import { intentBytes, signerOf } from '../../src/canonical.ts'
import { main as signerMain } from '../../src/signer/main.ts'
import { main as watcherMain } from '../../src/watcher/main.ts'
import * as fixtures from './fixtures.ts'
import { copyDisk } from './loss.ts'
import { createMachine, type Machine } from './machine.ts'
import { createSystem, prepare, type Answer, type System } from './system.ts'
import { CALM, createWire, toRequest } from './wire.ts'
import { createWorld } from './world.ts'

const { ASSET, BACKEND_SECRET, CHAIN, CREDIT, PASSPHRASE, SIGNER_URL, TOKEN, WALLET, WATCHER_URL } = fixtures
const LONGEST_MS = 20 * 60_000
const LOOK_MS = 200
const CHAIN_PATH = `/v1/chains/${CHAIN}`
const UNKNOWN = 'a spend of our coins is not known here: the signer is asked'

interface Pair {
  system: System
  second: Machine
  /** Whether the second one's signer answers it. */
  wire: { isAway: boolean }
  /** The second one's, from its next start on. */
  its: { role: 'paying' | 'watching' }
  /** What the second one has asked of its signer: `METHOD path`. */
  asked: string[]
  until: (machine: Machine, path: string, accept: (body: Answer['body']) => boolean) => Promise<Answer['body']>
  /** Runs it to its end, or to the first violation. */
  run(story: () => Promise<void>): Promise<void>
}

const fresh = { fails: () => false, pauseMs: () => 1, skewMs: () => 0 }

async function createPair({ role, isApart }: { role: 'paying' | 'watching'; isApart: boolean }): Promise<Pair> {
  const world = createWorld(11)
  const prepared = await prepare()
  const system = createSystem(world, prepared)
  const wire = { isAway: false }
  const its = { role }
  const asked: string[] = []
  const apart = createMachine({
    ...{ ...fresh, name: 'signer apart', world, fill: prepared.fillSigner },
    boot: ports => signerMain(ports, fixtures.signerConfig(), PASSPHRASE),
    request: () => Promise.reject(new Error('the signer opens no connection')),
  })
  const itsSigner = isApart ? apart : system.signer
  const calm = () => CALM
  const toSigner = createWire(world, calm, () => (wire.isAway ? null : itsSigner.handler()))
  const toNode = createWire(world, calm, () => request => Promise.resolve(system.node.handle(request)))
  const request = (call: HttpCall) => {
    if (!call.url.startsWith(SIGNER_URL)) return toNode(call)
    const line = `${call.method} ${new URL(call.url).pathname}`
    asked.push(line)
    world.trace(`second asks ${line}`)
    return toSigner(call)
  }
  const second = createMachine({
    ...{ ...fresh, name: 'second', world, fill: fixtures.fillWatcher, request },
    boot: ports => watcherMain(ports, { ...fixtures.watcherConfig(), ...its }),
  })
  for (const machine of [system.signer, ...(isApart ? [apart] : []), system.watcher, second]) machine.start()
  return {
    ...{ system, second, wire, its, asked },
    async until(machine, path, accept) {
      for (; ; await world.sleep(LOOK_MS)) {
        const answer = await system.askDirectly(machine, path)
        if (answer?.status === 200 && accept(answer.body)) return answer.body
      }
    },
    async run(story) {
      let isOver = false
      story().then(
        () => void (isOver = true),
        (error: unknown) => world.violate(String(error)),
      )
      const isDone = await world.run(() => isOver, world.now() + LONGEST_MS)
      if (!isDone && world.violation() === null) throw new Error(`stands still: ${world.lines().slice(-20).join('\n')}`)
    },
  }
}

async function put(machine: Machine, path: string, body: object): Promise<Answer> {
  const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' }
  const bytes = new TextEncoder().encode(JSON.stringify(body))
  const call = { method: 'PUT' as const, url: `${WATCHER_URL}${path}`, headers, body: bytes }
  const { status, body: said } = await machine.handler()!(toRequest({ ...call, timeoutMs: 0, maximumBytes: 0 }))
  return { status, body: said as Answer['body'] }
}

const withdraw = (watcher: Machine, to: string): Promise<Answer> => {
  const asked = { chain: CHAIN, asset: ASSET, to, dataField: null, amount: '12345671', expiresAt: null, round: 1 }
  const intent = { ...asked, memory: null }
  const authorisation = signerOf(BACKEND_SECRET).sign(intentBytes({ id: 'w-1', ...intent }, WALLET))
  return put(watcher, '/v1/withdrawals/w-1', { ...intent, authorisations: [authorisation] })
}

/** Coins for both to see. */
async function fund({ system, second, until }: Pair): Promise<void> {
  const { node, watcher } = system
  for (const machine of [watcher, second]) await until(machine, CHAIN_PATH, ({ state }) => state === 'following')
  const { treasury } = await until(watcher, CHAIN_PATH, ({ treasury }) => typeof treasury === 'string')
  await until(second, CHAIN_PATH, body => body['treasury'] === treasury)
  node.pay(String(treasury), 300_000_000n)
  node.mine(CREDIT)
  for (const machine of [watcher, second]) await until(machine, CHAIN_PATH, ({ height }) => height === node.height())
}

/** The first one pays while the second hears nothing of its signer; the payment is mined at once. */
async function payUnheard(pair: Pair): Promise<void> {
  const { system, wire } = pair
  const { world, node } = system
  wire.isAway = true
  expect(await withdraw(system.watcher, node.faucetAddress)).toMatchObject({ status: 201 })
  while (node.pending().length === 0) await world.sleep(LOOK_MS)
  node.mine(1)
}

const lineOf = ({ system }: Pair, text: string) => system.world.lines().findIndex(line => line.includes(text))

describe('a spend that the ledger does not know', () => {
  test('is waited with while the signer is away; what another watcher had signed is adopted and ends paid', async () => {
    const pair = await createPair({ role: 'watching', isApart: false })
    const { system, second, wire, asked, until } = pair
    const { world, node } = system
    await pair.run(async () => {
      await fund(pair)
      await payUnheard(pair)
      await world.sleep(60_000)
      const chain = await until(second, CHAIN_PATH, () => true)
      expect(chain).toMatchObject({ state: 'following', height: node.height() - 1 })
      wire.isAway = false
      node.mine(CREDIT)
      const paid = await until(second, '/v1/withdrawals/w-1', ({ state }) => state === 'paid')
      const first = await until(system.watcher, '/v1/withdrawals/w-1', ({ state }) => state === 'paid')
      expect(paid).toMatchObject({ transactionId: first['transactionId'], transferId: first['transferId'] })
    })
    expect(world.violation()).toBeNull()
    expect(asked.filter(line => !line.startsWith('GET'))).toEqual([])
  })

  test('and the signer neither halts the chain, after it was asked', async () => {
    const pair = await createPair({ role: 'paying', isApart: true })
    const { system, wire } = pair
    const { world } = system
    await pair.run(async () => {
      await fund(pair)
      await payUnheard(pair)
      while (lineOf(pair, UNKNOWN) < 0) await world.sleep(LOOK_MS)
      await world.sleep(60_000)
      world.trace('the signer is back')
      wire.isAway = false
      for (;;) await world.sleep(LOOK_MS)
    })
    expect(world.violation()).toMatch(/^second error: .*halted/)
    const told = world.lines().findIndex(line => line.includes('VIOLATION'))
    const back = lineOf(pair, 'the signer is back')
    const answered = world
      .lines()
      .findIndex((line, n) => n > back && line.includes('second asks GET /v1/chains/litecoin/transfers'))
    expect(answered).toBeGreaterThan(back)
    expect(told).toBeGreaterThan(answered)
  })
})

test('a watcher that only watches follows, and refuses what only the other may do', async () => {
  const pair = await createPair({ role: 'watching', isApart: false })
  const { system, second, until } = pair
  await pair.run(async () => {
    await fund(pair)
    const { balances } = await until(system.watcher, CHAIN_PATH, () => true)
    expect(await until(second, CHAIN_PATH, () => true)).toMatchObject({ balances })
    const refused = { status: 409, body: { kind: 'watching-only' } }
    expect(await put(second, `${CHAIN_PATH}/addresses/ann`, {})).toMatchObject(refused)
    const ready = await until(second, '/readyz', ({ notices }) => String(notices).includes('another ledger'))
    expect(ready).toMatchObject({ ready: true })
  })
  expect(system.world.violation()).toBeNull()
})

test('a watcher that only watches applies no block before it knows every address that was made before it', async () => {
  const pair = await createPair({ role: 'watching', isApart: false })
  const { system, second, wire, until } = pair
  const { world, node, watcher } = system
  await pair.run(async () => {
    await fund(pair)
    const before = node.height()
    wire.isAway = true
    const given: string[] = []
    // More than were there when the second one could ask last.
    for (let n = 0; n < 12; n++) {
      const assigned = async () => put(watcher, `${CHAIN_PATH}/addresses/user-${n}`, {})
      let answer = await assigned()
      for (; answer.status === 503; answer = await assigned()) await world.sleep(LOOK_MS)
      given.push(String(answer.body['address']))
    }
    const txid = node.pay(given.at(-1)!, 1_000_000n)
    node.mine(CREDIT)
    await until(watcher, `/v1/deposits/${CHAIN}:${txid}:0`, ({ state }) => state === 'confirmed').catch(() => undefined)
    await world.sleep(60_000)
    expect(await until(second, CHAIN_PATH, () => true)).toMatchObject({ state: 'following', height: before })
    const ready = await system.askDirectly(second, '/readyz')
    expect([ready?.status, JSON.stringify(ready?.body)]).toEqual([503, expect.stringContaining('signer') as string])
    wire.isAway = false
    const { items } = await until(second, '/v1/deposits', ({ items }) => (items as unknown[]).length === 1)
    expect((items as object[])[0]).toMatchObject({ address: given.at(-1), amount: '1000000' })
    await until(second, CHAIN_PATH, ({ height }) => height === node.height())
  })
  expect(world.violation()).toBeNull()
})

test('what was asked of a ledger before it was told only to watch is neither planned nor signed', async () => {
  const pair = await createPair({ role: 'paying', isApart: false })
  const { system, second, its, asked, until } = pair
  const { world, node } = system
  await pair.run(async () => {
    await until(second, CHAIN_PATH, ({ state }) => state === 'following')
    expect(await withdraw(second, node.faucetAddress)).toMatchObject({ status: 201 })
    await until(second, '/v1/withdrawals/w-1', ({ state }) => state === 'queued')
    its.role = 'watching'
    second.fall('kill')
    asked.length = 0
    await fund(pair)
    await world.sleep(60_000)
    expect(await until(second, '/v1/withdrawals/w-1', () => true)).toMatchObject({ state: 'queued', transferId: null })
  })
  expect(world.violation()).toBeNull()
  expect(asked.filter(line => !line.startsWith('GET'))).toEqual([])
})

const OUTDATED = 'this ledger is older than what the signer remembers'
const freeOf = (body: Answer['body']) => (body['addressPool'] as { free: number }).free

describe('what the signer has signed and a ledger lacks', () => {
  test('leaves its free addresses to it where another ledger had it signed', async () => {
    const pair = await createPair({ role: 'paying', isApart: false })
    const { system, second, wire, until } = pair
    await pair.run(async () => {
      await fund(pair)
      const before = freeOf(await until(second, CHAIN_PATH, body => freeOf(body) > 0))
      await payUnheard(pair)
      wire.isAway = false
      system.node.mine(CREDIT)
      await until(second, '/v1/withdrawals/w-1', ({ state }) => state === 'paid')
      expect(freeOf(await until(second, CHAIN_PATH, () => true))).toBe(before)
      expect(await put(second, `${CHAIN_PATH}/addresses/ann`, {})).toMatchObject({ status: 201 })
    })
    expect(system.world.violation()).toBeNull()
    expect(lineOf(pair, OUTDATED)).toBe(-1)
  })

  test('leaves them to nobody where it had it signed itself, and was put back from an older copy', async () => {
    const pair = await createPair({ role: 'paying', isApart: false })
    const { system, second, until } = pair
    const { world, node } = system
    await pair.run(async () => {
      await fund(pair)
      await until(second, CHAIN_PATH, body => freeOf(body) > 0)
      const copy = copyDisk({ world, watcher: second })
      const given = await put(second, `${CHAIN_PATH}/addresses/ann`, {})
      expect(given).toMatchObject({ status: 201 })
      expect(await withdraw(second, node.faucetAddress)).toMatchObject({ status: 201 })
      while (node.pending().length === 0) await world.sleep(LOOK_MS)
      second.replaceDisk(disk => {
        for (const [path, bytes] of copy) disk.poke(path, bytes)
      })
      node.mine(CREDIT)
      await until(second, '/v1/withdrawals/w-1', ({ state }) => state === 'paid')
      const others = await until(second, CHAIN_PATH, body => freeOf(body) > 0)
      expect(others).toMatchObject({ state: 'following' })
      const next = await put(second, `${CHAIN_PATH}/addresses/bob`, {})
      expect(next).toMatchObject({ status: 201 })
      expect(next.body['address']).not.toBe(given.body['address'])
    })
    expect(world.violation()).toBeNull()
    expect(lineOf(pair, OUTDATED)).toBeGreaterThan(-1)
  })
})
