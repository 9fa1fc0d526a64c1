/** What a client sent, against the route's schemas. Every complaint names its path. */
import type { ZodObject } from 'zod'
import { z } from 'zod'
import { boundary } from '../kernel/fault.ts'
import type { HttpAnswer } from '../http.ts'
import { problem } from './problem.ts'

/** The schema's output, or the answer that refuses. */
export type Checked = { value: unknown } | { refused: HttpAnswer }

const NOTHING = z.strictObject({})
const MAXIMUM_COMPLAINTS = 20
/** Members and elements of one body: what is large on the wire may be strings, but not a million values of some bytes each. */
const MAXIMUM_VALUES = 400_000
const decoder = new TextDecoder('utf-8', { fatal: true })

/** The body as the schema's output. An absent body stands for `{}`. */
export function checkBody(schema: ZodObject | undefined, bytes: Uint8Array): Checked {
  return check(schema, bytes.length === 0 ? {} : parseJson(bytes), 'body')
}

/** The query as the schema's output; an unknown parameter is refused. */
export function checkQuery(schema: ZodObject | undefined, query: Record<string, string>): Checked {
  return check(schema, query, 'query')
}

function parseJson(bytes: Uint8Array): unknown {
  if (!hasFewValues(bytes)) throw boundary('too-many-values', `the body holds more than ${MAXIMUM_VALUES} values`)
  try {
    return JSON.parse(decoder.decode(bytes))
  } catch {
    throw boundary('malformed-json', 'the body is not JSON in UTF-8')
  }
}

function check(schema: ZodObject | undefined, value: unknown, where: 'body' | 'query'): Checked {
  const result = (schema ?? NOTHING).safeParse(value)
  if (result.success) return { value: result.data }
  const errors = result.error.issues.slice(0, MAXIMUM_COMPLAINTS).flatMap(issue => complaints(issue, where))
  const detail = errors.map(error => `${error.path}: ${error.problem}`).join('; ')
  return { refused: problem('invalid-content', detail, { errors }) }
}

function complaints(issue: z.core.$ZodIssue, where: string): { path: string; problem: string }[] {
  const path = [where, ...issue.path.map(String)].join('.')
  if (issue.code !== 'unrecognized_keys') return [{ path, problem: issue.message }]
  return issue.keys
    .slice(0, MAXIMUM_COMPLAINTS)
    .map(key => ({ path: `${path}.${key.slice(0, 64)}`, problem: 'unknown' }))
}

const [COMMA, BRACKET, BRACE] = [0x2c, 0x5b, 0x7b]

/** Each value but the first follows one of these; counted before anything is made of them, also within strings. */
function hasFewValues(bytes: Uint8Array): boolean {
  if (bytes.length <= MAXIMUM_VALUES) return true
  let values = 0
  for (const byte of bytes) if (byte === COMMA || byte === BRACKET || byte === BRACE) values += 1
  return values <= MAXIMUM_VALUES
}
