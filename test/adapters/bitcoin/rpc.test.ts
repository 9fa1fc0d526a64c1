import { claim } from '../../../src/kernel/untyped.ts'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { createRpc, fromSatoshi, RPC_ERROR, toSatoshi, type NodeAccess } from '../../../adapters/bitcoin/rpc.ts'
import { operating, unknownOutcome } from '../../../src/kernel/fault.ts'
import type { Disk, File, HttpCall, HttpResult, Request } from '../../../src/kernel/ports.ts'

const PASSWORD = 'correct horse battery staple'
const access: NodeAccess = { url: 'http://node:19443', username: 'u', password: PASSWORD }
const noDisk = {} as Disk

const result = (status: number, body: string | Uint8Array): HttpResult => ({
  status,
  headers: {},
  body: typeof body === 'string' ? new TextEncoder().encode(body) : body,
})
const answering =
  (status: number, body: string | Uint8Array): Request =>
  async () =>
    result(status, body)
const ask = (request: Request, shape: z.ZodType = z.unknown()) =>
  createRpc(access, request, noDisk).ask(shape, [], 'getblockcount')

test.each([
  ['1.50000000', 150_000_000n],
  ['0.00000001', 1n],
  ['-0.00000001', -1n],
  ['20999999.97690000', 2_099_999_997_690_000n],
  ['90071992.54740993', 9_007_199_254_740_993n],
  ['83999999999.99999999', 8_399_999_999_999_999_999n],
  ['1e-8', 1n],
  ['1.5E+2', 15_000_000_000n],
  ['0.100000000000', 10_000_000n],
  [50, 5_000_000_000n],
  [0, 0n],
])('B10: %s coins are %s base units exactly', (coins, satoshi) => {
  expect(toSatoshi(coins)).toBe(satoshi)
})

test.each(['0.000000001', '1e-9', 'NaN', '', '1,5', '0x10', '1e999', null, {}, '1'.repeat(40)])(
  'B10: %s is no amount',
  coins => {
    expect(() => toSatoshi(coins)).toThrow(expect.objectContaining({ type: 'operating', kind: 'node-malformed' }))
  },
)

test('amounts in arguments have eight decimals', () => {
  expect([0n, 1n, 150_000_000n, -5n].map(fromSatoshi)).toEqual([
    '0.00000000',
    '0.00000001',
    '1.50000000',
    '-0.00000005',
  ])
})

test('B10: an amount beyond the precision of a float survives the answer', async () => {
  const rpc = createRpc(
    access,
    answering(200, '{"result":{"value":90071992.54740993,"n":3},"error":null,"id":1}'),
    noDisk,
  )
  expect(await rpc.call(z.unknown(), 'gettxout')).toEqual({ value: '90071992.54740993', n: 3 })
})

test.each([
  ['HTML', 200, '<html><body>Welcome to nginx!</body></html>', 'node-malformed'],
  ['an empty body', 200, '', 'node-malformed'],
  ['truncated JSON', 200, '{"result":{"blocks":10', 'node-malformed'],
  ['JSON of something else', 200, '{"status":"ok"}', 'node-malformed'],
  ['a JSON list', 200, '[]', 'node-malformed'],
  ['another question’s answer', 200, '{"result":5,"error":null,"id":77}', 'node-malformed'],
  ['a result with status 500', 500, '{"result":5,"error":null,"id":1}', 'node-malformed'],
  ['an error without a code', 500, '{"result":null,"error":{"message":"x"},"id":1}', 'node-malformed'],
  ['a bad gateway', 502, '<h1>Bad gateway</h1>', 'node-malformed'],
  ['a full work queue', 503, 'Work queue depth exceeded', 'node-busy'],
  ['wrong credentials', 401, '', 'node-credentials'],
  ['a forbidden method', 403, '', 'node-forbidden'],
  ['a page that is missing', 404, '', 'node-malformed'],
  ['a redirection', 302, 'Moved', 'node-malformed'],
  [
    'warming up',
    500,
    '{"result":null,"error":{"code":-28,"message":"Loading block index..."},"id":1}',
    'node-warming-up',
  ],
  ['bytes that are no text', 200, Uint8Array.of(0xff, 0xfe, 0x00), 'node-malformed'],
])('A5: %s is an outage', async (_, status, body, kind) => {
  await expect(ask(answering(status, body))).rejects.toMatchObject({ type: 'operating', kind })
})

test('A5: a result of another shape is an outage that names the place', async () => {
  const request = answering(200, '{"result":{"blocks":"many"},"error":null,"id":1}')
  await expect(ask(request, z.object({ blocks: z.number() }))).rejects.toMatchObject({
    kind: 'node-malformed',
    message: expect.stringContaining('blocks') as string,
  })
})

test('A5: silence and a refused connection are outages, never an unknown outcome of a question', async () => {
  await expect(ask(() => Promise.reject(unknownOutcome('no-answer', 'timed out')))).rejects.toMatchObject({
    type: 'operating',
    kind: 'node-silent',
  })
  await expect(ask(() => Promise.reject(operating('unreachable', 'refused')))).rejects.toMatchObject({
    type: 'operating',
    kind: 'node-unreachable',
  })
})

const failing = (code: number, message: string, status = 500) =>
  answering(status, JSON.stringify({ result: null, error: { code, message }, id: 1 }))

