/** Answers in the shapes of both versions of the API. https://xrpl.org/docs/references/http-websocket-apis */
import { RIPPLE_EPOCH } from '../../../adapters/ripple/source.ts'
import type { LedgerEntry, ClosedLedger } from './ledger.ts'
import { accountKey, ownerCount, type Account } from './state.ts'

type Fields = Record<string, unknown>

const isoOf = (closeTime: number): string =>
  new Date((closeTime + RIPPLE_EPOCH) * 1000).toISOString().replace('.000', '')

/** Version 2 has `DeliverMax` where a payment said `Amount`; version 1 says both. */
export function shownFields({ fields }: LedgerEntry['transaction'], version: number): Fields {
  if (fields['TransactionType'] !== 'Payment') return { ...fields }
  const { Amount, ...rest } = fields
  return version === 1 ? { ...rest, Amount, DeliverMax: Amount } : { ...rest, DeliverMax: Amount }
}

/** In a ledger's list. */
export function expandedEntry(
  { transaction, meta, height }: LedgerEntry,
  ledger: ClosedLedger,
  version: number,
): Fields {
  const fields = shownFields(transaction, version)
  if (version === 1) return { ...fields, hash: transaction.hash, metaData: meta }
  return {
    close_time_iso: isoOf(ledger.closeTime),
    hash: transaction.hash,
    ledger_hash: ledger.hash,
    ledger_index: height,
    meta,
    tx_json: fields,
    validated: true,
  }
}

/** What is said in a transaction's own fields where it stands alone. */
const located = ({ closeTime, height }: ClosedLedger) => ({ date: closeTime, inLedger: height, ledger_index: height })

/** In the list of an account. */
export function listedEntry(entry: LedgerEntry, ledger: ClosedLedger, version: number): Fields {
  const { transaction, meta } = entry
  const fields = shownFields(transaction, version)
  if (version === 1) return { meta, tx: { ...fields, ...located(ledger), hash: transaction.hash }, validated: true }
  const { date, ledger_index } = located(ledger)
  return { ...expandedEntry(entry, ledger, version), tx_json: { ...fields, date, ledger_index } }
}

/** Of `tx`. */
export function soleEntry(entry: LedgerEntry, ledger: ClosedLedger, version: number): Fields {
  const { transaction, meta } = entry
  const fields = shownFields(transaction, version)
  if (version === 1) return { ...fields, ...located(ledger), hash: transaction.hash, meta, validated: true }
  return { ...expandedEntry(entry, ledger, version), tx_json: { ...fields, ...located(ledger) } }
}

/** Version 1 has digits where version 2 has a number. */
export function ledgerHeader(ledger: ClosedLedger, totalDrops: bigint, parentTime: number, version: number): Fields {
  return {
    account_hash: ledger.hash,
    close_flags: 0,
    close_time: ledger.closeTime,
    close_time_human: new Date((ledger.closeTime + RIPPLE_EPOCH) * 1000).toUTCString(),
    close_time_iso: isoOf(ledger.closeTime),
    close_time_resolution: 10,
    closed: true,
    ledger_hash: ledger.hash,
    ledger_index: version === 1 ? String(ledger.height) : ledger.height,
    parent_close_time: parentTime,
    parent_hash: ledger.parent,
    total_coins: totalDrops.toString(),
    transaction_hash: ledger.transactionHash,
  }
}

export const accountData = (address: string, account: Account): Fields => ({
  Account: address,
  Balance: account.balance.toString(),
  Flags: account.flags,
  LedgerEntryType: 'AccountRoot',
  OwnerCount: ownerCount(account),
  Sequence: account.sequence,
  ...(account.tickets.size > 0 && { TicketCount: account.tickets.size }),
  index: accountKey(address),
})
