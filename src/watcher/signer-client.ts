/** The watcher's side of the signer's API. */
import { z } from 'zod'
import { boundary, operating } from '../kernel/fault.ts'
import type { Request } from '../kernel/ports.ts'
import type { GeneratedAddress } from '../../machines/address.ts'
import type { Missing, Reason } from '../../machines/signing.ts'
import type {
  Amount,
  Authorisation,
  Intent,
  Json,
  MemoryPosition,
  SignedReceipt,
  SpendKey,
} from '../../machines/vocabulary.ts'
import { missingOf, type Authority } from '../approvals.ts'
import type { SignedRecord } from '../orchestrator/inbound.ts'

export interface SignedAttempt {
  transactionId: string
  raw: string
  spendKeys: SpendKey[]
  template: Json
  fee: Amount
}

export type SignAnswer =
  | { kind: 'signed'; transactionId: string; raw: string }
  | { kind: 'awaitingApproval'; reason: string }
  | { kind: 'refused'; reasons: Reason[] }
  | { kind: 'signedDifferently' }

/** What the signer wants of a payment; it decides all the same. */
export interface SigningRules {
  /** Null when no authorisation is required. */
  authorisation: Authority | null
  /** What one transaction may cost, fee included; null when there is no limit. Base units. */
  perTransaction: Amount | null
}

export interface SignedPage {
  items: (SignedRecord & { seq: number })[]
  receipts: SignedReceipt[]
  /** Of the last of both. */
  until: number
  next: number | null
}

export interface AttemptName {
  chain: string
  transferId: string
  n: number
}

export type AuthorisedIntent = Intent & { authorisations: Authorisation[] }

/** Every call rejects with an operating or unknownOutcome fault when the signer does not answer; all may be repeated. */
export interface SignerClient {
  growPool(chain: string, size: number): Promise<void>
  addresses(chain: string, from: number, limit: number): Promise<GeneratedAddress[]>
  sign(name: AttemptName, template: Json, intents: AuthorisedIntent[]): Promise<SignAnswer>
  attempt(name: AttemptName): Promise<SignedAttempt>
  /** Everything signed or voided after that place, in its order. */
  signed(chain: string, after: number): Promise<SignedPage>
  /** Null when it does not tell. */
  rules(chain: string): Promise<SigningRules | null>
  /** Nothing more is signed for the withdrawal up to this round, for good; the same receipt each time. */
  void(chain: string, withdrawal: string, round: number): Promise<SignedReceipt>
  /** The highest memory that an answer has shown or that was expected; null before. */
  seen(): MemoryPosition | null
  /** What an earlier process has seen, or nothing; before the first request. */
  expect(seen: MemoryPosition | null): void
}

export interface SignerAccess {
  url: string
  token: string
}

/** Scrypt is long over when it serves; a large template takes well below a second to sign. */
const TIMEOUT_MS = 30_000
const MAXIMUM_BYTES = 64 * 1024 * 1024
const PAGE = 200
const SEQUENCE = 'lockkeeper-memory-sequence'
const HASH = 'lockkeeper-memory-hash'

const json = z.custom<Json>(value => value !== undefined)
const attestation = z.object({ key: z.string(), signature: z.string() })
const addressShape = z.object({
  index: z.int(),
  address: z.string(),
  dataField: z.string().nullable(),
  publicKey: z.string(),
  path: z.string(),
  createdAt: z.string(),
  attestation,
})
const signedShape = z.object({
  transactionId: z.string(),
  signedTransaction: z.string(),
  spendKeys: z.array(z.string()),
})
const intentShape = z.object({
  id: z.string(),
  chain: z.string(),
  asset: z.string(),
  to: z.string(),
  dataField: z.string().nullable(),
  amount: z.string(),
  expiresAt: z.string().nullable(),
  round: z.int(),
  authorisations: z.array(attestation),
})
const attemptShape = signedShape.extend({ template: json, fee: z.string() })
const recordShape = attemptShape.extend({
  transferId: z.string(),
  n: z.int(),
  seq: z.int(),
  intents: z.array(intentShape),
})
const receiptShape = z.object({
  chain: z.string(),
  id: z.string(),
  purpose: z.string(),
  round: z.int(),
  signed: z.array(z.string()),
  key: z.string(),
  signature: z.string(),
})
/** Stands among the signed ones. */
const voidedShape = receiptShape.extend({ state: z.literal('voided'), seq: z.int() })
const rulesShape = z.object({
  authorisation: z
    .object({
      keys: z.array(z.string()),
      approvals: z.union([
        z.int(),
        z.array(
          z.object({
            above: z.string(),
            approvals: z.int(),
            chain: z.string().optional(),
            asset: z.string().optional(),
          }),
        ),
      ]),
    })
    .nullable(),
  perTransaction: z.string().nullable(),
})
const pageShape = z.object({ items: z.array(z.union([recordShape, voidedShape])), next: z.int().nullable() })
const missingShape = z.object({
  missing: z.array(z.object({ id: z.string(), required: z.int(), given: z.int() })),
})
const reasonShape = z.object({ kind: z.string(), message: z.string(), withdrawal: z.string().optional() })
const refusedShape = z.object({ reasons: z.array(reasonShape) })
const problemShape = z.object({ kind: z.string(), detail: z.string() })

