/**
 * What watcher and signer say to each other, each shape once: the signer checks requests with it, the watcher answers.
 * What machines keep has its type in machines/, and the shape here must fit it; every other type follows from its shape.
 */
import { z } from 'zod'
import type { Missing, Reason } from '../../machines/messages.ts'
import type { Authorisation, AuthorisedIntent, Json, MemoryPosition, SignedReceipt } from '../../machines/vocabulary.ts'
import type { Authority, Threshold } from '../approvals.ts'
import {
  amountSchema,
  countSchema,
  limitSchema,
  nameSchema,
  positiveAmountSchema,
  publicKeySchema,
  signatureSchema,
  timeSchema,
} from '../http/schemas.ts'

/** Withdrawals of one transaction. */
const MAXIMUM_INTENTS = 1000
const MAXIMUM_AUTHORISATIONS = 100
const MAXIMUM_TEXT = 256
/** Addresses of one chain. */
export const MAXIMUM_POOL = 10_000_000

/** Of each object in a template, in whatever family. */
const MAXIMUM_MEMBERS = 32

const json = z.custom<Json>(value => value !== undefined)
const text = z.string().max(MAXIMUM_TEXT)

const isParent = (value: unknown): value is object => typeof value === 'object' && value !== null

/** Counts no further than it must, at every depth: a family's own reading names each member that it does not know. */
function isTemplate(value: unknown): boolean {
  if (!isParent(value) || Array.isArray(value)) return false
  const parents: object[] = [value]
  for (let parent = parents.pop(); parent !== undefined; parent = parents.pop()) {
    if (Array.isArray(parent)) {
      for (const element of parent as unknown[]) if (isParent(element)) parents.push(element)
      continue
    }
    let members = 0
    for (const name in parent) {
      if (++members > MAXIMUM_MEMBERS) return false
      const member = (parent as Record<string, unknown>)[name]
      if (isParent(member)) parents.push(member)
    }
  }
  return true
}

/** Where the signer's memory stands. The hash is 64 hexadecimal digits, or empty before anything was remembered. */
export const memoryPosition = z.strictObject({
  sequence: z.int().min(0),
  hash: z.string().max(64),
}) satisfies z.ZodType<MemoryPosition>

const authorisation = z.strictObject({
  key: publicKeySchema,
  signature: signatureSchema,
}) satisfies z.ZodType<Authorisation>

/** A withdrawal as the backend wants it, with the signatures that say so. */
const authorisedIntent = z
  .strictObject({
    id: nameSchema,
    chain: text,
    asset: text,
    to: text,
    dataField: text.nullable().default(null),
    amount: positiveAmountSchema,
    expiresAt: timeSchema.nullable().default(null),
    round: z.int().min(1).default(1),
    memory: z.int().min(0).nullable().default(null),
    authorisations: z.array(authorisation).max(MAXIMUM_AUTHORISATIONS).default([]),
  })
  .meta({ id: 'Intent' }) satisfies z.ZodType<AuthorisedIntent>

/** The unsigned transaction, in the family's portable form. */
const template = z.custom<Json>(
  isTemplate,
  `must be an object, and no object in it may have more than ${MAXIMUM_MEMBERS} members`,
)

/** A template and the withdrawals that it claims to pay, each with its authorisations. */
export const signRequest = z.strictObject({
  template,
  intents: z.array(authorisedIntent).max(MAXIMUM_INTENTS),
  ledgerId: text
    .nullable()
    .default(null)
    .describe('The ledger that asks: by it each of several watchers knows its own'),
})

const missing = z.object({ id: z.string(), required: z.int(), given: z.int() }) satisfies z.ZodType<Missing>
const reason = z.object({
  kind: z.string(),
  message: z.string(),
  withdrawal: z.string().optional(),
}) satisfies z.ZodType<Reason>

const signatures = {
  transactionId: z.string(),
  signedTransaction: z.string().describe('What is broadcast: hex, or the form of the family'),
  spendKeys: z.array(z.string()),
}
/** Signed, now or before: the same bytes for ever. */
export const signedAnswer = z.object({ state: z.literal('signed'), ...signatures }).meta({ id: 'Signed' })
/** Nothing is wrong, and approvals are missing: ask again with more of them. */
export const awaitingAnswer = z
  .object({ state: z.literal('awaitingApproval'), missing: z.array(missing) })
  .meta({ id: 'AwaitingApproval' })
/** Stands beside the members of a problem. */
export const refusedAnswer = z.object({ state: z.literal('refused'), reasons: z.array(reason) }).meta({ id: 'Refused' })

const attemptName = { chain: z.string(), transferId: z.string(), n: z.int() }
/** `seq`: its place among everything that the memory holds. */
export const signedAttempt = z
  .object({
    ...attemptName,
    state: z.literal('signed'),
    seq: z.int(),
    ...signatures,
    fee: amountSchema,
    template: json,
    intents: z.array(authorisedIntent),
    ledgerId: z.string().nullable().describe('The ledger that asked for it first'),
    signedAt: timeSchema,
  })
  .meta({ id: 'SignedAttempt' })
