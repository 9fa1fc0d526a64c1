/** The shapes of the API: they validate what comes in and describe, in the API's description, what goes out. */
import { z } from 'zod'
import { WATCHER_KINDS, type WatcherKind } from '../../machines/ids.ts'
import {
  amountSchema,
  nameSchema,
  positiveAmountSchema,
  publicKeySchema,
  signatureSchema,
  timeSchema,
} from '../http/schemas.ts'
import { statesOf } from './states.ts'

/** Longer than any address, reason or data field of any family. */
const MAXIMUM_TEXT = 512
const MAXIMUM_AUTHORISATIONS = 100
const MAXIMUM_NOTE = 256

const text = z.string().max(MAXIMUM_TEXT)
const stateOf = (kind: WatcherKind) => z.enum(statesOf(kind))
const note = z
  .string()
  .max(MAXIMUM_NOTE)
  .describe("The backend's own words. No part of what is signed or compared; what was said first is kept")
const decimals = z.int().nullable().describe('Of one unit of the asset; amounts are base units')
const signed = z.strictObject({ key: publicKeySchema, signature: signatureSchema })
const history = z.array(
  z.object({ at: timeSchema, seq: z.int(), from: z.string().nullable(), event: z.string(), to: z.string() }),
)
const changed = { updatedAt: timeSchema, revision: z.int() }

export const searchQuery = z.strictObject({ q: text.min(1) })

export const reasonBody = z.strictObject({ reason: text.min(1) })
/** In the family's unit. */
const MAXIMUM_FEE_RATE = 1e15
export const replacementBody = z.strictObject({
  feeRate: z.number().positive().max(MAXIMUM_FEE_RATE).describe("In the unit of the chain's fees: sat/vB, wei per gas"),
})
export const assignBody = z.strictObject({
  address: text.optional(),
  dataField: text.nullable().optional(),
  note: note.nullable().optional(),
})
export const decisionBody = z.strictObject({
  accept: z.boolean(),
  reference: nameSchema.optional(),
  reason: text.min(1),
})
export const authorisationBody = z.strictObject({ signature: signatureSchema })
/** Chain and round count only for a withdrawal that this ledger does not know. */
export const cancellationBody = z.strictObject({
  chain: text.optional(),
  round: z.int().min(1).max(1_000_000).default(1),
})
export const withdrawalBody = z.strictObject({
  chain: text,
  asset: text,
  to: text.min(1),
  dataField: text.nullable().default(null),
  amount: positiveAmountSchema,
  expiresAt: timeSchema.nullable().default(null),
  round: z.int().min(1).max(1_000_000).default(1),
  memory: z.int().min(0).nullable().default(null),
  note: note.nullable().default(null),
  authorisations: z.array(signed).max(MAXIMUM_AUTHORISATIONS).default([]),
})

export const chainSchema = z
  .object({
    chain: z.string(),
    family: z.string(),
    asset: z.string(),
    decimals,
    state: stateOf('chain'),
    reason: z.string().nullable(),
    height: z.int().nullable(),
    blockHash: z.string().nullable(),
    nodeHeight: z.int().nullable(),
    lag: z.int().nullable(),
    treasury: z.string().nullable(),
    treasuryDataField: z.string().nullable().describe('What whoever fills the treasury names beside its address'),
    addressPool: z.object({ free: z.int(), assigned: z.int() }),
    balances: z.array(
      z.object({
        asset: z.string(),
        decimals: z.int(),
        confirmed: amountSchema,
        pending: amountSchema,
        reserved: amountSchema.describe(
          'Of confirmed: bound to transfers that are in no block, and what the network demands that an account keeps',
        ),
      }),
    ),
  })
  .meta({ id: 'Chain' })

/** What /readyz says. */
export const readinessSchema = z.object({
  ready: z.boolean(),
  problems: z.array(z.string()),
  /** What somebody should know, and what does not keep anything from being served. */
  notices: z.array(z.string()),
})

