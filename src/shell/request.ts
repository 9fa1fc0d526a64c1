/** The request port on real sockets: http, https and Unix sockets, with connections kept alive between calls. */
import http from 'node:http'
import https from 'node:https'
import type { Socket } from 'node:net'
import { boundary, operating, reasonOf, unknownOutcome } from '../kernel/fault.ts'
import type { HttpCall, HttpResult } from '../kernel/ports.ts'
import type { Requester } from './ports.ts'

/** Contents of PEM files. */
export interface ClientTls {
  ca: string
  cert: string
  key: string
  /** They are for this origin alone (`https://host:port`); for all unless said. */
  origin?: string
}

interface Target {
  secure: boolean
  options: http.RequestOptions
  /** For messages: no query, no credentials. */
  name: string
}

const MAXIMUM_SOCKETS_PER_HOST = 32
/** Below the five seconds after which Node's servers close an idle connection: a race there would look like a lost answer. */
const IDLE_SOCKET_MS = 4000

/** @param tls a client certificate and its authority, for https; without it the system's authorities judge the server. */
export function createRequest(tls?: ClientTls | null): Requester {
  const keepAlive = { keepAlive: true, maxSockets: MAXIMUM_SOCKETS_PER_HOST, timeout: IDLE_SOCKET_MS }
  const plain = new http.Agent(keepAlive)
  const open = new https.Agent(keepAlive)
  const { origin, ...pem } = tls ?? {}
  const pinned = new https.Agent({ ...keepAlive, ...pem })
  const secureFor = (url: string) => (origin === undefined || isOf(origin, url) ? pinned : open)
  return {
    request: async call => perform(call, targetOf(call.url), plain, secureFor(call.url)),
    close: () => {
      plain.destroy()
      open.destroy()
      pinned.destroy()
    },
  }
}

const isOf = (origin: string, url: string): boolean => URL.canParse(url) && new URL(url).origin === origin

/** `unix:/run/lockkeeper/signer.sock:/v1/identity` is a path behind a socket's path. */
function targetOf(url: string): Target {
  if (url.startsWith('unix:')) return unixTarget(url)
  if (!URL.canParse(url)) throw boundary('invalid-url', 'a URL to call is not valid')
  const { protocol, hostname, port, pathname, search } = new URL(url)
  if (protocol !== 'http:' && protocol !== 'https:') throw boundary('invalid-url', `${protocol} is not http: or https:`)
  // An IPv6 address stands in brackets in a URL and without them in a socket's options.
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  const options = { host, path: pathname + search, ...(port !== '' && { port }) }
  return { secure: protocol === 'https:', options, name: `${protocol}//${hostname}${port && `:${port}`}` }
}

function unixTarget(url: string): Target {
  const [, socketPath, path] = /^unix:(\/[^:]+)(?::(\/.*))?$/.exec(url) ?? []
  if (socketPath === undefined) throw boundary('invalid-url', 'a unix URL must look like unix:/path/to/socket:/path')
  return { secure: false, options: { socketPath, path: path ?? '/', host: 'localhost' }, name: `unix:${socketPath}` }
}

function perform(call: HttpCall, target: Target, plain: http.Agent, secure: https.Agent): Promise<HttpResult> {
  return new Promise((resolve, reject) => {
    const length = call.body === null ? {} : { 'content-length': String(call.body.length) }
    const options = { ...target.options, method: call.method, headers: { ...call.headers, ...length } }
    const request = target.secure
      ? https.request({ ...options, agent: secure })
      : http.request({ ...options, agent: plain })
    let connected = false
    const timer = setTimeout(() => request.destroy(new Error(`no answer within ${call.timeoutMs} ms`)), call.timeoutMs)
    const fail = (error: unknown) => {
      clearTimeout(timer)
      const message = `${target.name}: ${reasonOf(error)}`
      reject(connected ? unknownOutcome('no-answer', message, error) : operating('unreachable', message, error))
    }
    request.on('socket', socket => whenConnected(socket, target.secure, () => (connected = true)))
    request.on('error', fail)
    request.on('response', response => {
      collect(response, call.maximumBytes).then(result => {
        clearTimeout(timer)
        resolve(result)
      }, fail)
    })
    request.end(call.body)
  })
}

/** Bytes can have left only on a connection that stood; with TLS none leave before the handshake is done. */
function whenConnected(socket: Socket, secure: boolean, note: () => void): void {
  if (socket.connecting) socket.once(secure ? 'secureConnect' : 'connect', note)
  else note()
}

async function collect(response: http.IncomingMessage, maximumBytes: number): Promise<HttpResult> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    length += chunk.length
    if (length > maximumBytes) {
      response.destroy()
      throw new Error(`the answer has more than ${maximumBytes} bytes`)
    }
    chunks.push(chunk)
  }
  return { status: response.statusCode ?? 0, headers: flatten(response.headers), body: Buffer.concat(chunks, length) }
}

function flatten(headers: http.IncomingHttpHeaders): Record<string, string> {
  const flat: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return flat
}
