/**
 * An exchange's side of the watcher's API, for Node: `import { connect } from 'lockkeeper/client'`. It believes the watcher as
 * little as it must: an address counts when the signer has attested it, a refund when the signer has receipted it, and, with
 * a second watcher, a deposit when both offer it. Every verb may be repeated, also after a crash in its middle.
 */
import { keyFrom, signerOf, type ByteSigner } from '../canonical.ts'
import { createAsk, Problem, type ServerAccess, type AskServer } from './ask.ts'
import { isAttested, isReceipt, isRefundable, requestOf } from './proofs.ts'
import type { Address, Cancellation, Cursor, Deposit, LedgerEvent, Page, Receipt, Wish, Withdrawal } from './types.ts'

export type { Address, Cancellation, Cursor, Deposit, LedgerEvent, Page, Receipt, Wish, Withdrawal } from './types.ts'
export { Problem, type ServerAccess as Access } from './ask.ts'

/** Whom to talk to, and whom to believe. */
export interface ClientOptions extends ServerAccess {
  /** The signer's identity key, base64, taken from the signer itself: `secrets/wallet.pub`. */
  wallet: string
  /** The backend's own key, base64 of 32 bytes: `secrets/backend.key`. Only what withdraws needs it. */
  key?: string
  /** Another watcher with a node and a ledger of its own (`role: watching`): what only one of both offers is not credited. */
  second?: ServerAccess
}

/** What the feed may be narrowed by. */
export interface FeedOptions {
  kind?: LedgerEvent['kind']
  chain?: string
  /** Events in a page at most; 500 unless said. */
  limit?: number
  /** How long one request waits for the next event, at most 60; 20 unless said. */
  waitSeconds?: number
}

/** Where a cursor is kept, in whatever way. */
export interface CursorStore {
  load(): Promise<Cursor | null> | Cursor | null
  /** After the events before it have been dealt with. */
  save(cursor: Cursor): Promise<void> | void
}

export interface Client {
  /**
   * The address of a reference, the same for ever. `known`: one that you have stored, which gives it back to the reference after a
   * ledger was made anew. Rejects with `Problem` of kind `not-attested` for one that the signer does not vouch for.
   */
  address(chain: string, reference: string, known?: Pick<Address, 'address' | 'dataField'>): Promise<Address>
  /** The feed from a cursor, for ever: a page whenever something has happened, and an empty one now and then. Null: from the beginning. */
  pages(from: Cursor | null, options?: FeedOptions): AsyncGenerator<Page, never, void>
  /** The feed event by event. The cursor is saved when the next page is asked for, so an event may come twice, after a crash. */
  events(store: CursorStore, options?: FeedOptions): AsyncGenerator<LedgerEvent, never, void>
  /** Whether the deposit is offered now, as it is given, by every watcher that you have. False may become true later. */
  isCreditable(deposit: Deposit): Promise<boolean>
  /** Says that you have credited it. False: it has been taken back since; the feed tells. */
  acknowledge(deposit: string): Promise<boolean>
  /** Asks for a withdrawal, signed. Debit first. Rejects with `Problem` for what can never be paid (422): cancel it for the proof. */
  withdraw(wish: Wish): Promise<Withdrawal>
  /** What `withdraw` would answer; nothing is stored, and the signature is sent. */
  tryWithdrawal(wish: Wish): Promise<Withdrawal>
  withdrawal(id: string): Promise<Withdrawal>
  /** Has the signer void it. `round`: the highest that you have ever authorised. */
  cancel(withdrawal: { id: string; chain: string; round: number }): Promise<Cancellation>
  /** The same proof out of a withdrawal that the feed or the API shows as `cancelled` or `rejected`. */
  mayRefund(receipt: Receipt | null, withdrawal: { id: string; chain: string; round: number }): boolean
  /** The highest sequence of the signer's memory that an answer has shown; null before. Store it with what you authorise. */
  memory(): number | null
}

const LIMIT = 500
const WAIT_SECONDS = 20
/** What both watchers have to say of a deposit. */
const OFFERED: readonly string[] = ['confirmed', 'credited', 'final']
const FACTS = ['id', 'chain', 'asset', 'address', 'dataField', 'amount'] as const

const name = encodeURIComponent

function queryOf({ kind, chain, limit = LIMIT, waitSeconds = WAIT_SECONDS }: FeedOptions, after: number): string {
  const filters = { ...(kind !== undefined && { kind }), ...(chain !== undefined && { chain }) }
  const query = { after: String(after), limit: String(limit), wait: String(waitSeconds), ...filters }
  return new URLSearchParams(query).toString()
}

interface Feed {
  ledgerId: string
  next: number
  events: LedgerEvent[]
}

/** Null for a cursor that lies beyond the end: another ledger has taken the place of the one that was read. */
async function read(ask: AskServer, options: FeedOptions, after: number): Promise<Feed | null> {
  try {
    return (await ask('GET', `/v1/events?${queryOf(options, after)}`, undefined, Infinity)).body as Feed
  } catch (error) {
    if (error instanceof Problem && error.kind === 'unknown-cursor' && after > 0) return null
    throw error
  }
}

