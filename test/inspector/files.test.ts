/** The inspector's files as the watcher serves them: public, compressed, under a strict policy, and nothing besides. */
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { beforeAll, expect, test } from 'vitest'
import type { HttpRequest } from '../../src/http.ts'
import { createHandler, type RouteHandler } from '../../src/http/handler.ts'
import { fileRoutes, type BuiltFile } from '../../src/inspector/files.ts'
import { readInspector } from '../../src/shell/inspector.ts'

const BUDGET_BYTES = 200 * 1024

let files: BuiltFile[]
let handle: RouteHandler
beforeAll(async () => {
  files = await readInspector('dist/inspector')
  handle = createHandler(fileRoutes(files), { tokens: () => [], maximumBodyBytes: 1024, log: () => undefined })
})

const get = (path: string, headers: Record<string, string> = {}) => {
  const request: HttpRequest = { method: 'GET', path, query: {}, headers, body: new Uint8Array() }
  return handle(request)
}
const text = (body: unknown) => Buffer.from(body as Uint8Array).toString()

test('the page and all that it names are served without a token', async () => {
  const page = await get('/')
  expect(page.status).toBe(200)
  const named = [...text(page.body).matchAll(/"(\/inspector\/[^"]+)"/g)].map(([, path]) => path!)
  expect(named.length).toBeGreaterThan(3)
  for (const path of named) {
    const answer = await get(path)
    expect(answer.status).toBe(200)
    expect(answer.headers?.['cache-control']).toContain('immutable')
  }
})

test('every file comes with a policy that allows nothing foreign and nothing inline', async () => {
  for (const { path } of files) {
    const policy = (await get(path)).headers?.['content-security-policy'] ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).not.toMatch(/unsafe|https?:|\*/)
  }
})

test('a document’s links lead to documents that are served', async () => {
  const paths = new Set(files.map(({ path }) => path))
  for (const { path, contentType, body } of files) {
    if (!contentType.startsWith('text/html') || path === '/') continue
    const links = [...text(body).matchAll(/(?:href|src)="(\/[^"#]*)/g)].map(([, link]) => link!)
    for (const link of links) expect(paths, `${path} leads to ${link}`).toContain(link)
    expect(text(body)).not.toContain('<script')
  }
})

test.each([
  ['br', (body: Buffer) => brotliDecompressSync(body)],
  ['gzip', (body: Buffer) => gunzipSync(body)],
])('%s is what it is without', async (coding, open) => {
  const plain = await get('/')
  const answer = await get('/', { 'accept-encoding': `deflate, ${coding};q=0.5` })
  expect(answer.headers?.['content-encoding']).toBe(coding)
  expect(open(Buffer.from(answer.body as Uint8Array)).toString()).toBe(text(plain.body))
})

test('a coding that is refused is not used', async () => {
  expect((await get('/', { 'accept-encoding': 'br;q=0, gzip;q=0.0' })).headers?.['content-encoding']).toBeUndefined()
})

test('what the page needs is small', () => {
  const needed = files.filter(({ path }) => path === '/' || path.startsWith('/inspector/'))
  expect(needed.reduce((sum, { gzip }) => sum + gzip.length, 0)).toBeLessThan(BUDGET_BYTES)
})

test.each(['/inspector/', '/inspector/..', '/docs/../package.json', '/docs/%2e%2e/x', '/manifest.json'])(
  '%s is nothing',
  async path => {
    expect((await get(path)).status).toBe(404)
  },
)
