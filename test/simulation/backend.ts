/**
 * The exchange's own backend, as the API's description asks it to be written: it stores what it was answered, repeats
 * what it was not, credits what is confirmed and takes back what is reversed. It never crashes; it does everything else.
 */
import type { Intent } from '../../machines/vocabulary.ts'
import { addressOf } from '../../adapters/bitcoin/address.ts'
import { hash160 } from '../../adapters/bitcoin/hash.ts'
import { scriptFor } from '../../adapters/bitcoin/script.ts'
import { intentBytes, signerOf } from '../../src/canonical.ts'
import type { Books, Wanted } from './books.ts'
import { ASSET, BACKEND_SECRET, CHAIN, NETWORK } from './fixtures.ts'
import {
  checkAnswered,
  checkAssigned,
  checkConflict,
  checkCredited,
  checkEvents,
  type FeedEvent,
} from './invariants.ts'
import type { Season } from './season.ts'
import type { Answer, System } from './system.ts'

export interface Exchange extends System {
  books: Books
  season: Season
}

const RETRY_MS = 1500
const POLL_MS = 400
const MAXIMUM_PAGE = 200
const WAITS_SECONDS = [0, 0, 2, 5]
const AUDIT_MS = 4000
const MAXIMUM_AMOUNT_SAT = 60_000_000
const BACKEND = signerOf(BACKEND_SECRET)

/** Asks until there is an answer that says something: a gateway's page, an outage or silence says nothing. */
async function insist(exchange: Exchange, method: 'GET' | 'PUT', path: string, body?: unknown): Promise<Answer> {
  const { world } = exchange
  for (;;) {
    const answer = await exchange.ask(method, path, body).catch(() => null)
    if (answer !== null && answer.status < 500) return answer
    await world.sleep(world.dice.between(50, RETRY_MS))
  }
}

async function assign(exchange: Exchange, reference: string): Promise<void> {
  const { books } = exchange
  const { losses } = books
  const answer = await insist(exchange, 'PUT', `/v1/chains/${CHAIN}/addresses/${reference}`, {})
  checkAssigned(exchange, books, reference, answer)
  if (losses !== books.losses) await restoreAddress(exchange, reference)
}

/** The signer's address is watched again, and given to nobody but to whom had it. Until the watcher has asked: 422. */
async function restoreAddress(exchange: Exchange, reference: string): Promise<void> {
  const { books, world } = exchange
  const { address } = books.addresses.get(reference)!
  for (;;) {
    const answer = await insist(exchange, 'PUT', `/v1/chains/${CHAIN}/addresses/${reference}`, { address })
    if (answer.status !== 422) return checkAssigned(exchange, books, reference, answer)
    await world.sleep(RETRY_MS)
  }
}

/** A new ledger has begun: it gets back what only we know. */
async function restore(exchange: Exchange): Promise<void> {
  const { books } = exchange
  const { losses } = books
  await Promise.all([...books.addresses.keys()].map(reference => restoreAddress(exchange, reference)))
  for (const wanted of books.withdrawals.values())
    await insist(exchange, 'PUT', `/v1/withdrawals/${wanted.id}`, bodyOf(intentOf(wanted)))
  books.isRestored = losses === books.losses
}

/** Follows losses, which it learns of as a real backend does: by the name of the ledger. */
async function watchLosses(exchange: Exchange): Promise<never> {
  const { books, world } = exchange
  for (;;) {
    await world.sleep(RETRY_MS)
    if (!books.isRestored && books.ledgerId !== null) await restore(exchange)
  }
}

async function assignAll(exchange: Exchange): Promise<void> {
  const { dice } = exchange.world
  const references = Array.from({ length: dice.between(...exchange.season.script.references) }, (_, n) => `user-${n}`)
  const isAtOnce = dice.chance(0.5)
  const all = references.map(reference => () => assign(exchange, reference))
  if (isAtOnce) await Promise.all(all.map(one => one()))
  else for (const one of all) await one()
  exchange.books.isAssigned = true
}

async function credit(exchange: Exchange, id: string, amount: bigint): Promise<void> {
  const { books, world } = exchange
  const { losses } = books
  const { status } = await insist(exchange, 'PUT', `/v1/deposits/${id}/credit`, {})
  if (losses !== books.losses) return
  if (status === 200) {
    books.credited.set(id, amount)
    books.acknowledged.add(id)
    world.trace(`backend credits ${id}`)
  } else if (status !== 409) world.violate(`acknowledging ${id} is answered ${status}`)
}

async function handle(exchange: Exchange, event: FeedEvent): Promise<void> {
  const { books } = exchange
  const { kind, id, to, data } = event
  books.told.set(`${kind}/${id}`, { kind, id, state: to, data })
  if (kind === 'deposit' && event.from !== to) {
    if (to === 'confirmed') await credit(exchange, id, BigInt(data['amount'] as string))
    if (to === 'reversed' || to === 'lost') books.credited.delete(id)
  }
  const wanted = kind === 'withdrawal' ? books.withdrawals.get(id) : undefined
  if (wanted !== undefined && to === 'failed' && (data['round'] as number) <= wanted.round) {
    // After a loss the ledger may have adopted an earlier round than ours.
    if (data['round'] === wanted.round) wanted.round++
    wanted.isAccepted = false
    void request(exchange, wanted)
  }
}

async function followEvents(exchange: Exchange): Promise<never> {
  const { books, world } = exchange
  for (;;) {
    const after = books.events.length
    const { losses } = books
    const limit = world.dice.between(1, MAXIMUM_PAGE)
    const path = `/v1/events?after=${after}&limit=${limit}&wait=${world.dice.pick(WAITS_SECONDS)}`
    const { status, body } = await insist(exchange, 'GET', path)
    if (losses !== books.losses) continue
    if (status !== 200) world.violate(`the feed after ${after} is answered ${status} ${String(body['kind'])}`)
    for (const event of checkEvents(exchange, books, after, body))
      if (losses === books.losses) await handle(exchange, event)
    await world.sleep(world.dice.between(0, POLL_MS))
  }
}

