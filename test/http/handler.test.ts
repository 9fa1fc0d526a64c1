import { describe, expect, test } from 'vitest'
import { boundary } from '../../src/kernel/fault.ts'
import type { HttpRequest } from '../../src/http.ts'
import { openApi } from '../../src/http/openapi.ts'
import { grantOf, holderOf, parseTokens } from '../../src/http/tokens.ts'
import { tableHandler, tableRoutes, WRITE_TOKEN } from './table.ts'

const request = (more: Partial<HttpRequest> = {}): HttpRequest => ({
  method: 'GET',
  path: '/v1/deposits',
  query: {},
  headers: { authorization: `Bearer ${WRITE_TOKEN}` },
  body: new Uint8Array(),
  ...more,
})

describe('the handler without a server', () => {
  test('puts its headers on every answer, errors too', async () => {
    const handle = tableHandler({ more: { answerHeaders: () => ({ 'memory-sequence': '7' }) } })
    const paths = ['/v1/deposits', '/v1/faults/x', '/nothing', '/v1/withdrawals/%']
    const answers = await Promise.all(paths.map(path => handle(request({ path }))))
    expect(answers.map(answer => [answer.status, answer.headers?.['memory-sequence']])).toEqual(
      [200, 500, 404, 400].map(status => [status, '7']),
    )
  })
  test('asks its guard once the token is good, before the route', async () => {
    const guard = () => {
      throw boundary('memory-behind', 'import the newer memory')
    }
    const handle = tableHandler({ more: { guard } })
    expect((await handle(request())).status).toBe(409)
    expect((await handle(request({ headers: {} }))).status).toBe(401)
    expect((await handle(request({ query: { unknown: '1' } }))).body).toMatchObject({ kind: 'memory-behind' })
  })
  test('bounds the body by itself', async () => {
    const body = new Uint8Array(64 * 1024 + 1)
    expect((await tableHandler()(request({ method: 'PUT', path: '/v1/withdrawals/w', body }))).status).toBe(413)
  })
})

describe('tokens', () => {
  test('stand one a line, with comments', () => {
    expect(parseTokens('# ours\nabcdefghijklmnop\r\n\n read:ponmlkjihgfedcba \n')).toEqual([
      'abcdefghijklmnop',
      'read:ponmlkjihgfedcba',
    ])
  })
  test.each(['', '\n#x\n', 'has a space in the middle', 'ümlaut-ümlaut-ümlaut'])(
    '%j is refused without repeating it',
    text => {
      expect(() => parseTokens(text)).toThrow(/token/)
    },
  )
  test('that stand twice grant the most', () => {
    expect(grantOf(['read:abcdefghijklmnop', 'abcdefghijklmnop'], 'Bearer abcdefghijklmnop')).toBe('write')
    expect(holderOf(['read:abcdefghijklmnop', 'abcdefghijklmnop'], 'Bearer abcdefghijklmnop').at).toBe(1)
    expect(holderOf(['one-long-token-x', 'read:abcdefghijklmnop'], 'Bearer abcdefghijklmnop').at).toBe(1)
    expect(holderOf(['one-long-token-x'], 'Bearer one-long-token-y').at).toBe(-1)
  })
})

test('the description names every route, its parameters, bodies and answers', () => {
  const api = openApi(tableRoutes(), { title: 't', version: '1', description: 'd' })
  expect(api.openapi).toBe('3.1.0')
  const paths = api.paths as Record<string, Record<string, Record<string, unknown>>>
  expect(Object.keys(paths['/v1/withdrawals/{id}']!)).toEqual(['get', 'put'])
  expect(paths['/v1/withdrawals/{id}']!.put).toMatchObject({
    parameters: [{ name: 'id', in: 'path', required: true }],
    requestBody: { content: { 'application/json': { schema: { type: 'object', additionalProperties: false } } } },
    security: [{ token: [] }],
  })
  expect(paths['/v1/deposits']!.get).toMatchObject({
    parameters: [
      { name: 'chain', in: 'query', required: false },
      { name: 'colour', in: 'query', required: false },
      { name: 'limit', in: 'query', required: false },
    ],
  })
  expect(paths['/healthz']!.get).toMatchObject({ security: [] })
  expect(() => JSON.stringify(api)).not.toThrow()
})
