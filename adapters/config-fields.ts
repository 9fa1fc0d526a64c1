/** What the configurations of all families are made of. Every part says what it is for: the reference is generated from it. */
import { resolve } from 'node:path'
import { z } from 'zod'

/** One chain as `lockkeeper init` shows it, commented out: YAML under `chains`. */
export interface ConfigExample {
  watcher: string
  signer: string
}

/** How the file's own location is known to its schema. */
export interface ConfigLocation {
  /** Relative paths start here. */
  baseDirectory: string
  /** Whether a file is there: a missing one is refused. */
  isFile: (path: string) => boolean
}

const MAXIMUM_DIGITS = 78
const MAXIMUM_TOKENS = 1000

/** No chain is followed deeper. */
export const MAXIMUM_DEPTH = 100_000

/** Base units. 2^256 - 1 has 78 digits. */
export const amount = z
  .string('must be a string of digits, in quotes: base units')
  .max(MAXIMUM_DIGITS)
  .regex(/^(0|[1-9][0-9]*)$/, 'must be a decimal integer string of base units')

/** An asset's symbol. */
export const symbol = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/, 'must be a symbol such as LTC')

/** A whole number within these bounds, both included. */
export const whole = (minimum: number, maximum: number) => z.int().min(minimum).max(maximum)

/** Paths become absolute; a `file` must be there. */
export function pathSchemas(location: ConfigLocation) {
  const path = z
    .string()
    .min(1)
    .transform(text => resolve(location.baseDirectory, text))
  const file = path.refine(location.isFile, { error: issue => `there is no file ${String(issue.input)}` })
  return { directory: path, file, path }
}

/** http://…, https://… or unix:/path, without credentials: they would show up in logs. */
export function urlSchema(location: ConfigLocation) {
  return z
    .string()
    .refine(isUrl, 'must be http://host:port, https://host:port or unix:/path')
    .refine(text => !hasCredentials(text), 'must not hold credentials: use username and passwordFile')
    .transform(text => absoluteSocket(text, location))
}

/** A socket's path is relative to the file, too. */
export function absoluteSocket(text: string, location: ConfigLocation): string {
  return text.startsWith('unix:')
    ? `unix:${resolve(location.baseDirectory, text.slice('unix:'.length))}`
    : text.replace(/\/$/, '')
}

const isUrl = (text: string) => /^unix:.+/.test(text) || (/^https?:\/\//.test(text) && URL.canParse(text))

function hasCredentials(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { username, password } = new URL(text)
  return username !== '' || password !== ''
}

/** What `family` means, in both files. */
export const FAMILY = 'Which adapter follows and signs; it decides the keys below'

/** Tokens of one chain; absent: none. */
export const tokenList = <Token extends z.ZodType<{ asset: string }>>(token: Token) =>
  z.array(token).max(MAXIMUM_TOKENS).default([])

/** What every followed chain has. */
export const common = () => ({
  asset: symbol.describe("The native asset's symbol"),
  startHeight: z
    .union([z.literal('latest'), whole(0, 2 ** 40)], 'must be a height, or latest')
    .default('latest')
    .describe('The first block to follow; `latest` is resolved once, before any address is served'),
  pollMs: whole(50, 600_000).default(1000).describe('How often the node is asked for news'),
  addressPool: z
    .strictObject({
      low: whole(0, 100_000).default(10).describe('Below this many free addresses the signer is asked for more'),
      high: whole(1, 100_000).default(20).describe('So many free addresses are there afterwards'),
    })
    .refine(({ low, high }) => low <= high, { path: ['low'], error: 'must not be above high' })
    .prefault({})
    .describe('Addresses made in advance'),
  minimumDeposit: amount.default('0').describe('Smaller deposits are ignored; base units'),
})

/** How a node is reached, but for what only a family knows. */
export const basicNode = (location: ConfigLocation) => ({
  url: urlSchema(location).describe('Where the node answers'),
  username: z.string().min(1).optional().describe('For HTTP basic authentication'),
  passwordFile: pathSchemas(location).file.optional().describe('Holds the password on its first line'),
})

/** What is asked of a node's keys, and what is said otherwise. */
export const needsBoth = {
  check: (node: { username?: unknown; passwordFile?: unknown }) =>
    (node.username === undefined) === (node.passwordFile === undefined),
  otherwise: { path: ['username'], error: 'username and passwordFile go together' },
}

/** A node that is reached by these alone. */
export const plainNode = (location: ConfigLocation) =>
  z.strictObject(basicNode(location)).refine(needsBoth.check, needsBoth.otherwise).describe('The node')

interface Depths {
  credit: number | 'finalized'
  final: number
}
const isOrdered = ({ credit, final }: Depths) => credit === 'finalized' || credit <= final
const disorder = { path: ['credit'], error: 'must not be above final' }
const CREDIT = 'Depth at which a deposit is offered and a withdrawal counts as paid'
const FINAL = 'Depth beyond the deepest reorg that is accepted'
const DEPTHS = 'Depths, counted as tip − height + 1'

/** The defaults, and the most that either may be. */
export function confirmations(credit: number, final: number, maximum: number) {
  return z
    .strictObject({
      credit: whole(1, maximum).default(credit).describe(CREDIT),
      final: whole(1, maximum).default(final).describe(FINAL),
    })
    .refine(isOrdered, disorder)
    .prefault({})
    .describe(DEPTHS)
}

/** Where the chain itself says what is final. */
export function finalizedConfirmations() {
  const credit = z.union([z.literal('finalized'), whole(1, MAXIMUM_DEPTH)], 'must be a depth, or finalized')
  return z
    .strictObject({
      credit: credit.default('finalized').describe(CREDIT),
      final: whole(1, MAXIMUM_DEPTH).default(64).describe(FINAL),
    })
    .refine(isOrdered, disorder)
    .prefault({})
    .describe(DEPTHS)
}

/** Where something else can take the place of what is signed. */
export const replaceAfterMs = whole(1000, 2 ** 40)
  .default(600_000)
  .describe('How long what is signed may be in no block before it is replaced with a higher fee')

const MAXIMUM_DESTINATIONS = 100_000
const addressList = z.array(z.string().min(1).max(256)).max(MAXIMUM_DESTINATIONS)
const destinations = z.strictObject({
  allowed: addressList.optional().describe('Withdrawals go to these only; absent: to any'),
  blocked: addressList.optional().describe('Withdrawals never go to these'),
})

/** What may leave of one asset. */
export const limits = {
  perTransaction: amount
    .optional()
    .describe('The most one transaction may cost, its fee included; base units; absent: no limit'),
  perDay: amount.optional().describe('The most within any 24 hours, fees included; base units; absent: no limit'),
}

/** Of every chain that is signed for. */
export const rules = {
  ...limits,
  destinations: destinations.optional().describe('Where withdrawals may go, whoever authorises them'),
}

/** A cap on fee rates, in the family's unit. */
export const feeRate = z.number().positive().max(Number.MAX_SAFE_INTEGER)
