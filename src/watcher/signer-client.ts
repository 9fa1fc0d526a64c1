/** The watcher's side of the signer's API. */
import { isReceipt } from '../client/proofs.ts'
import { z } from 'zod'
import type { GeneratedAddress, Missing, Reason } from '../../machines/messages.ts'
import { operating } from '../kernel/fault.ts'
import type { Request } from '../kernel/ports.ts'
import type { AuthorisedIntent, Json, MemoryPosition, SignedReceipt } from '../../machines/vocabulary.ts'
import { missingOf } from '../approvals.ts'
import { fillPath } from '../http/path.ts'
import type { Contract } from '../http/route.ts'
import { problemSchema } from '../http/schemas.ts'
import type { Limit } from '../../adapters/adapter.ts'
import type { SignedRecord } from '../orchestrator/inbound.ts'
import { NO_CAPS, type ReplacementTerms } from '../orchestrator/routes/replacing.ts'
import { HASH_HEADER, SEQUENCE_HEADER, signerApi } from '../signer-api/routes.ts'
import {
  refusedAnswer,
  signedAttempt,
  type rules,
  type SignedAttempt,
  type PromisedPage,
} from '../signer-api/shapes.ts'

export type SignAnswer =
  | { kind: 'signed'; transactionId: string; raw: string }
  | { kind: 'awaitingApproval'; reason: string }
  | { kind: 'refused'; reasons: Reason[] }
  | { kind: 'signedDifferently' }

/** What the signer wants of a payment; it decides all the same. */
export type SigningRules = z.output<typeof rules> & {
  /** The signer's identity key, base64: what an intent has to name. */
  wallet: string
}

/** What was signed, and the ledger that asked for it. */
export interface ListedRecord extends SignedRecord {
  seq: number
  ledgerId: string | null
}

export interface SignedPage {
  items: ListedRecord[]
  receipts: SignedReceipt[]
  /** Of the last of both. */
  until: number
  next: number | null
}

/** An address, and the ledger that it was made for. */
export interface ListedAddress extends GeneratedAddress {
  ledgerId: string | null
}

export interface AttemptName {
  chain: string
  transferId: string
  n: number
}

/** Every call rejects with an operating or unknownOutcome fault when the signer does not answer; all may be repeated. */
export interface SignerClient {
  /** What is made then is for this ledger alone to give away. */
  growPool(chain: string, size: number, ledgerId: string): Promise<void>
  addresses(chain: string, from: number, limit: number): Promise<ListedAddress[]>
  sign(name: AttemptName, template: Json, intents: AuthorisedIntent[], ledgerId: string | null): Promise<SignAnswer>
  attempt(name: AttemptName): Promise<SignedAttempt>
  /** Everything signed or voided after that place, in its order. */
  signed(chain: string, after: number): Promise<SignedPage>
  /** Null when it does not tell. */
  rules(chain: string): Promise<SigningRules | null>
  /** Nothing more is signed for the withdrawal up to this round, for good; the same receipt each time. */
  void(chain: string, withdrawal: string, round: number): Promise<SignedReceipt>
  /** The highest memory that an answer has shown or that was expected; null before. */
  position(): MemoryPosition | null
  /** What an earlier process has seen, or nothing; before the first request. */
  expect(position: MemoryPosition | null): void
}

export interface SignerAccess {
  url: string
  /** As it is now. */
  token: () => string
}

/** Scrypt is long over when it serves; a large template takes well below a second to sign. */
const TIMEOUT_MS = 30_000
const MAXIMUM_BYTES = 64 * 1024 * 1024
const PAGE = 200
/** Names arrive in lower case. */
const SEQUENCE = SEQUENCE_HEADER.toLowerCase()
const HASH = HASH_HEADER.toLowerCase()

interface Asked {
  status: number
  body: unknown
}

type Shape = z.ZodObject | undefined

/** What fills a route's path, its query and its body. */
interface Filling<Query extends Shape, Body extends Shape> {
  params: Record<string, string | number>
  query?: Query extends z.ZodObject ? z.output<Query> : never
  body?: Body extends z.ZodObject ? z.input<Body> : never
}

