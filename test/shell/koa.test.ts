import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fork } from 'node:child_process'
import { connect, createServer } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { createHandler } from '../../src/http/handler.ts'
import { defineRoute } from '../../src/http/route.ts'
import { createRequest } from '../../src/shell/request.ts'
import { serve, SERVER_LIMITS, type HttpServer } from '../../src/shell/koa.ts'
import { converse } from '../http/socket.ts'
import { PATIENCE_MS } from '../patience.ts'
import { READ_TOKEN, tableHandler, WRITE_TOKEN } from '../http/table.ts'

const limits = { ...SERVER_LIMITS, headersMs: 1000, requestMs: 2000, keepAliveMs: 200, graceMs: 500 }

let directory: string
let server: HttpServer | null = null
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lockkeeper-koa-'))
})
afterEach(async () => {
  await server?.stop()
  server = null
  await rm(directory, { recursive: true })
})

const start = async (wait?: () => Promise<void>, listen = '127.0.0.1:0') => {
  server = await serve(tableHandler(wait === undefined ? {} : { wait }), { listen, limits })
  return server
}
const get = (path: string) =>
  `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${WRITE_TOKEN}\r\nConnection: close\r\n\r\n`

describe('a slow client', () => {
  test('that never finishes its headers is cut off', async () => {
    const { address } = await start()
    expect((await converse(address, [{ text: 'GET /healthz HTTP/1.1\r\nHost: x\r\n' }])).status).toBe(408)
  })
  test('that sends nothing at all is cut off', async () => {
    const { address } = await start()
    expect((await converse(address, [])).status).toBe(408)
  })
  test('that trickles its body is cut off', async () => {
    const { address } = await start()
    const head = `PUT /v1/withdrawals/w HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${WRITE_TOKEN}\r\nContent-Length: 100\r\n\r\n`
    const drops = Array.from({ length: 60 }, () => ({ text: ' ', afterMs: 100 }))
    expect((await converse(address, [{ text: head }, ...drops])).status).toBe(408)
  })
  test('does not keep others from being served', async () => {
    const { address } = await start()
    const slow = converse(address, [{ text: 'GET /healthz HTTP/1.1\r\n' }])
    expect((await converse(address, [{ text: get('/healthz') }])).status).toBe(200)
    await slow
  })
  test('that says what is not HTTP gets 400', async () => {
    const { address } = await start()
    expect((await converse(address, [{ text: '\u0016\u0003\u0001 hello\r\n\r\n' }])).status).toBe(400)
  })
  test('cannot smuggle a second length', async () => {
    const { address } = await start()
    const text = `PUT /v1/withdrawals/w HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`
    expect((await converse(address, [{ text }])).status).toBe(400)
  })
})

describe('what is no request gets a problem document:', () => {
  const authorised = `Host: x\r\nAuthorization: Bearer ${WRITE_TOKEN}\r\n`
  const chunk = `1;${'e'.repeat(20_000)}\r\nx\r\n`
  test.each([
    [400, 'malformed-request', '\u0016\u0003\u0001 hello\r\n\r\n'],
    [400, 'malformed-request', 'GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n'],
    [400, 'malformed-request', 'GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\nConnection: close\r\n\r\n'],
    [400, 'malformed-request', 'GET /healthz HTTP/1.1\r\nHost x\r\n\r\n'],
    [408, 'request-timeout', 'GET /healthz HTTP/1.1\r\nHost: x\r\n'],
    [413, 'too-large', `PUT /v1/withdrawals/w HTTP/1.1\r\n${authorised}Transfer-Encoding: chunked\r\n\r\n${chunk}`],
    [
      417,
      'expectation-failed',
      `PUT /v1/withdrawals/w HTTP/1.1\r\n${authorised}Expect: magic\r\nContent-Length: 2\r\n\r\n`,
    ],
    [431, 'headers-too-large', `GET /healthz HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`],
    [431, 'headers-too-large', `GET /${'z'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`],
  ])('%i %s', async (status, kind, text) => {
    const more = { answerHeaders: () => ({ 'memory-sequence': '7' }) }
    server = await serve(tableHandler({ more }), { listen: '127.0.0.1:0', limits })
    const received = await converse(server.address, [{ text }])
    expect(received.status).toBe(status)
    expect(JSON.parse(received.body)).toMatchObject({ type: 'about:blank', status, kind })
    expect(received.headers).toMatchObject({
      'content-type': 'application/problem+json',
      connection: 'close',
      'memory-sequence': '7',
    })
  })
})

