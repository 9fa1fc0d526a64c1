/** Errors on the wire: RFC 9457 problem details with a stable `kind`. */
import { Fault, type FaultType } from '../kernel/fault.ts'
import type { HttpAnswer } from '../http.ts'

/** What the caller must do decides the status, unless the kind says more. */
const STATUS_OF_TYPE: Record<FaultType, number> = {
  boundary: 400,
  operating: 503,
  unknownOutcome: 503,
  invariant: 500,
  corruptStore: 500,
}

/** What has a status of its own, and what it means for whoever asked. Any other kind of a boundary fault is a 400. */
const KINDS = {
  'invalid-content': [400, 'a field or parameter is missing, unknown or wrong: `errors` says which'],
  'invalid-name': [400, 'a name in the path is none that could be given'],
  'malformed-json': [400, 'the body is not JSON in UTF-8'],
  'malformed-request': [400, 'what was sent is no request of HTTP/1.1'],
  unauthorised: [401, 'no token, or none that is known here'],
  'read-only-token': [403, 'the token may only read'],
  refused: [403, 'the signer does not sign this: `reasons` says why'],
  'not-found': [404, 'there is no such resource, or no such path'],
  'method-not-allowed': [405, 'the path knows other methods only'],
  'request-timeout': [408, 'the request did not arrive in time'],
  conflict: [409, 'it stands there already with another content, or is in a state that does not allow this'],
  'not-creditable': [409, 'the deposit is not `confirmed`'],
  'unknown-cursor': [409, 'the cursor is beyond the end: the ledger is another one; see `ledgerId`'],
  'already-signed': [409, 'it cannot be voided any more: the receipt beside it names what is signed'],
  'already-signed-differently': [409, 'the signer has signed another template under this name'],
  'memory-behind': [409, "the signer's memory is older than one that was seen: it may not sign"],
  'watching-only': [409, 'this watcher only watches: ask the paying one'],
  'too-large': [413, 'the body is larger than any request needs to be'],
  'unsupported-media-type': [415, 'bodies are application/json, not coded'],
  'expectation-failed': [417, 'no expectation is met here'],
  unprocessable: [422, 'understood, and not possible: the detail says why'],
  'not-replaceable': [422, 'the transfer cannot be replaced'],
  'fee-over-cap': [422, 'the fee would be over a cap of the configuration or of the signer'],
  'insufficient-funds': [422, 'there is not enough to pay the higher fee with'],
  'invalid-address': [422, "the destination is none of this chain's, or needs a data field"],
  'invalid-authorisation': [422, 'a signature does not verify, or its key is not one that may sign'],
  'unknown-chain': [422, 'no chain of this name is followed'],
  'unknown-asset': [422, 'the chain moves no asset of this name'],
  dust: [422, 'the network relays nothing so small'],
  'impossible-amount': [422, 'there is not so much of the asset'],
  expired: [422, '`expiresAt` has passed'],
  'headers-too-large': [431, 'the headers are larger than any request needs'],
  'pool-empty': [503, 'no free address is left: the signer is asked for more; ask again'],
} as const satisfies Record<string, readonly [status: number, meaning: string]>

/** For descriptions: the kinds that a caller may have to tell apart, each with its status and meaning. */
export const describeKinds = (): string =>
  Object.entries(KINDS)
    .map(([kind, [status, meaning]]) => `- \`${kind}\` (${status}): ${meaning}`)
    .join('\n')

/** RFC 9457 and our `kind`; a handler may add members of its own. */
export interface ProblemAnswer extends HttpAnswer {
  body: { type: 'about:blank'; title: string; status: number; detail: string; kind: string }
}

const TITLES: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  417: 'Expectation Failed',
  422: 'Unprocessable Content',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}

const RETRY_AFTER_S = 2

/** The HTTP status of a fault. */
export function statusOf(type: FaultType, kind: string): number {
  if (type === 'invariant' || type === 'corruptStore') return STATUS_OF_TYPE[type]
  return Object.hasOwn(KINDS, kind) ? KINDS[kind as keyof typeof KINDS][0] : STATUS_OF_TYPE[type]
}

/**
 * A problem as an answer, for handlers that have more to say than a Fault can carry: `extra` stands beside the five
 * fixed members (a receipt, the reasons of a refusal).
 */
export function problem(kind: string, detail: string, extra: Record<string, unknown> = {}): ProblemAnswer {
  return describe(statusOf('boundary', kind), kind, detail, extra)
}

/** Any error as an answer. What is not a Fault, or is our own defect, shows nothing of the inside. */
export function problemOf(error: unknown): ProblemAnswer {
  if (!(error instanceof Fault)) return describe(500, 'internal', 'an unexpected error; the log has more', {})
  const status = statusOf(error.type, error.kind)
  return describe(status, error.kind, status === 500 ? 'an internal error; the log has more' : error.message, {})
}

function describe(status: number, kind: string, detail: string, extra: Record<string, unknown>): ProblemAnswer {
  const headers: Record<string, string> = { 'content-type': 'application/problem+json' }
  if (status === 401) headers['www-authenticate'] = 'Bearer realm="lockkeeper"'
  if (status === 415) headers['accept-encoding'] = 'identity'
  if (status === 503) headers['retry-after'] = String(RETRY_AFTER_S)
  return {
    status,
    headers,
    body: { ...extra, type: 'about:blank', title: TITLES[status] ?? 'Error', status, detail, kind },
  }
}
