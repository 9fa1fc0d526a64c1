/**
 * The memory as one JSON document: docs/reference/signer-memory.md. Its commits are the journal's lines as they are, so
 * that after an import sequence and hash are what clients have seen, and no detail can be lost on the way.
 */
import { z } from 'zod'
import { boundary } from '../../kernel/fault.ts'
import { canonicalJson } from '../../canonical.ts'
import { isSigned } from '../../signatures.ts'
import { publicKeySchema, signatureSchema } from '../../http/schemas.ts'
import type { IdentityKey } from '../keys/identity.ts'

const FORMAT = 'lockkeeper-signer-memory'
/** Version 2 has the intents with `memory`; the commits of version 1 are read as they are. */
const VERSION = 2

const hashSchema = z.string().regex(/^[0-9a-f]{64}$/)
const metadataSchema = z.strictObject({
  format: z.literal(FORMAT),
  version: z.union([z.literal(1), z.literal(VERSION)]),
  ledgerId: z
    .string()
    .regex(/^[0-9a-f]{32}$/)
    .describe('Made at random when the memory began; the first hash follows from it'),
  sequence: z.int().min(0).describe('Of the last entry: what Lockkeeper-Memory-Sequence said'),
  hash: hashSchema.describe('Of the last commit: what Lockkeeper-Memory-Hash said'),
  key: publicKeySchema.describe("The signer's identity key"),
  signature: signatureSchema.describe('By that key over the canonical JSON of the other members'),
})
const instanceSchema = z.looseObject({
  id: z
    .string()
    .describe('signing/<chain>:<transfer>:<attempt>, void/<chain>:<withdrawal>@<round>, pool/<chain>:<first index>'),
  version: z.int().describe("The machine's version"),
  value: z.string().describe('The state; of signing: received, inspected, awaitingApproval, signed, refused'),
  context: z.record(z.string(), z.unknown()).describe('What is known in that state'),
  seq: z.int(),
  at: z.int().describe('Milliseconds since 1970 UTC'),
  ended: z.boolean().describe('True for what is signed or voided: it never changes again'),
})
const commitSchema = z.looseObject({
  at: z.int(),
  entries: z.array(z.looseObject({ seq: z.int(), event: z.string(), to: z.string(), image: instanceSchema })).min(1),
})

/** The whole document. */
export const exportSchema = z.strictObject({
  metadata: metadataSchema,
  commits: z.array(
    z.strictObject({
      hash: hashSchema.describe("SHA-256 of the hash before (64 hexadecimal digits) and this commit's bytes"),
      commit: commitSchema,
    }),
  ),
})

/** The first member of the document: what it holds, signed by the identity key. */
export type Metadata = z.output<typeof metadataSchema>
type Unsigned = Omit<Metadata, 'key' | 'signature'>

/** The metadata before they are signed; `hash` is 64 hexadecimal digits. */
export const describeMemory = (ledgerId: string, sequence: number, hash: string): Unsigned => ({
  format: FORMAT,
  version: VERSION,
  ledgerId,
  sequence,
  hash,
})

const bytesOf = (metadata: Unsigned, key: string): Uint8Array =>
  new TextEncoder().encode(canonicalJson({ ...metadata, key }))

/** With the identity key's signature over their canonical JSON (RFC 8785). */
export function signMetadata(metadata: Unsigned, identity: Pick<IdentityKey, 'key' | 'sign'>): Metadata {
  return { ...metadata, ...identity.sign(bytesOf(metadata, identity.key)) }
}

/** Throws a boundary fault `bad-export` for what this signer has not signed, or `other-signer`. */
export function readMetadata(text: string, key: string): Metadata {
  const { signature, ...rest } = parse(text)
  if (rest.key !== key) throw boundary('other-signer', `this is the memory of the signer ${rest.key}, not of ${key}`)
  const { key: _, ...unsigned } = rest
  if (isSigned({ key, signature }, bytesOf(unsigned, key))) return { ...rest, signature }
  throw boundary('bad-export', 'metadata.signature does not fit: the metadata were changed')
}

function parse(text: string): Metadata {
  try {
    return metadataSchema.parse(JSON.parse(text))
  } catch (error) {
    const at = error instanceof z.ZodError ? ` (metadata.${error.issues[0]!.path.join('.')})` : ''
    throw boundary('bad-export', `the file is not an exported memory that this version understands${at}`)
  }
}
