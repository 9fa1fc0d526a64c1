import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { missingOf } from '../../src/approvals.ts'
import { Fault } from '../../src/kernel/fault.ts'
import { signingId } from '../../machines/ids.ts'
import type { Json } from '../../machines/vocabulary.ts'
import { serve, SERVER_LIMITS, type HttpServer } from '../../src/shell/koa.ts'
import { targetOf } from '../http/socket.ts'
import { PATIENCE_MS } from '../patience.ts'
import { floodOnce, openFlooded, type Flooded } from './attack/flood.ts'
import * as rigs from './rig.ts'
import { ask, authorised, coin, intent, ours, pay, sign, simple } from './rig.ts'

const AMOUNT = 1_000_000n
const MIB = 2 ** 20
let rig: rigs.Rig
beforeEach(async () => {
  rig = await rigs.createRig()
})
afterEach(() => rigs.discard(rig))

describe('the memory of a flooded signer is bounded', () => {
  const HOUR_MS = 60 * 60 * 1000
  const ROOM = {
    unsigned: { attempts: 50, characters: 200_000 },
    limits: {
      addresses: { headroom: 20, perHour: 10 },
      ownTransfers: { headroom: 3, perHour: 2 },
      refusals: { headroom: 100, perHour: 10 },
      voids: { headroom: 150, perHour: 10 },
    },
  }
  let flooded: Flooded
  beforeEach(async () => {
    flooded = await openFlooded(rig, ROOM)
  })
  afterEach(() => flooded.memory.close())
  const reopen = async () => {
    await flooded.memory.close()
    flooded = await openFlooded(rig, ROOM)
  }
  const payment = (n: number) => ({
    transferId: `honest-${n}`,
    n: 1,
    template: simple(AMOUNT, n),
    intents: [authorised(intent(`honest-${n}`, AMOUNT))],
  })
  const kindOf = (outcome: Promise<unknown>) =>
    outcome.then(
      () => 'taken',
      (error: unknown) => (error instanceof Fault ? error.kind : String(error)),
    )

  test('by refused attempts up to a number: beyond it the oldest are forgotten, and can be asked for again', async () => {
    const kept = (n: number) => flooded.attempts.read(signingId('litecoin', `t${n}`, 1))
    for (let n = 0; n < 60; n++) await floodOnce(flooded, n % 2 === 0 ? 'unsigned' : 'waiting', n)
    for (const pass of [async () => undefined, reopen]) {
      await pass()
      expect(flooded.memory.unsigned().size).toBe(50)
      expect([await kept(0), await kept(9)]).toEqual([null, null])
      expect((await kept(10))?.value).toBe('refused')
    }
    await floodOnce(flooded, 'unsigned', 0)
    expect((await kept(0))?.value).toBe('refused')
    expect(await kept(10)).toBeNull()
    expect(flooded.memory.unsigned().size).toBe(50)
    expect((await flooded.attempts.sign(flooded.chain, payment(1))).value).toBe('signed')
  })

  test('by long ones up to a size, whether they are new or take the place of short ones', async () => {
    const plain = intent('w', AMOUNT)
    const owner = ours(1)
    const coins = Array.from({ length: 21 }, (_, i) => coin(1, i, rigs.FUNDS, owner))
    const batchOf = (length: number) => {
      const intents = Array.from({ length }, (_, i) => ({ ...plain, id: `${'w'.repeat(120)}${i}`, authorisations: [] }))
      const change = rigs.FUNDS * 21n - BigInt(length) * AMOUNT - 50_000n
      return {
        intents,
        template: pay(coins, [...intents.map(() => [plain.to, AMOUNT] as const), [ours(0).address, change]]),
      }
    }
    const batches = new Map([1, 200].map(length => [length, batchOf(length)]))
    const long = (n: number, length: number) =>
      flooded.attempts.sign(flooded.chain, { transferId: `long-${n}`, n: 1, ...batches.get(length)! })
    for (let n = 0; n < 20; n++) await long(n, 1)
    for (let n = 0; n < 20; n++) {
      await long(n, 200)
      expect(flooded.memory.unsigned().characters).toBeLessThan(250_000)
    }
    expect(flooded.memory.unsigned().size).toBeGreaterThan(1)
    expect((await flooded.attempts.sign(flooded.chain, payment(1))).value).toBe('signed')
    await reopen()
    expect(flooded.memory.unsigned().characters).toBeLessThan(250_000)
  })

  test('by voids of withdrawals that were never seen at a rate: what was seen is voided beyond it', async () => {
    for (let n = 0; n < 150; n++) await floodOnce(flooded, 'voids', n)
    await flooded.attempts.sign(flooded.chain, payment(1))
    expect(await kindOf(floodOnce(flooded, 'voids', 150))).toBe('over-rate')
    expect(await kindOf(floodOnce(flooded, 'voids', 7))).toBe('taken')
    const { receipt } = await flooded.voids.declare('litecoin', 'honest-1', 1)
    expect(receipt.signed).toHaveLength(1)
    rig.now.ms += HOUR_MS
    for (let n = 150; n < 160; n++) await floodOnce(flooded, 'voids', n)
    const refusal = floodOnce(flooded, 'voids', 160)
    await expect(refusal).rejects.toThrow('limits.voids allows 150 at once and 10 an hour; try again in 360 s')
  })

  test('by voids of rounds without end of one withdrawal up to a number', async () => {
    for (let round = 1; round <= 100; round++) await flooded.voids.declare('litecoin', 'w', round)
    expect(await kindOf(flooded.voids.declare('litecoin', 'w', 101))).toBe('too-many-voids')
    expect(await kindOf(flooded.voids.declare('litecoin', 'w', 5))).toBe('taken')
    expect(await kindOf(flooded.voids.declare('litecoin', 'other', 6))).toBe('taken')
  })

  test('by templates that nobody has asked for at a rate: withdrawals are signed beyond it', async () => {
    const own = (n: number) => {
      const template = pay([coin(1, n, rigs.FUNDS, ours(1))], [[ours(0).address, rigs.FUNDS - 10_000n]])
      return flooded.attempts.sign(flooded.chain, { transferId: `own-${n}`, n: 1, template, intents: [] })
    }
    for (let n = 0; n < 3; n++) expect((await own(n)).value).toBe('signed')
    expect(await kindOf(own(3))).toBe('over-rate')
    expect((await flooded.attempts.sign(flooded.chain, payment(9))).value).toBe('signed')
    rig.now.ms += HOUR_MS
    expect((await own(3)).value).toBe('signed')
  })

  test('by what is refused or waits at a rate, because each leaves something for ever: withdrawals are signed beyond it', async () => {
    for (let n = 0; n < 100; n++) await floodOnce(flooded, n % 2 === 0 ? 'unsigned' : 'waiting', n)
    const before = flooded.memory.position()
    expect(await kindOf(floodOnce(flooded, 'unsigned', 100))).toBe('over-rate')
    expect(flooded.memory.position()).toEqual(before)
    // What is known is answered again, and costs nothing.
    expect(await kindOf(floodOnce(flooded, 'unsigned', 98))).toBe('taken')
    expect((await flooded.attempts.sign(flooded.chain, payment(1))).value).toBe('signed')
    rig.now.ms += HOUR_MS
    for (let n = 100; n < 110; n++) await floodOnce(flooded, 'waiting', n)
    await expect(floodOnce(flooded, 'waiting', 110)).rejects.toThrow(
      'limits.refusals allows 100 at once and 10 an hour; try again in 360 s',
    )
  })

  test('by addresses at a rate', async () => {
    const { pool } = flooded.chain
    await pool.grow(20, null)
    expect(await kindOf(pool.grow(26, null))).toBe('over-rate')
    expect(await kindOf(pool.grow(20, null))).toBe('taken')
    rig.now.ms += HOUR_MS
    await pool.grow(26, null)
    expect(pool.size()).toBe(26)
  })
})

