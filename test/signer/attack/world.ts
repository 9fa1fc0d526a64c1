/** One signer on a simulated disk, a backend that has authorised a little, and a thief who makes moves. */
import { Transaction } from 'bitcoinjs-lib'
import { scriptOf } from '../../../adapters/bitcoin/address.ts'
import type { Authorisation, Intent, Json } from '../../../machines/vocabulary.ts'
import { simulatedDisk, type SimulatedDisk } from '../../simulation/disk.ts'
import * as rigs from '../rig.ts'
import { ask, authorised, coin, foreign, grow, intent, ours, standard, theirs } from '../rig.ts'
import { checkCaps, checkExclusion, confirmed, outflowOf, type Signed } from './books.ts'
import { COINS, WITHDRAWALS, type Move, type PLACES, type Twist } from './moves.ts'

type AuthorisedIntent = Intent & { authorisations: Authorisation[] }
const BOUNDS = { maximumFee: 10_000n, perTransaction: 4_000_000n, perDay: 6_000_000n }
const YAML = standard({
  policy: 'maximumFeeRate: 1000, maximumFee: "10000", perTransaction: "4000000", perDay: "6000000"',
})
const DAY_MS = 24 * 60 * 60 * 1000
const START_MS = Date.parse('2026-01-01T00:00:00Z')

const amountOf = (withdrawal: number): bigint => 700_000n + 50_000n * BigInt(withdrawal)
const expiryOf = (withdrawal: number) => (withdrawal === 0 ? new Date(START_MS + DAY_MS).toISOString() : null)
/** Both rounds of every withdrawal but the last, which the backend has asked for once. */
const AUTHORISED: AuthorisedIntent[] = Array.from({ length: WITHDRAWALS }, (_, w) =>
  (w === WITHDRAWALS - 1 ? [1] : [1, 2]).map(round =>
    authorised(intent(`w-${w}`, amountOf(w), { to: theirs(w % 2), round, expiresAt: expiryOf(w) })),
  ),
).flat()
const COIN = Array.from({ length: COINS }, (_, n) => coin(n % 5, n))
const WHERE: Record<(typeof PLACES)[number], string> = {
  thief: foreign(9).address,
  payee: theirs(0),
  treasury: ours(0).address,
  own: ours(2).address,
}
const script = (address: string): string => Buffer.from(scriptOf(address, rigs.NETWORK)).toString('hex')
const SCRIPTS = { scriptOf: script, treasury: script(ours(0).address) }

export interface Figures {
  requests: number
  signed: number
  refused: number
  voided: number
  restarts: number
}

interface Request {
  transfer: string
  n: number
  template: Json
  intents: AuthorisedIntent[]
}

interface World {
  disk: SimulatedDisk
  rig: rigs.Rig
  signer: rigs.Signer
  requests: Request[]
  answers: Map<string, string>
  signed: Signed[]
  receipts: Map<string, readonly string[]>
  figures: Figures
}

function intentsFor(pays: readonly number[], round: number, twist: Twist): AuthorisedIntent[] {
  const found = pays.map(w => AUTHORISED.find(each => each.id === `w-${w}` && each.round === round) ?? AUTHORISED[0]!)
  if (twist.kind === 'destination') return found.map(each => ({ ...each, to: WHERE.thief }))
  if (twist.kind === 'forged round') return found.map(each => ({ ...each, round: twist.round }))
  if (twist.kind === 'unsigned') return found.map(each => ({ ...each, authorisations: [] }))
  return found
}

function templateFor(move: Extract<Move, { kind: 'sign' }>, intents: readonly AuthorisedIntent[]): Json | null {
  const { twist } = move
  const by = twist.kind === 'amount' ? BigInt(twist.by) : 0n
  const outputs: [string, bigint][] = intents.map(({ to, amount }) => [to, BigInt(amount) + by])
  if (twist.kind === 'output') outputs.push([WHERE[twist.place], BigInt(twist.amountSat)])
  const funds = rigs.FUNDS * BigInt(move.coins.length)
  const change = outputs.reduce((left, [, amountSat]) => left - amountSat, funds - BigInt(move.fee))
  if (change < 1_000n) return null
  outputs.push([WHERE[twist.kind === 'change' ? twist.place : 'treasury'], change])
  const template = rigs.pay(
    move.coins.map(n => COIN[n]!),
    outputs,
  ) as { psbt: string }
  if (twist.kind !== 'byte') return template
  const bytes = Buffer.from(template.psbt, 'base64')
  bytes[twist.at % bytes.length]! ^= 1 << twist.bit
  return { ...template, psbt: bytes.toString('base64') }
}

