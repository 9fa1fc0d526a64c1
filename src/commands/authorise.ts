/** `lockkeeper authorise`: the backend's signature over a withdrawal intent. */
import { z } from 'zod'
import { boundary } from '../kernel/fault.ts'
import type { Authorisation } from '../../machines/vocabulary.ts'
import { base64Of, intentBytes, keyFrom, signBytes } from '../canonical.ts'

/** Strings are signed exactly as they stand; absent values are null, and the round is 1. */
const intentSchema = z.strictObject({
  id: z.string(),
  chain: z.string(),
  asset: z.string(),
  to: z.string(),
  dataField: z.string().nullable().default(null),
  amount: z.string(),
  expiresAt: z.string().nullable().default(null),
  round: z.int().min(1).default(1),
  memory: z.int().min(0).nullable().default(null),
  purpose: z.literal('lockkeeper-withdrawal-v2').optional(),
  wallet: z.string().optional(),
})

/**
 * @param key the base64 of the 32-byte Ed25519 seed
 * @param wallet the base64 of the identity key of the signer that shall pay
 * @param text the intent, JSON
 * @throws boundary `invalid-intent`, also for one that names another wallet; `bad-key`
 */
export function authorise(key: string, wallet: string, text: string): Authorisation {
  const result = intentSchema.safeParse(parse(text))
  if (!result.success) {
    const issue = result.error.issues[0]!
    throw boundary('invalid-intent', `the intent's ${issue.path.join('.') || 'JSON'}: ${issue.message}`)
  }
  const { purpose: _, wallet: named, ...intent } = result.data
  const payer = base64Of(keyFrom(wallet))
  if (named !== undefined && named !== payer)
    throw boundary('invalid-intent', `the intent's wallet: it is for ${named}, not for ${payer}`)
  return signBytes(keyFrom(key), intentBytes(intent, payer))
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw boundary('invalid-intent', 'the intent is not JSON')
  }
}