type Ask = <Query extends Shape, Body extends Shape, Given extends Record<number, z.ZodType>>(
  route: Contract<Query, Body, Given>,
  filling: Filling<Query, Body>,
) => Promise<Asked>

/** What was seen of the signer's memory, here or by an earlier process. */
interface Memo {
  seen: MemoryPosition | null
}

/** Shows the signer the highest memory seen of it, so that one that was restored from an old backup notices (S3). */
function createAsk({ url, token }: SignerAccess, request: Request, memo: Memo): Ask {
  return async ({ method, path: pattern }, { params, query, body }) => {
    const { seen } = memo
    const path = fillPath(pattern, params, query)
    const headers: Record<string, string> = { authorization: `Bearer ${token()}` }
    if (body !== undefined) headers['content-type'] = 'application/json'
    if (seen !== null) Object.assign(headers, { [SEQUENCE]: String(seen.sequence), [HASH]: seen.hash })
    const bytes = body === undefined ? null : new TextEncoder().encode(JSON.stringify(body))
    const target = url.startsWith('unix:') ? `${url}:${path}` : `${url.replace(/\/$/, '')}${path}`
    const answer = await request({
      method,
      url: target,
      headers,
      body: bytes,
      timeoutMs: TIMEOUT_MS,
      maximumBytes: MAXIMUM_BYTES,
    })
    if (answer.status < 400) learn(memo, answer.headers)
    return { status: answer.status, body: parse(answer.body) }
  }
}

/** Answers may come in another order than they were given. */
function learn(memo: Memo, headers: Record<string, string>): void {
  const sequence = Number(headers[SEQUENCE] ?? -1)
  if (sequence > (memo.seen?.sequence ?? -1)) memo.seen = { sequence, hash: headers[HASH] ?? '' }
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    throw operating('signer-malformed', 'the signer answered something that is not JSON: is signer.url right?')
  }
}

function read<T>(shape: z.ZodType<T>, { status, body }: Asked): T {
  if (status >= 400) throw refusal({ status, body })
  const result = shape.safeParse(body)
  if (!result.success)
    throw operating('signer-malformed', `the signer's answer is not understood: ${z.prettifyError(result.error)}`)
  return result.data
}

/** Anything but an answer that a caller expects is an outage: nothing follows from it. */
function refusal({ status, body }: Asked) {
  const problem = problemSchema.safeParse(body)
  const detail = problem.success ? `${problem.data.kind}: ${problem.data.detail}` : 'no reason given'
  return operating('signer-refused', `the signer answered ${status}, ${detail}`)
}

function signAnswer(asked: Asked): SignAnswer {
  const { status, body } = asked
  const problem = problemSchema.safeParse(body)
  const refused = refusedAnswer.safeParse(body)
  if (status === 403 && problem.data?.kind === 'refused' && refused.success)
    return { kind: 'refused', reasons: refused.data.reasons }
  if (status === 409 && problem.data?.kind === 'already-signed-differently') return { kind: 'signedDifferently' }
  if (status === 202) {
    const { missing } = read(signerApi.sign.answers[202], asked)
    return { kind: 'awaitingApproval', reason: missing.map(describeMissing).join('; ') }
  }
  const { transactionId, signedTransaction } = read(signerApi.sign.answers[200], asked)
  return { kind: 'signed', transactionId, raw: signedTransaction }
}

/** Why a withdrawal is held. */
const describeMissing = ({ id, required, given }: Missing): string =>
  `${id} needs ${required} ${required === 1 ? 'authorisation' : 'authorisations'} of the signer's keys and has ${given}`

/** Why an intent may not be paid yet, by what the signer has said of its rules; null when nothing is missing. */
export function heldFor(rules: SigningRules | null, intent: AuthorisedIntent): string | null {
  const [missing] = rules === null ? [] : missingOf(rules.authorisation, [intent], rules.wallet)
  return missing === undefined ? null : describeMissing(missing)
}

