import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Intent } from '../../machines/vocabulary.ts'
import * as rigs from './rig.ts'
import { ask, authorised, grow, intent, sign, simple } from './rig.ts'
import { race } from './attack/races.ts'
import { tamper } from './attack/tamper.ts'
import { simulatedDisk, type SimulatedDisk } from '../simulation/disk.ts'

const AMOUNT = 1_000_000n
const RACES = 210
let disk: SimulatedDisk
let signer: rigs.Signer
beforeEach(async () => {
  disk = simulatedDisk({ seed: 1 })
  signer = await rigs.start(await rigs.createRigOn(disk))
  await grow(signer)
})
afterEach(() => signer.stop())

const put = (path: string, body: Uint8Array) => {
  const headers = { authorization: `Bearer ${rigs.TOKEN}` }
  return signer.handle({ method: 'PUT', path, query: {}, headers, body })
}

describe('a tamperer on the wire', () => {
  test('whichever byte of a valid request is changed, nothing is signed but the same payment', async () => {
    const figures = await tamper([3])
    expect(figures.changes).toBeGreaterThanOrEqual(figures.bytes)
    expect(figures.bytes).toBeGreaterThan(1_000)
    // Some headers say nothing that matters, and the fee may be another within its cap; all else matters everywhere.
    expect(figures.signed).toBeGreaterThan(10)
    expect(figures.signed).toBeLessThan(300)
  })
})

describe('a replayer', () => {
  test('gets the same answers, under the same names, and nothing new', async () => {
    const requests = [1, 2, 3].map(n => [`t${n}`, simple(AMOUNT, n), [authorised(intent(`w-${n}`, AMOUNT))]] as const)
    const first: unknown[] = []
    for (const [name, template, intents] of requests)
      first.push((await sign(signer, name, 1, template, [...intents])).body)
    const before = (await ask(signer, 'GET', '/healthz')).headers['Lockkeeper-Memory-Sequence']
    for (let round = 0; round < 20; round++)
      for (const [n, [name, template, intents]] of requests.entries())
        expect((await sign(signer, name, 1, template, [...intents])).body).toEqual(first[n])
    expect((await ask(signer, 'GET', '/healthz')).headers['Lockkeeper-Memory-Sequence']).toBe(before)
  })

  test('gains nothing under another name either: the same bytes, or a refusal', async () => {
    const intents = [authorised(intent('w-1', AMOUNT))]
    const first = await sign(signer, 't1', 1, simple(), intents)
    expect((await sign(signer, 't2', 1, simple(), intents)).body).toEqual(first.body)
    expect((await sign(signer, 't3', 1, simple(AMOUNT, 2), intents)).status).toBe(403)
  })
})

describe('watchers that race', () => {
  test(`in ${RACES} races over connections of their own, what comes of it is lawful whoever is first`, async () => {
    const { races, outcomes } = await race(RACES, 1)
    expect(races).toBe(RACES)
    // Either may win: the requests really come in each other's way.
    for (const order of ['200,403', '403,200'])
      expect(outcomes[`one withdrawal, coins of their own: ${order}`]).toBeGreaterThan(3)
  })
})

describe('two requests for one attempt at once', () => {
  test('are each answered for themselves, though the second was signed before the refusal of the first was durable', async () => {
    const intents = [authorised(intent('w-1', AMOUNT))]
    const greedy = simple(AMOUNT, 1, 200_000n)
    const [refused, signed, other] = await Promise.all([
      sign(signer, 't1', 1, greedy, intents),
      sign(signer, 't1', 1, simple(), intents),
      sign(signer, 't1', 1, greedy, intents),
    ])
    expect([refused, signed, other].map(({ status }) => status)).toEqual([403, 200, 409])
    expect((await ask(signer, 'GET', rigs.attemptPath('t1'))).body).toMatchObject({ state: 'signed' })
  })
})

describe('a flood', () => {
  test('of bodies without end is cut off before it is read, and of deep nesting too', async () => {
    const huge = new Uint8Array(16 * 1024 * 1024 + 1).fill(0x20)
    expect((await put(rigs.attemptPath('t1'), huge)).status).toBe(413)
    const intents = Array.from({ length: 1001 }, (_, n) => intent(`w-${n}`, 1n))
    const many = new TextEncoder().encode(JSON.stringify({ template: {}, intents }))
    expect((await put(rigs.attemptPath('t1'), many)).status).toBe(400)
  })

  test('of the same refusal writes nothing after the first time', async () => {
    const forged: Intent[] = [intent('w-1', AMOUNT)]
    await sign(signer, 't1', 1, { psbt: 'x' }, forged)
    const size = disk.peek('/signer/memory/journal/1.jsonl')!.length
    for (let n = 0; n < 50; n++) await sign(signer, 't1', 1, { psbt: 'x' }, forged)
    expect(disk.peek('/signer/memory/journal/1.jsonl')!.length).toBe(size)
  })
})
