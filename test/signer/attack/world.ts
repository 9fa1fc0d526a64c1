/** One signer on a simulated disk, a backend that has authorised a little, and a thief who makes moves. */
import { simulatedDisk, type SimulatedDisk } from '../../simulation/disk.ts'
import * as rigs from '../rig.ts'
import { ask, grow, type Answer } from '../rig.ts'
import { withdrawalOf } from './backend.ts'
import * as books from './books.ts'
import type { Figures } from './figures.ts'
import type { Move, Single } from './moves.ts'
import { requestOf, type Request } from './request.ts'
import type { Side } from './side.ts'

interface World {
  side: Side
  disk: SimulatedDisk
  rig: rigs.Rig
  signer: rigs.Signer
  step: number
  requests: Request[]
  /** The signed bytes and the request that they answer, by name. */
  answers: Map<string, { raw: string; asked: Request }>
  signed: books.Signed[]
  receipts: Map<string, readonly string[]>
  /** By requests that nobody waited for. */
  broken: Error[]
  figures: Figures
}

async function request(world: World, asked: Request): Promise<void> {
  const { figures } = world
  world.requests.push(asked)
  figures.templates++
  const path = rigs.attemptPath(asked.transfer, asked.n, asked.chain)
  const { template, intents } = asked
  const answer = await ask(world.signer, 'PUT', path, { template, intents })
  const signed = world.answers.get(path)
  if (answer.status === 200) note(world, path, asked, answer)
  else if (signed !== undefined && JSON.stringify(signed.asked) === JSON.stringify(asked))
    throw new Error(`${path} was signed, and the same request is answered ${answer.status}`)
  else count(figures, answer)
}

/** The order of intents says nothing, and their approvals neither. */
const isSameRequest = (a: Request, b: Request): boolean => plainOf(a) === plainOf(b)
const plainOf = ({ template, intents }: Request): string =>
  JSON.stringify([template, intents.map(intent => JSON.stringify({ ...intent, authorisations: [] })).sort()])

function count(figures: Figures, { status, body }: Answer): void {
  if (status >= 500) throw new Error(`the signer answered ${status}: ${String(body.detail)}`)
  figures.notSigned++
  const reasons = body.reasons as { kind: string }[] | undefined
  const kinds = reasons?.map(({ kind }) => kind) ?? [String(body.kind ?? body.state)]
  for (const kind of new Set(kinds)) figures.refused[kind] = (figures.refused[kind] ?? 0) + 1
}

function note(world: World, path: string, asked: Request, { body }: Answer): void {
  const raw = String(body.signedTransaction)
  const before = world.answers.get(path)
  if (before !== undefined && before.raw !== raw) throw new Error(`${path} was signed twice, otherwise`)
  if (before !== undefined) {
    if (!isSameRequest(before.asked, asked)) throw new Error(`what answers ${path} was signed for another request`)
    world.figures.repeated++
    return
  }
  world.answers.set(path, { raw, asked })
  world.figures.signed++
  const { step, rig, side } = world
  if (asked.chain !== side.chain || !side.isFor(asked.template))
    throw new Error(`signed on ${asked.chain} what is for the network of another: ${JSON.stringify(asked.template)}`)
  const { transfer, intents } = asked
  world.signed.push({ ...side.read(raw), transfer, atMs: rig.now.ms, step, intents })
}

async function declareVoid(world: World, isOther: boolean, id: string, round: number): Promise<void> {
  const chain = isOther ? world.side.other : world.side.chain
  world.figures.voids++
  const { status, body } = await ask(world.signer, 'PUT', `/v1/withdrawals/${id}/void`, { chain, round })
  if (status === 409) return // it was signed for on the other chain
  const listed = body.signed as string[]
  if (isOther) {
    if (listed.length > 0) throw new Error(`a receipt for ${chain} lists what was signed on another chain`)
    return
  }
  const before = world.receipts.get(`${id}@${round}`)
  if (before !== undefined && String(before) !== String(listed)) throw new Error(`a second receipt for ${id}@${round}`)
  world.receipts.set(`${id}@${round}`, listed)
}