/** What it signs at most: of each asset, `asset` the native one; and in fees. As far as it says. */
export function signerTerms(rules: SigningRules | null, asset: string): Omit<ReplacementTerms, 'facts'> {
  if (rules === null) return { limits: {}, caps: NO_CAPS }
  const { perTransaction, leftToday, gasFunding, tokens, maximumFee = null, maximumFeeRate = null } = rules
  const ofTokens = Object.entries(tokens).map(([token, limits]): [string, Limit] => [
    token,
    { perTransaction: limits.perTransaction, left: limits.leftToday },
  ])
  const limits = {
    [asset]: { perTransaction, left: leftToday, funding: gasFunding },
    ...Object.fromEntries(ofTokens),
  }
  return { limits, caps: { maximumFee, maximumFeeRate } }
}

type Listed = PromisedPage['items'][number]

function recordOf(item: Listed): SignedPage['items'] {
  if (item.state !== 'signed') return []
  const { transferId, n, seq, intents, transactionId, signedTransaction, spendKeys, template, ledgerId } = item
  return [{ transferId, n, seq, intents, transactionId, raw: signedTransaction, spendKeys, template, ledgerId }]
}

function receiptOf(item: Listed): SignedReceipt[] {
  if (item.state !== 'voided') return []
  const { state: _, seq: __, voidedAt: ___, ...receipt } = item
  return [believed(receipt)]
}

/**
 * What the backend is to refund on must hold before anything follows from it here: both versions of the promise, by the key that it
 * names. That this key is our signer's is looked at with its rules, and by the backend, which has pinned it.
 */
function believed(receipt: SignedReceipt): SignedReceipt {
  if (isReceipt(receipt, receipt.key)) return receipt
  throw operating('signer-malformed', `the signer's receipt for ${receipt.id} is not signed by ${receipt.key}`)
}

export function createSignerClient(access: SignerAccess, request: Request): SignerClient {
  const memo: Memo = { seen: null }
  const ask = createAsk(access, request, memo)
  return {
    async growPool(chain, size, ledgerId) {
      read(
        signerApi.growPool.answers[200],
        await ask(signerApi.growPool, { params: { chain }, body: { size, ledgerId } }),
      )
    },
    async addresses(chain, from, limit) {
      const asked = await ask(signerApi.addresses, { params: { chain }, query: { from, limit } })
      return read(signerApi.addresses.answers[200], asked).map(address => ({ chain, ...address }))
    },
    async sign(name, template, intents, ledgerId) {
      return signAnswer(await ask(signerApi.sign, { params: { ...name }, body: { template, intents, ledgerId } }))
    },
    async attempt(name) {
      return read(signedAttempt, await ask(signerApi.attempt, { params: { ...name } }))
    },
    async signed(chain, after) {
      const asked = await ask(signerApi.signed, { params: { chain }, query: { after, limit: PAGE } })
      const { items, next } = read(signerApi.signed.answers[200], asked)
      return {
        items: items.flatMap(recordOf),
        receipts: items.flatMap(receiptOf),
        until: items.at(-1)?.seq ?? after,
        next,
      }
    },
    async rules(chain) {
      const asked = await ask(signerApi.rules, { params: { chain } })
      if (asked.status === 404) return null
      const found = read(signerApi.rules.answers[200], asked)
      const { key } = read(signerApi.identity.answers[200], await ask(signerApi.identity, { params: {} }))
      return { ...found, wallet: key }
    },
    async void(chain, withdrawal, round) {
      const asked = await ask(signerApi.void, { params: { id: withdrawal }, body: { chain, round } })
      const receipt = read(signerApi.void.answers[200], asked)
      const { id } = receipt
      if (id === withdrawal && receipt.chain === chain && receipt.round === round) return believed(receipt)
      throw operating('signer-malformed', `asked to void ${withdrawal}, the signer answered a receipt for ${id}`)
    },
    position: () => memo.seen,
    expect(seen) {
      memo.seen = seen
    },
  }
}
