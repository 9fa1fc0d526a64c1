/** Transactions as a server takes them: bytes that are decoded, and believed only with the signature of their account. */
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { decode, encode, encodeForSigning } from 'ripple-binary-codec'
import { z } from 'zod'
import { accountOf } from '../../../adapters/ripple/address.ts'
import { sha512Half } from '../../../adapters/ripple/hash.ts'
import { upperHex } from '../../../adapters/hex.ts'

const TRANSACTION_PREFIX = Buffer.from('54584E00', 'hex')

const amount = z.union([z.string().regex(/^[0-9]+$/), z.record(z.string(), z.string())])
const uint32 = z.int().min(0).max(0xffff_ffff)

const common = {
  Account: z.string(),
  Fee: z.string().regex(/^[0-9]+$/),
  Flags: uint32.default(0),
  Sequence: uint32,
  TicketSequence: uint32.optional(),
  LastLedgerSequence: uint32.optional(),
  NetworkID: uint32.optional(),
  SigningPubKey: z.string(),
  TxnSignature: z.string().optional(),
}

const body = z.discriminatedUnion('TransactionType', [
  z.object({
    ...common,
    TransactionType: z.literal('Payment'),
    Destination: z.string(),
    DestinationTag: uint32.optional(),
    Amount: amount,
    SendMax: amount.optional(),
  }),
  z.object({ ...common, TransactionType: z.literal('TicketCreate'), TicketCount: uint32 }),
  z.object({
    ...common,
    TransactionType: z.literal('AccountSet'),
    SetFlag: uint32.optional(),
    ClearFlag: uint32.optional(),
  }),
  z.object({
    ...common,
    TransactionType: z.literal('AccountDelete'),
    Destination: z.string(),
    DestinationTag: uint32.optional(),
  }),
  z.object({
    ...common,
    TransactionType: z.literal('Batch'),
    RawTransactions: z.array(z.object({ RawTransaction: z.record(z.string(), z.unknown()) })).max(8),
  }),
])

/** What the simulated ledger knows. */
export type Body = z.output<typeof body>

/** A transaction as it stands in a ledger. */
export interface LedgerBody {
  /** Capitals. */
  hash: string
  body: Body
  /** All its fields, as they are shown. */
  fields: Record<string, unknown>
  /** Signed bytes in hex, capitals. */
  raw: string
}

/** Why bytes are no transaction of this ledger, in rippled's words. */
export class BadTransaction extends Error {}

const hashOf = (raw: string): string => upperHex(sha512Half(TRANSACTION_PREFIX, Buffer.from(raw, 'hex')))

function understood(raw: string): LedgerBody {
  let fields: Record<string, unknown>
  try {
    fields = decode(raw)
  } catch (error) {
    throw new BadTransaction(`fails local checks: ${error instanceof Error ? error.message : String(error)}`)
  }
  const parsed = body.safeParse(fields)
  if (!parsed.success)
    throw new BadTransaction(`this simulated ledger does not know it: ${z.prettifyError(parsed.error)}`)
  return { hash: hashOf(raw), body: parsed.data, fields, raw: raw.toUpperCase() }
}

/** @throws BadTransaction for what no server would take */
export function readSubmitted(raw: string): LedgerBody {
  const read = understood(raw)
  if (!isSigned(read)) throw new BadTransaction('fails local checks: Invalid signature.')
  return read
}

/** Of a Batch: each has a hash of its own, and no signature. */
export const innerTransactions = ({ body: outer }: LedgerBody): LedgerBody[] =>
  outer.TransactionType === 'Batch'
    ? outer.RawTransactions.map(({ RawTransaction }) => understood(encode(RawTransaction)))
    : []

function isSigned({ body: { Account, SigningPubKey, TxnSignature = '' }, fields }: LedgerBody): boolean {
  try {
    const key = Buffer.from(SigningPubKey, 'hex')
    const signature = Uint8Array.from(Buffer.from(TxnSignature, 'hex'))
    const digest = digestOf(fields)
    const isValid = secp256k1.verify(signature, digest, key, { prehash: false, lowS: true, format: 'der' })
    return isValid && accountOf(key) === Account
  } catch {
    return false
  }
}

const digestOf = (fields: object): Uint8Array => sha512Half(Buffer.from(encodeForSigning(fields), 'hex'))

/** A key pair of the simulated world. */
export interface WorldKey {
  account: string
  publicKey: string
  secret: Uint8Array
}

/** Equal names have equal keys. */
export function worldKey(name: string): WorldKey {
  const secret = sha512Half(Buffer.from(`simulated: ${name}`))
  const publicKey = secp256k1.getPublicKey(secret, true)
  return { account: accountOf(publicKey), publicKey: upperHex(publicKey), secret }
}

/** Signed bytes in hex. */
export function signWith(key: WorldKey, fields: object): string {
  const unsigned = { ...fields, Account: key.account, SigningPubKey: key.publicKey }
  const signature = secp256k1.sign(digestOf(unsigned), key.secret, { prehash: false, lowS: true, format: 'der' })
  return encode({ ...unsigned, TxnSignature: upperHex(signature) })
}