async function restart(world: World, move: Extract<Move, { kind: 'restart' }>): Promise<void> {
  world.figures.restarts++
  const asked = move.during === null ? null : requestOf(world.side, move.during)
  const underway =
    asked === null ? null : request(world, asked).catch((error: unknown) => world.broken.push(error as Error))
  await pass(move.turns)
  const { ms } = world.rig.now
  if (!move.crash) {
    await world.signer.stop()
    await underway // after a crash nobody is answered whose answer was not durable
  }
  world.disk = move.crash ? world.disk.crash() : world.disk.kill()
  world.rig = rigs.reboot(world.disk, world.side.yaml)
  world.rig.now.ms = ms
  world.signer = await rigs.start(world.rig)
}

async function pass(turns: number): Promise<void> {
  for (let n = 0; n < turns; n++) await Promise.resolve()
}

async function perform(world: World, move: Single): Promise<void> {
  if (move.kind === 'void') return declareVoid(world, move.isOther, `w-${move.withdrawal}`, move.round)
  const asked = requestFor(world, move)
  if (asked !== null) await request(world, asked)
}

function requestFor({ side, requests, signed }: World, move: Exclude<Single, { kind: 'void' }>): Request | null {
  if (move.kind === 'replay') return requests[move.which % requests.length] ?? null
  if (move.kind === 'sign') return requestOf(side, move)
  const before = signed[move.which % signed.length]
  return requestOf(side, before === undefined ? move.sign : { ...move.sign, pays: before.intents.map(withdrawalOf) })
}

async function make(world: World, move: Move): Promise<void> {
  world.step++
  if (move.kind === 'wait') world.rig.now.ms += move.hours * 3_600_000
  else if (move.kind === 'restart') await restart(world, move)
  else if (move.kind === 'together') {
    world.figures.together++
    await Promise.all(move.moves.map((each, n) => pass(n * move.turns).then(() => perform(world, each))))
  } else await perform(world, move)
}

/** Money out is within what was authorised and within the caps; what was voided stayed so. */
function check({ side: { truth, bounds }, signed, receipts, broken }: World): void {
  if (broken.length > 0) throw broken[0]!
  books.checkOrder(signed)
  const outflows = signed.map(each => books.outflowOf(each, truth))
  books.checkCaps(signed, outflows, bounds, truth.native)
  books.checkExclusion(signed)
  books.checkReceipts(signed, receipts)
  books.checkBonds(signed, truth, receipts)
  for (const order of [1, -1]) {
    const out = books.confirmed(
      order === 1 ? signed : signed.toReversed(),
      order === 1 ? outflows : outflows.toReversed(),
    )
    for (const [asset, amount] of out) {
      const of = truth.authorised.filter(each => each.asset === asset)
      const authorised = of.reduce((sum, each) => sum + BigInt(each.amount), 0n)
      if (amount > authorised) throw new Error(`${amount} ${asset} got out, ${authorised} was authorised`)
    }
  }
}

/** Plays the moves, and throws at the first thing that must not be. */
export async function play(side: Side, moves: readonly Move[], figures: Figures): Promise<void> {
  const disk = simulatedDisk({ seed: moves.length })
  const rig = await rigs.createRigOn(disk, side.yaml)
  const signer = await rigs.start(rig)
  await grow(signer, 5, side.chain)
  await grow(signer, 5, side.other)
  const common = { step: 0, requests: [], answers: new Map(), signed: [], receipts: new Map(), broken: [] }
  const world: World = { side, disk, rig, signer, figures, ...common }
  for (const move of moves) {
    const before = world.signed.length + world.receipts.size
    await make(world, move)
    if (world.signed.length + world.receipts.size > before) check(world)
  }
  await world.signer.stop()
  check(world)
  figures.plays++
}
