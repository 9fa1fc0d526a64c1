/** Bearer tokens (RFC 6750): one a line in the token file, `read:TOKEN` may only read. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { boundary } from '../kernel/fault.ts'

const READ_ONLY = 'read:'
const TOKEN = /^[\x21-\x7e]+$/

/**
 * The lines of a token file, without comments and blank lines.
 * @throws boundary `invalid-tokens` when there is none, or one that no header can carry
 */
export function parseTokens(text: string): string[] {
  const lines = text.split('\n').map(line => line.trim())
  const tokens = lines.filter(line => line !== '' && !line.startsWith('#'))
  if (tokens.length === 0) throw boundary('invalid-tokens', 'the token file holds no token')
  for (const token of tokens) {
    const secret = mayWrite(token) ? token : token.slice(READ_ONLY.length)
    if (!TOKEN.test(secret)) throw boundary('invalid-tokens', 'a token may hold visible ASCII characters only')
  }
  return tokens
}

/** Whether a line of the file grants writing too. */
export const mayWrite = (token: string): boolean => !token.startsWith(READ_ONLY)

/** What a token allows: nothing, to read, or to read and write. */
export type Grant = 'none' | 'read' | 'write'

interface Known {
  grant: Grant
  digests: Buffer[]
}

const known = new WeakMap<readonly string[], Known[]>()

/** Digests have one length, so comparing them tells nothing of the token's. Made once for a list that stays the same. */
function knownOf(tokens: readonly string[]): Known[] {
  const before = known.get(tokens)
  if (before !== undefined) return before
  const made = tokens.map((token): Known => {
    if (mayWrite(token)) return { grant: 'write', digests: [digest(token)] }
    // A read-only line is accepted with and without its prefix: nobody can mistake what it grants.
    return { grant: 'read', digests: [digest(token.slice(READ_ONLY.length)), digest(token)] }
  })
  known.set(tokens, made)
  return made
}

/**
 * What the `Authorization` header allows, and the position of the token that allows it (-1: none). Compares with every
 * token, each in constant time. The list must not change afterwards.
 */
export function holderOf(tokens: readonly string[], authorization: string | undefined): { grant: Grant; at: number } {
  const presented = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
  let holder: { grant: Grant; at: number } = { grant: 'none', at: -1 }
  if (presented === undefined) return holder
  const given = digest(presented)
  for (const [at, { grant, digests }] of knownOf(tokens).entries()) {
    const isSame = digests.filter(each => timingSafeEqual(each, given)).length > 0
    if (isSame && (holder.at < 0 || (grant === 'write' && holder.grant === 'read'))) holder = { grant, at }
  }
  return holder
}

/** As `holderOf`, without whose it is. */
export const grantOf = (tokens: readonly string[], authorization: string | undefined): Grant =>
  holderOf(tokens, authorization).grant

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
