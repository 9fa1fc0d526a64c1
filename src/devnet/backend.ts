/**
 * The demonstration's backend: an exchange's own side of Lockkeeper, to be copied. It talks to the watcher only and believes
 * it as little as it must:
 *
 * - An address is shown to nobody before the signer's attestation has been verified, and belongs to one user for ever.
 * - A deposit is credited under its id, which is a fact of the chain, and by its address, never by the watcher's word for
 *   whose it is. What is `reversed` or `lost` is taken back.
 * - What the feed told, and how far it was read, is one transaction. What is then owed to the watcher is read from the book
 *   and repeated until it is answered: every write is a PUT.
 * - A withdrawal is debited and durable before it is asked for, and signed with the backend's own key.
 * - Money goes back to the user on proof only: a receipt of the signer that lists nothing signed. Silence, an error, an
 *   expiry or the watcher's word is none.
 */
import { z } from 'zod'
import { boundary, Fault, operating, reasonOf } from '../kernel/fault.ts'
import type { Clock } from '../kernel/ports.ts'
import type { ByteSigner } from '../canonical.ts'
import { isAttested, isRefundable, requestOf } from '../client/proofs.ts'
import type { Wish as Asked } from '../client/types.ts'
import { detailOf, problemKindOf, type Ask } from './api.ts'
import type { Assigned, DemoBook, BookEntry, DemoWithdrawal, WithdrawalRecord } from './book.ts'
import { pause } from './pause.ts'

export interface BackendOptions {
  ask: Ask
  book: DemoBook
  /** The backend's own: the signer knows its public half. */
  key: ByteSigner
  /** The signer's identity key, base64: taken from the signer itself, once, and never from the watcher. */
  wallet: string
  clock: Clock
  news: News
}

/** What somebody who watches is told. */
export interface News {
  /** One committed transition, once its consequences here are durable. */
  event(event: FeedEvent): void
  /** What cannot go on by itself, and what to do. */
  alarm(text: string): void
}

export type DemoWish = Omit<DemoWithdrawal, 'id'>

export interface Backend {
  /** The user's address, the same for ever. Rejects with boundary `not-attested`, invariant `book`. */
  address(user: string, chain: string): Promise<Assigned>
  /** Debits and asks; the id. Rejects with boundary `insufficient` when the user has not so much. */
  withdraw(wish: DemoWish): Promise<string>
  /** The user changes his mind: he gets it back when nothing was signed. */
  cancel(id: string): Promise<void>
  /** Settles never, or rejects with what must not go on: invariant `book`, operating `cannot-write`. */
  run(): Promise<never>
  stop(): void
}

const EVENTS_MAXIMUM = 500
const WAIT_SECONDS = 20
const RETRY_MS = 500
const IDLE_MS = 100
/** Silence that is worth a word. */
const ALARM_AFTER_MS = 20_000

const text = z.string()
const feedSchema = z.object({ ledgerId: text, next: z.number(), events: z.array(z.unknown()) })
const eventSchema = z.looseObject({
  seq: z.number(),
  at: text,
  kind: text,
  id: text,
  chain: text,
  from: text.nullable(),
  to: text,
  data: z.looseObject({}),
})
const depositSchema = z.looseObject({
  asset: text,
  address: text,
  dataField: text.nullable(),
  amount: text,
  transactionId: text,
})
const receiptSchema = z.object({
  ...{
    chain: text,
    id: text,
    purpose: z.literal('lockkeeper-void-v1'),
    round: z.number(),
    signed: z.array(text),
    key: text,
    signature: text,
    spendKeys: z.array(text).optional(),
    spendKeysSignature: text.optional(),
  },
})
const withdrawalSchema = z.looseObject({
  round: z.number(),
  transactionId: text.nullable(),
  receipt: receiptSchema.nullish(),
})
const accountSchema = z.looseObject({ seen: z.looseObject({ sequence: z.number() }) })
const addressSchema = z.looseObject({
  ...{ chain: text, address: text, dataField: text.nullable(), index: z.number() },
  attestation: z.object({ key: text, signature: text }),
})

export type FeedEvent = z.output<typeof eventSchema>

/** What is signed: a memory that nobody has seen is none. */
const wishOf = (withdrawal: WithdrawalRecord): Asked => ({ ...withdrawal, memory: withdrawal.memory || null })

type Add = (entry: BookEntry) => void

