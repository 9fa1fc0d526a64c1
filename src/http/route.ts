/** A route table's entry: what is asked, what is answered, and the function between. No server is involved. */
import type { z, ZodObject, ZodType } from 'zod'
import type { HttpAnswer } from '../http.ts'
import type { ProblemAnswer } from './problem.ts'

/** `public` needs no token; `read` any token; `write` a token that is not read-only. */
export type Access = 'public' | 'read' | 'write'

/** What a handler gets: checked, and with defaults filled in. */
export interface RouteInput<Query, Body> {
  /** Decoded, each matching `[A-Za-z0-9._:~-]{1,128}`. */
  params: Record<string, string>
  query: Query
  body: Body
  /** Names in lower case. */
  headers: Record<string, string>
  /** Aborted when nobody waits for the answer any more; undefined where that cannot be seen. */
  left?: AbortSignal | undefined
}

/** One entry of the table that servers and the description of the API are made from. */
export interface Route {
  method: 'GET' | 'PUT'
  /** `/v1/deposits/{id}/credit`; a parameter is a whole segment. */
  path: string
  summary: string
  access: Access
  /** Parameters of the path that are no names: any text of at most 512 characters. */
  texts?: readonly string[]
  /** Absent: no query parameter is allowed. Unknown parameters are always refused. */
  query?: ZodObject
  /** Absent: no body, or `{}`. Unknown fields are always refused. */
  body?: ZodObject
  /** Where the server's own bound does not fit. */
  maximumBodyBytes?: number
  /** By HTTP status, for the API's description; errors need not be listed. */
  answers: Record<number, ZodType>
  handle(input: RouteInput<unknown, unknown>): Promise<HttpAnswer> | HttpAnswer
}

type Output<Schema> = Schema extends ZodObject ? z.output<Schema> : Record<string, never>

interface Definition<Query extends ZodObject | undefined, Body extends ZodObject | undefined> extends Omit<
  Route,
  'query' | 'body' | 'handle'
> {
  query?: Query
  body?: Body
  handle(input: RouteInput<Output<Query>, Output<Body>>): Promise<HttpAnswer> | HttpAnswer
}

/** Lets the handler see the types of its own schemas; the handler throws Faults, see problem.ts for their status. */
export function defineRoute<
  Query extends ZodObject | undefined = undefined,
  Body extends ZodObject | undefined = undefined,
>(definition: Definition<Query, Body>): Route {
  const { query, body, ...rest } = definition as Route
  // Once for all requests: making a schema strict makes a new one, whose parser is compiled at its first use.
  return { ...rest, ...(query && { query: query.strict() }), ...(body && { body: body.strict() }) }
}

/** By HTTP status. */
type Answers = Record<number, ZodType>

/** What client and server of a route agree on; `serveContract` makes a route of it, a client reads answers with it. */
export interface Contract<
  Query extends ZodObject | undefined,
  Body extends ZodObject | undefined,
  Given extends Answers,
> extends Omit<Route, 'query' | 'body' | 'answers' | 'handle'> {
  query?: Query
  body?: Body
  answers: Given
}

/** Keeps the types of the schemas. */
export const defineContract = <
  Given extends Answers,
  Query extends ZodObject | undefined = undefined,
  Body extends ZodObject | undefined = undefined,
>(
  agreed: Contract<Query, Body, Given>,
): Contract<Query, Body, Given> => agreed

/** An answer that the contract knows, or a problem. */
type AnswerOf<Given extends Answers> =
  | ProblemAnswer
  | {
      [Status in keyof Given & number]: {
        status: Status
        headers?: Record<string, string>
        body: z.output<Given[Status]>
      }
    }[keyof Given & number]

/** The server's side of a contract: an answer of another shape, or a status that it does not know, does not compile. */
export const serveContract = <
  Given extends Answers,
  Query extends ZodObject | undefined = undefined,
  Body extends ZodObject | undefined = undefined,
>(
  agreed: Contract<Query, Body, Given>,
  handle: (
    input: RouteInput<Output<Query>, Output<Body>>,
  ) => Promise<AnswerOf<NoInfer<Given>>> | AnswerOf<NoInfer<Given>>,
): Route => defineRoute<Query, Body>({ ...agreed, handle })
