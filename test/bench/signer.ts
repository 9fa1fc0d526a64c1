/** How near the signer comes to what its parts cost bare: HTTP, one verification, one signature, one durable append. */
import { verify as verifyBytes, createPublicKey, sign as signMessage, generateKeyPairSync } from 'node:crypto'
import { Agent, request } from 'node:http'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Koa from 'koa'
import * as secp256k1 from 'tiny-secp256k1'
import { lowdbEngine } from '../../src/ledger/lowdb/engine.ts'
import { createDisk } from '../../src/shell/disk.ts'
import { serve } from '../../src/shell/koa.ts'
import * as rigs from '../signer/rig.ts'
import { authorised, coin, intent, ours, pay, simple, theirs } from '../signer/rig.ts'
import { untypedInstance } from '../kernel/untyped.ts'
import { benchRow, medianOf, timed, timedAsync, type BenchRow, type Progress } from './measure.ts'

export interface SignerSizes {
  /** Rounds that do not count: a signer runs for months, and its code is compiled while it runs. */
  warming: number
  /** Of each side; they take turns, and the median counts. */
  rounds: number
  /** In a round: with one input, and with many. */
  requests: number
  largeRequests: number
}

/** Calls of what takes microseconds, for one figure of a round. */
const BARE_CALLS = 200
const AT_ONCE = 32
const INPUTS = 100
const AMOUNT = 1_000_000n

interface Call {
  path: string
  body: string
}

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
async function perRequest(address: string, calls: readonly Call[]): Promise<number> {
  const waiting = [...calls]
  const work = async () => {
    for (let call = waiting.pop(); call !== undefined; call = waiting.pop()) {
      const status = await put(address, call.path, call.body)
      if (status !== 200) throw new Error(`${call.path} was answered ${status}`)
    }
  }
  return (await timedAsync(() => Promise.all(Array.from({ length: AT_ONCE }, work)))) / calls.length
}

async function bareKoa(calls: readonly Call[]): Promise<number> {
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

function bareVerifyMs(): number {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const message = Buffer.alloc(200)
  const signature = signMessage(null, message, privateKey)
  const key = createPublicKey(publicKey.export({ type: 'spki', format: 'pem' }))
  const verifying = timed(() => {
    for (let n = 0; n < BARE_CALLS; n++) verifyBytes(null, message, key, signature)
  })
  return verifying / BARE_CALLS
}

function bareSignMs(): number {
  const secret = new Uint8Array(32).fill(7)
  const digest = new Uint8Array(32).fill(9)
  return (
    timed(() => {
      for (let n = 0; n < BARE_CALLS; n++) secp256k1.sign(digest, secret)
    }) / BARE_CALLS
  )
}

async function bareAppendMs(bytes: number, count: number): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'append-'))
  const ports = { random: { bytes: (n: number) => new Uint8Array(n) }, log: () => undefined, abort: () => undefined }
  const engine = lowdbEngine(createDisk(), directory)
  // Whatever is appended has ended.
  const memory = { live: () => [], reservations: () => [] }
  const { journal } = await engine.open({ ports, memory, upgrade: image => image, versions: '1' })
  const append = (n: number) => {
    const context = { text: 'x'.repeat(bytes) }
    const image = untypedInstance({
      ...{ id: `signing/${n}`, version: 1, value: 'signed', context, revision: 1 },
      ...{ seq: n, at: 0, entered: n, ended: true },
    })
    const entry = { seq: n, prev: null, event: 'e', from: null, to: 'signed', image }
    return journal.append({ at: 0, heights: {}, entries: [entry], reserve: [], release: [] })
  }
  let next = 1
  const work = async () => {
    while (next <= count) await append(next++)
  }
  const ms = await timedAsync(() => Promise.all(Array.from({ length: AT_ONCE }, work)))
  await journal.close()
  await rm(directory, { recursive: true })
  return ms / count
}

const small = (n: number): Call => ({
  path: rigs.attemptPath(`small-${n}`),
  body: JSON.stringify({ template: simple(AMOUNT, n), intents: [authorised(intent(`w-${n}`, AMOUNT))] }),
})

function large(n: number): Call {
  const coins = Array.from({ length: INPUTS }, (_, i) => coin(i % 5, 1 + n * INPUTS + i))
  const change = rigs.FUNDS * BigInt(INPUTS) - AMOUNT - 50_000n
  const template = pay(coins, [
    [theirs(0), AMOUNT],
    [ours(0).address, change],
  ])
  const intents = [authorised(intent(`large-${n}`, AMOUNT))]
  return { path: rigs.attemptPath(`large-${n}`), body: JSON.stringify({ template, intents }) }
}

/** Milliseconds a request, and the sum of its bare parts. */
async function signingRound(address: string, calls: readonly Call[]): Promise<{ ideal: number; real: number }> {
  const bytes = 2 * calls[0]!.body.length
  const ideal = (await bareKoa(calls)) + bareVerifyMs() + bareSignMs() + (await bareAppendMs(bytes, calls.length))
  return { ideal, real: await perRequest(address, calls) }
}

/** Milliseconds a signature. */
async function inputsRound(address: string, calls: readonly Call[]): Promise<{ ideal: number; real: number }> {
  const ideal = bareSignMs()
  return { ideal, real: (await perRequest(address, calls)) / INPUTS }
}

/** Both sides are warmed up, by as many rounds each. */
async function alternate(
  { warming, rounds: count }: SignerSizes,
  run: (round: number) => Promise<{ ideal: number; real: number }>,
) {
  const rounds: { ideal: number; real: number }[] = []
  for (let round = 0; round < warming + count; round++) {
    const sides = await run(round)
    if (round >= warming) rounds.push(sides)
  }
  return { ideal: medianOf(rounds.map(({ ideal }) => ideal)), real: medianOf(rounds.map(({ real }) => real)) }
}

const numbered = (round: number, count: number, make: (n: number) => Call): Call[] =>
  Array.from({ length: count }, (_, n) => make(round * count + n))

const rate = (ms: number): number => Math.round(1000 / ms)

async function measure(address: string, sizes: SignerSizes): Promise<BenchRow[]> {
  const requests = await alternate(sizes, round => signingRound(address, numbered(round, sizes.requests, small)))
  const signatures = await alternate(sizes, round => inputsRound(address, numbered(round, sizes.largeRequests, large)))
  const each = `${rate(requests.real)} requests/s, the parts ${rate(requests.ideal)}/s`
  const perSecond = `${rate(signatures.real)} signatures/s, bare ${rate(signatures.ideal)}/s`
  const [wanted, name] = [{ least: 0.5 }, `signatures with ${INPUTS} inputs a request / bare tiny-secp256k1`]
  return [
    benchRow('signing requests / the sum of their bare parts', requests.ideal / requests.real, wanted, each),
    benchRow(name, signatures.ideal / signatures.real, wanted, perSecond),
  ]
}

export async function benchSigner(sizes: SignerSizes, progress: Progress): Promise<BenchRow[]> {
  progress('signing')
  const rig = await rigs.createRig()
  const signer = await rigs.start(rig)
  await rigs.grow(signer)
  const server = await serve(signer.handle, { listen: '127.0.0.1:0' })
  try {
    return await measure(`http://${server.address.replace(/^http:\/\//, '')}`, sizes)
  } finally {
    agent.destroy()
    await server.stop()
    await signer.stop()
    await rigs.discard(rig)
  }
}
