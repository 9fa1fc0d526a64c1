/**
 * Every byte of a valid request, from its method to its last brace, changed in turn on its way to a signer that has
 * never seen it. Whatever arrives: nothing is ever signed but the authorised payment,
 * with another fee at most.
 */
import { Transaction } from 'bitcoinjs-lib'
import { serve, SERVER_LIMITS, type HttpServer } from '../../../src/shell/koa.ts'
import { converse } from '../../http/socket.ts'
import * as rigs from '../rig.ts'
import { ask, authorised, grow, intent, sign, simple, type Signer } from '../rig.ts'

const AMOUNT = 1_000_000n
/** As the rig configures it. */
const MAXIMUM_FEE_SAT = 100_000n
/** A length that was changed to a larger one is waited for, and so is a connection that was to be closed. */
const LIMITS = { ...SERVER_LIMITS, requestMs: 300, headersMs: 300, keepAliveMs: 50 }

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

const TEMPLATE = simple()
const PLAIN = intent('w-1', AMOUNT, { expiresAt: '2027-01-01T00:00:00Z' })
/** Another withdrawal each time that one was signed, so that no memory of it stands in the way; names of one length. */
const nameOf = (n: number): string => `tampered-${1_000 + n}`
const intentsOf = (n: number) => [authorised({ ...PLAIN, id: nameOf(n) })]

/** With all the headers that the watcher sends, and the memory as this signer has it. */
async function requestTo({ signer }: Place, n: number): Promise<Buffer> {
  const body = JSON.stringify({ template: TEMPLATE, intents: intentsOf(n) })
  const { headers } = await ask(signer, 'GET', '/healthz')
  const lines = [
    `PUT ${rigs.attemptPath(nameOf(n))} HTTP/1.1`,
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
  const { body } = await sign(place.signer, nameOf(0), 1, TEMPLATE, intentsOf(0))
  await close(place)
  return String(body.signedTransaction)
}

/** The same coins and the same payment, all else to the treasury: a watcher may choose the fee, within the cap. */
function isHarmless(raw: string, honest: string): boolean {
  const [a, b] = [raw, honest].map(hex => Transaction.fromHex(hex)) as [Transaction, Transaction]
  const [payment, change] = [a.outs[0]!, a.outs[1]!]
  const isSameScript =
    a.outs.length === 2 && a.outs.every(({ script }, n) => Buffer.compare(script, b.outs[n]!.script) === 0)
  const isSameCoin = a.ins.length === 1 && Buffer.compare(a.ins[0]!.hash, b.ins[0]!.hash) === 0
  const feeSat = rigs.FUNDS - payment.value - change.value
  return isSameScript && isSameCoin && payment.value === AMOUNT && feeSat >= 0n && feeSat <= MAXIMUM_FEE_SAT
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
  /** Changes that mean the same, or another fee within the cap. */
  signed: number
}

/** `bits`: which of each byte are changed, one at a time. Rejects when anything else was signed. */
export async function tamper(bits: readonly number[]): Promise<TamperFigures> {
  const honest = await honestAnswer()
  const place = await open()
  let bytes = await requestTo(place, 0)
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
      if (!signed.every(raw => isHarmless(raw, honest)))
        throw new Error(`byte ${at}, bit ${bit}: something else was signed`)
      if (signed.length > figures.signed) bytes = await requestTo(place, ++figures.signed)
    }
  if ((await everythingSigned(place.signer)).length > figures.signed)
    throw new Error('something was signed and not answered')
  await close(place)
  return figures
}
