/** How near the signer comes to what its parts cost bare: HTTP, one verification, one signature, one durable append. */
import { verify as verifyBytes, createPublicKey, sign as signMessage, generateKeyPairSync } from 'node:crypto'
import { Agent, request } from 'node:http'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Koa from 'koa'
import * as secp256k1 from 'tiny-secp256k1'
import { openLedger } from '../../src/ledger/journal.ts'
import { createDisk } from '../../src/shell/disk.ts'
import { serve } from '../../src/shell/koa.ts'
import * as rigs from '../signer/rig.ts'
import { authorised, coin, intent, ours, pay, simple, theirs } from '../signer/rig.ts'
import { benchRow, timed, timedAsync, type BenchRow, type Progress } from './measure.ts'

const REQUESTS = 200
const AT_ONCE = 32
const INPUTS = 100
const LARGE_REQUESTS = 10
const AMOUNT = 1_000_000n

const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE })

function put(address: string, path: string, body: string): Promise<number> {
  const headers = { authorization: `Bearer ${rigs.TOKEN}`, 'content-type': 'application/json' }
  return new Promise((resolve, reject) => {
    const sent = request(`${address}${path}`, { method: 'PUT', agent, headers }, answer => {
      answer.resume().on('end', () => resolve(answer.statusCode ?? 0))
    })
    sent.on('error', reject).end(body)
  })
}

/** Milliseconds each, so many under way at once. */
async function perRequest(address: string, calls: readonly { path: string; body: string }[]): Promise<number> {
  const waiting = [...calls]
  const work = async () => {
    for (let call = waiting.pop(); call !== undefined; call = waiting.pop()) {
      const status = await put(address, call.path, call.body)
      if (status !== 200) throw new Error(`${call.path} was answered ${status}`)
    }
  }
  return (await timedAsync(() => Promise.all(Array.from({ length: AT_ONCE }, work)))) / calls.length
}

async function bareKoa(calls: readonly { path: string; body: string }[]): Promise<number> {
  const app = new Koa()
  app.use(async context => {
    const pieces: Buffer[] = []
    for await (const piece of context.req) pieces.push(piece as Buffer)
    context.body = { length: (JSON.parse(Buffer.concat(pieces).toString()) as { intents: unknown[] }).intents.length }
  })
  const server = app.listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  try {
    return await perRequest(`http://127.0.0.1:${port}`, calls)
  } finally {
    server.close()
  }
}

function bareCryptoMs(): number {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const message = Buffer.alloc(200)
  const signature = signMessage(null, message, privateKey)
  const key = createPublicKey(publicKey.export({ type: 'spki', format: 'pem' }))
  const verifying = timed(() => {
    for (let n = 0; n < REQUESTS; n++) verifyBytes(null, message, key, signature)
  })
  return verifying / REQUESTS + bareSignMs()
}

function bareSignMs(): number {
  const secret = new Uint8Array(32).fill(7)
  const digest = new Uint8Array(32).fill(9)
  return (
    timed(() => {
      for (let n = 0; n < REQUESTS; n++) secp256k1.sign(digest, secret)
    }) / REQUESTS
  )
}

async function bareAppendMs(bytes: number): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'append-'))
  const ports = { random: { bytes: (n: number) => new Uint8Array(n) }, log: () => undefined, abort: () => undefined }
  const { journal } = await openLedger({ disk: createDisk(), directory, ...ports })
  const append = (n: number) => {
    const context = { text: 'x'.repeat(bytes) }
    const image = { id: `signing/${n}`, version: 1, value: 'signed', context, revision: 1, seq: n, at: 0, entered: n }
    const entry = { seq: n, prev: null, event: 'e', from: null, to: 'signed', image: { ...image, ended: true } }
    return journal.append({ at: 0, heights: {}, entries: [entry], reserve: [], release: [] })
  }
  let next = 1
  const work = async () => {
    while (next <= REQUESTS) await append(next++)
  }
  const ms = await timedAsync(() => Promise.all(Array.from({ length: AT_ONCE }, work)))
  await journal.close()
  await rm(directory, { recursive: true })
  return ms / REQUESTS
}

const small = (n: number) => ({
  path: rigs.attemptPath(`small-${n}`),
  body: JSON.stringify({ template: simple(AMOUNT, n), intents: [authorised(intent(`w-${n}`, AMOUNT))] }),
})

function large(n: number) {
  const coins = Array.from({ length: INPUTS }, (_, i) => coin(i % 5, 1 + n * INPUTS + i))
  const change = rigs.FUNDS * BigInt(INPUTS) - AMOUNT - 50_000n
  const template = pay(coins, [
    [theirs(0), AMOUNT],
    [ours(0).address, change],
  ])
  const intents = [authorised(intent(`large-${n}`, AMOUNT))]
  return { path: rigs.attemptPath(`large-${n}`), body: JSON.stringify({ template, intents }) }
}

export async function benchSigner(progress: Progress): Promise<BenchRow[]> {
  progress('signing')
  const rig = await rigs.createRig()
  const signer = await rigs.start(rig)
  await rigs.grow(signer)
  const server = await serve(signer.handle, { listen: '127.0.0.1:0' })
  const address = `http://${server.address.replace(/^http:\/\//, '')}`
  try {
    const calls = Array.from({ length: REQUESTS + AT_ONCE }, (_, n) => small(n))
    await perRequest(address, calls.splice(0, AT_ONCE)) // warm
    const bytes = 2 * calls[0]!.body.length
    const ideal = (await bareKoa(calls)) + bareCryptoMs() + (await bareAppendMs(bytes))
    const real = await perRequest(address, calls)
    const many = Array.from({ length: LARGE_REQUESTS }, (_, n) => large(n))
    const perSignature = (await perRequest(address, many)) / INPUTS
    const rate = (ms: number) => Math.round(1000 / ms)
    const signing = bareSignMs()
    const each = `${rate(real)} requests/s, the parts ${rate(ideal)}/s`
    const inputs = `${rate(perSignature)} signatures/s, bare ${rate(signing)}/s`
    return [
      benchRow('signing requests / the sum of their bare parts', ideal / real, { least: 0.5 }, each),
      benchRow(
        `signatures with ${INPUTS} inputs a request / bare tiny-secp256k1`,
        signing / perSignature,
        { least: 0.5 },
        inputs,
      ),
    ]
  } finally {
    agent.destroy()
    await server.stop()
    await signer.stop()
    await rigs.discard(rig)
  }
}