async function request(world: World, asked: Request): Promise<void> {
  const { transfer, n, template, intents } = asked
  world.requests.push(asked)
  world.figures.requests++
  const { status, body } = await rigs.sign(world.signer, transfer, n, template, intents)
  if (status >= 500 && body.kind !== 'disk-failed')
    throw new Error(`the signer answered ${status}: ${String(body.detail)}`)
  if (status !== 200) world.figures.refused++
  else note(world, asked, body as { signedTransaction: string; transactionId: string })
}

function note(
  world: World,
  { transfer, n, intents }: Request,
  body: { signedTransaction: string; transactionId: string },
) {
  const name = `${transfer}:${n}`
  const before = world.answers.get(name)
  if (before !== undefined && before !== body.signedTransaction) throw new Error(`${name} was signed twice, otherwise`)
  if (before !== undefined) return
  world.answers.set(name, body.signedTransaction)
  world.figures.signed++
  const transaction = Transaction.fromHex(body.signedTransaction)
  const paid = transaction.outs.reduce((sum, { value }) => sum + value, 0n)
  const fee = rigs.FUNDS * BigInt(transaction.ins.length) - paid
  const atMs = world.rig.now.ms
  for (const { id, round, expiresAt } of intents) {
    const isFirst = world.signed.every(other => other.intents.every(each => each.id !== id || each.round !== round))
    if (isFirst && expiresAt !== null && Date.parse(expiresAt) <= atMs)
      throw new Error(`${id} was signed after it expired`)
    if (world.signed.some(other => other.intents.some(each => each.id === id && each.round > round)))
      throw new Error(`round ${round} of ${id} was signed after a higher one`)
  }
  world.signed.push({ transfer, atMs, transaction, id: body.transactionId, intents, fee })
}

async function declareVoid(world: World, id: string, round: number): Promise<void> {
  world.figures.requests++
  world.figures.voided++
  const { body } = await ask(world.signer, 'PUT', `/v1/withdrawals/${id}/void`, { chain: 'litecoin', round })
  const listed = body.signed as string[]
  const before = world.receipts.get(`${id}@${round}`)
  if (before !== undefined && String(before) !== String(listed)) throw new Error(`a second receipt for ${id}@${round}`)
  world.receipts.set(`${id}@${round}`, listed)
}

async function restart(world: World, isCrash: boolean): Promise<void> {
  world.figures.restarts++
  const { ms } = world.rig.now
  if (!isCrash) await world.signer.stop()
  world.disk = isCrash ? world.disk.crash() : world.disk.kill()
  world.rig = rigs.reboot(world.disk, YAML)
  world.rig.now.ms = ms
  world.signer = await rigs.start(world.rig)
}

async function perform(world: World, move: Move): Promise<void> {
  if (move.kind === 'wait') world.rig.now.ms += move.hours * 3_600_000
  if (move.kind === 'restart') await restart(world, move.crash)
  if (move.kind === 'void') await declareVoid(world, `w-${move.withdrawal}`, move.round)
  if (move.kind === 'replay' && world.requests.length > 0)
    await request(world, world.requests[move.which % world.requests.length]!)
  if (move.kind !== 'sign') return
  const intents = intentsFor(move.pays, move.round, move.twist)
  const template = templateFor(move, intents)
  const shown = move.twist.kind === 'omitted intent' ? intents.slice(1) : intents
  if (template !== null) await request(world, { transfer: `t${move.transfer}`, n: move.n, template, intents: shown })
}

/** Money out is within what was authorised and within the caps; what was voided stayed so. */
function check({ signed, receipts }: World): void {
  const outflows = signed.map(each => outflowOf(each, AUTHORISED, SCRIPTS))
  checkCaps(signed, outflows, BOUNDS)
  checkExclusion(signed)
  const authorisedSum = AUTHORISED.reduce((sum, { amount }) => sum + BigInt(amount), 0n)
  for (const order of [1, -1]) {
    const out = confirmed(order === 1 ? signed : signed.toReversed(), order === 1 ? outflows : outflows.toReversed())
    if (out > authorisedSum) throw new Error(`${out} got out, ${authorisedSum} was authorised`)
  }
  for (const [name, listed] of receipts) {
    const [id, round] = name.split('@') as [string, string]
    const paying = signed.filter(({ intents }) => intents.some(each => each.id === id && each.round <= Number(round)))
    const hidden = paying.find(({ id: transaction }) => !listed.includes(transaction))
    if (hidden !== undefined) throw new Error(`${hidden.id} pays ${id}, and the receipt for ${name} does not list it`)
  }
}

/** Plays the moves, and throws at the first thing that must not be. */
export async function play(moves: readonly Move[], figures: Figures): Promise<void> {
  const disk = simulatedDisk({ seed: moves.length })
  const rig = await rigs.createRigOn(disk, YAML)
  const signer = await rigs.start(rig)
  await grow(signer)
  const world: World = { disk, rig, signer, requests: [], answers: new Map(), signed: [], receipts: new Map(), figures }
  for (const move of moves) await perform(world, move)
  check(world)
  await world.signer.stop()
}