interface Asked {
  status: number
  body: unknown
}

type Ask = (method: 'GET' | 'PUT', path: string, body?: unknown) => Promise<Asked>

/** What was seen of the signer's memory, here or by an earlier process. */
interface Memo {
  seen: MemoryPosition | null
}

/** Shows the signer the highest memory seen of it, so that one that was restored from an old backup notices (S3). */
function createAsk({ url, token }: SignerAccess, request: Request, memo: Memo): Ask {
  return async (method, path, body) => {
    const { seen } = memo
    const headers: Record<string, string> = { authorization: `Bearer ${token}` }
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
  const problem = problemShape.safeParse(body)
  const detail = problem.success ? `${problem.data.kind}: ${problem.data.detail}` : 'no reason given'
  return operating('signer-refused', `the signer answered ${status}, ${detail}`)
}

function signAnswer({ status, body }: Asked): SignAnswer {
  const problem = problemShape.safeParse(body)
  const refused = refusedShape.safeParse(body)
  if (status === 403 && problem.data?.kind === 'refused' && refused.success)
    return { kind: 'refused', reasons: refused.data.reasons as Reason[] }
  if (status === 409 && problem.data?.kind === 'already-signed-differently') return { kind: 'signedDifferently' }
  if (status === 202) {
    const { missing } = read(missingShape, { status, body })
    return { kind: 'awaitingApproval', reason: missing.map(describeMissing).join('; ') }
  }
  const { transactionId, signedTransaction } = read(signedShape, { status, body })
  return { kind: 'signed', transactionId, raw: signedTransaction }
}

/** Why a withdrawal is held. */
const describeMissing = ({ id, required, given }: Missing): string =>
  `${id} needs ${required} ${required === 1 ? 'authorisation' : 'authorisations'} of the signer's keys and has ${given}`

/** Why an intent may not be paid yet, by what the signer has said of its rules; null when nothing is missing. */
export function heldFor(rules: SigningRules | null, intent: AuthorisedIntent): string | null {
  const [missing] = rules === null ? [] : missingOf(rules.authorisation, intent)
  return missing === undefined ? null : describeMissing(missing)
}

const recordOf = ({ signedTransaction, ...item }: z.output<typeof recordShape>) => ({ ...item, raw: signedTransaction })

const receiptOf = ({ state: _state, seq: _seq, ...receipt }: z.output<typeof voidedShape>): SignedReceipt => receipt

const attemptPath = ({ chain, transferId, n }: AttemptName) =>
  `/v1/chains/${chain}/transfers/${transferId}/attempts/${n}`

export function createSignerClient(access: SignerAccess, request: Request): SignerClient {
  const memo: Memo = { seen: null }
  const ask = createAsk(access, request, memo)
  return {
    async growPool(chain, size) {
      read(z.looseObject({}), await ask('PUT', `/v1/chains/${chain}/address-pool`, { size }))
    },
    async addresses(chain, from, limit) {
      const found = read(
        z.array(addressShape),
        await ask('GET', `/v1/chains/${chain}/addresses?from=${from}&limit=${limit}`),
      )
      return found.map(address => ({ chain, ...address }))
    },
    async sign(name, template, intents) {
      return signAnswer(await ask('PUT', attemptPath(name), { template, intents }))
    },
    async attempt(name) {
      const { signedTransaction, ...stored } = read(attemptShape, await ask('GET', attemptPath(name)))
      return { ...stored, raw: signedTransaction }
    },
    async signed(chain, after) {
      const { items, next } = read(
        pageShape,
        await ask('GET', `/v1/chains/${chain}/transfers?after=${after}&limit=${PAGE}`),
      )
      return {
        items: items.flatMap(item => ('transferId' in item ? [recordOf(item)] : [])),
        receipts: items.flatMap(item => ('transferId' in item ? [] : [receiptOf(item)])),
        until: items.at(-1)?.seq ?? after,
        next,
      }
    },
    async rules(chain) {
      const answer = await ask('GET', `/v1/chains/${chain}/policy`)
      return answer.status === 404 ? null : read(rulesShape, answer)
    },
    async void(chain, withdrawal, round) {
      const receipt = read(receiptShape, await ask('PUT', `/v1/withdrawals/${withdrawal}/void`, { chain, round }))
      const { id } = receipt
      if (id === withdrawal && receipt.chain === chain && receipt.round === round) return receipt
      throw operating('signer-malformed', `asked to void ${withdrawal}, the signer answered a receipt for ${id}`)
    },
    seen: () => memo.seen,
    expect(seen) {
      memo.seen = seen
    },
  }
}

/** A chain's name stands in paths and ids. */
export function checkChainName(chain: string): void {
  if (!/^[A-Za-z0-9._~-]{1,64}$/.test(chain))
    throw boundary('configuration', `chains.${chain}: a chain's name holds letters, digits and . _ ~ - only`)
}
