/** The watcher's side of the signer's API. */
import { z } from 'zod'
import { boundary, operating } from '../../adapters/fault.ts'
import type { Request } from '../../adapters/ports.ts'
import type { GeneratedAddress } from '../../machines/address.ts'
import type { Amount, Authorisation, Intent, Json, SpendKey } from '../../machines/vocabulary.ts'
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
  | { kind: 'refused'; reason: string }
  | { kind: 'signedDifferently' }

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
  signed(chain: string, after: number): Promise<{ items: (SignedRecord & { seq: number })[]; next: number | null }>
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
/** Stands among the signed ones: it forbids, and there is nothing in it to adopt. */
const voidedShape = z.object({ state: z.literal('voided') })
const pageShape = z.object({ items: z.array(z.union([recordShape, voidedShape])), next: z.int().nullable() })
const missingShape = z.object({ missing: z.unknown() })
const problemShape = z.object({ kind: z.string(), detail: z.string() })

interface Asked {
  status: number
  body: unknown
}

type Ask = (method: 'GET' | 'PUT', path: string, body?: unknown) => Promise<Asked>

/** Shows the signer the highest memory seen of it, so that one that was restored from an old backup notices (S3). */
function createAsk({ url, token }: SignerAccess, request: Request): Ask {
  const seen = { sequence: -1, hash: '' }
  return async (method, path, body) => {
    const headers: Record<string, string> = { authorization: `Bearer ${token}` }
    if (body !== undefined) headers['content-type'] = 'application/json'
    if (seen.sequence >= 0) Object.assign(headers, { [SEQUENCE]: String(seen.sequence), [HASH]: seen.hash })
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
    const sequence = Number(answer.headers[SEQUENCE] ?? -1)
    if (answer.status < 400 && sequence > seen.sequence)
      Object.assign(seen, { sequence, hash: answer.headers[HASH] ?? '' })
    return { status: answer.status, body: parse(answer.body) }
  }
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
  if (status === 403 && problem.data?.kind === 'refused') return { kind: 'refused', reason: problem.data.detail }
  if (status === 409 && problem.data?.kind === 'already-signed-differently') return { kind: 'signedDifferently' }
  if (status === 202) {
    const { missing } = read(missingShape, { status, body })
    return { kind: 'awaitingApproval', reason: `the signer waits for approval: ${JSON.stringify(missing)}` }
  }
  const { transactionId, signedTransaction } = read(signedShape, { status, body })
  return { kind: 'signed', transactionId, raw: signedTransaction }
}

const recordOf = ({ signedTransaction, ...item }: z.output<typeof recordShape>) => ({ ...item, raw: signedTransaction })

const attemptPath = ({ chain, transferId, n }: AttemptName) =>
  `/v1/chains/${chain}/transfers/${transferId}/attempts/${n}`

export function createSignerClient(access: SignerAccess, request: Request): SignerClient {
  const ask = createAsk(access, request)
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
      const page = read(pageShape, await ask('GET', `/v1/chains/${chain}/transfers?after=${after}&limit=${PAGE}`))
      return {
        next: page.next,
        items: page.items.flatMap(item => ('transferId' in item ? [recordOf(item)] : [])),
      }
    },
  }
}

/** A chain's name stands in paths and ids. */
export function checkChainName(chain: string): void {
  if (!/^[A-Za-z0-9._~-]{1,64}$/.test(chain))
    throw boundary('configuration', `chains.${chain}: a chain's name holds letters, digits and . _ ~ - only`)
}
