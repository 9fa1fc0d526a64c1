/**
 * A node that is asked by HTTP with JSON in the body of a POST, as far as no family differs: how it is reached, and what an answer is that
 * says nothing of what was asked (A5).
 */
import { Fault, operating } from '../src/kernel/fault.ts'
import type { HttpResult, Request } from '../src/kernel/ports.ts'

/** How to reach it. */
export interface JsonNodeAccess {
  url: string
  username?: string
  password?: string
}

/** Faults name the host, and never hold a credential. */
export interface JsonNode {
  /** The answer, whatever it says. Rejects with operating `node-unreachable` or `node-silent`. */
  post(what: string, body: object, timeoutMs: number): Promise<HttpResult>
  /** The body as JSON; undefined where it is none. */
  parse(http: HttpResult): unknown
  /** For an answer that is a web server's and not the node's. */
  outage(what: string, http: HttpResult): Fault
  /** For an error of the node that is no answer to what was asked. */
  refused(what: string, error: string): Fault
  /** For an answer of another shape. */
  malformed(what: string, where: string): Fault
}

/** Answers of a node to what we ask stay below this. */
const MAXIMUM_BYTES = 64 * 1024 * 1024
const EXCERPT_CHARACTERS = 80

const excerpt = (text: string): string =>
  JSON.stringify(text.length > EXCERPT_CHARACTERS ? `${text.slice(0, EXCERPT_CHARACTERS)}…` : text)

/** Never with the credentials that a URL may carry. */
const hostOf = (url: string): string => /^[a-z]+:\/\/(?:[^@/]*@)?([^/?#]+)/i.exec(url)?.[1] ?? 'the configured url'

function outageOf(host: string, what: string, { status, body }: HttpResult): Fault {
  const text = new TextDecoder().decode(body.subarray(0, EXCERPT_CHARACTERS * 4)).trim()
  if (status === 401 || status === 403)
    return operating('node-credentials', `${host} refused us (${status}): check the url, username and password`)
  if (status === 429 || status === 503)
    return operating(
      'node-busy',
      `${host} has no room for ${what} (${status}): poll less often, or use a node of your own`,
    )
  const said = text === '' ? 'nothing else' : `no answer of a node: ${excerpt(text)}; is its url right?`
  return operating('node-malformed', `${host} answered ${what} with status ${status} and ${said}`)
}

/** One node. */
export function createJsonNode({ url, username, password }: JsonNodeAccess, request: Request): JsonNode {
  const host = hostOf(url)
  const credentials = username === undefined ? null : Buffer.from(`${username}:${password ?? ''}`).toString('base64')
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    ...(credentials === null ? {} : { authorization: `Basic ${credentials}` }),
  }
  return {
    async post(what, body, timeoutMs) {
      const bytes = new TextEncoder().encode(JSON.stringify(body))
      try {
        return await request({ method: 'POST', url, headers, body: bytes, timeoutMs, maximumBytes: MAXIMUM_BYTES })
      } catch (cause) {
        const why = cause instanceof Fault ? cause.message : String(cause)
        throw cause instanceof Fault && cause.type === 'operating'
          ? operating('node-unreachable', `cannot reach ${host}: ${why}`, cause)
          : operating('node-silent', `${host} did not answer ${what}: ${why}`, cause)
      }
    },
    parse({ body }) {
      try {
        return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as unknown
      } catch {
        return undefined
      }
    },
    outage: (what, http) => outageOf(host, what, http),
    refused: (what, error) => operating('node-refused', `${host} answered ${what} with an error: ${error}`),
    malformed: (what, where) =>
      operating('node-malformed', `${host} answered ${what} with something else than it should (${where})`),
  }
}
