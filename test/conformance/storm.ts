/**
 * One seed, one story: users pay and take out, an exchange credits and pays, processes fall, messages are lost, the node is away, blocks are left,
 * the ledger is lost. Then all is calm, and everything must have come to its one right end, to the last base unit.
 */
import { CALM, type Weather } from '../simulation/wire.ts'
import type { Payee, Subject, SubjectAsset } from './subject.ts'
import { CHAIN, loseLedger, openSystem, type Answer, type System } from './system.ts'

const CHAIN_PATH = `/v1/chains/${CHAIN}`
const ROUNDS = [15, 35] as const
const USERS = [2, 5] as const
const LONGEST_ROUND_MS = 8000
const CALMING_MS = 60_000
/** Rounds of `final` blocks in which all must come to its end. */
const PATIENCE = 12

const STORMY: Weather = { drop: 0.06, loseAnswer: 0.1, duplicate: 0.08, garble: 0.05, stall: 0.06 }

interface Wanted {
  id: string
  asset: SubjectAsset
  payee: Payee
  amount: bigint
  approvals: number
}

/** What the exchange has stored, and what has really happened. */
interface Books {
  users: { reference: string; payee: Payee }[]
  paid: { asset: string; user: number; amount: bigint }[]
  wanted: Wanted[]
  /** Amounts by the ids of deposits that were credited and not taken back. */
  credited: Map<string, { asset: string; amount: string; reference: string }>
}

/** A backend's look at what is offered: credits it once, and takes back what is reversed. */
async function credit(system: System, books: Books): Promise<void> {
  const deposits = await system.ask('GET', '/v1/deposits?limit=1000').catch(() => null)
  if (deposits?.status !== 200) return
  for (const { id, state, asset, amount, reference } of deposits.body['items'] as Answer['body'][]) {
    if (state === 'reversed' || state === 'lost') books.credited.delete(id!)
    if (state !== 'confirmed') continue
    const { status } = await system.insist('PUT', `/v1/deposits/${encodeURIComponent(id!)}/credit`, {})
    if (status === 200) books.credited.set(id!, { asset: asset!, amount: amount!, reference: String(reference) })
  }
}

/** What only the backend knows, for a ledger that has begun anew. */
async function restore(system: System, books: Books): Promise<void> {
  for (const { reference, payee } of books.users)
    for (;;) {
      const { status } = await system.insist('PUT', `${CHAIN_PATH}/addresses/${reference}`, payee)
      if (status < 300) break
      await system.world.sleep(500)
    }
  for (const wanted of books.wanted) await system.withdraw(wanted)
}

async function pay(system: System, books: Books): Promise<void> {
  const { subject, network, world } = system
  const asset = world.dice.pick(subject.assets)
  const user = world.dice.between(0, books.users.length - 1)
  const amount = asset.deposit + BigInt(books.paid.length)
  network.pay(asset.symbol, books.users[user]!.payee, amount)
  books.paid.push({ asset: asset.symbol, user, amount })
}

async function takeOut(system: System, books: Books): Promise<void> {
  const { subject, network, world } = system
  const asset = world.dice.pick(subject.assets)
  const n = books.wanted.length
  // The treasury has enough for one of each asset.
  const hadLarge = books.wanted.some(each => each.asset === asset && each.amount > asset.approvedAbove)
  const isLarge = !hadLarge && world.dice.chance(0.15)
  const amount = isLarge ? asset.approvedAbove + BigInt(n + 1) : asset.withdrawal + BigInt(n)
  const wanted = { id: `w-${n}`, asset, payee: network.stranger(), amount, approvals: 1 }
  books.wanted.push(wanted)
  await system.withdraw(wanted)
  if (!isLarge) return
  world.after(world.dice.between(1000, 30_000), () => void (wanted.approvals = 2))
}

async function trouble(system: System, books: Books): Promise<void> {
  const { subject, network, world, sky } = system
  const { dice } = world
  const depth = dice.between(1, subject.confirmations.final - 2)
  switch (dice.between(0, 5)) {
    case 0:
      return system.watcher.fallAt(dice.between(1, 60), dice.pick(['kill', 'power']))
    case 1:
      return system.signer.fallAt(dice.between(1, 20), dice.pick(['kill', 'power']))
    case 2:
      sky.weather = dice.chance(0.5) ? STORMY : CALM
      return
    case 3:
      sky.node = 'down'
      world.after(dice.between(1000, 20_000), () => void (sky.node = 'up'))
      return
    case 4:
      if (network.reorganise === undefined || depth < 1) return
      network.reorganise(depth)
      return world.sleep(LONGEST_ROUND_MS)
    default:
      if (!dice.chance(0.2)) return
      loseLedger(system)
      return restore(system, books)
  }
}

/** So many users pay, or take out, in one round of a throng. */
const AT_ONCE = [1, 25] as const

