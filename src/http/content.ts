/** What a client sent, against the route's schemas. Every complaint names its path and says in words what is wrong. */
import type { ZodObject } from 'zod'
import { z } from 'zod'
import { boundary } from '../kernel/fault.ts'
import type { HttpAnswer, HttpRequest } from '../http.ts'
import { complaintsOf, type Complaint } from './complaints.ts'
import { repeatedName } from './duplicates.ts'
import { problem } from './problem.ts'

/** The schema's output, or the answer that refuses. */
export type Checked = { value: unknown } | { refused: HttpAnswer }

const NOTHING = z.strictObject({})
const MAXIMUM_COMPLAINTS = 20
/** Members and elements of one body: what is large on the wire may be strings, but not a million values of some bytes each. */
const MAXIMUM_VALUES = 400_000
const decoder = new TextDecoder('utf-8', { fatal: true })

/** The body as the schema's output. An absent body stands for `{}`. Throws boundary `unsupported-media-type`, `malformed-json`. */
export function checkBody(schema: ZodObject | undefined, { body, headers }: HttpRequest): Checked {
  if (body.length === 0) return check(schema, {})
  refuseForeign(headers)
  const text = decode(body)
  const value = parseJson(text)
  const twice = repeatedName(text)
  if (twice !== null) return refused([{ where: 'body', field: twice, problem: 'is given twice' }])
  return check(schema, value)
}

/** What is labelled so is JSON. A form is what curl and Python's urllib call a body of which they were told nothing. */
const JSON_TYPE = /^application\/(?:json|[a-z0-9!#$&^_.+-]+\+json|x-www-form-urlencoded)$/
const UTF8_CHARSET = /^charset="?utf-8"?$/

/** Throws boundary `unsupported-media-type`. */
function refuseForeign(headers: Record<string, string>): void {
  const coding = headers['content-encoding']?.trim().toLowerCase() ?? 'identity'
  if (coding !== 'identity')
    throw boundary('unsupported-media-type', `a body in ${coding.slice(0, 64)} is not read: send it as it is`)
  const type = headers['content-type']
  if (type === undefined) return
  const [media = '', ...parameters] = type
    .toLowerCase()
    .split(';')
    .map(part => part.trim())
  const charset = parameters.find(parameter => parameter.startsWith('charset='))
  if (JSON_TYPE.test(media) && (charset === undefined || UTF8_CHARSET.test(charset))) return
  throw boundary('unsupported-media-type', `${type.slice(0, 64)} is not read: send application/json in UTF-8`)
}

function decode(bytes: Uint8Array): string {
  if (!hasFewValues(bytes)) throw boundary('too-many-values', `the body holds more than ${MAXIMUM_VALUES} values`)
  try {
    return decoder.decode(bytes)
  } catch {
    throw notJson()
  }
}

const notJson = () => boundary('malformed-json', 'the body is not JSON in UTF-8')

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw notJson()
  }
}

/**
 * The query as the schema's output. A parameter that is unknown, empty or given more than once is refused with what may
 * stand there: a filter that is passed over in silence would answer another question.
 */
export function checkQuery(schema: ZodObject | undefined, { query, repeated = [] }: HttpRequest): Checked {
  const faults = new Map(Object.keys(query).flatMap(name => (query[name] === '' ? [[name, 'is empty']] : [])))
  for (const name of repeated) faults.set(name, 'is given more than once')
  if (faults.size === 0) return check(schema, query, 'query')
  const asked = { ...query, ...Object.fromEntries([...faults.keys()].map(name => [name, ''])) }
  const { error } = (schema ?? NOTHING).safeParse(asked, { reportInput: true })
  const found = error === undefined ? [] : complaintsOf(error, { where: 'query', known: namesOf(schema) })
  const others = found.filter(({ field, isUnknown }) => isUnknown === true || !faults.has(field))
  const unknown = new Set(others.map(({ field }) => field))
  const bad = [...faults]
    .filter(([field]) => !unknown.has(field))
    .map(([field, fault]): Complaint => {
      const must = found.find(complaint => complaint.field === field)?.problem
      return { where: 'query', field, problem: must?.startsWith('must') === true ? `${fault}: it ${must}` : fault }
    })
  return refused([...bad, ...others])
}

const namesOf = (schema: ZodObject | undefined): string[] => Object.keys(schema?.shape ?? {})

function check(schema: ZodObject | undefined, value: unknown, where: 'body' | 'query' = 'body'): Checked {
  const result = (schema ?? NOTHING).safeParse(value, { reportInput: true })
  if (result.success) return { value: result.data }
  return refused(complaintsOf(result.error, { where, known: namesOf(schema) }))
}

function refused(complaints: readonly Complaint[]): Checked {
  const shown = complaints.slice(0, MAXIMUM_COMPLAINTS)
  const detail = shown.map(({ where, field, problem: said }) => `${field === '' ? `the ${where}` : field} ${said}`)
  const errors = shown.map(({ where, field, problem: said }) => ({
    path: field === '' ? where : `${where}.${field}`,
    problem: said,
  }))
  return { refused: problem('invalid-content', detail.join('; '), { errors }) }
}

const [COMMA, BRACKET, BRACE] = [0x2c, 0x5b, 0x7b]

/** Each value but the first follows one of these; counted before anything is made of them, also within strings. */
function hasFewValues(bytes: Uint8Array): boolean {
  if (bytes.length <= MAXIMUM_VALUES) return true
  let values = 0
  for (const byte of bytes) if (byte === COMMA || byte === BRACKET || byte === BRACE) values += 1
  return values <= MAXIMUM_VALUES
}
