/** What a schema has found, in words that follow the field's name: `amount` `is missing`. */
import type { z } from 'zod'

/** One thing that is wrong with what was sent. */
export interface Complaint {
  where: 'body' | 'query'
  /** `authorisations.0.key`; empty for the whole. */
  field: string
  problem: string
  /** There is no such field or parameter. */
  isUnknown?: boolean
}

const MAXIMUM_NAMES = 20
const MAXIMUM_NAME_CHARACTERS = 64

/** `known`: the names that may stand at the top. */
export const complaintsOf = (
  error: z.core.$ZodError,
  { where, known }: Pick<Complaint, 'where'> & { known: readonly string[] },
): Complaint[] =>
  error.issues.flatMap(issue => {
    const path = issue.path.map(String)
    if (issue.code !== 'unrecognized_keys') return [{ where, field: path.join('.'), problem: wordsOf(issue) }]
    const possible =
      path.length > 0 ? '' : known.length === 0 ? ': nothing may stand here' : `: possible ${isOrAre(known)}`
    return issue.keys.slice(0, MAXIMUM_NAMES).map(key => ({
      where,
      field: [...path, key.slice(0, MAXIMUM_NAME_CHARACTERS)].join('.'),
      problem: `is unknown${possible}`,
      isUnknown: true,
    }))
  })

const isOrAre = (names: readonly string[]): string => `${names.length === 1 ? 'is' : 'are'} ${names.join(', ')}`

/** Names of types as a person says them. */
const TYPES: Record<string, string> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  null: 'null',
}

function wordsOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is missing' : `must be ${TYPES[issue.expected] ?? issue.expected}`
    case 'invalid_value':
      return `must be ${oneOf(issue.values.map(String))}`
    case 'too_big':
      return `must ${sized(issue.origin, `at most ${issue.maximum}`)}`
    case 'too_small':
      return issue.origin === 'string' && issue.minimum === 1
        ? 'is empty'
        : `must ${sized(issue.origin, `at least ${issue.minimum}`)}`
    default:
      return issue.message
  }
}

/** How a value that is one of a few is described. */
export const oneOf = (values: readonly string[]): string =>
  values.length === 1 ? values[0]! : `one of ${values.join(', ')}`

function sized(origin: string, bound: string): string {
  if (origin === 'string') return `have ${bound} characters`
  return origin === 'array' ? `have ${bound} elements` : `be ${bound}`
}