describe('a signer is asked for too much at once', () => {
  let signer: rigs.Signer
  beforeEach(async () => {
    signer = await rigs.start(rig)
    await rigs.grow(signer)
  })
  afterEach(() => signer.stop())

  test('of a template that says megabytes of nonsense a few words are kept and answered', async () => {
    const keys = Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`${'k'.repeat(MIB / 16)}${n}`, 1]))
    const nonsense: Json[] = [
      { network: 'x'.repeat(2 * MIB), psbt: '', publicKeys: [ours(0).publicKey] },
      keys,
      { network: 'litecoin-regtest', psbt: 'x'.repeat(2 * MIB), publicKeys: [ours(0).publicKey] },
    ]
    for (const [n, template] of nonsense.entries()) {
      const answer = await sign(signer, `t${n}`, 1, template, [])
      expect(answer.status).toBe(403)
      expect(JSON.stringify(answer.body).length).toBeLessThan(2_000)
      const stored = await ask(signer, 'GET', rigs.attemptPath(`t${n}`))
      expect(JSON.stringify(stored.body).length).toBeLessThan(2_000)
    }
  })

  test('a transaction larger than nodes relay is refused before anything is signed', async () => {
    const owner = ours(1)
    const inputs = (count: number) => {
      const coins = Array.from({ length: count }, (_, n) => rigs.coin(1, n, rigs.FUNDS, owner))
      return pay(coins, [[ours(0).address, rigs.FUNDS * BigInt(count) - 100_000n]])
    }
    const answer = await sign(signer, 't1', 1, inputs(1_600), [])
    expect(answer.status).toBe(403)
    expect(JSON.stringify(answer.body)).toContain('larger than nodes relay')
  })

  test('of a withdrawal with many signatures a page is answered, and the next one after it', async () => {
    const asked = [authorised(intent('w-1', AMOUNT))]
    for (const [n, fee] of [1_000n, 2_000n, 3_000n].entries())
      expect((await sign(signer, 't1', n + 1, simple(AMOUNT, 1, fee), asked)).status).toBe(200)
    const attempts: unknown[] = []
    let next: unknown = 0
    while (next !== null) {
      const { body } = await ask(signer, 'GET', `/v1/withdrawals/w-1?after=${Number(next)}&limit=2`)
      attempts.push(...(body['signed'] as { n: number }[]).map(({ n }) => n))
      next = body['next']
    }
    expect(attempts).toEqual([1, 2, 3])
  })

  test('of arrays without end nothing is looked at', async () => {
    const many = <Value>(length: number, value: Value) => Array.from({ length }, () => value)
    const template = { network: 'litecoin-regtest', psbt: '', publicKeys: many(300_000, '') }
    const answer = await sign(signer, 't1', 1, template, [])
    expect([answer.status, JSON.stringify(answer.body)]).toEqual([403, expect.stringContaining('at most 2439')])
    const members = Object.fromEntries(many(300_000, 0).map((_, n) => [`k${n}`, 1]))
    expect((await sign(signer, 't1', 1, members, [])).status).toBe(400)
    for (const nested of [{ transaction: members }, { block: { previous: members } }, { list: [[members]] }])
      expect((await sign(signer, 't1', 1, nested, [])).status).toBe(400)
    const values = await sign(signer, 't1', 1, { psbt: many(400_001, 0) }, [])
    expect([values.status, values.body.kind]).toEqual([400, 'too-many-values'])
  })

  test('a key is tried once an intent, and after a few bad signatures of one request none any more', async () => {
    const bad = authorised(intent('w', AMOUNT)).authorisations.map(({ key }) => ({
      key,
      signature: Buffer.alloc(64, 1).toString('base64'),
    }))
    const intents = Array.from({ length: 1000 }, (_, n) => ({
      ...intent(`w-${n}`, AMOUNT),
      authorisations: Array.from({ length: 98 }, () => bad)
        .flat()
        .slice(0, 98),
    }))
    let verified = 0
    const authority = { keys: [...new Set(bad.map(({ key }) => key))], approvals: 1 }
    const counting = intents.map(each => ({
      ...each,
      authorisations: each.authorisations.map(({ key }) => ({
        key,
        get signature() {
          verified += 1
          return 'no signature'
        },
      })),
    }))
    expect(missingOf(authority, counting, 'wallet')).toHaveLength(1000)
    expect(verified).toBe(20)
    expect((await sign(signer, 't1', 1, simple(AMOUNT, 1), [authorised(intent('w-1', AMOUNT))])).status).toBe(200)
  })

  test('JSON that nests a million times is turned away', async () => {
    const headers = { authorization: `Bearer ${rigs.TOKEN}` }
    const depth = 1_000_000
    for (const text of [
      '['.repeat(depth),
      `{"template":${'{"a":'.repeat(depth)}1${'}'.repeat(depth)},"intents":[]}`,
      `{"template":{"a":${'['.repeat(depth)}${']'.repeat(depth)}},"intents":[]}`,
    ]) {
      const body = new TextEncoder().encode(text)
      const path = rigs.attemptPath('t1')
      const { status } = await signer.handle({ method: 'PUT', path, query: {}, headers, body })
      expect(status).toBe(400)
    }
    expect((await sign(signer, 't1', 1, simple(), [authorised(intent('w-1', AMOUNT))])).status).toBe(200)
  })
})

