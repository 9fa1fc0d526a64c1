/** What never becomes a request, because it is not HTTP, too long or too slow, is answered as everything else: with a problem. */
import { STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { boundary } from '../kernel/fault.ts'
import type { HttpAnswer, HttpRequest } from '../http.ts'
import type { RouteHandler } from '../http/handler.ts'

/** Node's codes for what its parser refuses; anything else is simply no HTTP. */
const FAULTS: Record<string, () => Error> = {
  ERR_HTTP_REQUEST_TIMEOUT: () => boundary('request-timeout', 'the request did not come in time'),
  HPE_HEADER_OVERFLOW: () => boundary('headers-too-large', 'the request line and the headers have too many bytes'),
  HPE_CHUNK_EXTENSIONS_OVERFLOW: () => boundary('too-large', 'the extensions of a chunk have too many bytes'),
}

const faultOf = ({ code = '' }: NodeJS.ErrnoException): Error =>
  FAULTS[code]?.() ?? boundary('malformed-request', 'what was sent is not a request of HTTP/1.1')

/** No more is known of it. */
const UNREAD: HttpRequest = { method: '', path: '', query: {}, headers: {}, body: new Uint8Array() }

/** Answers with the handler's own headers, as every answer does, and ends the connection. */
export function answerRefused(server: Server, handler: RouteHandler): void {
  const answering = new WeakMap<Duplex, ServerResponse>()
  server.on('request', ({ socket }, response) => answering.set(socket, response))
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // An answer that has begun cannot be taken back; a connection that broke takes none.
    if (!socket.writable || answering.get(socket)?.headersSent === true) socket.destroy()
    else void handler.refuse(UNREAD, faultOf(error)).then(answer => socket.end(rawOf(answer), () => socket.destroy()))
  })
  server.on('checkExpectation', (_: IncomingMessage, response: ServerResponse) => {
    const fault = boundary('expectation-failed', 'only Expect: 100-continue is understood')
    void handler.refuse(UNREAD, fault).then(({ status, headers, body }) => {
      const text = JSON.stringify(body)
      const framing = { 'content-length': Buffer.byteLength(text), connection: 'close' }
      response.writeHead(status, { ...headers, ...framing }).end(text)
    })
  })
}

function rawOf({ status, headers, body }: HttpAnswer): string {
  const text = JSON.stringify(body)
  const fields = { ...headers, 'content-length': String(Buffer.byteLength(text)), connection: 'close' }
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`)
  return [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}`, ...lines, '', text].join('\r\n')
}

/** Throws boundary `malformed-request`: HTTP/1.1 wants one Host header (RFC 9112, section 3.2). */
export function refuseHostless({ httpVersion, rawHeaders }: IncomingMessage): void {
  const hosts = rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === 'host').length
  if (hosts > 1 || (hosts === 0 && httpVersion === '1.1'))
    throw boundary('malformed-request', hosts > 1 ? 'there is more than one Host header' : 'the Host header is missing')
}
