import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { renderApi } from '../../src/watcher/api.ts'

const FILE = new URL('../../docs/reference/openapi.json', import.meta.url)

test('the checked-in description of the API is what the routes say now (else: npm run generate)', async () => {
  expect(await readFile(FILE, 'utf8')).toBe(await renderApi())
})

test('every path but the public ones asks for a token', async () => {
  const { paths } = JSON.parse(await renderApi()) as { paths: Record<string, Record<string, { security: object[] }>> }
  const open = Object.entries(paths).filter(([, methods]) =>
    Object.values(methods).some(one => one.security.length === 0),
  )
  expect(open.map(([path]) => path).sort()).toEqual(['/healthz', '/metrics', '/readyz'])
})
