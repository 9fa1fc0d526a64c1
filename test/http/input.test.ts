import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { serve, type HttpServer } from '../../src/shell/koa.ts'
import { MAXIMUM_BODY_BYTES, READ_TOKEN, tableHandler, WRITE_TOKEN, type Logged } from './table.ts'
import { converse } from './socket.ts'

interface Problem {
  type: string
  title: string
  status: number
  detail: string
  kind: string
  errors?: { path: string; problem: string }[]
}

const logged: Logged[] = []
let server: HttpServer
beforeAll(async () => {
  server = await serve(tableHandler({ logged }), { listen: '127.0.0.1:0' })
})
afterAll(() => server.stop())

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const good = { asset: 'LTC', amount: '1000' }

function send(method: string, path: string, body?: unknown, headers: Record<string, string> = bearer(WRITE_TOKEN)) {
  const content = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }
  const described = { 'content-type': 'application/json', ...headers }
  return fetch(`http://${server.address}${path}`, { method, headers: described, ...content })
}

async function refused(answer: Promise<Response>, status: number, kind: string): Promise<Problem> {
  const response = await answer
  const problem = (await response.json()) as Problem
  expect(response.headers.get('content-type')).toContain('application/problem+json')
  expect(problem).toMatchObject({ type: 'about:blank', status, kind })
  expect(response.status).toBe(status)
  expect(problem.title).not.toBe('')
  return problem
}

describe('the path', () => {
  test('an unknown path is 404', () => refused(send('GET', '/v2/nothing'), 404, 'not-found'))
  test('a trailing slash is another path', () => refused(send('GET', '/v1/deposits/'), 404, 'not-found'))
  test('another spelling is another path', () => refused(send('GET', '/V1/deposits'), 404, 'not-found'))
  test('an empty name is 404', () => refused(send('GET', '/v1/withdrawals/'), 404, 'not-found'))
  test.each(['POST', 'DELETE', 'PATCH', 'OPTIONS'])('%s is 405 and says what is allowed', async method => {
    const response = await send(method, '/v1/withdrawals/w1')
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('GET, HEAD, PUT')
  })
  test.each(['a%2Fb', 'a%20b', 'ä', 'x'.repeat(129), '%00', '..%2f..'])('the name %s is 400', async name => {
    await refused(send('GET', `/v1/withdrawals/${name}`), 400, 'invalid-name')
  })
  test.each(['.', '..', '%2e', '%2E%2e'])('the name %s is none', async name => {
    const text = `GET /v1/withdrawals/${name} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${WRITE_TOKEN}\r\nConnection: close\r\n\r\n`
    const { status, body } = await converse(server.address, [{ text }])
    expect([status, (JSON.parse(body) as Problem).kind]).toEqual([400, 'invalid-name'])
  })
  test.each(['%', '%zz', '%e2%28'])('bad percent-encoding %s is 400', async name => {
    await refused(send('GET', `/v1/withdrawals/${name}`), 400, 'invalid-name')
  })
  test('a name is decoded once', async () => {
    expect(await (await send('GET', '/v1/withdrawals/a%3Ab~c')).json()).toEqual({ id: 'a:b~c' })
    await refused(send('GET', '/v1/withdrawals/a%253Ab'), 400, 'invalid-name')
  })
})

describe('the token', () => {
  test.each([{}, { authorization: 'Basic abc' }, { authorization: 'Bearer' }, bearer('wrong-token-0123456789')])(
    '%j is 401 and says how',
    async headers => {
      await refused(send('GET', '/v1/withdrawals/w1', undefined, headers), 401, 'unauthorised')
      const response = await send('GET', '/v1/withdrawals/w1', undefined, headers)
      expect(response.headers.get('www-authenticate')).toContain('Bearer')
    },
  )
  test('it is judged before the body', () =>
    refused(send('PUT', '/v1/withdrawals/w1', 'not json', bearer('wrong-token-0123456789')), 401, 'unauthorised'))
  test.each([READ_TOKEN, `read:${READ_TOKEN}`])('%s may read', async token => {
    expect((await send('GET', '/v1/withdrawals/w1', undefined, bearer(token))).status).toBe(200)
  })
  test.each([READ_TOKEN, `read:${READ_TOKEN}`])('%s may not write', async token => {
    await refused(send('PUT', '/v1/withdrawals/w1', good, bearer(token)), 403, 'read-only-token')
  })
  test('a public route asks for none', async () => {
    const response = await send('GET', '/healthz', undefined, {})
    expect([response.status, await response.text()]).toEqual([200, 'ok'])
  })
})