describe('a signer under many connections', () => {
  const CONNECTIONS = 20
  let signer: rigs.Signer
  let server: HttpServer
  const sockets: Socket[] = []
  /** Who says no more is cut off after `requestMs`: soon where that is waited for, else later than anything takes. */
  const start = async (requestMs: number) => {
    const limits = { ...SERVER_LIMITS, headersMs: requestMs, requestMs, connections: CONNECTIONS, heldBytes: 3 * MIB }
    server = await serve(signer.handle, { listen: '127.0.0.1:0', limits })
  }
  beforeEach(async () => {
    signer = await rigs.start(rig)
  })
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy()
    await server.stop()
    await signer.stop()
  })

  interface Client {
    socket: Socket
    /** Everything that came, when the connection is closed. */
    ended: Promise<string>
    /** When the first bytes have come. */
    answered: Promise<string>
  }
  const open = (): Client => {
    const socket = connect(targetOf(server.address))
    sockets.push(socket)
    let text = ''
    const ended = new Promise<string>(resolve => {
      socket.on('error', () => undefined)
      socket.on('data', piece => (text += piece.toString()))
      socket.on('close', () => resolve(text))
    })
    const answered = new Promise<string>(resolve => socket.once('data', piece => resolve(piece.toString())))
    return { socket, ended, answered }
  }
  const head = (length: number) =>
    `PUT ${rigs.attemptPath('t1')} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${rigs.TOKEN}\r\nContent-Length: ${length}\r\n\r\n`
  const health = 'GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
  const asked = () => {
    const client = open()
    client.socket.write(health)
    return client.ended
  }

  test('large bodies without end that come at once are refused before they fill the memory, the others are served', async () => {
    await start(5_000)
    const clients = Array.from({ length: 8 }, () => open())
    for (const { socket } of clients) socket.write(head(2 * MIB) + 'x'.repeat(MIB))
    const first = await Promise.race(clients.map(({ answered }) => answered))
    expect(first).toMatch(/^HTTP\/1.1 503[^]*too-busy/)
    expect(await asked()).toMatch(/^HTTP\/1.1 200/)
    // Who says no more is cut off, and what it held is free again.
    const all = await Promise.all(clients.map(({ ended }) => ended))
    expect(new Set(all.map(text => text.slice(9, 12)))).toEqual(new Set(['503', '408']))
    const late = open()
    late.socket.write(head(2 * MIB) + 'x'.repeat(2 * MIB))
    expect(await late.answered).toMatch(/^HTTP\/1.1 400[^]*malformed-json/)
  })

  test('who asks is answered where the bound is reached: the connection that has asked nothing for the longest makes room', async () => {
    await start(PATIENCE_MS)
    const idle = Array.from({ length: CONNECTIONS }, () => open())
    for (const { socket } of idle) socket.write('GET /healthz HTTP/1.1\r\n')
    await Promise.all(idle.map(({ socket }) => new Promise(resolve => socket.once('connect', resolve))))
    expect(await asked()).toMatch(/^HTTP\/1.1 200/)
    expect(await idle[0]!.ended).toBe('')
    for (const { socket } of idle) socket.destroy()
    await Promise.all(idle.map(({ ended }) => ended))
    await expect.poll(asked).toMatch(/^HTTP\/1.1 200/)
  })
})
