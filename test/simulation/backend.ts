/**
 * The exchange's own backend, as the API's description asks it to be written: it stores what it was answered, repeats
 * what it was not, credits what is confirmed and takes back what is reversed. It never crashes; it does everything else.
 */
import type { Intent, SignedReceipt } from '../../machines/vocabulary.ts'
import { addressOf } from '../../adapters/bitcoin/address.ts'
import { hash160 } from '../../adapters/bitcoin/hash.ts'
import { scriptFor } from '../../adapters/bitcoin/script.ts'
import { intentBytes, signerOf } from '../../src/canonical.ts'
import type { Books, Wanted } from './books.ts'
import { ASSET, BACKEND_SECRET, BLOCKED, CHAIN, LIMIT, NETWORK, SECOND_SECRET, WALLET } from './fixtures.ts'
import {
  checkAnswered,
  checkAssigned,
  checkConflict,
  checkCredited,
  checkEvents,
  checkReceipt,
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
const APPROVAL_MS = 15_000
const EXPIRY_MS = 60_000
const MAXIMUM_AMOUNT_SAT = 60_000_000
const BACKEND = signerOf(BACKEND_SECRET)

/** Asks until there is an answer that says something: a gateway's page, an outage or silence says nothing. */
async function insist(exchange: Exchange, method: 'GET' | 'PUT', path: string, body?: unknown): Promise<Answer> {
  const { world } = exchange
  for (;;) {
    const answer = await exchange.ask(method, path, body).catch(() => null)
    if (answer !== null && answer.status < 500) {
      noteMemory(exchange, answer)
      return answer
    }
    await world.sleep(world.dice.between(50, RETRY_MS))
  }
}

/** How far the signer's memory was: the highest that was shown. */
function noteMemory({ books }: Exchange, { headers }: Answer): void {
  const shown = Number(headers?.['lockkeeper-memory-sequence'] ?? -1)
  if (shown > (books.memory ?? -1)) books.memory = shown
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
  for (const wanted of books.withdrawals.values()) {
    const answer = await insist(exchange, 'PUT', `/v1/withdrawals/${wanted.id}`, bodyOf(wanted))
    if (!isExpired(answer)) continue
    // What has expired meanwhile is not stored again.
    wanted.isAccepted = false
    void cancel(exchange, wanted)
  }
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
  const references = Array.from(
    { length: dice.between(...exchange.season.script.references) },
    (_, n) => `${exchange.books.prefix}user-${n}`,
  )
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
  if (wanted !== undefined && event.from !== to) handleWithdrawal(exchange, wanted, to, data)
}

function handleWithdrawal(exchange: Exchange, wanted: Wanted, state: string, data: FeedEvent['data']): void {
  const { books } = exchange
  const receipt = data['receipt'] as SignedReceipt | null
  if (state === 'rejected' || state === 'cancelled') {
    if (receipt === null) void cancel(exchange, wanted)
    else settle(exchange, wanted, receipt)
  }
  if (state !== 'failed' || (data['round'] as number) > wanted.round) return
  // After a loss the ledger may have adopted an earlier round than ours.
  const isOurs = data['round'] === wanted.round
  if (wanted.isGivenUp) {
    if (isOurs) books.refunded.set(wanted.id, 'chain')
    return
  }
  if (isOurs) Object.assign(wanted, { round: wanted.round + 1, expiresAt: null })
  wanted.isAccepted = false
  void request(exchange, wanted)
}

/** Refunds on a receipt that lists nothing signed, and on nothing else. */
function settle({ books, world, ...exchange }: Exchange, wanted: Wanted, receipt: SignedReceipt): void {
  checkReceipt({ world, ...exchange }, wanted, receipt)
  if (receipt.signed.length > 0 || receipt.round < wanted.round) return
  world.trace(`backend refunds ${wanted.id}`)
  books.refunded.set(wanted.id, 'receipt')
}

/** Changes its mind, or wants the receipt for what has expired. */
async function cancel(exchange: Exchange, wanted: Wanted): Promise<void> {
  wanted.isGivenUp = true
  const { id, round } = wanted
  const { status, body } = await insist(exchange, 'PUT', `/v1/withdrawals/${id}/cancellation`, { chain: CHAIN, round })
  const isAnswer = status === 200 || (status === 409 && body['kind'] === 'already-signed')
  if (!isAnswer) return exchange.world.violate(`the cancellation of ${id} is answered ${status}`)
  settle(exchange, wanted, body['receipt'] as SignedReceipt)
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

const KEYS = [BACKEND, signerOf(SECOND_SECRET)]

const bodyOf = (wanted: Wanted, changed: Partial<Intent> = {}) => {
  const intent = { ...intentOf(wanted), ...changed }
  const { id: _, ...asked } = intent
  return { ...asked, authorisations: KEYS.slice(0, wanted.approvals).map(key => key.sign(intentBytes(intent, WALLET))) }
}

const intentOf = ({ id, to, amount, round, expiresAt, memory }: Wanted): Intent => ({
  ...{ id, chain: CHAIN, asset: ASSET, to, dataField: null },
  ...{ amount: String(amount), expiresAt, round, memory },
})

const isExpired = ({ status, body }: Answer): boolean => status === 422 && body['kind'] === 'expired'

/** The approvals that were missing, one by one, each as soon as its owner has looked at it. */
async function approve(exchange: Exchange, wanted: Wanted): Promise<void> {
  const { world } = exchange
  while (wanted.approvals < KEYS.length) {
    await world.sleep(world.dice.between(0, APPROVAL_MS))
    const { round } = wanted
    const { key, signature } = KEYS[wanted.approvals]!.sign(intentBytes(intentOf(wanted), WALLET))
    wanted.approvals++
    const path = `/v1/withdrawals/${wanted.id}/authorisations/${Buffer.from(key, 'base64').toString('base64url')}`
    const { status } = await insist(exchange, 'PUT', path, { signature })
    // A ledger that was lost gets it with the rest; of another round it does not verify.
    const isLost = exchange.season.losesLedger || wanted.round !== round || !wanted.isAccepted
    if (status !== 200 && !isLost) world.violate(`an approval of ${wanted.id} is answered ${status}`)
  }
}

/** Asks for it until it is accepted; then sometimes again, and sometimes for something else under its name. */
async function request(exchange: Exchange, wanted: Wanted): Promise<void> {
  const { world } = exchange
  const path = `/v1/withdrawals/${wanted.id}`
  const intent = intentOf(wanted)
  const { losses } = exchange.books
  const answer = await insist(exchange, 'PUT', path, bodyOf(wanted))
  if (isExpired(answer)) return cancel(exchange, wanted)
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
      checkAnswered(exchange, wanted, intent.round, await insist(exchange, 'PUT', path, bodyOf(wanted)))
  }
  if (world.dice.chance(0.2)) {
    const other = { amount: String(wanted.amount + 100n) }
    checkConflict(exchange, wanted.id, await insist(exchange, 'PUT', path, bodyOf(wanted, other)))
  }
}

/** Somebody else's address, or sometimes one of our own, or one that nobody may pay. */
function destination({ world, books }: Exchange): string {
  const ours = [...books.addresses.values()]
  if (ours.length > 0 && world.dice.chance(0.1)) return world.dice.pick(ours).address
  if (world.dice.chance(0.07)) return BLOCKED
  return addressOf(scriptFor(world.dice.pick(['p2wpkh', 'p2pkh']), hash160(world.dice.bytes(20))), NETWORK)!
}

async function changeMind(exchange: Exchange, wanted: Wanted): Promise<void> {
  await exchange.world.sleep(exchange.world.dice.between(0, EXPIRY_MS))
  await cancel(exchange, wanted)
}

async function withdraw(exchange: Exchange): Promise<void> {
  const { world, books } = exchange
  const count = world.dice.between(...exchange.season.script.withdrawals)
  const asked: Promise<void>[] = []
  for (let n = 0; n < count; n++) {
    await world.sleep(world.dice.chance(0.4) ? 0 : world.dice.between(0, 15_000))
    // Unique, and never what a payer pays: so a payment shows which withdrawal it is for.
    const isOver = exchange.season.script.isFaulty && world.dice.chance(0.08)
    const [least, most] = isOver ? [Number(LIMIT), 2 * Number(LIMIT)] : [50_000, MAXIMUM_AMOUNT_SAT]
    const amount = BigInt(world.dice.between(least / 10, most / 10)) * 10n + BigInt(n + 1)
    const expiresAt = world.dice.chance(0.1)
      ? new Date(world.now() + world.dice.between(1, EXPIRY_MS)).toISOString()
      : null
    const approvals = world.dice.pick([0, 1, 1, 2, 2, 2] as const)
    // Where the watcher has shown how far the signer's memory is, sometimes that is asked for.
    const memory = world.dice.chance(0.3) ? books.memory : null
    const fresh = { round: 1, expiresAt, memory, approvals, isGivenUp: false, isAccepted: false }
    const wanted: Wanted = { id: `${books.prefix}w-${n}`, to: destination(exchange), amount, ...fresh }
    books.withdrawals.set(wanted.id, wanted)
    asked.push(request(exchange, wanted).then(() => approve(exchange, wanted)))
    // What is over the signer's limit would wait for ever.
    if (isOver || world.dice.chance(0.2)) asked.push(changeMind(exchange, wanted))
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