/** With the bytes to broadcast, and everything that they were decided by. */
export type SignedAttempt = z.output<typeof signedAttempt>

const unsignedAttempt = z.object({
  ...attemptName,
  state: z.enum(['received', 'inspected', 'awaitingApproval', 'refused']),
  seq: z.int(),
  reasons: z.array(reason),
  missing: z.array(missing),
})
/** An attempt in any state. */
export const storedAttempt = z
  .discriminatedUnion('state', [signedAttempt, unsignedAttempt])
  .meta({ id: 'StoredAttempt' })

/** The signer's promise that nothing more is signed for a withdrawal up to this round. */
export const receipt = z
  .object({
    chain: z.string(),
    id: nameSchema,
    purpose: z.literal('lockkeeper-void-v1'),
    round: z.int(),
    signed: z.array(z.string()).describe('Ids of the transactions signed before; a refund is safe when there are none'),
    key: publicKeySchema,
    signature: signatureSchema,
    spendKeys: z
      .array(z.string())
      .optional()
      .describe('What those spend: a transaction may be mined under another id, but not without one of these'),
    spendKeysSignature: signatureSchema
      .optional()
      .describe('By the same key over the same with spendKeys, purpose lockkeeper-void-v2'),
  })
  .meta({ id: 'Receipt' }) satisfies z.ZodType<SignedReceipt>

/** As it stands among the signed ones. */
const voided = receipt.extend({ state: z.literal('voided'), seq: z.int(), voidedAt: timeSchema })

/** What was signed and voided, by `seq`. */
export const signedPage = z.object({
  items: z.array(z.discriminatedUnion('state', [signedAttempt, voided])),
  next: z.int().nullable().describe('The `after` of the page that follows; null at the end'),
})
/** One page of it. */
export type PromisedPage = z.output<typeof signedPage>

/** Which round, and all lower ones, are never signed for again. */
export const voidRequest = z.strictObject({ chain: nameSchema, round: z.int().min(1).default(1) })

/** Everything ever signed or voided for one withdrawal. */
export const withdrawalRecord = z
  .object({
    id: nameSchema,
    chain: z.string(),
    round: z.int().describe('The highest of which an authorised intent was seen'),
    intent: authorisedIntent.nullable().describe('As signed last'),
    signed: z.array(z.intersection(z.object({ round: z.int() }), storedAttempt)),
    voids: z.array(receipt),
    next: z.int().nullable().describe('The `after` of the page with more signatures; null at the end'),
  })
  .meta({ id: 'WithdrawalRecord' })

/** `after`: so many signatures are passed over. */
export const withdrawalQuery = z.strictObject({ after: countSchema.default(0), limit: limitSchema })

/** The Ed25519 key that attests addresses and receipts. */
export const identity = z.object({ key: publicKeySchema }).meta({ id: 'Identity' })

/** How many addresses there shall be at least. */
export const poolRequest = z.strictObject({
  size: z.int().min(1).max(MAXIMUM_POOL),
  ledgerId: text.nullable().default(null).describe('Whose ledger alone gives away what is made now'),
})
/** How many addresses there are now. */
export const pool = z.object({ chain: z.string(), size: z.int() }).meta({ id: 'AddressPool' })

/** By index. */
export const addressesQuery = z.strictObject({ from: countSchema.default(0), limit: limitSchema })
/** Index 0 is the treasury. */
export const addresses = z.array(
  z.object({
    index: z.int(),
    address: z.string(),
    dataField: z.string().nullable(),
    publicKey: z.string().describe('Hex'),
    path: z.string(),
    createdAt: timeSchema,
    ledgerId: z.string().nullable().describe('The ledger that it was made for'),
    attestation: authorisation,
  }),
)

const threshold = z.object({
  above: amountSchema,
  approvals: z.int(),
  chain: z.string().optional(),
  asset: z.string().optional(),
}) satisfies z.ZodType<Threshold>
const authority = z.object({
  keys: z.array(publicKeySchema).readonly(),
  approvals: z.union([z.int(), z.array(threshold).readonly()]),
}) satisfies z.ZodType<Authority>
const limits = {
  perTransaction: amountSchema.nullable(),
  perDay: amountSchema.nullable(),
  leftToday: amountSchema.nullable().describe('What perDay leaves of the last 24 hours'),
}
/** What a watcher may know beforehand; the limits are those of the native asset. Deciding stays with the signer. */
export const rules = z
  .object({
    chain: z.string(),
    authorisation: authority.nullable().describe('Null when none is required'),
    ...limits,
    maximumFee: amountSchema.optional().describe('Of one transaction, in base units of the native asset'),
    maximumFeeRate: z.number().optional().describe("In the family's unit"),
    gasFunding: amountSchema.describe('What another of our addresses may be given for gas in one transaction'),
    tokens: z.record(z.string(), z.object(limits)).describe('The same for each token, by symbol'),
  })
  .meta({ id: 'Policy' })

/** `after`: the `next` of the page before, 0 for the first. */
export const signedQuery = z.strictObject({ after: countSchema.default(0), limit: limitSchema })
