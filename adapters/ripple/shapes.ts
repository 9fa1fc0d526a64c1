/**
 * What servers answer, as far as it is read, in both versions of the API (X13): in version 2 a transaction stands in `tx_json` with
 * its hash beside it, in version 1 it stands flat, or in `tx`, with its hash among its fields.
 * https://xrpl.org/docs/references/http-websocket-apis/api-conventions/request-formatting#api-versioning
 */
import { z } from 'zod'
import { XRP_DECIMALS } from './network.ts'

const hash = z.string().regex(/^[0-9A-F]{64}$/)
/** A ledger's index: a number, in some answers of version 1 its digits. */
const height = z.union([
  z.int().min(0),
  z
    .string()
    .regex(/^[0-9]{1,10}$/)
    .transform(Number),
])
const uint32 = z.int().min(0).max(0xffff_ffff)
/** Decimal digits: drops. Amounts that are no drops are objects. */
export const dropsShape = z.string().regex(/^[0-9]{1,18}$/)

/** XRP as a JSON number has at most six decimals: rounded to drops it is exact. */
const fromXrp = z
  .number()
  .min(0)
  .max(1_000_000)
  .transform(xrp => BigInt(Math.round(xrp * 10 ** XRP_DECIMALS)))

const warnings = z.array(z.object({ id: z.int() })).default([])

/** `server_info`. Clio has no `server_state`, and says `rippled_version` only while it reaches its rippled (X12). */
export const serverShape = z.object({
  warnings,
  info: z.object({
    build_version: z.string().optional(),
    clio_version: z.string().optional(),
    rippled_version: z.string().optional(),
    server_state: z.string().optional(),
    amendment_blocked: z.boolean().optional(),
    complete_ledgers: z.string(),
    network_id: uint32.optional(),
    warnings,
    validated_ledger: z
      .object({
        age: z.number(),
        hash,
        seq: height,
        reserve_base_xrp: fromXrp,
        reserve_inc_xrp: fromXrp,
      })
      .optional(),
  }),
})

/** Fields of a transaction that are read; every other stays unread. */
const fields = z.object({
  TransactionType: z.string(),
  Account: z.string(),
  Destination: z.string().optional(),
  DestinationTag: uint32.optional(),
  Fee: dropsShape.optional(),
  Flags: uint32.default(0),
  Sequence: uint32.optional(),
  TicketSequence: uint32.optional(),
  Delegate: z.string().optional(),
})

const nodeShape = z.object({
  LedgerEntryType: z.string(),
  FinalFields: z.looseObject({ Account: z.unknown().optional(), Balance: z.unknown().optional() }).optional(),
  NewFields: z.looseObject({ Account: z.unknown().optional(), Balance: z.unknown().optional() }).optional(),
  PreviousFields: z.looseObject({ Balance: z.unknown().optional() }).optional(),
})

/** What a transaction has changed. An amount that is an object is an issued token or an MPT. */
const metaShape = z.object({
  TransactionResult: z.string(),
  TransactionIndex: uint32,
  AffectedNodes: z.array(
    z.object({
      CreatedNode: nodeShape.optional(),
      ModifiedNode: nodeShape.optional(),
      DeletedNode: nodeShape.optional(),
    }),
  ),
  delivered_amount: z.unknown().optional(),
  ParentBatchID: hash.optional(),
})

const entryShape = z.looseObject({
  hash: hash.optional(),
  tx_json: z.looseObject({ hash: hash.optional() }).optional(),
  tx: z.looseObject({ hash: hash.optional() }).optional(),
  meta: z.unknown().optional(),
  metaData: z.unknown().optional(),
})

/** A transaction of a ledger with what it has done there. */
export const transactionShape = entryShape.transform((entry, context) => {
  const body = entry.tx_json ?? entry.tx ?? entry
  const whole = { hash: entry.hash ?? body.hash, fields: body, meta: entry.meta ?? entry.metaData }
  const read = z.object({ hash, fields, meta: metaShape }).safeParse(whole)
  if (read.success) return read.data
  for (const { path, message } of read.error.issues) context.addIssue({ code: 'custom', path, message })
  return z.NEVER
})

const header = {
  ledger_hash: hash,
  ledger_index: height,
  parent_hash: hash,
  transaction_hash: hash,
  close_time: z.number(),
}

const validated = z.boolean().default(false)

/** `ledger` without its transactions. */
export const headerShape = z.object({ validated, ledger: z.object(header) })
/** `ledger` with whole transactions. */
export const ledgerShape = z.object({
  validated,
  ledger: z.object({ ...header, transactions: z.array(transactionShape).optional() }),
})

/** `tx`: where it stands. The ledger's hash is missing in version 1. */
export const foundShape = z.object({
  validated,
  ledger_index: height.optional(),
  ledger_hash: hash.optional(),
  meta: z.unknown().optional(),
})
/** What `txnNotFound` says beside: whether all ledgers that were named were searched (X7). */
export const searchedShape = z.object({ searched_all: z.boolean().default(false) })

/** `account_info`. */
export const accountShape = z.object({
  validated,
  account_data: z.object({
    Account: z.string(),
    Balance: dropsShape,
    Flags: uint32,
    OwnerCount: uint32,
    Sequence: uint32,
  }),
})

/** `account_objects` of tickets, a page. A marker is handed back as it came. */
export const ticketsShape = z.object({
  validated,
  account_objects: z.array(z.object({ LedgerEntryType: z.literal('Ticket'), TicketSequence: uint32 })),
  marker: z.unknown().optional(),
})

/** `ledger_entry`, where only its being there is asked for. */
export const existingShape = z.object({ validated, ledger_index: height })

/** `deposit_authorized`. */
export const authorizedShape = z.object({ validated, deposit_authorized: z.boolean() })

/** `fee`: in drops, of a transaction that costs what most do. */
export const feeShape = z.object({
  drops: z.object({ base_fee: dropsShape, minimum_fee: dropsShape, open_ledger_fee: dropsShape }),
})

/** `submit`: a preliminary result, which says nothing final (X8, X21). */
export const submittedShape = z.object({ engine_result: z.string(), engine_result_message: z.string().default('') })

export type ServerAnswer = z.output<typeof serverShape>
export type LedgerAnswer = z.output<typeof ledgerShape>['ledger']
export type LedgerTransaction = z.output<typeof transactionShape>