/** What one round brings: of a storm little, of a throng of so many whatever is missing of it. */
async function stir(system: System, books: Books, size: number | null): Promise<void> {
  const { dice } = system.world
  if (size === null) {
    if (dice.chance(0.6)) await pay(system, books)
    if (dice.chance(0.5)) await takeOut(system, books)
    return
  }
  for (let n = Math.min(dice.between(...AT_ONCE), size - books.paid.length); n > 0; n--) await pay(system, books)
  for (let n = Math.min(dice.between(...AT_ONCE), size - books.wanted.length); n > 0; n--) await takeOut(system, books)
}

/** What a system begins with is enough for so many withdrawals. */
const FUNDED = 15

async function fund(system: System, size: number): Promise<void> {
  const { network, subject } = system
  const { treasury } = (await system.insist('GET', CHAIN_PATH)).body
  for (const { symbol, funding } of subject.assets)
    network.fund(symbol, treasury!, funding * BigInt(Math.ceil(size / FUNDED)))
}

/** Whatever is asked of the API goes on while it happens. */
async function rage(system: System, books: Books, size: number | null): Promise<void> {
  const { world, network } = system
  const { dice } = world
  for (let n = dice.between(...USERS); n > 0; n--) {
    const reference = `user-${n}`
    books.users.push({ reference, payee: await system.assign(reference) })
  }
  if (size !== null) await fund(system, size)
  const isMissing = () => size !== null && (books.paid.length < size || books.wanted.length < size)
  for (let round = dice.between(...ROUNDS); round > 0 || isMissing(); round--) {
    await stir(system, books, size)
    if (dice.chance(0.4)) await trouble(system, books)
    network.advance()
    await world.sleep(dice.between(200, LONGEST_ROUND_MS))
    await credit(system, books)
  }
}

const isOver = (state: string | undefined) => state === 'final' || state === 'failed'

/** Until everything that was asked for has ended. */
async function calmDown(system: System, books: Books): Promise<void> {
  const { world, sky, subject, watcher, signer } = system
  sky.weather = CALM
  sky.node = 'up'
  for (const machine of [watcher, signer]) {
    machine.fallAt(Infinity, 'kill')
    machine.start()
  }
  await world.sleep(CALMING_MS)
  for (const wanted of books.wanted) {
    wanted.approvals = 2
    await system.withdraw(wanted)
  }
  for (let n = 0; n < PATIENCE + books.wanted.length; n++) {
    await system.advance(subject.confirmations.final)
    await credit(system, books)
    if ((await system.list('withdrawals')).every(({ state }) => isOver(state))) break
  }
  await system.finalise()
  await credit(system, books)
  await system.finalise()
}

function differences(system: System, books: Books, withdrawals: readonly Answer['body'][]): string[] {
  const wrong: string[] = []
  for (const { id, asset, payee, amount } of books.wanted) {
    const received = system.network.received(asset.symbol, payee)
    const state = withdrawals.find(each => each.id === id)?.state
    if (received.length !== 1 || received[0] !== amount || state !== 'final')
      wrong.push(`${id} of ${amount} ${asset.symbol} is ${state}, and was paid [${received.join(', ')}]`)
  }
  const keyOf = (asset: string, reference: string, amount: string) => `${reference} ${amount} ${asset}`
  const paid = books.paid.map(({ asset, user, amount }) => keyOf(asset, books.users[user]!.reference, String(amount)))
  const credited = [...books.credited.values()].map(({ asset, reference, amount }) => keyOf(asset, reference, amount))
  if (paid.toSorted().join('; ') !== credited.toSorted().join('; '))
    wrong.push(`paid [${paid.toSorted().join('; ')}], credited [${credited.toSorted().join('; ')}]`)
  return wrong
}

async function judge(system: System, books: Books): Promise<void> {
  const wrong = differences(system, books, await system.list('withdrawals'))
  const addresses = await system.addresses()
  const { body } = await system.insist('GET', CHAIN_PATH)
  if (body.state !== 'following') wrong.push(`the chain is ${body.state}: ${body.reason}`)
  wrong.push(...(system.network.flaws?.(addresses) ?? []))
  for (const { symbol } of system.subject.assets) {
    const { confirmed, pending } = body.balances!.find(({ asset }) => asset === symbol)!
    const [said, held] = [BigInt(confirmed) + BigInt(pending), system.network.holds(symbol, addresses)]
    if (said !== held) wrong.push(`${symbol}: ${said} by the ledger, ${held} on the chain`)
  }
  if (wrong.length > 0) throw new Error(wrong.join('\n'))
}

/** Null, or what was wrong; with what happened. `size`: so many deposits and as many withdrawals, where a story is to have many. */
export async function storm(
  subject: Subject,
  seed: number,
  size: number | null = null,
): Promise<{ wrong: string | null; lines: readonly string[] }> {
  const system = await openSystem(subject, seed)
  const books: Books = { users: [], paid: [], wanted: [], credited: new Map() }
  try {
    await system.run(async () => {
      await system.begin()
      await rage(system, books, size)
      await calmDown(system, books)
      await judge(system, books)
    })
    return { wrong: null, lines: system.world.lines() }
  } catch (error) {
    return { wrong: error instanceof Error ? error.message : String(error), lines: system.world.lines() }
  }
}
