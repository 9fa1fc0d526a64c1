import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { HttpAnswer, HttpRequest } from '../http.ts'
import { tooLarge } from '../http/handler.ts'
import { problemOf } from '../http/problem.ts'
import { listen, unlisten } from './listen.ts'

/** A simulated node is asked for nothing larger. */
const MAXIMUM_BODY_BYTES = 16 * 1024 * 1024

type Answer = (request: HttpRequest) => Promise<HttpAnswer>

/** One function answers whatever is asked, on a free port of the loopback address. What it throws is a problem document. */
export async function serveAny(answer: Answer): Promise<{ url: string; stop: () => Promise<void> }> {
  const server = createServer((incoming, outgoing) => void exchange(incoming, outgoing, answer))
  const address = await listen(server, '127.0.0.1:0')
  const stop = () => {
    server.closeAllConnections()
    return unlisten(server)
  }
  return { url: `http://${address}`, stop }
}

async function exchange(incoming: IncomingMessage, outgoing: ServerResponse, answer: Answer): Promise<void> {
  const result = await requestOf(incoming).then(answer).catch(problemOf)
  const { status, headers = {}, body } = result
  const isRaw = typeof body === 'string' || body instanceof Uint8Array
  outgoing.writeHead(status, isRaw ? headers : { 'content-type': 'application/json', ...headers })
  outgoing.end(isRaw ? body : JSON.stringify(body))
}

async function requestOf(incoming: IncomingMessage): Promise<HttpRequest> {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(incoming.headers))
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value
  const { method = 'GET', url = '/' } = incoming
  const { pathname, searchParams } = new URL(url, 'http://simulated')
  return { method, path: pathname, query: Object.fromEntries(searchParams), headers, body: await bodyOf(incoming) }
}

async function bodyOf(incoming: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of incoming) {
    length += chunk.length
    if (length > MAXIMUM_BODY_BYTES) throw tooLarge(MAXIMUM_BODY_BYTES)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