async function* pages(ask: AskServer, from: Cursor | null, options: FeedOptions): AsyncGenerator<Page, never, void> {
  for (let cursor = from; ;) {
    const feed = await read(ask, options, cursor?.after ?? 0)
    const isOther = feed === null || (cursor !== null && feed.ledgerId !== cursor.ledgerId)
    // Whatever was read behind a foreign cursor is not the beginning.
    const told = isOther ? await read(ask, { ...options, waitSeconds: 0 }, 0) : feed
    if (told === null) continue
    cursor = { ledgerId: told.ledgerId, after: told.next }
    yield { events: told.events, cursor, isNewLedger: isOther }
  }
}

async function* events(
  ask: AskServer,
  store: CursorStore,
  options: FeedOptions,
): AsyncGenerator<LedgerEvent, never, void> {
  const feed = pages(ask, await store.load(), options)
  for (;;) {
    const { value } = await feed.next()
    yield* value.events
    await store.save(value.cursor)
  }
}

const isSame = (a: Deposit, b: Deposit): boolean => FACTS.every(fact => a[fact] === b[fact])

async function isOffered(ask: AskServer, deposit: Deposit): Promise<boolean> {
  try {
    const found = (await ask('GET', `/v1/deposits/${name(deposit.id)}`)).body as Deposit
    return isSame(found, deposit) && OFFERED.includes(found.state)
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return false
    throw error
  }
}

async function acknowledge(ask: AskServer, id: string): Promise<boolean> {
  try {
    await ask('PUT', `/v1/deposits/${name(id)}/credit`)
    return true
  } catch (error) {
    if (error instanceof Problem && error.kind === 'not-creditable') return false
    throw error
  }
}

type Cancelled = Parameters<Client['cancel']>[0]

async function cancel(ask: AskServer, { id, chain, round }: Cancelled, wallet: string): Promise<Cancellation> {
  const receiptIn = async (): Promise<unknown> => {
    try {
      const { body } = await ask('PUT', `/v1/withdrawals/${name(id)}/cancellation`, { chain, round })
      return (body as Withdrawal).receipt
    } catch (error) {
      if (error instanceof Problem && error.kind === 'already-signed') return error.body['receipt']
      throw error
    }
  }
  const receipt = ((await receiptIn()) ?? null) as Receipt | null
  const isGood = receipt !== null && receipt.id === id && receipt.chain === chain && isReceipt(receipt, wallet)
  if (!isGood)
    throw new Problem(502, { kind: 'not-receipted', detail: `${id}: no receipt of the signer's: refund nothing` })
  return { mayRefund: isRefundable(receipt, { id, chain, round }, wallet), receipt }
}

async function addressOf(
  ask: AskServer,
  wallet: string,
  [chain, reference, known]: Parameters<Client['address']>,
): Promise<Address> {
  const body = known === undefined ? {} : { address: known.address, dataField: known.dataField }
  const path = `/v1/chains/${name(chain)}/addresses/${name(reference)}`
  const address = (await ask('PUT', path, body)).body as Address
  if (address.chain === chain && isAttested(address, wallet)) return address
  const detail = `${address.address} is not vouched for by the signer: nobody may pay to it`
  throw new Problem(502, { kind: 'not-attested', detail })
}

/** Nothing is asked before a verb is used. Throws for a key that is none. */
export function connect(options: ClientOptions): Client {
  const { wallet } = options
  keyFrom(wallet)
  const key: ByteSigner | null = options.key === undefined ? null : signerOf(keyFrom(options.key))
  let highest: number | null = null
  const plain = createAsk(options)
  const ask: AskServer = async (...asked) => {
    const answer = await plain(...asked)
    if (answer.memory >= 0) highest = Math.max(highest ?? 0, answer.memory)
    return answer
  }
  const watchers = options.second === undefined ? [ask] : [ask, createAsk(options.second)]
  const request = async (wish: Wish, query = '') => {
    if (key === null) throw new TypeError('what withdraws needs the backend key: connect({ key })')
    const answer = await ask('PUT', `/v1/withdrawals/${name(wish.id)}${query}`, requestOf(wish, key, wallet))
    return answer.body as Withdrawal
  }
  return {
    address: (...asked) => addressOf(ask, wallet, asked),
    pages: (from, feed = {}) => pages(ask, from, feed),
    events: (store, feed = {}) => events(ask, store, feed),
    isCreditable: async deposit =>
      (await Promise.all(watchers.map(watcher => isOffered(watcher, deposit)))).every(Boolean),
    acknowledge: deposit => acknowledge(ask, deposit),
    withdraw: wish => request(wish),
    tryWithdrawal: wish => request(wish, '?dryRun=true'),
    withdrawal: async id => (await ask('GET', `/v1/withdrawals/${name(id)}`)).body as Withdrawal,
    cancel: withdrawal => cancel(ask, withdrawal, wallet),
    mayRefund: (receipt, withdrawal) => receipt !== null && isRefundable(receipt, withdrawal, wallet),
    memory: () => highest,
  }
}