function hearDeposit({ book, news }: BackendOptions, { id, chain, to, data }: FeedEvent, add: Add): void {
  const isCredited = book.deposits.get(id)?.isCredited === true
  if ((to === 'reversed' || to === 'lost') && isCredited) return add({ type: 'credit.reversed', id })
  if (to !== 'confirmed' || isCredited) return
  const { asset, address, dataField, amount, transactionId } = depositSchema.parse(data)
  const user = book.ownerOf(chain, address, dataField)
  if (user === undefined) return news.alarm(`${id} pays to ${address}, which nobody here was given: it is not credited`)
  add({ type: 'deposit.credited', ...{ id, user, chain, asset, address, amount, transactionId } })
}

function hearWithdrawal({ book, wallet, news }: BackendOptions, event: FeedEvent, add: Add): void {
  const { id, to, data } = event
  const known = book.withdrawals.get(id)
  if (known === undefined) return news.alarm(`the watcher tells of a withdrawal ${id} that nobody here has asked for`)
  const { round, transactionId, receipt } = withdrawalSchema.parse(data)
  add({ type: 'withdrawal.moved', id, state: to, transactionId })
  if (known.receipt !== null) return
  if (to === 'cancelled' || to === 'rejected') {
    if (receipt && isRefundable(receipt, known, wallet)) add({ type: 'withdrawal.refunded', id, receipt })
    else if (known.cancellation === null) add({ type: 'cancellation.wanted', id })
  }
  if (to !== 'failed' || round !== known.round) return
  // It will never be paid, says the chain: what the user still wants is asked for again, under the same id.
  if (known.cancellation === null) add({ type: 'round.raised', id })
  else news.alarm(`${id} has failed after its cancellation was refused: refund it when a node of your own agrees`)
}

/** One event is understood on what all before it have left in the book. */
function hear(options: BackendOptions, event: FeedEvent, add: Add): void {
  if (event.kind === 'account') {
    const seen = accountSchema.safeParse(event.data).data?.seen
    if (seen !== undefined && seen.sequence > options.book.memory) add({ type: 'memory.seen', sequence: seen.sequence })
  }
  if (event.from === event.to) return
  if (event.kind === 'deposit') hearDeposit(options, event, add)
  if (event.kind === 'withdrawal') hearWithdrawal(options, event, add)
}

/** Another ledger has taken the place of the one that was read: it is read from its beginning, and told what only we know. */
async function startAnew({ ask, book }: BackendOptions, ledgerId: string): Promise<void> {
  for (const { user, chain, address, dataField } of book.addresses.values())
    await ask('PUT', `/v1/chains/${chain}/addresses/${user}`, { address, dataField })
  await book.transaction(add => add({ type: 'ledger.replaced', ledgerId }))
}

async function readFeed(options: BackendOptions): Promise<void> {
  const { ask, book, news } = options
  const { ledgerId: known, cursor } = book.feed
  const answer = await ask('GET', `/v1/events?after=${cursor}&limit=${EVENTS_MAXIMUM}&wait=${WAIT_SECONDS}`)
  if (answer.status === 409 && problemKindOf(answer.body) === 'unknown-cursor') {
    const first = await ask('GET', '/v1/events?after=0&limit=1')
    return startAnew(options, feedSchema.parse(first.body).ledgerId)
  }
  if (answer.status !== 200) throw operating('feed', `the feed is refused: ${detailOf(answer.body)}`)
  const { ledgerId, next, events } = feedSchema.parse(answer.body)
  if (known !== null && ledgerId !== known) return startAnew(options, ledgerId)
  const heard = events.map(event => eventSchema.parse(event))
  await book.transaction(add => {
    for (const event of heard) hear(options, event, add)
    if (next !== cursor || known === null) add({ type: 'feed.read', ledgerId, cursor: next })
  })
  for (const event of heard) news.event(event)
}

/** Credited first, acknowledged second. `not-creditable` says that it has been reversed since: the feed tells. */
async function acknowledge({ ask, book }: BackendOptions, id: string): Promise<void> {
  const { status } = await ask('PUT', `/v1/deposits/${id}/credit`)
  if (status === 200) await book.transaction(add => add({ type: 'credit.acknowledged', id }))
}

async function request(options: BackendOptions, id: string): Promise<void> {
  const { ask, book, key, wallet, news } = options
  const { status, body } = await ask(
    'PUT',
    `/v1/withdrawals/${id}`,
    requestOf(wishOf(book.withdrawals.get(id)!), key, wallet),
  )
  if (status >= 400) news.alarm(`${id} is refused: ${detailOf(body)}`)
  await book.transaction(add => {
    add({ type: 'withdrawal.answered', id })
    // Nothing was stored, says the watcher. Only the signer's receipt gives the money back.
    if (status === 422) add({ type: 'cancellation.wanted', id })
  })
}