test('an error is an answer only to a question that expects it', async () => {
  const request = failing(-5, 'Block not found')
  const rpc = () => createRpc(access, request, noDisk)
  const answer = await rpc().ask(z.unknown(), [RPC_ERROR.invalidAddressOrKey], 'getblock')
  expect(answer).toEqual({ ok: false, code: -5, message: 'Block not found' })
  const outage = { type: 'operating', kind: 'node-refused', message: expect.stringContaining('-5') as string }
  await expect(rpc().ask(z.unknown(), [RPC_ERROR.invalidParameter], 'getblock')).rejects.toMatchObject(outage)
  await expect(rpc().call(z.unknown(), 'getblock')).rejects.toMatchObject(outage)
  await expect(rpc().list('getblock')).rejects.toMatchObject(outage)
})

test.each([
  ['a rate limit', -32007, '15/second request limit reached', 429],
  ['a disk that cannot be read', -32603, "Can't read block from disk", 500],
  ['an argument of another age', -1, 'JSON value is not a boolean as expected', 500],
  ['an error in an answer of status 200', -32000, 'upstream failed', 200],
])('A5: %s says nothing of what was asked', async (_, code, message, status) => {
  const asked = createRpc(access, failing(code, message, status), noDisk).ask(z.unknown(), [-5, -8], 'getblock')
  await expect(asked).rejects.toMatchObject({ type: 'operating', kind: 'node-refused' })
})

describe('a long list', () => {
  const list = (body: string, status = 200) => createRpc(access, answering(status, body), noDisk).list('getrawmempool')
  const textOf = async (body: string) => new TextDecoder().decode(await list(body))

  test.each([
    ['{"result":["a","b"],"error":null,"id":1}\n', '"a","b"'],
    ['{"result":[],"error":null,"id":1}', ''],
    ['{"jsonrpc":"2.0","id":1,"result":[ "a" ]}', ' "a" '],
  ])('%s', async (body, between) => {
    expect(await textOf(body)).toBe(between)
  })

  test.each([
    ['is cut short', '{"result":["a","b'],
    ['is cut short behind its bracket', '{"result":["a","b"]'],
    ['is none', '{"result":5,"error":null,"id":1}'],
    ['answers another question', '{"result":["a"],"error":null,"id":7}'],
    ['is an error', '{"result":null,"error":{"code":-1,"message":"[oops]"},"id":1}'],
    ['is a page', '<html>[1]</html>'],
    ['is empty', ''],
    ['holds its bracket the wrong way round', ']{"result":"["'],
  ])('A5: that %s is an outage', async (_, body) => {
    await expect(list(body)).rejects.toMatchObject({ type: 'operating' })
  })

  test('A5: with another status than 200 is an outage', async () => {
    await expect(list('{"result":["a"],"error":null,"id":1}', 500)).rejects.toMatchObject({ type: 'operating' })
  })
})

test('S5: no fault tells a credential', async () => {
  const urls = { ...access, url: `http://u:${PASSWORD}@node:19443/` }
  const failures: Request[] = [
    answering(401, ''),
    answering(500, 'oops'),
    () => Promise.reject(operating('unreachable', 'refused')),
  ]
  for (const request of failures) {
    const error: unknown = await createRpc(urls, request, noDisk)
      .ask(z.unknown(), [], 'x')
      .catch((caught: unknown) => caught)
    expect(String(error)).not.toContain(PASSWORD)
    expect(String(error)).toContain('node:19443')
  }
})

function diskWith(contents: () => string | null): Disk {
  const open = async (): Promise<File> => {
    const text = contents()
    if (text === null) throw new Error('ENOENT')
    return claim<File>({ read: async () => new TextEncoder().encode(text), close: async () => undefined })
  }
  return claim<Disk>({ open })
}

test('a cookie is read anew when the node was restarted, once', async () => {
  let cookie = '__cookie__:old'
  const seen: string[] = []
  const request = async ({ headers, body }: HttpCall): Promise<HttpResult> => {
    const { id } = JSON.parse(new TextDecoder().decode(body)) as { id: number }
    seen.push(Buffer.from(headers['authorization']!.slice('Basic '.length), 'base64').toString())
    return seen.at(-1) === '__cookie__:new' ? result(200, `{"result":7,"error":null,"id":${id}}`) : result(401, '')
  }
  const disk = diskWith(() => `${cookie}\n`)
  const rpc = createRpc({ url: 'http://node', cookieFile: '/node/.cookie' }, request, disk)
  await expect(rpc.ask(z.number(), [], 'getblockcount')).rejects.toMatchObject({ kind: 'node-credentials' })
  expect(seen).toEqual(['__cookie__:old', '__cookie__:old'])
  cookie = '__cookie__:new'
  expect(await rpc.ask(z.number(), [], 'getblockcount')).toEqual({ ok: true, result: 7 })
  expect(seen.slice(2)).toEqual(['__cookie__:old', '__cookie__:new'])
})

test('a missing cookie is an outage that says where it was looked for', async () => {
  const rpc = createRpc(
    { url: 'http://node', cookieFile: '/node/.cookie' },
    answering(200, ''),
    diskWith(() => null),
  )
  await expect(rpc.ask(z.unknown(), [], 'x')).rejects.toMatchObject({
    type: 'operating',
    kind: 'node-cookie',
    message: expect.stringContaining('/node/.cookie') as string,
  })
})

test('every call has a time limit and a largest body', async () => {
  const calls: HttpCall[] = []
  const rpc = createRpc(
    access,
    async call => (calls.push(call), result(200, '{"result":1,"error":null,"id":1}')),
    noDisk,
  )
  await rpc.ask(z.unknown(), [], 'getblockcount')
  expect(calls[0]).toMatchObject({ timeoutMs: 30_000, maximumBytes: 64 * 1024 * 1024, url: 'http://node:19443/' })
})