/** What a page of everything shows, in one answer: small, however large the ledger. */
export const overviewSchema = z
  .object({
    ledgerId: z.string(),
    seq: z.int().describe('The last transition that is counted'),
    chains: z.array(
      chainSchema.extend({
        blocks: z
          .array(z.object({ height: z.int(), hash: z.string().nullable(), at: timeSchema, isGone: z.boolean() }))
          .nullable()
          .describe('The last ones, oldest first, those that have left the chain too; null while the journal is read'),
      }),
    ),
    counts: z.array(z.object({ kind: z.enum(WATCHER_KINDS), chain: z.string(), state: z.string(), count: z.int() })),
    readiness: readinessSchema,
    throughput: z
      .object({ until: timeSchema, spanMs: z.int(), spans: z.array(z.int()) })
      .nullable()
      .describe('Transitions in each span of the last hour, oldest first; null while the journal is read'),
  })
  .meta({ id: 'Overview' })

export const feesSchema = z
  .object({
    chain: z.string(),
    asset: z.string().describe('In which fees are paid'),
    decimals,
    unit: z.string().describe('Of the rates'),
    rates: z
      .object({ low: z.number(), normal: z.number(), high: z.number() })
      .describe('For who can wait; as withdrawals are sent; for who cannot wait'),
    withdrawal: z
      .record(z.string(), amountSchema)
      .describe('By asset: the fee of one plain withdrawal at the normal rate, in base units of the native asset'),
    reason: z.string().nullable().describe('Why nothing would be sent now, whatever it pays; else null'),
  })
  .meta({ id: 'Fees' })

export const destinationSchema = z
  .object({
    chain: z.string(),
    to: z.string(),
    dataField: z.string().nullable(),
    valid: z.boolean(),
    canonical: z.string().nullable().describe('The one form in which equal destinations are equal'),
    reason: z.string().nullable().describe('Why it cannot be paid'),
    ours: z.boolean().describe('One of our own addresses'),
  })
  .meta({ id: 'Destination' })

export const addressSchema = z
  .object({
    chain: z.string(),
    reference: z.string().nullable(),
    address: z.string(),
    dataField: z.string().nullable(),
    combinedAddress: z
      .string()
      .nullable()
      .optional()
      .describe('Address and data field as one, where the network has a form for that; else null'),
    index: z.int(),
    publicKey: z.string(),
    attestation: signed,
    state: stateOf('address'),
    note: note.nullable(),
  })
  .meta({ id: 'Address' })

export const depositSchema = z
  .object({
    id: z.string(),
    chain: z.string(),
    asset: z.string(),
    decimals,
    address: z.string(),
    dataField: z.string().nullable(),
    reference: z.string().nullable(),
    amount: amountSchema,
    state: stateOf('deposit'),
    confirmations: z.int(),
    required: z.int(),
    transactionId: z.string(),
    outputIndex: z.int(),
    blockHash: z.string().nullable(),
    blockHeight: z.int().nullable(),
    reason: z.string().nullable(),
    ...changed,
    history: history.optional(),
  })
  .meta({ id: 'Deposit' })

const receiptSchema = z
  .object({
    chain: z.string(),
    id: z.string(),
    purpose: z.literal('lockkeeper-void-v1'),
    round: z.int(),
    signed: z.array(z.string()),
    key: publicKeySchema,
    signature: signatureSchema,
    spendKeys: z.array(z.string()).optional(),
    spendKeysSignature: signatureSchema.optional(),
  })
  .describe("The signer's word that nothing more is signed for it, and what was")
  .meta({ id: 'Receipt' })

export const withdrawalSchema = z
  .object({
    id: z.string(),
    chain: z.string(),
    asset: z.string(),
    decimals,
    to: z.string(),
    dataField: z.string().nullable(),
    amount: amountSchema,
    expiresAt: timeSchema.nullable(),
    round: z.int(),
    memory: z.int().nullable(),
    note: note.nullable(),
    state: stateOf('withdrawal'),
    reason: z.string().nullable(),
    transferId: z.string().nullable(),
    transactionId: z.string().nullable(),
    fee: amountSchema.nullable(),
    confirmations: z.int(),
    required: z.int(),
    receipt: receiptSchema.nullable(),
    ...changed,
    history: history.optional(),
  })
  .meta({ id: 'Withdrawal' })

