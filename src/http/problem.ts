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

/** Boundary kinds with a status of their own; any other boundary kind is a 400. */
const STATUS_OF_KIND = {
  unauthorised: 401,
  'read-only-token': 403,
  refused: 403,
  'not-found': 404,
  'method-not-allowed': 405,
  conflict: 409,
  'not-creditable': 409,
  'unknown-cursor': 409,
  'already-signed': 409,
  'already-signed-differently': 409,
  'memory-behind': 409,
  'watching-only': 409,
  'request-timeout': 408,
  'too-large': 413,
  'unsupported-media-type': 415,
  'expectation-failed': 417,
  unprocessable: 422,
  'not-replaceable': 422,
  'fee-over-cap': 422,
  'insufficient-funds': 422,
  'invalid-address': 422,
  'invalid-authorisation': 422,
  'unknown-chain': 422,
  'unknown-asset': 422,
  dust: 422,
  'impossible-amount': 422,
  expired: 422,
  'headers-too-large': 431,
  'pool-empty': 503,
} as const satisfies Record<string, number>

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
  return Object.hasOwn(STATUS_OF_KIND, kind)
    ? STATUS_OF_KIND[kind as keyof typeof STATUS_OF_KIND]
    : STATUS_OF_TYPE[type]
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