describe('the query', () => {
  test('an unknown parameter is named', async () => {
    const problem = await refused(send('GET', '/v1/deposits?state=x'), 400, 'invalid-content')
    expect(problem.errors).toEqual([{ path: 'query.state', problem: 'is unknown: possible are chain, colour, limit' }])
  })
  test.each([
    ['chain=a&chain=b', 'chain is given more than once'],
    ['chain=', 'chain is empty'],
    ['colour=', 'colour is empty: it must be one of red, green'],
    ['colour=red&colour=red', 'colour is given more than once: it must be one of red, green'],
    ['colour=blue', 'colour must be one of red, green'],
    ['colour=Red', 'colour must be one of red, green'],
    ['limit=', 'limit is empty: it must be a whole number'],
    ['hue=', 'hue is unknown: possible are chain, colour, limit'],
    ['chain=&colour=blue&hue=1', /^chain is empty; colour must be .*; hue is unknown/],
  ])('%s is refused in words', async (query, words) => {
    const problem = await refused(send('GET', `/v1/deposits?${query}`), 400, 'invalid-content')
    if (typeof words === 'string') expect(problem.detail).toBe(words)
    else expect(problem.detail).toMatch(words)
    expect(problem.errors![0]!.path).toBe(`query.${query.split('=')[0]!}`)
  })
  test.each(['0', '1001', '-1', '1.5', 'x', '', '1e2', '99999999999999999999'])('limit=%s is refused', async limit => {
    const problem = await refused(send('GET', `/v1/deposits?limit=${limit}`), 400, 'invalid-content')
    expect(problem.errors?.[0]?.path).toBe('query.limit')
  })
  test('a limit has a default', async () => {
    expect(await (await send('GET', '/v1/deposits')).json()).toEqual({ limit: 100 })
  })
  test('a parameter on a route without any is refused', () =>
    refused(send('GET', '/v1/withdrawals/w1?x=1'), 400, 'invalid-content'))
})