/** Of a withdrawal that the ledger does not know there is no more. */
export const cancelledSchema = withdrawalSchema
  .partial()
  .required({ id: true, chain: true, round: true, state: true, reason: true, receipt: true })

export const transferQuery = z.strictObject({ decoded: z.literal('true').optional() })

/** What a transaction does, read off its template and nothing else. */
const decodedSchema = z.object({
  inputs: z.array(z.object({ address: z.string(), amount: amountSchema })),
  outputs: z.array(
    z.object({ to: z.string(), dataField: z.string().nullable(), asset: z.string(), amount: amountSchema }),
  ),
  fee: amountSchema,
  /** In the family's unit. */
  feeRate: z.number(),
})

const attemptSchema = z
  .object({
    n: z.int(),
    state: stateOf('attempt'),
    transactionId: z.string().nullable(),
    spendKeys: z.array(z.string()),
    fee: amountSchema,
    template: z.unknown(),
    signedTransaction: z.string().nullable(),
    firstBroadcastAt: timeSchema.nullable(),
    isCancelling: z
      .boolean()
      .describe('It pays nobody, in the place of what would have paid withdrawals that are voided'),
    reason: z.string().nullable(),
    decoded: decodedSchema.optional(),
  })
  .meta({ id: 'Attempt' })

export const transferSchema = z
  .object({
    id: z.string(),
    chain: z.string(),
    purpose: z.enum(['payment', 'sweep', 'funding', 'receive', 'consolidation', 'upkeep']),
    state: stateOf('transfer'),
    reason: z.string().nullable(),
    withdrawals: z.array(z.string()),
    fee: amountSchema,
    transactionId: z.string().nullable(),
    blockHash: z.string().nullable(),
    blockHeight: z.int().nullable(),
    confirmations: z.int(),
    required: z.int(),
    replacement: z
      .object({
        state: z.string().describe('waiting; due: it has waited for long; asked: a person wants a higher fee rate'),
        feeRate: z.number().nullable().describe('The highest that a person has asked for'),
        dueAt: timeSchema.nullable().describe('When it gets a further attempt by itself'),
      })
      .nullable()
      .describe('Null where it stands in a block, or has ended'),
    ...changed,
    attempts: z.array(attemptSchema).optional(),
    history: history.optional(),
  })
  .meta({ id: 'Transfer' })

/** `data` is the resource as of that event, without its history. */
const eventOf = <Kind extends WatcherKind, Data extends z.ZodType>(kinds: readonly Kind[], data: Data) =>
  z.object({
    seq: z.int(),
    at: timeSchema,
    kind: z.enum(kinds),
    id: z.string(),
    chain: z.string(),
    event: z.string(),
    from: z.enum(kinds.flatMap(statesOf)).nullable(),
    to: z.enum(kinds.flatMap(statesOf)),
    revision: z.int(),
    data,
  })

const OTHER_KINDS = WATCHER_KINDS.filter(kind => kind !== 'deposit' && kind !== 'withdrawal')

const eventSchema = z
  .discriminatedUnion('kind', [
    eventOf(['deposit'], depositSchema).meta({ id: 'DepositEvent' }),
    eventOf(['withdrawal'], withdrawalSchema).meta({ id: 'WithdrawalEvent' }),
    eventOf(OTHER_KINDS, z.looseObject({})).meta({ id: 'OtherEvent' }),
  ])
  .meta({ id: 'Event', description: 'One committed transition; `data` is the resource as of then, by `kind`' })

export const eventsSchema = z.object({ events: z.array(eventSchema), next: z.int(), ledgerId: z.string() })

/** `reference` where it has one: an address is asked for by it. */
const hitSchema = z.object({
  kind: z.enum(WATCHER_KINDS),
  id: z.string(),
  chain: z.string(),
  state: z.string(),
  reference: z.string().nullable(),
  reason: z.string().nullable().describe('Why it stands there; null of what has ended'),
})

export const searchSchema = z.object({ items: z.array(hitSchema) })

export const pageOf = <Schema extends z.ZodType>(schema: Schema) =>
  z.object({ items: z.array(schema), next: z.int().nullable() })
