/** Koa around a route table: sockets, time-outs against slow clients, and an end that does not hang. */
import { createServer as createPlainServer, type IncomingMessage, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { PeerCertificate, TLSSocket } from 'node:tls'
import Router from '@koa/router'
import Koa, { type Context } from 'koa'
import { boundary, Fault, operating } from '../kernel/fault.ts'
import type { HttpAnswer, HttpRequest } from '../http.ts'
import { boundConnections } from './connections.ts'
import { tooLarge, type RouteHandler } from '../http/handler.ts'
import type { Route } from '../http/route.ts'
import { listen, unlisten } from './listen.ts'
import { answerRefused, refuseHostless } from './malformed.ts'

/** Contents of PEM files, and the client certificates that may connect (SHA-256, hex; empty: any that the authority signed). */
export interface ServerTls {
  ca: string
  cert: string
  key: string
  clientFingerprints: readonly string[]
}

/** What one client, and all together, may cost. */
export interface ServerLimits {
  /** Until the last header has come. */
  headersMs: number
  /** Until the last byte of the body has come. */
  requestMs: number
  /** An idle connection is kept so long. */
  keepAliveMs: number
  /** Silence in both directions: above the longest long poll. */
  silenceMs: number
  /** For answers under way when the server stops. */
  graceMs: number
  /** Where there are more, the one that has been idle for the longest makes room. */
  connections: number
  /** Of all bodies and answers that are under way: one may be large, a thousand at once may not. */
  heldBytes: number
}

/** For a backend and operators in a private network. */
export const SERVER_LIMITS: ServerLimits = {
  headersMs: 5_000,
  requestMs: 15_000,
  keepAliveMs: 30_000,
  silenceMs: 75_000,
  graceMs: 3_000,
  connections: 1_000,
  heldBytes: 64 * 1024 * 1024,
}

/** Node looks for slow clients only so often, 30 seconds unless said; what it would refuse without a word, malformed.ts does. */
const CHECKING = { connectionsCheckingInterval: 1000, requireHostHeader: false }

/** A server that listens. */
export interface HttpServer {
  /** `127.0.0.1:4100` with the port in use, or `unix:/path`. */
  address: string
  /** Takes nothing new, lets the answers under way finish, and cuts what is left after the grace. */
  stop(): Promise<void>
}

/** Where to listen, and for whom. */
export interface ServeOptions {
  /** `host:port` (port 0: any) or `unix:/path`. */
  listen: string
  tls?: ServerTls | undefined
  limits?: ServerLimits
}

/** @throws operating `address-in-use`, boundary `invalid-address` for what cannot be listened on. */
export async function serve(handler: RouteHandler, options: ServeOptions): Promise<HttpServer> {
  const limits = options.limits ?? SERVER_LIMITS
  const origins: Origins = new WeakMap()
  const app = createApp({ handler, origins, held: { bytes: 0, maximum: limits.heldBytes } })
  const callback = app.callback() as (...exchange: unknown[]) => void
  const server =
    options.tls === undefined
      ? createPlainServer(CHECKING, callback)
      : createSecure(options.tls, limits.headersMs, callback)
  applyLimits(server, limits)
  boundConnections(server, limits.connections)
  answerRefused(server, handler)
  noteOrigins(server, options, origins)
  const address = await listen(server, options.listen)
  return { address, stop: () => stop(server, limits.graceMs) }
}

/** How each open connection came to be, noted as it begins: later a socket may have forgotten whom it spoke to. */
type Origins = WeakMap<object, string>

function noteOrigins(server: Server, { listen: where, tls }: ServeOptions, origins: Origins): void {
  if (tls !== undefined) {
    server.on('secureConnection', (socket: TLSSocket) => origins.set(socket, `tls ${fingerprintOf(socket)}`))
    return
  }
  const isUnix = where.startsWith('unix:')
  server.on('connection', (socket: Socket) => origins.set(socket, isUnix ? 'unix' : `tcp ${socket.remoteAddress}`))
}

/** What bodies and answers hold of the memory. */
interface Held {
  bytes: number
  maximum: number
}

interface Service {
  handler: RouteHandler
  origins: Origins
  held: Held
}

function createApp(service: Service): Koa {
  const app = new Koa()
  // Koa's own reports would go to stderr as text; what fails beyond the handler is a connection that broke.
  app.silent = true
  const router = new Router({ strict: true, sensitive: true })
  for (const route of service.handler.routes) {
    const path = route.path.replaceAll(/\{(\w+)\}/g, ':$1')
    const methods = route.method === 'GET' ? ['GET', 'HEAD'] : [route.method]
    router.register(path, methods, context => respond(context, service, route))
  }
  app.use(router.routes())
  app.use(context => respond(context, service, null))
  return app
}

/** `route` null: there is none for this method and path, and whatever body came is not read. */
async function respond(context: Context, { handler, origins, held }: Service, route: Route | null): Promise<void> {
  const request = describe(context, origins.get(context.req.socket))
  const share = shareOf(held)
  let result: HttpAnswer
  try {
    refuseHostless(context.req)
    // The token comes first: what it does not admit is not read.
    const room = route === null ? null : handler.admit(route, request)
    const asked = { ...request, ...readQuery(context) }
    if (route === null || room === null) result = await handler(asked)
    else result = await handler.answer(route, { ...asked, body: await readBody(context.req, room, share.take) })
  } catch (error) {
    share.release()
    result = await handler.refuse(request, error)
  }
  share.release()
  // What was not read is still to come: the connection is of no use any more.
  if (!context.req.readableEnded && hasBody(context.req)) context.set('connection', 'close')
  const payload = payloadOf(result.body)
  try {
    share.take(payload.length)
  } catch (error) {
    send(context, await handler.refuse(request, error))
    return
  }
  // A client that reads slowly keeps it for long; one that has left already, not at all.
  if (context.res.closed) share.release()
  else context.res.once('close', share.release)
  send(context, result, payload)
}

/** An exchange that holds no more counts for nothing, so that large ones never keep small ones out: connections bound how many there are. */
const SMALL_BYTES = 16 * 1024

/**
 * One exchange's part of what is held. `take` throws operating `too-busy` where it would be too much in all, and then
 * gives back at once what it had: whoever is served next has that room, so that never all are refused.
 */
function shareOf(held: Held): { take: (bytes: number) => void; release: () => void } {
  let [used, charged] = [0, 0]
  const release = () => {
    held.bytes -= charged
    used = charged = 0
  }
  const take = (bytes: number) => {
    const whole = used + bytes
    const more = whole > SMALL_BYTES ? whole - charged : 0
    if (held.bytes + more > held.maximum) {
      release()
      throw operating('too-busy', 'too many large requests or answers at once: ask again')
    }
    used = whole
    charged += more
    held.bytes += more
  }
  return { take, release }
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

function describe(context: Context, from: string | undefined): HttpRequest {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(context.req.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value
  }
  const { method, path } = context
  const request = { method, path, query: {}, headers, body: new Uint8Array(), left: leavingOf(context) }
  return from === undefined ? request : { ...request, from }
}

/** What is done for a client that has gone is done for nobody. */
function leavingOf({ res }: Context): AbortSignal {
  const leaving = new AbortController()
  res.once('close', () => {
    if (!res.writableFinished) leaving.abort()
  })
  return leaving.signal
}

function readQuery(context: Context): Required<Pick<HttpRequest, 'query' | 'repeated'>> {
  const pairs = [...new URLSearchParams(context.querystring)]
  const query = Object.fromEntries(pairs)
  const names = pairs.map(([name]) => name)
  return { query, repeated: names.filter((name, at) => names.indexOf(name) < at) }
}

/** `take` is told of every piece before it is kept, and throws when it is too much. */
async function readBody(
  request: IncomingMessage,
  maximumBytes: number,
  take: (bytes: number) => void,
): Promise<Uint8Array> {
  if (!hasBody(request)) return new Uint8Array()
  if (maximumBytes === 0 || Number(request.headers['content-length'] ?? 0) > maximumBytes) throw tooLarge(maximumBytes)
  const chunks: Uint8Array[] = []
  let length = 0
  // Ending the loop early must leave the connection open: the refusal still has to be sent on it.
  const arriving = request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>
  try {
    for await (const chunk of arriving) {
      length += chunk.length
      if (length > maximumBytes) throw tooLarge(maximumBytes)
      take(chunk.length)
      chunks.push(chunk)
    }
  } catch (error) {
    throw error instanceof Fault
      ? error
      : boundary('incomplete-body', 'the connection broke before the body was complete')
  }
  return Buffer.concat(chunks)
}

function payloadOf(body: unknown): string | Buffer {
  if (typeof body === 'string') return body
  return body instanceof Uint8Array ? Buffer.from(body) : JSON.stringify(body ?? null)
}

function send(context: Context, answer: HttpAnswer, payload = payloadOf(answer.body)): void {
  const isText = typeof answer.body === 'string'
  const isBytes = answer.body instanceof Uint8Array
  context.body = payload
  context.status = answer.status
  context.type = isText ? 'text/plain; charset=utf-8' : isBytes ? 'application/octet-stream' : 'application/json'
  context.set('x-content-type-options', 'nosniff')
  context.set('cache-control', 'no-store')
  context.set(answer.headers ?? {})
}

function createSecure(tls: ServerTls, handshakeMs: number, callback: (...exchange: unknown[]) => void): Server {
  const { ca, cert, key } = tls
  const mutual = { ca, cert, key, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3' } as const
  const server = createTlsServer({ ...CHECKING, ...mutual, handshakeTimeout: handshakeMs }, callback)
  const pinned = new Set(tls.clientFingerprints.map(plainFingerprint))
  server.on('secureConnection', (socket: TLSSocket) => {
    if (pinned.size > 0 && !pinned.has(fingerprintOf(socket))) socket.destroy()
  })
  return server
}

/** A connection whose certificate is not at hand, such as a resumed or a broken one, has none that could be pinned. */
function fingerprintOf(socket: TLSSocket): string {
  const certificate = socket.getPeerCertificate() as Partial<PeerCertificate> | null
  return plainFingerprint(certificate?.fingerprint256 ?? '')
}

const plainFingerprint = (fingerprint: string) => fingerprint.replaceAll(':', '').toLowerCase()

function applyLimits(server: Server, limits: ServerLimits): void {
  server.headersTimeout = limits.headersMs
  server.requestTimeout = limits.requestMs
  server.keepAliveTimeout = limits.keepAliveMs
  server.timeout = limits.silenceMs
}

async function stop(server: Server, graceMs: number): Promise<void> {
  const timer = setTimeout(() => server.closeAllConnections(), graceMs)
  await unlisten(server)
  clearTimeout(timer)
}