describe('the body', () => {
  test.each(['{', 'undefined', '{"a":1,}', "{'a':1}", '\u0000', '{"asset":"LTC"} x'])('%j is not JSON', async body => {
    await refused(send('PUT', '/v1/withdrawals/w1', body), 400, 'malformed-json')
  })
  test('bytes that are not UTF-8 are not JSON', async () => {
    const body = Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])
    const answer = fetch(`http://${server.address}/v1/withdrawals/w1`, {
      method: 'PUT',
      headers: { ...bearer(WRITE_TOKEN), 'content-type': 'application/json' },
      body,
    })
    await refused(answer, 400, 'malformed-json')
  })
  test.each(['[]', 'null', '"text"', '5', 'true'])('%s is not an object', async body => {
    const problem = await refused(send('PUT', '/v1/withdrawals/w1', body), 400, 'invalid-content')
    expect(problem.errors?.[0]?.path).toBe('body')
  })
  test('every unknown field is named, nested ones too', async () => {
    const body = { ...good, extra: 1, authorisations: [{ key: 'k', more: 2 }] }
    const problem = await refused(send('PUT', '/v1/withdrawals/w1', body), 400, 'invalid-content')
    expect(problem.errors?.map(error => error.path).sort()).toEqual(['body.authorisations.0.more', 'body.extra'])
  })
  test('a field named __proto__ is an unknown field', () =>
    refused(send('PUT', '/v1/withdrawals/w1', '{"asset":"LTC","amount":"1","__proto__":{}}'), 400, 'invalid-content'))
  test('a missing field is named', async () => {
    const problem = await refused(send('PUT', '/v1/withdrawals/w1', { asset: 'LTC' }), 400, 'invalid-content')
    expect(problem.errors).toEqual([{ path: 'body.amount', problem: 'is missing' }])
    expect(problem.detail).toBe('amount is missing')
  })
  test.each([
    [{ ...good, asset: 5 }, 'asset must be a string'],
    [{ ...good, amount: '0' }, 'amount must be more than 0'],
    [{ ...good, authorisations: [{ key: null }] }, 'authorisations.0.key must be a string'],
    [{ ...good, authorisations: {} }, 'authorisations must be a list'],
    [{ ...good, note: '' }, 'note is empty'],
    [{ ...good, note: 'far too long' }, 'note must have at most 8 characters'],
    [{ ...good, memo: 1 }, 'memo is unknown: possible are asset, amount, dataField, note, authorisations'],
    [[good], 'the body must be an object'],
  ])('%j is refused in words', async (body, words) => {
    expect((await refused(send('PUT', '/v1/withdrawals/w1', body), 400, 'invalid-content')).detail).toBe(words)
  })
  test.each([
    ['{"asset":"LTC","amount":"1000","amount":"9000"}', 'amount'],
    ['{"asset":"LTC","amount":"1000","\\u0061mount":"9000"}', 'amount'],
    ['{"asset":"LTC","amount":"1000","authorisations":[{"key":"a"},{"key":"a","key":"a"}]}', 'authorisations.1.key'],
    ['{"a":[{"b":{"c":1,"d":"}","c":1}}]}', 'a.0.b.c'],
  ])('a field that stands twice is refused: %s', async (body, field) => {
    const problem = await refused(send('PUT', '/v1/withdrawals/w1', body), 400, 'invalid-content')
    expect(problem.errors).toEqual([{ path: `body.${field}`, problem: 'is given twice' }])
  })
  test('the same name in two objects stands there once each', async () => {
    const text = '{"asset":"amount \\\\\\" {","amount":"1","authorisations":[{"key":"asset"},{"key":"amount"}]}'
    expect((await send('PUT', '/v1/withdrawals/w1', text)).status).toBe(201)
  })
  test.each([
    ['text/plain', undefined],
    ['text/plain;charset=UTF-8', undefined],
    ['application/xml', undefined],
    ['application/json; charset=latin1', undefined],
    ['', undefined],
    ['application/json', 'gzip'],
    ['application/json', 'br, gzip'],
  ])('%s in coding %s is 415', async (type, coding) => {
    const described = { 'content-type': type, ...(coding && { 'content-encoding': coding }), ...bearer(WRITE_TOKEN) }
    const answer = send('PUT', '/v1/withdrawals/w1', good, described)
    await refused(answer, 415, 'unsupported-media-type')
    expect((await answer).headers.get('accept-encoding')).toBe('identity')
  })
  test.each(['application/json', 'Application/JSON; charset="UTF-8"', 'application/merge-patch+json'])(
    '%s is read',
    async type => {
      const described = { 'content-type': type, 'content-encoding': 'identity', ...bearer(WRITE_TOKEN) }
      expect((await send('PUT', '/v1/withdrawals/w1', good, described)).status).toBe(201)
    },
  )
  test('of no named type is read as JSON', async () => {
    const text = JSON.stringify(good)
    const head = `PUT /v1/withdrawals/w1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${WRITE_TOKEN}\r\nConnection: close\r\n`
    const received = await converse(server.address, [{ text: `${head}Content-Length: ${text.length}\r\n\r\n${text}` }])
    expect(received.status).toBe(201)
  })
  test.each([5, '-5', '1.5', '0', '', '01', '+1', '1e3', '0x10', ' 1', '١', '9'.repeat(79), null, [], 1e30])(
    'the amount %j is refused',
    async amount => {
      const problem = await refused(send('PUT', '/v1/withdrawals/w1', { ...good, amount }), 400, 'invalid-content')
      expect(problem.errors?.[0]?.path).toBe('body.amount')
    },
  )
  test('an amount of 78 digits stays exact', async () => {
    const amount = '9'.repeat(78)
    const response = await send('PUT', '/v1/withdrawals/w1', { ...good, amount })
    expect([response.status, await response.json()]).toEqual([
      201,
      { id: 'w1', asset: 'LTC', amount, dataField: null, authorisations: [] },
    ])
  })
  test('a complaint does not repeat a huge field name', async () => {
    const problem = await refused(
      send('PUT', '/v1/withdrawals/w1', { ...good, ['x'.repeat(9999)]: 1 }),
      400,
      'invalid-content',
    )
    expect(JSON.stringify(problem).length).toBeLessThan(1000)
  })
  test('a route without a body takes {} and nothing else', async () => {
    await refused(send('PUT', '/v1/withdrawals/w1/cancellation', { a: 1 }), 400, 'invalid-content')
    const problem = await refused(send('PUT', '/v1/withdrawals/w1/cancellation', {}), 409, 'already-signed')
    expect(problem).toMatchObject({ receipt: { signed: ['ab'] } })
  })
})

