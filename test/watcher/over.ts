/** A caller whose requests reach a handler without a socket between them. */
import type { Handler } from '../../src/http.ts'
import type { HttpCall, HttpResult } from '../../src/kernel/ports.ts'

export const over =
  (handle: Handler) =>
  async ({ method, url, headers, body }: HttpCall): Promise<HttpResult> => {
    const { pathname, searchParams } = new URL(url)
    const query = Object.fromEntries(searchParams)
    const answer = await handle({ method, path: pathname, query, headers, body: body ?? new Uint8Array() })
    const lower = Object.entries(answer.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value] as const)
    const bytes = new TextEncoder().encode(JSON.stringify(answer.body))
    return { status: answer.status, headers: Object.fromEntries(lower), body: bytes }
  }
