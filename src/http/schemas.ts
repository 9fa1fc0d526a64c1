/** Schemas that many routes share. */
import { z } from 'zod'
import { CHAIN_NAME, NAME, NAME_RULE } from '../names.ts'

/** 2^256 - 1 has 78 digits: the largest amount that any chain knows. */
const MAXIMUM_DIGITS = 78
const MAXIMUM_LIMIT = 1000
const DEFAULT_LIMIT = 100

/** A decimal integer string of base units: no sign, no fraction, no exponent, no leading zero. */
export const amountSchema = z
  .string()
  .max(MAXIMUM_DIGITS)
  .regex(/^(0|[1-9][0-9]*)$/, 'must be a decimal integer string of base units')
  .meta({ description: 'A decimal integer string of base units', examples: ['1000'] })

/** More than 0 base units. */
export const positiveAmountSchema = amountSchema.refine(amount => amount !== '0', 'must be more than 0')

/** A name chosen by the backend. */
export const nameSchema = z.string().regex(NAME, NAME_RULE)

/** A chain's, as it is configured. */
export const chainNameSchema = z.string().regex(CHAIN_NAME, 'must be a name of [A-Za-z0-9._~-], at most 32 characters')

/** A whole number in a query, within these bounds; described as the integer that it is. */
export const wholeSchema = (minimum: number, maximum: number, refusal: string) =>
  z
    .string()
    .regex(/^(0|[1-9][0-9]{0,14})$/, 'must be a whole number')
    .transform(Number)
    .refine(value => value >= minimum && value <= maximum, refusal)
    .meta({ type: 'integer', minimum, maximum })

const MAXIMUM_COUNT = 999_999_999_999_999

/** A place in a list or in the feed. */
export const countSchema = wholeSchema(0, MAXIMUM_COUNT, 'must be a whole number')

/** `limit` of a list: 1 to 1000. */
export const limitSchema = wholeSchema(1, MAXIMUM_LIMIT, `must be from 1 to ${MAXIMUM_LIMIT}`).default(DEFAULT_LIMIT)

/** ISO 8601 UTC. */
export const timeSchema = z.iso.datetime({ error: 'must be a time in UTC such as 2026-01-31T12:00:00Z' })

/** Ed25519, standard base64: a key of 32 bytes, a signature of 64. */
export const publicKeySchema = z.string().regex(/^[A-Za-z0-9+/]{43}=$/, 'must be the base64 of 32 bytes')
/** Ed25519, standard base64 of 64 bytes. */
export const signatureSchema = z.string().regex(/^[A-Za-z0-9+/]{86}==$/, 'must be the base64 of 64 bytes')

/** RFC 9457, with our `kind`. */
export const problemSchema = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  kind: z.string(),
})