describe('connections that ask nothing', () => {
  /** Resolves once they are open. */
  const hold = (address: string, count: number) =>
    Promise.all(
      Array.from({ length: count }, () => {
        const [host, port] = address.split(':')
        const socket = connect({ host: host!, port: Number(port) })
        socket.on('error', () => undefined)
        return new Promise<typeof socket>(resolve => socket.once('connect', () => resolve(socket)))
      }),
    )
  test('do not keep others from being answered, however many', async () => {
    server = await serve(tableHandler(), { listen: '127.0.0.1:0' })
    const held = await hold(server.address, 2 * SERVER_LIMITS.connections)
    expect((await converse(server.address, [{ text: get('/healthz') }])).status).toBe(200)
    for (const socket of held) socket.destroy()
  })
  test('make room before one that is being answered', async () => {
    let release: (() => void) | undefined
    const waiting = new Promise<void>(resolve => (release = resolve))
    const { wait, isAsked } = asked(() => waiting)
    const few = { ...limits, connections: 4, headersMs: 60_000, requestMs: 60_000 }
    server = await serve(tableHandler({ wait }), { listen: '127.0.0.1:0', limits: few })
    const answer = converse(server.address, [{ text: get('/v1/events') }])
    await isAsked
    const held = await hold(server.address, 20)
    release?.()
    expect((await answer).status).toBe(200)
    for (const socket of held) socket.destroy()
  })
  test('are refused where all are being answered', async () => {
    const { wait, isAsked } = asked(() => new Promise(() => undefined))
    server = await serve(tableHandler({ wait }), { listen: '127.0.0.1:0', limits: { ...limits, connections: 1 } })
    const answer = converse(server.address, [{ text: get('/v1/events') }])
    await isAsked
    expect((await converse(server.address, [{ text: get('/healthz') }])).status).toBe(0)
    await server.stop()
    expect((await answer).status).toBe(0)
  })
})

describe('nobody works for strangers:', () => {
  const long = 11 * 2 ** 20
  const put = (path: string, token: string, length: number) =>
    `PUT ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Length: ${length}\r\n\r\n`
  /** The head alone: whoever answers it has waited for nothing of the body. */
  const kindOf = async (head: string) => {
    const { status, body } = await converse((server ?? (await start())).address, [{ text: head }])
    return [status, (JSON.parse(body) as { kind: string }).kind]
  }

  test('the token comes before the body', async () => {
    expect(await kindOf(put('/v1/withdrawals/w', 'wrong', long))).toEqual([401, 'unauthorised'])
    expect(await kindOf(put('/v1/withdrawals/w', READ_TOKEN, 10))).toEqual([403, 'read-only-token'])
  })
  test('no body is read where none belongs', async () => {
    expect(await kindOf(`GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: ${long}\r\n\r\n`)).toEqual([
      413,
      'too-large',
    ])
    expect(await kindOf(`GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`)).toEqual([
      413,
      'too-large',
    ])
    expect(await kindOf(put('/v1/nowhere', WRITE_TOKEN, long))).toEqual([404, 'not-found'])
    expect(await kindOf(put('/healthz', WRITE_TOKEN, long))).toEqual([405, 'method-not-allowed'])
  })
  test('what takes no body takes {} and no more', async () => {
    expect(await kindOf(put('/v1/withdrawals/w/cancellation', WRITE_TOKEN, 65))).toEqual([413, 'too-large'])
    expect(await kindOf(`${put('/v1/withdrawals/w/cancellation', WRITE_TOKEN, 2)}{}`)).toEqual([409, 'already-signed'])
  })
  test('answers that nobody takes are bounded, too, and small ones never refused for them', async () => {
    const large = 'x'.repeat(2 ** 20)
    const wait = () => Promise.resolve()
    const handler = tableHandler({ wait })
    const answer = () => Promise.resolve({ status: 200, body: large })
    server = await serve(Object.assign(answer, { ...handler, answer }), {
      listen: '127.0.0.1:0',
      limits: { ...limits, heldBytes: 2 ** 20 - 1 },
    })
    expect((await converse(server.address, [{ text: get('/v1/deposits') }])).status).toBe(503)
    await server.stop()
    const small = () => Promise.resolve({ status: 200, body: 'x'.repeat(16 * 1024) })
    const tight = { listen: '127.0.0.1:0', limits: { ...limits, heldBytes: 0 } }
    server = await serve(Object.assign(small, { ...handler, answer: small }), tight)
    expect((await converse(server.address, [{ text: get('/v1/deposits') }])).status).toBe(200)
  })
})

/** What a route waits for, and when it has begun to. */
function asked(until: () => Promise<void>) {
  let begin: () => void = () => undefined
  const isAsked = new Promise<void>(resolve => (begin = resolve))
  const wait = () => {
    begin()
    return until()
  }
  return { wait, isAsked }
}

