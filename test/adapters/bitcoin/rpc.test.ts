import { expect, test } from 'vitest'
import { z } from 'zod'
import { createRpc, fromSatoshi, toSatoshi, type NodeAccess } from '../../../adapters/bitcoin/rpc.ts'
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
  createRpc(access, request, noDisk).ask(shape, 'getblockcount')

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

test('an error that the node reports is an answer to ask, and an outage to call', async () => {
  const request = answering(500, '{"result":null,"error":{"code":-5,"message":"Block not found"},"id":1}')
  expect(await ask(request)).toEqual({ ok: false, code: -5, message: 'Block not found' })
  await expect(createRpc(access, request, noDisk).call(z.unknown(), 'getblock')).rejects.toMatchObject({
    type: 'operating',
    kind: 'node-refused',
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
      .ask(z.unknown(), 'x')
      .catch((caught: unknown) => caught)
    expect(String(error)).not.toContain(PASSWORD)
    expect(String(error)).toContain('node:19443')
  }
})

function diskWith(contents: () => string | null): Disk {
  const open = async (): Promise<File> => {
    const text = contents()
    if (text === null) throw new Error('ENOENT')
    return { read: async () => new TextEncoder().encode(text), close: async () => undefined } as unknown as File
  }
  return { open } as unknown as Disk
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
  await expect(rpc.ask(z.number(), 'getblockcount')).rejects.toMatchObject({ kind: 'node-credentials' })
  expect(seen).toEqual(['__cookie__:old', '__cookie__:old'])
  cookie = '__cookie__:new'
  expect(await rpc.ask(z.number(), 'getblockcount')).toEqual({ ok: true, result: 7 })
  expect(seen.slice(2)).toEqual(['__cookie__:old', '__cookie__:new'])
})

test('a missing cookie is an outage that says where it was looked for', async () => {
  const rpc = createRpc(
    { url: 'http://node', cookieFile: '/node/.cookie' },
    answering(200, ''),
    diskWith(() => null),
  )
  await expect(rpc.ask(z.unknown(), 'x')).rejects.toMatchObject({
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
  await rpc.ask(z.unknown(), 'getblockcount')
  expect(calls[0]).toMatchObject({ timeoutMs: 30_000, maximumBytes: 64 * 1024 * 1024, url: 'http://node:19443/' })
})
