/**
 * What a validated ledger says of us: who has paid us, what we have spent, how our balance changed. Pure. What was delivered counts,
 * never what a transaction names (X1); what a transaction's metadata say of our balance is compared with it, so that whatever else
 * moves XRP to us is not passed over (X4). https://xrpl.org/docs/references/protocol/transactions/metadata
 */
import type { Place } from '../../machines/vocabulary.ts'
import { operating } from '../../src/kernel/fault.ts'
import type { PaymentSeen, SpendSeen } from '../adapter.ts'
import type { RippleFact } from './facts.ts'
import { TREASURY_TAG } from './network.ts'
import { dropsShape, type LedgerAnswer, type LedgerTransaction } from './shapes.ts'
import { placeKey } from './signable.ts'
import type { TagWatch } from './watch.ts'

export interface ScanContext {
  chain: string
  asset: string
  watch: TagWatch
}

const EXECUTED = 'tesSUCCESS'
const NO_TRANSACTIONS = '0'.repeat(64)
/** `tfPartialPayment`: it may deliver less than it names. */
const PARTIAL_PAYMENT = 0x0002_0000

/** X15: a ledger's transactions are all there, each at its place. Operating fault `node-malformed` where they are not. */
export function checkWhole({ ledger_index, transaction_hash, transactions = [] }: LedgerAnswer): void {
  const wrong = (why: string) => operating('node-malformed', `the server gave ledger ${ledger_index} ${why}`)
  if (transaction_hash !== NO_TRANSACTIONS && transactions.length === 0) throw wrong('without its transactions')
  const positions = new Set(transactions.map(({ meta }) => meta.TransactionIndex))
  const isWhole = positions.size === transactions.length && transactions.every((_, n) => positions.has(n))
  if (!isWhole) throw wrong('with some of its transactions missing')
}

/** Of a whole ledger, in the order in which it was applied. */
export function factsOf(
  context: ScanContext,
  { ledger_index: height, ledger_hash, transactions = [] }: LedgerAnswer,
): RippleFact[] {
  const place = { height, hash: ledger_hash }
  const ordered = [...transactions].sort((a, b) => a.meta.TransactionIndex - b.meta.TransactionIndex)
  return ordered.flatMap(transaction => factsOfTransaction({ ...context, place, ...transaction }))
}

type Scan = ScanContext & LedgerTransaction & { place: Place }

function factsOfTransaction(scan: Scan): RippleFact[] {
  const change = balanceChange(scan)
  const delta = change?.drops ?? 0n
  const spends = scan.watch.isOurs(scan.fields.Account) ? [spendOf(scan)] : []
  const { hash: transaction, place } = scan
  const changes: RippleFact[] =
    change === null || delta === 0n
      ? []
      : [{ kind: 'balance.changed', transaction, account: change.account, delta: delta.toString(), place }]
  return [...spends, ...paymentsOf(scan, change), ...changes]
}

/** What fails in a ledger has spent its fee and its place all the same (X2). Inner transactions of a batch have no fee of their own. */
function spendOf({ chain, hash, place, fields, meta }: Scan): SpendSeen {
  const { Account, Sequence, TicketSequence, Fee } = fields
  return {
    kind: 'spend.seen',
    keys: [placeKey(chain, Account, TicketSequence ?? Sequence ?? 0)],
    transaction: hash,
    place,
    executed: meta.TransactionResult === EXECUTED,
    fee: Fee ?? '0',
  }
}

/** Of our account: every entry of the ledger that a transaction changes is in its metadata. Null where it changes none of ours. */
function balanceChange({ watch, hash, meta }: Scan): { account: string; drops: bigint } | null {
  for (const { CreatedNode, ModifiedNode, DeletedNode } of meta.AffectedNodes) {
    const node = CreatedNode ?? ModifiedNode ?? DeletedNode
    const after = node?.FinalFields ?? node?.NewFields
    const account = after?.Account
    if (node?.LedgerEntryType !== 'AccountRoot' || typeof account !== 'string' || !watch.isOurs(account)) continue
    const before = CreatedNode === undefined ? (node.PreviousFields?.Balance ?? after?.Balance) : '0'
    return { account, drops: drops(after?.Balance, hash) - drops(before, hash) }
  }
  return null
}

function drops(amount: unknown, hash: string): bigint {
  const read = dropsShape.safeParse(amount)
  if (!read.success) throw operating('node-malformed', `the metadata of ${hash} hold a balance that is no drops`)
  return BigInt(read.data)
}

interface Arrival {
  amount: bigint
  doubt: string | null
}

function paymentsOf(scan: Scan, change: { account: string; drops: bigint } | null): PaymentSeen[] {
  const { chain, asset, watch, hash, place, fields, meta } = scan
  // What we send ourselves cannot bring us anything: no such transaction is signed.
  if (meta.TransactionResult !== EXECUTED || watch.isOurs(fields.Account) || change === null) return []
  const arrival = arrivalOf(scan, change.drops)
  if (arrival === null) return []
  const dataField = tagOf(scan)
  if (dataField === String(TREASURY_TAG)) return []
  const index = watch.indexOf(dataField)
  return [
    {
      kind: 'payment.seen',
      id: `${chain}:${hash}`,
      transaction: hash,
      output: 0,
      address: change.account,
      dataField,
      index: index ?? 0,
      asset,
      amount: arrival.amount.toString(),
      place,
      own: false,
      doubt: arrival.doubt ?? unattributed(dataField, index),
    },
  ]
}

/** X3: tag 0 is a tag, and nobody's. */
function unattributed(dataField: string | null, index: number | null): string | null {
  if (dataField === null) return 'it names no destination tag'
  return index === null ? `nobody has the destination tag ${dataField}` : null
}

/** Its tag, where it is to us: what pays others beside us says nothing of us. */
function tagOf({ watch, fields }: Scan): string | null {
  const { Destination, DestinationTag } = fields
  const isToUs = Destination !== undefined && watch.isOurs(Destination)
  return isToUs && DestinationTag !== undefined ? String(DestinationTag) : null
}

/** What it brought us, and why a person must look; null where it brought nothing. */
function arrivalOf(scan: Scan, delta: bigint): Arrival | null {
  const { fields, meta, watch, hash } = scan
  const isPayment =
    fields.TransactionType === 'Payment' && fields.Destination !== undefined && watch.isOurs(fields.Destination)
  if (!isPayment) return delta > 0n ? { amount: delta, doubt: `it is no payment: ${fields.TransactionType}` } : null
  const delivered = meta.delivered_amount
  // An issued token or an MPT, whatever it calls itself.
  if (typeof delivered === 'object' && delivered !== null)
    return delta > 0n ? { amount: delta, doubt: 'it is said to deliver a token, and brought XRP' } : null
  const read = dropsShape.safeParse(delivered)
  if (!read.success)
    return delta > 0n ? { amount: delta, doubt: 'the server does not say how much it delivered' } : null
  const amount = BigInt(read.data)
  if (amount !== delta)
    throw operating('node-malformed', `${hash} delivered ${amount} drops, and our balance changed by ${delta}`)
  const isPartial = (fields.Flags & PARTIAL_PAYMENT) !== 0
  return { amount, doubt: isPartial ? 'a partial payment: only what it delivered has arrived' : null }
}
