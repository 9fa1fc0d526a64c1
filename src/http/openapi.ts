/** The API's description, OpenAPI 3.1, from the same schemas that check the requests. */
import { z, type ZodObject, type ZodType } from 'zod'
import type { Access, Route } from './route.ts'
import { nameSchema, problemSchema } from './schemas.ts'

/** The description's head. */
export interface ApiInfo {
  title: string
  version: string
  description: string
}

type Part = Record<string, unknown>

/** The description as an object that JSON can hold. */
export function openApi(routes: readonly Route[], info: ApiInfo): Part {
  const paths: Record<string, Part> = {}
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(route) }
  }
  return {
    openapi: '3.1.0',
    info,
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: { Problem: schema(problemSchema) },
    },
  }
}

function operation(route: Route): Part {
  const parameters = [...pathParameters(route.path), ...queryParameters(route.query)]
  return {
    summary: route.summary,
    ...(parameters.length > 0 && { parameters }),
    ...(route.body && { requestBody: { required: true, content: json(schema(route.body.strict(), 'input')) } }),
    responses: responses(route),
    security: security(route.access),
  }
}

const security = (access: Access) => (access === 'public' ? [] : [{ token: [] }])

function pathParameters(path: string): Part[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(match => ({
    name: match[1],
    in: 'path',
    required: true,
    schema: schema(nameSchema),
  }))
}

function queryParameters(query: ZodObject | undefined): Part[] {
  return Object.entries(query?.shape ?? {}).map(([name, part]) => ({
    name,
    in: 'query',
    required: !(part as ZodType).safeParse(undefined).success,
    schema: schema(part as ZodType, 'input'),
  }))
}

function responses(route: Route): Part {
  const listed = Object.entries(route.answers).map(([status, answer]) => [
    status,
    { description: route.summary, content: json(schema(answer)) },
  ])
  const failure = {
    description: 'A problem (RFC 9457)',
    content: { 'application/problem+json': { schema: REFERENCE } },
  }
  return { ...(Object.fromEntries(listed) as Part), default: failure }
}

const REFERENCE = { $ref: '#/components/schemas/Problem' }
const json = (content: unknown) => ({ 'application/json': { schema: content } })

function schema(type: ZodType, io: 'input' | 'output' = 'output'): Part {
  const rest: Part = { ...z.toJSONSchema(type, { io, unrepresentable: 'any' }) }
  delete rest.$schema
  return rest
}
