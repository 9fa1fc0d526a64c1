/** The API's description, OpenAPI 3.1, from the same schemas that check the requests. */
import { z, type ZodObject, type ZodType } from 'zod'
import { describeKinds } from './problem.ts'
import type { Access, Route } from './route.ts'
import { nameSchema, problemSchema } from './schemas.ts'

/** The description's head. */
export interface ApiInfo {
  title: string
  version: string
  description: string
}

type Part = Record<string, unknown>

/** What is described of a route; what it does is nobody's business here. */
export interface Described extends Pick<Route, 'method' | 'path' | 'summary' | 'access' | 'texts' | 'answers'> {
  query?: ZodObject | undefined
  body?: ZodObject | undefined
}

/** The description as an object that JSON can hold. */
export function openApi(routes: readonly Described[], info: ApiInfo): Part {
  const schemas: Record<string, Part> = { Problem: problemPart() }
  const schema = schemasIn(schemas)
  const paths: Record<string, Part> = {}
  for (const route of routes)
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(route, schema) }
  return {
    openapi: '3.1.0',
    info: { ...info, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: '/', description: 'Where this description is served' }],
    paths,
    components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } }, schemas: sorted(schemas) },
  }
}

const sorted = (parts: Record<string, Part>) =>
  Object.fromEntries(Object.entries(parts).sort(([a], [b]) => (a < b ? -1 : 1)))

/** A kind that is not listed may come, with a later version or from within: its status says what to do. */
function problemPart(): Part {
  const problem = plain(z.toJSONSchema(problemSchema))
  const kind = {
    type: 'string',
    description: `Stable; decide by it, not by the words of \`detail\`.\n\n${describeKinds()}`,
  }
  return { ...problem, properties: { ...(problem['properties'] as Part), kind } }
}

type Schema = (type: ZodType, io?: 'input' | 'output') => Part

const WITHIN = '#/$defs/'
const BESIDE = '#/components/schemas/'

/** Without what only a document of its own has; references lead to the components. */
function plain({ $schema: _, $defs: __, id: ___, ...rest }: Part): Part {
  const text = JSON.stringify(rest, (_key, value: unknown) => tidy(value))
  return JSON.parse(text.replaceAll(`"${WITHIN}`, `"${BESIDE}`)) as Part
}

/** Every whole number is a safe integer, and a number's text in a query is of no type's business. */
function tidy(value: unknown): unknown {
  if (!isPart(value) || value['type'] !== 'integer') return value
  const { minimum, maximum, pattern: _, ...rest } = value
  return {
    ...rest,
    ...(minimum !== Number.MIN_SAFE_INTEGER && { minimum }),
    ...(maximum !== Number.MAX_SAFE_INTEGER && { maximum }),
  }
}

const isPart = (value: unknown): value is Part => typeof value === 'object' && value !== null && !Array.isArray(value)

/** What has a name (zod's `id`) is described once, in `components`, and referred to. */
const schemasIn =
  (components: Record<string, Part>): Schema =>
  (type, io = 'output') => {
    const whole: Part = { ...z.toJSONSchema(type, { io, unrepresentable: 'any' }) }
    for (const [name, part] of Object.entries((whole['$defs'] ?? {}) as Record<string, Part>))
      components[name] = plain(part)
    const { id } = whole
    if (typeof id !== 'string') return plain(whole)
    components[id] = plain(whole)
    return { $ref: `${BESIDE}${id}` }
  }

/** `deposits` before a parameter is one `Deposit`, `address-pool` an `AddressPool`. */
function wordOf(segment: string, isOne: boolean): string {
  const name = isOne ? segment.replace(/(ss)es$|s$/, '$1') : segment
  return name.replace(/\.\w+$/, '').replaceAll(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase())
}

/** `getDeposits`, `getDeposit`, `putDepositCredit`: what a generator names its functions by. */
export function operationIdOf({ method, path }: Pick<Route, 'method' | 'path'>): string {
  const segments = path.split('/').filter(segment => segment !== '' && segment !== 'v1')
  const words = segments.flatMap((segment, at) =>
    segment.startsWith('{') ? [] : [wordOf(segment, segments[at + 1]?.startsWith('{') === true)],
  )
  return `${method.toLowerCase()}${words.join('')}`
}

function operation(route: Described, schema: Schema): Part {
  const parameters = [...pathParameters(route, schema), ...queryParameters(route.query, schema)]
  return {
    operationId: operationIdOf(route),
    summary: route.summary,
    ...(parameters.length > 0 && { parameters }),
    ...(route.body && { requestBody: { required: true, content: json(schema(route.body.strict(), 'input')) } }),
    responses: responses(route, schema),
    security: security(route.access),
  }
}

const security = (access: Access) => (access === 'public' ? [] : [{ token: [] }])

function pathParameters({ path, texts = [] }: Described, schema: Schema): Part[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: texts.includes(name!) ? { type: 'string' } : schema(nameSchema),
  }))
}

function queryParameters(query: ZodObject | undefined, schema: Schema): Part[] {
  return Object.entries(query?.shape ?? {}).map(([name, part]) => {
    const absent = (part as ZodType).safeParse(undefined)
    const unsaid = absent.success && absent.data !== undefined ? { default: absent.data } : {}
    return {
      ...{ name, in: 'query', required: !absent.success },
      schema: { ...schema(part as ZodType, 'input'), ...unsaid },
    }
  })
}

function responses(route: Described, schema: Schema): Part {
  const listed = Object.entries(route.answers).map(([status, answer]) => [
    status,
    { description: route.summary, content: json(schema(answer)) },
  ])
  const failure = (description: string) => ({
    description,
    content: { 'application/problem+json': { schema: { $ref: `${BESIDE}Problem` } } },
  })
  return {
    ...(Object.fromEntries(listed) as Part),
    '4XX': failure('Refused: a problem (RFC 9457), whose kind says why'),
    '5XX': failure('Not now: ask again'),
  }
}

const json = (content: unknown) => ({ 'application/json': { schema: content } })
