/** A route table as one function from request to answer. Real servers and the simulator both stand on it. */
import { boundary, Fault, reasonOf } from '../kernel/fault.ts'
import type { Log } from '../kernel/ports.ts'
import type { Handler, HttpAnswer, HttpRequest } from '../http.ts'
import { checkBody, checkQuery } from './content.ts'
import { asTable, wantsCsv } from './csv.ts'
import { decodeNames, findRoute, matchPath } from './path.ts'
import { problem, problemOf } from './problem.ts'
import type { Access, Route } from './route.ts'
import { grantOf } from './tokens.ts'

/** What a route table needs to be served. */
export interface HandlerOptions {
  /** Read at every request; see tokens.ts. */
  tokens(): readonly string[]
  /** Of a route that takes a body and names no bound of its own. */
  maximumBodyBytes: number
  log: Log
  /** Stand on every answer, errors too. */
  answerHeaders?: () => Record<string, string>
  /** Throws a Fault to refuse a request whose token is good, before its route is asked. */
  guard?: (request: HttpRequest) => void
}

/** A handler that shows its table, so that a server can mount each route with a router of its own. */
export interface RouteHandler extends Handler {
  readonly routes: readonly Route[]
  /**
   * Before anything of the body is read: how many bytes it may have. Throws the Fault that refuses the request: nothing is
   * read of strangers, and nothing where no body belongs.
   */
  admit: (route: Route, request: HttpRequest) => number
  /** Answers with this route, which the request's method and path were found to match. */
  answer(route: Route, request: HttpRequest): Promise<HttpAnswer>
  /** An error that arose before a handler was reached (a body that is too large) as an answer. */
  refuse(request: HttpRequest, error: unknown): Promise<HttpAnswer>
}

/** `{}` and some white space, for what takes no body. */
const EMPTY_BODY_BYTES = 64

/** Finds the route, checks token, path, query and body, asks it, and answers every error as a problem. Never rejects. */
export function createHandler(routes: readonly Route[], options: HandlerOptions): RouteHandler {
  const finish = (answer: HttpAnswer): HttpAnswer => {
    const headers = { ...answer.headers, ...options.answerHeaders?.() }
    return { ...answer, headers }
  }
  const refuse = (request: HttpRequest, error: unknown) => {
    report(options.log, request, error)
    return Promise.resolve(finish(problemOf(error)))
  }
  const admit = (route: Route, request: HttpRequest) => admitted(route, request, options)
  const answer = async (route: Route, request: HttpRequest) => {
    try {
      return finish(await perform(route, request, options))
    } catch (error) {
      return await refuse(request, error)
    }
  }
  const handle = async (request: HttpRequest) => {
    const found = findRoute(routes, request.method, request.path)
    return Array.isArray(found) ? finish(missing(found, request)) : answer(found, request)
  }
  return Object.assign(handle, { routes, admit, answer, refuse })
}

async function perform(route: Route, request: HttpRequest, options: HandlerOptions): Promise<HttpAnswer> {
  const room = admitted(route, request, options)
  if (request.body.length > room) throw tooLarge(room)
  const params = decodeNames(matchPath(route.path, request.path) ?? {}, route.texts)
  const query = checkQuery(route.query, request)
  if ('refused' in query) return query.refused
  const body = checkBody(route.body, request)
  if ('refused' in body) return body.refused
  const { headers, left } = request
  const answer = await route.handle({ params, query: query.value, body: body.value, headers, left })
  return wantsCsv(headers['accept']) ? asTable(route, answer) : answer
}

function admitted(route: Route, request: HttpRequest, options: HandlerOptions): number {
  authorise(route.access, options.tokens(), request.headers.authorization)
  options.guard?.(request)
  if (route.method === 'GET') return 0
  return route.body === undefined ? EMPTY_BODY_BYTES : (route.maximumBodyBytes ?? options.maximumBodyBytes)
}

function authorise(access: Access, tokens: readonly string[], authorization: string | undefined): void {
  if (access === 'public') return
  const grant = grantOf(tokens, authorization)
  if (grant === 'none') throw boundary('unauthorised', 'send Authorization: Bearer with a valid token')
  if (grant === 'read' && access === 'write') throw boundary('read-only-token', 'this token may only read')
}

/** 413 `too-large`. */
export const tooLarge = (maximumBytes: number) =>
  boundary('too-large', maximumBytes === 0 ? 'no body belongs here' : `the body has more than ${maximumBytes} bytes`)

function missing(methods: string[], request: HttpRequest): HttpAnswer {
  if (methods.length === 0) return problem('not-found', 'there is nothing at this path')
  const answer = problem('method-not-allowed', `${request.method.slice(0, 16)} is not possible here`)
  return { ...answer, headers: { ...answer.headers, allow: methods.join(', ') } }
}

/** The client learns nothing of our defects, so the log must. */
function report(log: Log, request: HttpRequest, error: unknown): void {
  if (error instanceof Fault && error.type === 'boundary') return
  const isDefect = !(error instanceof Fault) || error.type === 'invariant' || error.type === 'corruptStore'
  const stack = isDefect && error instanceof Error ? { stack: error.stack } : {}
  log(isDefect ? 'error' : 'warn', 'request failed', {
    method: request.method,
    path: request.path,
    reason: reasonOf(error),
    ...stack,
  })
}