describe('a client that leaves before it is answered', () => {
  test('is told of to the route, and one that was answered is not', async () => {
    const left: AbortSignal[] = []
    let isAsked: () => void = () => undefined
    const asked = new Promise<void>(resolve => (isAsked = resolve))
    const route = (path: string, handle: (signal: AbortSignal) => Promise<void>) =>
      defineRoute({
        ...{ method: 'GET', path, summary: path, access: 'public', answers: { 200: z.object({}) } },
        async handle({ left: signal }) {
          left.push(signal!)
          await handle(signal!)
          return { status: 200, body: {} }
        },
      })
    const leaves = (signal: AbortSignal) =>
      new Promise<void>(resolve => {
        signal.addEventListener('abort', () => resolve())
        isAsked()
      })
    const routes = [route('/slow', leaves), route('/quick', async () => undefined)]
    const options = { tokens: () => [], maximumBodyBytes: 1000, log: () => undefined }
    server = await serve(createHandler(routes, options), { listen: '127.0.0.1:0', limits })
    expect((await converse(server.address, [{ text: get('/quick') }])).status).toBe(200)
    const [host, port] = server.address.split(':')
    const socket = connect({ host: host!, port: Number(port) })
    socket.write(get('/slow'))
    await asked
    expect(left.map(({ aborted }) => aborted)).toEqual([false, false])
    socket.destroy()
    await expect.poll(() => left[1]!.aborted).toBe(true)
    expect(left[0]!.aborted).toBe(false)
  })
})

describe('the end', () => {
  test('lets an answer under way finish', async () => {
    let release: (() => void) | undefined
    const waiting = new Promise<void>(resolve => (release = resolve))
    const { wait, isAsked } = asked(() => waiting)
    const running = await start(wait)
    const answer = converse(running.address, [{ text: get('/v1/events') }])
    await isAsked
    const stopped = running.stop()
    release?.()
    expect((await answer).status).toBe(200)
    await stopped
  })
  test('cuts an answer that never comes', async () => {
    const { wait, isAsked } = asked(() => new Promise(() => undefined))
    const running = await start(wait)
    const answer = converse(running.address, [{ text: get('/v1/events') }])
    await isAsked
    await running.stop()
    expect((await answer).status).toBe(0)
  })
  test('refuses new connections', async () => {
    const running = await start()
    await running.stop()
    const requester = createRequest()
    const call = { method: 'GET', url: `http://${running.address}/healthz`, headers: {}, body: null } as const
    await expect(requester.request({ ...call, timeoutMs: PATIENCE_MS, maximumBytes: 10 })).rejects.toMatchObject({
      kind: 'unreachable',
    })
    requester.close()
  })
})

describe('a Unix socket', () => {
  test('serves its owner and its group only', async () => {
    const path = join(directory, 's.sock')
    const { address } = await start(undefined, `unix:${path}`)
    expect(address).toBe(`unix:${path}`)
    expect((await stat(path)).mode & 0o777).toBe(0o660)
    expect((await converse(address, [{ text: get('/healthz') }])).status).toBe(200)
  })
  test('that a killed process left is taken over', async () => {
    const path = join(directory, 's.sock')
    const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.send('up'))`
    await writeFile(join(directory, 'leave.cjs'), script)
    const child = fork(join(directory, 'leave.cjs'))
    await new Promise(resolve => child.once('message', resolve))
    const gone = new Promise(resolve => child.once('exit', resolve))
    child.kill('SIGKILL')
    await gone
    expect((await stat(path)).isSocket()).toBe(true)
    const { address } = await start(undefined, `unix:${path}`)
    expect((await converse(address, [{ text: get('/healthz') }])).status).toBe(200)
  })
  test('on which somebody answers is left alone', async () => {
    const path = join(directory, 's.sock')
    const other = createServer().listen(path)
    await new Promise(resolve => other.once('listening', resolve))
    await expect(start(undefined, `unix:${path}`)).rejects.toMatchObject({ kind: 'address-in-use' })
    await new Promise(resolve => other.close(resolve))
  })
  test('never replaces a file', async () => {
    const path = join(directory, 'precious')
    await writeFile(path, 'x')
    await expect(start(undefined, `unix:${path}`)).rejects.toMatchObject({ kind: 'invalid-address' })
    expect((await stat(path)).size).toBe(1)
  })
})

test('a port that is taken is an error that names it', async () => {
  const { address } = await start()
  await expect(serve(tableHandler(), { listen: address })).rejects.toThrow(address)
})

test('an IPv6 address is listened on', async () => {
  const { address } = await start(undefined, '[::1]:0')
  expect(address).toMatch(/^\[::1\]:\d+$/)
})
