/**
 * A template of the family: `{ network, transaction }`, the transaction as JSON without its signature. Three kinds are
 * known, each by a list of its fields (X17): a direct payment of XRP that spends a ticket, the making of tickets, and the
 * demand for destination tags. Whatever has another field, flag or kind is refused: it could do anything.
 * https://xrpl.org/docs/references/protocol/transactions
 */
import { isDeepStrictEqual } from 'node:util'
import { decode, encode, encodeForSigning } from 'ripple-binary-codec'
import { z } from 'zod'
import type { Json } from '../../machines/vocabulary.ts'
import { boundary } from '../../src/kernel/fault.ts'
import { accountOf, readAddress } from './address.ts'
import { LEDGER_TICKETS, MAXIMUM_DROPS, type Network } from './network.ts'

/** `asfRequireDest`: who pays us must name a tag. */
export const REQUIRE_DESTINATION_TAG = 1

const account = z.string().max(40)
const positive = z.int().min(1).max(0xffff_ffff)
const drops = z
  .string()
  .regex(/^[1-9][0-9]{0,17}$/, { error: 'drops, in decimal digits', abort: true })
  .refine(text => BigInt(text) <= MAXIMUM_DROPS, 'more than there is')

const common = {
  Account: account,
  Fee: drops,
  Flags: z.literal(0),
  LastLedgerSequence: positive,
  SigningPubKey: z.string().regex(/^0[23][0-9A-F]{64}$/, 'a compressed secp256k1 key in capitals'),
  NetworkID: positive.optional(),
}
const byTicket = { Sequence: z.literal(0), TicketSequence: positive }
const bySequence = { Sequence: positive }

const requireTags = { TransactionType: z.literal('AccountSet'), SetFlag: z.literal(REQUIRE_DESTINATION_TAG) }

const transaction = z.union([
  z.strictObject({
    ...common,
    ...byTicket,
    TransactionType: z.literal('Payment'),
    Destination: account,
    DestinationTag: z.int().min(0).max(0xffff_ffff).optional(),
    Amount: drops,
  }),
  z.strictObject({
    ...common,
    ...bySequence,
    TransactionType: z.literal('TicketCreate'),
    TicketCount: z.int().min(1).max(LEDGER_TICKETS),
  }),
  z.strictObject({ ...common, ...bySequence, ...requireTags }),
  z.strictObject({ ...common, ...byTicket, ...requireTags }),
])

const shape = z.strictObject({ network: z.string(), transaction })

/** A transaction without its signature, as JSON. Amounts are drops. */
export type UnsignedFields = z.infer<typeof transaction>

/** A template as understood. */
export interface Draft {
  transaction: UnsignedFields
  /** `STX\0` and the canonical bytes: what is hashed and signed. */
  signing: Uint8Array
  /** What the account can only use once: a ticket, or its sequence; both are of one series of numbers. */
  place: number
}

/** What the signer's policy allows of the family's own transactions. */
export interface TicketAllowance {
  /** Of one TicketCreate. */
  maximumTickets: number
}

const refused = (reason: string) => boundary('invalid-template', reason)

/** Throws a boundary fault `invalid-template` with the reason where anything in it is not understood. */
export function readTemplate(template: Json, network: Network, { maximumTickets }: TicketAllowance): Draft {
  const parsed = shape.safeParse(template)
  if (!parsed.success) throw refused(`no transaction that is signed here: ${z.prettifyError(parsed.error)}`)
  const { transaction: given } = parsed.data
  if (parsed.data.network !== network.name) throw refused(`for ${parsed.data.network}, not for ${network.name}`)
  const named = network.isNamedInTransactions ? network.id : undefined
  if (given.NetworkID !== named) throw refused(`the NetworkID is to be ${named === undefined ? 'absent' : named}`)
  checkAccounts(given, network)
  if (given.TransactionType === 'TicketCreate' && given.TicketCount > maximumTickets)
    throw refused(`${given.TicketCount} tickets are over the limit of ${maximumTickets}`)
  return {
    transaction: given,
    signing: encoded(given),
    place: 'TicketSequence' in given ? given.TicketSequence : given.Sequence,
  }
}

/** The key is the account's own: another one would be a regular key, or a forger's. */
function checkAccounts(given: UnsignedFields, network: Network): void {
  if (accountOf(Buffer.from(given.SigningPubKey, 'hex')) !== given.Account)
    throw refused('the key is not that of the account')
  if (given.TransactionType !== 'Payment') return
  // Classic only: in an X-address a tag could hide.
  if (readAddress(given.Destination, network)?.account !== given.Destination)
    throw refused(`${given.Destination} is no account`)
  if (given.Destination === given.Account) throw refused('a payment to itself')
}

/** The bytes, where reading them gives the same transaction again. */
function encoded(given: UnsignedFields): Uint8Array {
  let signing: string
  let back: unknown
  try {
    signing = encodeForSigning(given)
    back = decode(encode(given))
  } catch (error) {
    throw refused(`it cannot be encoded: ${error instanceof Error ? error.message : String(error)}`)
  }
  if (!isDeepStrictEqual({ ...(back as object) }, withoutAbsent(given)))
    throw refused('its bytes say something else than it does')
  return Uint8Array.from(Buffer.from(signing, 'hex'))
}

const withoutAbsent = (given: object): object =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