const bodyOf = (intent: Intent) => {
  const { id: _, ...asked } = intent
  return { ...asked, authorisations: [BACKEND.sign(intentBytes(intent))] }
}

const intentOf = ({ id, to, amount, round }: Wanted): Intent => ({
  ...{ id, chain: CHAIN, asset: ASSET, to, dataField: null },
  ...{ amount: String(amount), expiresAt: null, round },
})

/** Asks for it until it is accepted; then sometimes again, and sometimes for something else under its name. */
async function request(exchange: Exchange, wanted: Wanted): Promise<void> {
  const { world } = exchange
  const path = `/v1/withdrawals/${wanted.id}`
  const intent = intentOf(wanted)
  const { losses } = exchange.books
  const answer = await insist(exchange, 'PUT', path, bodyOf(intent))
  if (losses !== exchange.books.losses || !exchange.books.isRestored) {
    // The new ledger may have adopted an earlier round: then it says so, and asks for this one when that has failed.
    wanted.isAccepted = answer.status < 400
    return
  }
  checkAnswered(exchange, wanted, intent.round, answer)
  if (wanted.round === intent.round) wanted.isAccepted = true
  // What is asked for under a used name would be new to a new ledger: no backend may ask for that.
  if (exchange.season.losesLedger) return
  if (world.dice.chance(0.2)) {
    await world.sleep(world.dice.between(0, 20_000))
    if (wanted.round === intent.round)
      checkAnswered(exchange, wanted, intent.round, await insist(exchange, 'PUT', path, bodyOf(intent)))
  }
  if (world.dice.chance(0.2)) {
    const other = { ...intent, amount: String(wanted.amount + 100n) }
    checkConflict(exchange, wanted.id, await insist(exchange, 'PUT', path, bodyOf(other)))
  }
}

/** Somebody else's address, or sometimes one of our own. */
function destination({ world, books }: Exchange): string {
  const ours = [...books.addresses.values()]
  if (ours.length > 0 && world.dice.chance(0.1)) return world.dice.pick(ours).address
  return addressOf(scriptFor(world.dice.pick(['p2wpkh', 'p2pkh']), hash160(world.dice.bytes(20))), NETWORK)!
}

async function withdraw(exchange: Exchange): Promise<void> {
  const { world, books } = exchange
  const count = world.dice.between(...exchange.season.script.withdrawals)
  const asked: Promise<void>[] = []
  for (let n = 0; n < count; n++) {
    await world.sleep(world.dice.chance(0.4) ? 0 : world.dice.between(0, 15_000))
    // Unique, and never what a payer pays: so a payment shows which withdrawal it is for.
    const amount = BigInt(world.dice.between(5000, MAXIMUM_AMOUNT_SAT / 10)) * 10n + BigInt(n + 1)
    const wanted: Wanted = { id: `w-${n}`, to: destination(exchange), amount, round: 1, isAccepted: false }
    books.withdrawals.set(wanted.id, wanted)
    asked.push(request(exchange, wanted))
  }
  await Promise.all(asked)
}

async function look(exchange: Exchange, path: string): Promise<Record<string, unknown> | null> {
  const { losses, isRestored } = exchange.books
  // Asked before everything was given back, answered after: that answer says nothing.
  if (!isRestored) return null
  const answer = await exchange.ask('GET', path).catch(() => null)
  if (answer === null || answer.status >= 500) return null
  if (losses !== exchange.books.losses || !exchange.books.isRestored) return null
  if (answer.status !== 200) exchange.world.violate(`${path} was acknowledged and is answered ${answer.status}`)
  return answer.body
}

/** What was acknowledged is there, whatever has crashed since. */
async function audit(exchange: Exchange): Promise<never> {
  const { world, books } = exchange
  for (;;) {
    await world.sleep(world.dice.between(0, AUDIT_MS))
    const { addresses, withdrawals, acknowledged, events } = books
    const roll = world.dice.between(0, 3)
    if (roll === 0 && addresses.size > 0) {
      const { reference } = world.dice.pick([...addresses.values()])
      const body = await look(exchange, `/v1/chains/${CHAIN}/addresses/${reference}`)
      if (body !== null) checkAssigned(exchange, books, reference, { status: 200, body })
    }
    const accepted = [...withdrawals.values()].filter(({ isAccepted }) => isAccepted)
    if (roll === 1 && accepted.length > 0) {
      const wanted = world.dice.pick(accepted)
      const { round } = wanted
      const body = await look(exchange, `/v1/withdrawals/${wanted.id}`)
      if (body !== null) checkAnswered(exchange, wanted, round, { status: 200, body })
    }
    if (roll === 2 && acknowledged.size > 0) {
      const id = world.dice.pick([...acknowledged])
      const body = await look(exchange, `/v1/deposits/${id}`)
      if (body !== null) checkCredited(exchange, id, body)
    }
    if (roll === 3 && events.length > 0) {
      const after = world.dice.between(0, events.length - 1)
      const body = await look(exchange, `/v1/events?after=${after}&limit=${world.dice.between(1, MAXIMUM_PAGE)}`)
      if (body !== null) checkEvents(exchange, { ...books, events: [...events] }, after, body)
    }
  }
}

export function runBackend(exchange: Exchange): Promise<unknown> {
  const opened = assignAll(exchange)
  return Promise.all([opened, followEvents(exchange), withdraw(exchange), audit(exchange), watchLosses(exchange)])
}
