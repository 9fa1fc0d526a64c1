/** Schemas that both configuration files share. Every part says what it is for: the reference is generated from it. */
import { resolve } from 'node:path'
import { z } from 'zod'
import { NETWORKS, type FeeDefaults } from '../../adapters/bitcoin/network.ts'
import { chainNameSchema } from '../http/schemas.ts'

/** How the file's own location is known to its schema. */
export interface ConfigLocation {
  /** Relative paths start here. */
  baseDirectory: string
  /** Whether a file is there: a missing one is refused. */
  isFile: (path: string) => boolean
}

const MAXIMUM_DIGITS = 78
const MAXIMUM_CHAINS = 64
const MAXIMUM_TOKENS = 1000

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

/** `host:port`, or `unix:` with a path. */
export function listenSchema(location: ConfigLocation) {
  return z
    .string()
    .regex(/^(unix:.+|(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):[0-9]{1,5})$/, 'must be host:port or unix:/path')
    .refine(text => text.startsWith('unix:') || Number(/\d*$/.exec(text)![0]) <= 65535, 'the port is above 65535')
    .transform(text => absoluteSocket(text, location))
}

/** http://…, https://… or unix:/path, without credentials: they would show up in logs. */
export function urlSchema(location: ConfigLocation) {
  return z
    .string()
    .refine(isUrl, 'must be http://host:port, https://host:port or unix:/path')
    .refine(text => !hasCredentials(text), 'must not hold credentials: use username and passwordFile')
    .transform(text => absoluteSocket(text, location))
}

function absoluteSocket(text: string, location: ConfigLocation): string {
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

/** Native symbol, tokens, and what a network is called, per family. */
export const networks = {
  bitcoin: z
    .string()
    .refine(name => Object.hasOwn(NETWORKS, name), `must be one of ${Object.keys(NETWORKS).join(', ')}`),
  ethereum: z.strictObject({ chainId: whole(1, Number.MAX_SAFE_INTEGER).describe('EIP-155') }),
  nano: z.enum(['nano', 'nano-dev', 'banano']),
  ripple: z.strictObject({ networkId: whole(0, 2 ** 31 - 1).describe('0 is the main network') }),
}

/** For a description: the default of each network that has one of its own, test networks with their main one. */
export function byNetwork(key: keyof FeeDefaults): string {
  const mains = Object.entries(NETWORKS).filter(([name]) => !name.includes('-'))
  const all = new Map<string, string[]>()
  for (const [name, { fees }] of mains) all.set(String(fees[key]), [...(all.get(String(fees[key])) ?? []), name])
  return `unless said: ${[...all].map(([value, names]) => `${value} (${names.join(', ')})`).join(', ')}`
}

/** What `family` means, in both files. */
export const FAMILY = 'Which adapter follows and signs; it decides the keys below'

/** A contract of an EVM chain; its checksum (EIP-55) is not looked at. */
export const contractAddress = z.string().regex(/^0x[0-9a-fA-F]{40}$/, 'must be 0x and 40 hexadecimal digits')

/** Tokens of one chain; absent: none. */
export const tokenList = <Token extends z.ZodType<{ asset: string }>>(token: Token) =>
  z.array(token).max(MAXIMUM_TOKENS).default([])

interface Chain {
  network: unknown
  asset: string
  tokens?: { asset: string }[]
}

/**
 * The chains by name. Two names for one public network would move the same coins twice, and two assets of one name
 * could not be told apart: both are refused.
 */
export function chainsSchema<Schema extends z.ZodType<Chain>>(chain: Schema) {
  return z
    .record(chainNameSchema, chain)
    .refine(chains => Object.keys(chains).length <= MAXIMUM_CHAINS, `at most ${MAXIMUM_CHAINS} chains`)
    .superRefine((chains, context) => {
      const seen = new Map<string, string>()
      for (const [name, entry] of Object.entries(chains) as [string, Chain][]) {
        const network = JSON.stringify(entry.network)
        const other = seen.get(network)
        if (other !== undefined && !isPrivate(entry.network)) {
          context.addIssue({
            code: 'custom',
            path: [name, 'network'],
            message: `is also the network of chains.${other}`,
          })
        }
        seen.set(network, name)
        refuseTwins(name, entry, context)
      }
    })
    .default({})
}

function refuseTwins(name: string, chain: Chain, context: z.core.$RefinementCtx): void {
  const seen = new Set([chain.asset])
  for (const [index, { asset }] of (chain.tokens ?? []).entries()) {
    const path = [name, 'tokens', index, 'asset']
    if (seen.has(asset)) context.addIssue({ code: 'custom', path, message: `${asset} is named twice` })
    seen.add(asset)
  }
}

/** Development networks: each node is a network of its own, though all have one name. */
function isPrivate(network: unknown): boolean {
  if (typeof network === 'string') return /-(regtest|dev)$/.test(network)
  const { chainId } = network as { chainId?: number }
  return chainId === 1337 || chainId === 31337
}
