/** What a watcher that only watches refuses, and what it answers like any other. */
import { describe, expect, test } from 'vitest'
import { apiRoutes } from '../../src/watcher/api.ts'
import type { ApiContext } from '../../src/watcher/api-context.ts'

/** A route touches its api only when it is asked, and these are refused before that. */
const routes = apiRoutes({ role: 'watching' } as ApiContext)
const input = { params: {}, query: {}, body: {}, headers: {} }

describe('a watcher that only watches', () => {
  test.each([
    '/v1/chains/{chain}/addresses/{reference}',
    '/v1/withdrawals/{id}',
    '/v1/withdrawals/{id}/authorisations/{key}',
    '/v1/withdrawals/{id}/cancellation',
    '/v1/transfers/{id}/replacement',
    '/v1/transfers/{id}/resumption',
  ])('refuses PUT %s', async path => {
    const route = routes.find(each => each.path === path && each.method === 'PUT')!
    await expect((async () => route.handle(input))()).rejects.toMatchObject({ type: 'boundary', kind: 'watching-only' })
  })

  test('lets a person resume a chain and the backend decide deposits', () => {
    const refused = routes.filter(route => {
      if (route.access !== 'write') return false
      try {
        void Promise.resolve(route.handle(input)).catch(() => undefined)
        return false
      } catch (error) {
        return error instanceof Error && 'kind' in error && error.kind === 'watching-only'
      }
    })
    const free = routes.filter(route => route.access === 'write' && !refused.includes(route)).map(({ path }) => path)
    expect(free).toEqual(['/v1/chains/{chain}/resumption', '/v1/deposits/{id}/credit', '/v1/deposits/{id}/decision'])
  })
})
