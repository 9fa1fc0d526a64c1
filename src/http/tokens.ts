/** Bearer tokens (RFC 6750): one a line in the token file, `read:TOKEN` may only read. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { boundary } from '../../adapters/fault.ts'

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
    const secret = token.startsWith(READ_ONLY) ? token.slice(READ_ONLY.length) : token
    if (!TOKEN.test(secret)) throw boundary('invalid-tokens', 'a token may hold visible ASCII characters only')
  }
  return tokens
}

/** What the `Authorization` header allows. Compares with every token, each in constant time. */
export function grantOf(tokens: readonly string[], authorization: string | undefined): 'none' | 'read' | 'write' {
  const presented = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
  if (presented === undefined) return 'none'
  let grant: 'none' | 'read' | 'write' = 'none'
  for (const token of tokens) {
    const isReadOnly = token.startsWith(READ_ONLY)
    // A read-only line is accepted with and without its prefix: nobody can mistake what it grants.
    const matches = isReadOnly
      ? isEqual(presented, token.slice(READ_ONLY.length)) || isEqual(presented, token)
      : isEqual(presented, token)
    if (matches && grant !== 'write') grant = isReadOnly ? 'read' : 'write'
  }
  return grant
}

// Digests have one length, so the comparison tells nothing of the token's.
const isEqual = (a: string, b: string) => timingSafeEqual(digest(a), digest(b))
const digest = (text: string) => createHash('sha256').update(text).digest()
