import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import type { HttpCall } from '../../src/kernel/ports.ts'
import { createRequest } from '../../src/shell/request.ts'
import { PATIENCE_MS } from '../patience.ts'

const requester = createRequest()
const open: { close(): unknown }[] = []
afterEach(() => {
  requester.close()
  for (const server of open.splice(0)) server.close()
})

const call = (url: string, more: Partial<HttpCall> = {}) =>
  requester.request({
    method: 'GET',
    url,
    headers: {},
    body: null,
    timeoutMs: PATIENCE_MS,
    maximumBytes: 1000,
    ...more,
  })

async function serveHttp(listener: RequestListener, path?: string): Promise<{ url: string; server: Server }> {
  const server = createServer(listener)
  open.push(server)
  await new Promise<void>(resolve => server.listen(path ?? { host: '127.0.0.1', port: 0 }, resolve))
  const url = path === undefined ? `http://127.0.0.1:${(server.address() as AddressInfo).port}` : `unix:${path}:`
  return { url, server }
}

async function serveTcp(talk: (socket: Socket) => void): Promise<string> {
  const server = createTcpServer(socket => {
    socket.on('error', () => undefined)
    talk(socket)
  })
  open.push(server)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const echo: RequestListener = (request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    response.writeHead(201, { 'X-Seen': `${request.method} ${request.url} ${request.headers.authorization}` })
    response.end(Buffer.concat(chunks))
  })
}

describe('an answer', () => {
  test('carries status, headers in lower case and the body as it came', async () => {
    const { url } = await serveHttp(echo)
    const body = Buffer.from([0, 255, 128])
    const answer = await call(`${url}/a/b?c=%20d`, { method: 'PUT', headers: { authorization: 'x' }, body })
    expect(answer.status).toBe(201)
    expect(answer.headers['x-seen']).toBe('PUT /a/b?c=%20d x')
    expect(Buffer.from(answer.body)).toEqual(body)
  })
  test('comes over a Unix socket', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'lockkeeper-request-'))
    const { url } = await serveHttp(echo, join(directory, 's.sock'))
    expect((await call(`${url}/v1/x?y=1`)).headers['x-seen']).toBe('GET /v1/x?y=1 undefined')
    await rm(directory, { recursive: true })
  })
  test('of an error status is an answer', async () => {
    const { url } = await serveHttp((_request, response) => response.writeHead(500).end('down'))
    expect((await call(url)).status).toBe(500)
  })
  test('reuses the connection', async () => {
    let connections = 0
    const { url, server } = await serveHttp(echo)
    server.on('connection', () => connections++)
    for (let at = 0; at < 5; at++) await call(url)
    expect(connections).toBe(1)
  })
  test('of exactly the maximum is taken', async () => {
    const { url } = await serveHttp((_request, response) => response.end('x'.repeat(1000)))
    expect((await call(url)).body.length).toBe(1000)
  })
})

describe('A1: when nothing was sent', () => {
  test.each(['http://127.0.0.1:1', 'unix:/nowhere/s.sock:/', 'http://does-not-exist.invalid'])(
    '%s is unreachable',
    url => expect(call(url)).rejects.toMatchObject({ type: 'operating', kind: 'unreachable' }),
  )
  test('a handshake that fails is unreachable', async () => {
    const url = await serveTcp(socket => socket.end('not TLS'))
    await expect(call(url.replace('http:', 'https:'))).rejects.toMatchObject({ type: 'operating', kind: 'unreachable' })
  })
})

describe('A1: when something may have been sent', () => {
  const unknown = { type: 'unknownOutcome', kind: 'no-answer' }
  test('a connection that closes without an answer is an unknown outcome', async () => {
    const url = await serveTcp(socket => socket.once('data', () => socket.destroy()))
    await expect(call(url, { method: 'PUT', body: Buffer.from('{}') })).rejects.toMatchObject(unknown)
  })
  test('silence is an unknown outcome, after the time-out', async () => {
    const url = await serveTcp(() => undefined)
    await expect(call(url, { timeoutMs: 200 })).rejects.toMatchObject(unknown)
  })
  test('an answer that trickles for longer than the time-out is cut', async () => {
    const { url } = await serveHttp((_request, response) => {
      const timer = setInterval(() => response.write('x'), 20)
      response.on('close', () => clearInterval(timer))
    })
    await expect(call(url, { timeoutMs: 300 })).rejects.toMatchObject(unknown)
  })
  test('an answer that breaks off is an unknown outcome, not a short answer', async () => {
    const url = await serveTcp(socket => {
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf'))
    })
    await expect(call(url)).rejects.toMatchObject(unknown)
  })
  test('an answer that is no HTTP is an unknown outcome', async () => {
    const url = await serveTcp(socket => socket.once('data', () => socket.end('hello\r\n\r\n')))
    await expect(call(url)).rejects.toMatchObject(unknown)
  })
  test('an answer above the maximum is cut', async () => {
    const { url } = await serveHttp((_request, response) => response.end('x'.repeat(1001)))
    await expect(call(url)).rejects.toMatchObject(unknown)
  })
})

test.each(['ftp://x', 'nonsense', 'unix:relative', 'file:///etc/passwd'])('%s is no address to call', url =>
  expect(call(url)).rejects.toMatchObject({ type: 'boundary', kind: 'invalid-url' }),
)
test('credentials of a URL are in no message', async () => {
  await expect(call('http://user:hunter2@127.0.0.1:1/?token=hunter2')).rejects.toThrow(/^(?!.*hunter2)/)
})
