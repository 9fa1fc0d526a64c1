/**
 * Every byte of a valid request, from its method to its last brace, changed in turn on its way to a signer that has
 * never seen it. Whatever arrives: nothing is ever signed but what the untouched request would have been.
 */
import { serve, SERVER_LIMITS, type HttpServer } from '../../../src/shell/koa.ts'
import { converse } from '../../http/socket.ts'
import * as rigs from '../rig.ts'
import { ask, authorised, grow, intent, sign, simple, type Signer } from '../rig.ts'

const AMOUNT = 1_000_000n
const NAME = 'tampered'
/** A length that was changed to a larger one is waited for. */
const LIMITS = { ...SERVER_LIMITS, requestMs: 300, headersMs: 300 }

interface Place {
  rig: rigs.Rig
  signer: Signer
  server: HttpServer
}

async function open(): Promise<Place> {
  const rig = await rigs.createRig()
  const signer = await rigs.start(rig)
  await grow(signer)
  return { rig, signer, server: await serve(signer.handle, { listen: '127.0.0.1:0', limits: LIMITS }) }
}

async function close({ rig, signer, server }: Place): Promise<void> {
  await server.stop()
  await signer.stop()
  await rigs.discard(rig)
}

const INTENTS = [authorised(intent('w-1', AMOUNT, { expiresAt: '2027-01-01T00:00:00Z' }))]

/** With all the headers that the watcher sends, and the memory as this signer has it. */
async function requestTo({ signer }: Place): Promise<Buffer> {
  const body = JSON.stringify({ template: simple(), intents: INTENTS })
  const { headers } = await ask(signer, 'GET', '/healthz')
  const lines = [
    `PUT ${rigs.attemptPath(NAME)} HTTP/1.1`,
    'Host: signer',
    `Authorization: Bearer ${rigs.TOKEN}`,
    'Content-Type: application/json',
    `Lockkeeper-Memory-Sequence: ${headers['Lockkeeper-Memory-Sequence']}`,
    `Lockkeeper-Memory-Hash: ${headers['Lockkeeper-Memory-Hash']}`,
    'Connection: close',
    `Content-Length: ${body.length}`,
  ]
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`, 'latin1')
}

async function honestAnswer(): Promise<string> {
  const place = await open()
  const { body } = await sign(place.signer, NAME, 1, simple(), INTENTS)
  await close(place)
  return String(body.signedTransaction)
}

async function everythingSigned(signer: Signer): Promise<string[]> {
  const { body } = await ask(signer, 'GET', '/v1/chains/litecoin/transfers?limit=1000')
  return (body.items as { signedTransaction: string }[]).map(({ signedTransaction }) => signedTransaction)
}

export interface TamperFigures {
  bytes: number
  changes: number
  /** By status; 0 where the connection was closed without a word. */
  answers: Record<number, number>
  /** Changes that mean the same: what was signed is what would have been. */
  signed: number
}

/** `bits`: which of each byte are changed, one at a time. Rejects when anything else was signed. */
export async function tamper(bits: readonly number[]): Promise<TamperFigures> {
  const honest = await honestAnswer()
  let place = await open()
  let bytes = await requestTo(place)
  const figures: TamperFigures = { bytes: bytes.length, changes: 0, answers: {}, signed: 0 }
  for (let at = 0; at < bytes.length; at++)
    for (const bit of bits) {
      const changed = Buffer.from(bytes)
      changed[at]! ^= 1 << bit
      const { status } = await converse(place.server.address, [
        { text: changed.toString('latin1'), encoding: 'latin1' },
      ])
      figures.changes++
      figures.answers[status] = (figures.answers[status] ?? 0) + 1
      if (status === 500) throw new Error(`byte ${at}, bit ${bit}: 500`)
      if (status !== 200) continue
      const signed = await everythingSigned(place.signer)
      if (signed.some(raw => raw !== honest)) throw new Error(`byte ${at}, bit ${bit}: something else was signed`)
      figures.signed += signed.length
      await close(place)
      place = await open()
      bytes = await requestTo(place)
    }
  if ((await everythingSigned(place.signer)).length > 0) throw new Error('something was signed and not answered')
  await close(place)
  return figures
}