describe('a body that is too large', () => {
  const put = `PUT /v1/withdrawals/w1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${WRITE_TOKEN}\r\n`
  test('is 413', () => refused(send('PUT', '/v1/withdrawals/w1', 'x'.repeat(MAXIMUM_BODY_BYTES + 1)), 413, 'too-large'))
  test('of exactly the limit is read', () =>
    refused(send('PUT', '/v1/withdrawals/w1', 'x'.repeat(MAXIMUM_BODY_BYTES)), 400, 'malformed-json'))
  test('is refused by its announced length, before it comes', async () => {
    const received = await converse(server.address, [{ text: `${put}Content-Length: 99999999\r\n\r\n` }])
    expect([received.status, received.headers.connection]).toEqual([413, 'close'])
  })
  test('is refused while it streams in without a length', async () => {
    const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`
    const pieces = [
      { text: `${put}Transfer-Encoding: chunked\r\n\r\n` },
      ...Array.from({ length: 8 }, () => ({ text: chunk })),
    ]
    const received = await converse(server.address, pieces)
    expect([received.status, received.headers.connection]).toEqual([413, 'close'])
  })
})

describe('an error', () => {
  test('of a node is 503 with Retry-After and its reason', async () => {
    expect((await refused(send('GET', '/v1/faults/node'), 503, 'unreachable')).detail).toBe('the node is down')
    expect((await send('GET', '/v1/faults/pool')).headers.get('retry-after')).toMatch(/^\d+$/)
  })
  test.each(['invariant', 'other'])('of our own (%s) is 500, shows nothing and is logged', async id => {
    logged.length = 0
    const response = await send('GET', `/v1/faults/${id}`)
    const text = await response.text()
    expect(response.status).toBe(500)
    expect(text).not.toContain('secret of the inside')
    expect(logged).toMatchObject([{ level: 'error', fields: { reason: 'a secret of the inside' } }])
  })
  test('of a client is not logged', async () => {
    logged.length = 0
    await refused(send('PUT', '/v1/withdrawals/w1', '{'), 400, 'malformed-json')
    expect(logged).toEqual([])
  })
})

describe('a list as a table', () => {
  const ask = (path: string, accept: string) => send('GET', path, undefined, { ...bearer(WRITE_TOKEN), accept })
  test.each(['text/csv', 'text/csv, application/json;q=0.5', 'Text/CSV;q=0.9,*/*;q=0.1'])(
    'is given for %s',
    async accept => {
      const response = await ask('/v1/rows', accept)
      expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present')
      expect(response.headers.get('lockkeeper-next')).toBe('7')
      const rows = ['name,count,parts', '"a, ""b""",1,"[""x"",null]"', '"two\nlines",,[]', '']
      expect(await response.text()).toBe(rows.join('\r\n'))
    },
  )
  test.each(['application/json', '*/*', 'text/csv;q=0', 'text/csv;q=0.5, application/json', 'text/html'])(
    'is not given for %s',
    async accept => {
      expect(await (await ask('/v1/rows', accept)).json()).toMatchObject({ next: 7 })
    },
  )
  test('is no other answer', async () => {
    expect(await (await ask('/v1/withdrawals/w1', 'text/csv')).json()).toEqual({ id: 'w1' })
    await refused(ask('/v1/rows?x=1', 'text/csv'), 400, 'invalid-content')
  })
})

test('a parameter that is no name may be any text', async () => {
  expect(await (await send('GET', '/v1/texts/a%2F%C3%A4%20x')).json()).toEqual({ text: 'a/ä x' })
  await refused(send('GET', `/v1/texts/${'x'.repeat(513)}`), 400, 'invalid-name')
})

test('HEAD answers as GET does, without the body', async () => {
  const response = await send('HEAD', '/v1/withdrawals/w1')
  expect([response.status, await response.text()]).toEqual([200, ''])
})