const cancelledSchema = z.looseObject({ receipt: receiptSchema })

/** The feed may have told the same while we waited for the answer: whoever comes second finds it done. */
async function cancel(options: BackendOptions, id: string): Promise<void> {
  const { ask, book, wallet, news } = options
  const { chain, round } = book.withdrawals.get(id)!
  const { status, body } = await ask('PUT', `/v1/withdrawals/${id}/cancellation`, { chain, round })
  const known = book.withdrawals.get(id)!
  if (known.receipt !== null) return
  const receipt = cancelledSchema.safeParse(body).data?.receipt
  if (status === 200 && receipt && isRefundable(receipt, known, wallet))
    return book.transaction(add => add({ type: 'withdrawal.refunded', id, receipt }))
  if (status !== 409 || problemKindOf(body) !== 'already-signed')
    news.alarm(
      `the cancellation of ${id} is answered ${status} without a receipt that proves anything: nothing is refunded`,
    )
  return book.transaction(add => add({ type: 'cancellation.refused', id }))
}

/** What is owed to the watcher, from the book. What fails is owed still. */
async function perform(options: BackendOptions): Promise<void> {
  const { credits, withdrawals, cancellations } = options.book.owed
  for (const id of credits) await acknowledge(options, id)
  for (const id of withdrawals) await request(options, id)
  for (const id of cancellations) await cancel(options, id)
  await pause(options.clock, IDLE_MS)
}

/** What no repetition heals: the book does not add up, or cannot be written. */
export const isFatal = (error: unknown): boolean =>
  error instanceof Fault && (error.type === 'invariant' || error.kind === 'cannot-write')

/** For ever. Silence is borne: everything may be asked again, and is. */
async function repeat({ clock, news }: BackendOptions, action: () => Promise<void>): Promise<never> {
  for (let silentSince: number | null = null; ;) {
    try {
      await action()
      silentSince = null
    } catch (error) {
      if (isFatal(error)) throw error
      silentSince ??= clock.now()
      if (clock.now() - silentSince > ALARM_AFTER_MS) {
        news.alarm(`the watcher has not answered for ${ALARM_AFTER_MS / 1000} seconds: ${reasonOf(error)}`)
        silentSince = null
      }
      await pause(clock, RETRY_MS)
    }
  }
}

async function addressOf({ ask, book, wallet, clock }: BackendOptions, user: string, chain: string): Promise<Assigned> {
  const known = book.addresses.get(`${chain}/${user}`)
  if (known !== undefined) return known
  // 503 means that the signer is making more: the same again.
  const path = `/v1/chains/${chain}/addresses/${user}`
  let answer = await ask('PUT', path).catch(() => null)
  for (; answer === null; answer = await ask('PUT', path).catch(() => null)) await pause(clock, RETRY_MS)
  if (answer.status >= 400) throw boundary('refused', `no address for ${user}: ${detailOf(answer.body)}`)
  const attested = addressSchema.parse(answer.body)
  const { address, dataField } = attested
  if (!isAttested({ ...attested, chain }, wallet))
    throw boundary('not-attested', `${address} is not vouched for by our signer: nobody may pay to it`)
  const assigned = { user, chain, address, dataField }
  await book.transaction(add => add({ type: 'address.assigned', ...assigned }))
  return assigned
}

async function withdraw({ book }: BackendOptions, wish: DemoWish): Promise<string> {
  const id = `w-${book.withdrawals.size + 1}`
  if (book.balance(wish.user, wish.asset) < BigInt(wish.amount))
    throw boundary('insufficient', `${wish.user} has less than ${wish.amount} ${wish.asset}`)
  await book.transaction(add => add({ type: 'withdrawal.debited', id, ...wish }))
  return id
}

export function openBackend(given: BackendOptions): Backend {
  let isStopped = false
  /** An answer that comes after the end has no consequences any more. */
  const ask: Ask = async (...asked) => {
    const answer = await given.ask(...asked)
    return isStopped ? new Promise(() => {}) : answer
  }
  const options = { ...given, ask }
  return {
    address: (user, chain) => addressOf(options, user, chain),
    withdraw: wish => withdraw(options, wish),
    cancel: id => options.book.transaction(add => add({ type: 'cancellation.wanted', id })),
    run: () => Promise.race([repeat(options, () => readFeed(options)), repeat(options, () => perform(options))]),
    stop: () => void (isStopped = true),
  }
}
