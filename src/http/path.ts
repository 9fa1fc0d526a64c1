/** Paths of the route table: `/v1/deposits/{id}` against what a client sent. */
import { boundary } from '../kernel/fault.ts'
import { NAME, NAME_RULE } from '../names.ts'
import type { Route } from './route.ts'

/** Longer than any address of any family. */
const MAXIMUM_TEXT = 512

const PARAMETER = /^\{(\w+)\}$/

/** Raw parameters by name, still percent-encoded, or null where the path is another one. */
export function matchPath(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split('/')
  const given = path.split('/')
  if (wanted.length !== given.length) return null
  const raw: Record<string, string> = {}
  for (const [position, segment] of wanted.entries()) {
    const name = PARAMETER.exec(segment)?.[1]
    if (name !== undefined && given[position] !== '') raw[name] = given[position]!
    else if (segment !== given[position]) return null
  }
  return raw
}

/**
 * Decodes and checks every parameter. All but `texts` are names of the API: references, ids, keys, chains.
 * @throws boundary `invalid-name`
 */
export function decodeNames(raw: Record<string, string>, texts: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(
    Object.entries(raw).map(([name, value]) => [
      name,
      texts.includes(name) ? decodeText(name, value) : decodeName(name, value),
    ]),
  )
}

function decode(name: string, value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    throw boundary('invalid-name', `the path's ${name} is not valid percent-encoding`)
  }
}

function decodeText(name: string, value: string): string {
  const decoded = decode(name, value)
  if (decoded.length <= MAXIMUM_TEXT) return decoded
  throw boundary('invalid-name', `the path's ${name} has more than ${MAXIMUM_TEXT} characters`)
}

function decodeName(name: string, value: string): string {
  const decoded = decode(name, value)
  if (!NAME.test(decoded)) throw boundary('invalid-name', `the path's ${name} ${NAME_RULE}`)
  return decoded
}

/**
 * The other way round: a path with its parameters and its query filled in.
 * @throws boundary `invalid-name` for a parameter that the server would not take
 */
export function fillPath(
  pattern: string,
  params: Record<string, string | number>,
  query: Record<string, unknown> = {},
): string {
  const path = pattern.replace(/\{(\w+)\}/g, (_, name: string) => decodeName(name, String(params[name])))
  const search = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`)
  return search.length === 0 ? path : `${path}?${search.join('&')}`
}

/** The route for a request, or the methods that the path does have: none means that the path is unknown. */
export function findRoute(routes: readonly Route[], method: string, path: string): Route | string[] {
  const here = routes.filter(route => matchPath(route.path, path) !== null)
  // A literal segment wins over a parameter, whatever the order of the table.
  const wanted = method === 'HEAD' ? 'GET' : method
  const found = here.filter(route => route.method === wanted).sort((a, b) => parameters(a) - parameters(b))[0]
  return found ?? [...new Set(here.flatMap(route => (route.method === 'GET' ? ['GET', 'HEAD'] : [route.method])))]
}

const parameters = (route: Route) => route.path.split('{').length
