/** What a server of the XRP Ledger answers, method by method, as rippled does it. */
import { z } from 'zod'
import { RIPPLE_EPOCH } from '../../../adapters/ripple/source.ts'
import { DEPOSIT_AUTH, ticketKey, type Account } from './state.ts'
import type { LedgerEntry, ClosedLedger, LedgerChain } from './ledger.ts'
import type { RippleFaults } from './node-faults.ts'
import { accountData, expandedEntry, ledgerHeader, listedEntry, shownFields, soleEntry } from './shapes.ts'
import { BadTransaction, readSubmitted, type LedgerBody } from './transaction.ts'

/** An error as rippled names it. */
export class RippleFailure extends Error {
  readonly error: string
  readonly code: number
  /** What is said beside. */
  readonly detail: object

  constructor(error: string, code: number, message: string, detail: object = {}) {
    super(message)
    this.error = error
    this.code = code
    this.detail = detail
  }
}

/** What methods see and change. */
export interface NodeState {
  chain: LedgerChain
  faults: RippleFaults
  /** Seconds since 1970 UTC. */
  nowSeconds: () => number
  /** Offers a transaction; what is kept is remembered. */
  offer: (transaction: LedgerBody, failHard: boolean) => string
}

/** The result without its status. */
export type Method = (state: NodeState, params: Readonly<Record<string, unknown>>, version: number) => object

const DROPS_PER_XRP = 1_000_000
const PAGE = 200
const SEARCH_MAXIMUM = 1000
/** Codes of preliminary results: by class, as nobody here reads them further. */
const CLASS_CODES: Readonly<Record<string, number>> = { tes: 0, tec: 100, ter: -99, tef: -199, tem: -299, tel: -399 }

const invalid = (message: string) => new RippleFailure('invalidParams', 31, message)
const notFound = () => new RippleFailure('lgrNotFound', 21, 'ledgerNotFound')

function read<T>(shape: z.ZodType<T>, params: unknown): T {
  const parsed = shape.safeParse(params)
  if (parsed.success) return parsed.data
  throw invalid(z.prettifyError(parsed.error))
}

/** The last ledger that the server has validated. */
export const shownHeight = ({ chain, faults }: NodeState): number =>
  Math.max(1, chain.last().height - faults.lagLedgers)

const isThere = (state: NodeState, height: number): boolean =>
  height >= 1 &&
  height <= shownHeight(state) &&
  !state.faults.gaps.some(([first, last]) => first <= height && height <= last)

/** `32570-6595042`, with its gaps. */
function completeLedgers(state: NodeState): string {
  const ranges: string[] = []
  let first: number | null = null
  for (let height = 1; height <= shownHeight(state) + 1; height++) {
    if (isThere(state, height)) first ??= height
    else if (first !== null) {
      ranges.push(first === height - 1 ? `${first}` : `${first}-${height - 1}`)
      first = null
    }
  }
  return ranges.length === 0 ? 'empty' : ranges.join(',')
}

const ledgerSpec = z.object({
  ledger_hash: z.string().optional(),
  ledger_index: z.union([z.enum(['validated', 'closed', 'current']), z.int(), z.string().regex(/^\d+$/)]).optional(),
})

/** The closed ledger that is asked for, or null for the open one. */
function ledgerOf(state: NodeState, params: object): ClosedLedger | null {
  const { ledger_hash: hash, ledger_index: asked = 'current' } = read(ledgerSpec, params)
  const { ledgers } = state.chain
  const found = ((): ClosedLedger | undefined => {
    if (hash !== undefined) return ledgers.find(ledger => ledger.hash === hash)
    if (asked === 'validated' || asked === 'closed') return ledgers[shownHeight(state) - 1]
    return ledgers[Number(asked) - 1]
  })()
  if (hash === undefined && asked === 'current' && state.faults.clio === null) return null
  const ledger = hash === undefined && asked === 'current' ? ledgers[shownHeight(state) - 1] : found
  if (ledger === undefined || !isThere(state, ledger.height)) throw notFound()
  return ledger
}

const place = ({ faults }: NodeState, ledger: ClosedLedger) => ({
  ledger_hash: ledger.hash,
  ledger_index: ledger.height,
  validated: !faults.isUnvalidated,
})

interface Seen {
  find: (address: string) => Account | undefined
  where: object
}

function stateOf(state: NodeState, params: object): Seen {
  const { chain } = state
  const ledger = ledgerOf(state, params)
  if (ledger === null)
    return {
      find: address => chain.open.get(address),
      where: { ledger_current_index: chain.last().height + 1, validated: false },
    }
  return { find: address => chain.states.at(ledger.height, address), where: place(state, ledger) }
}

function accountOf({ find }: Seen, address: string): Account {
  const account = find(address)
  if (account === undefined) throw new RippleFailure('actNotFound', 19, 'Account not found.')
  return account
}

const serverInfo: Method = state => {
  const { chain, faults, nowSeconds } = state
  const ledger = chain.ledgers[shownHeight(state) - 1]!
  const { baseFee, reserves, networkId } = chain.rules
  const xrp = (drops: bigint) => Number(drops) / DROPS_PER_XRP
  const warnings = [
    ...(faults.isAmendmentBlocked ? [{ id: 1002, message: 'This server is amendment blocked.' }] : []),
    ...(faults.isAmendmentWarned
      ? [{ id: 1001, message: 'One or more unsupported amendments have reached majority.' }]
      : []),
  ]
  const validated = {
    age: Math.max(0, nowSeconds() - RIPPLE_EPOCH - ledger.closeTime) + faults.staleSeconds,
    base_fee_xrp: xrp(baseFee),
    hash: ledger.hash,
    reserve_base_xrp: xrp(reserves.base),
    reserve_inc_xrp: xrp(reserves.owner),
    seq: ledger.height,
  }
  const common = {
    ...(faults.isAmendmentBlocked && { amendment_blocked: true }),
    complete_ledgers: completeLedgers(state),
    load_factor: 1,
    ...(faults.hidesNetworkId || faults.clio === 'alone' ? {} : { network_id: networkId }),
    validated_ledger: validated,
    validation_quorum: 1,
  }
  if (faults.clio !== null) {
    const rippled = faults.clio === 'alone' ? {} : { rippled_version: '2.5.0' }
    return {
      info: { ...common, clio_version: '2.4.0', ...rippled },
      warnings: [...warnings, { id: 2001, message: 'This is a clio server.' }],
    }
  }
  const own = {
    build_version: '2.5.0',
    hostid: 'SIMULATED',
    io_latency_ms: 1,
    peers: 1,
    server_state: faults.serverState,
  }
  const info = { ...common, ...own, last_close: { converge_time_s: 2, proposers: 1 }, pubkey_node: 'n9simulated' }
  return { info: warnings.length === 0 ? info : { ...info, warnings } }
}

const ledgerParams = z.object({ transactions: z.boolean().default(false), expand: z.boolean().default(false) })

const ledger: Method = (state, params, version) => {
  const found = ledgerOf(state, params)
  const { chain, faults } = state
  if (found === null) {
    const height = chain.last().height + 1
    const open = {
      closed: false,
      ledger_index: version === 1 ? String(height) : height,
      parent_hash: chain.last().hash,
    }
    return { ledger: open, ledger_current_index: height, validated: false }
  }
  const { transactions, expand } = read(ledgerParams, params)
  const parentTime = chain.ledgers[found.height - 2]?.closeTime ?? 0
  const header = ledgerHeader(found, chain.states.totalDrops(found.height), parentTime, version)
  const listed = faults.hidesTransactions ? [] : found.entries
  const shown = listed.map(entry =>
    expand ? expandedEntry(known(entry, faults), found, version) : entry.transaction.hash,
  )
  return { ledger: transactions ? { ...header, transactions: shown } : header, ...place(state, found) }
}

/** As an old server tells it. */
function known(entry: LedgerEntry, { hidesDelivered }: RippleFaults): LedgerEntry {
  if (!hidesDelivered) return entry
  const { delivered_amount: _, ...meta } = entry.meta
  return { ...entry, meta }
}

const txParams = z.object({
  transaction: z.string().regex(/^[0-9A-Fa-f]{64}$/),
  min_ledger: z.int().optional(),
  max_ledger: z.int().optional(),
})

const tx: Method = (state, params, version) => {
  const { transaction: asked, min_ledger, max_ledger } = read(txParams, params)
  const hash = asked.toUpperCase()
  const { chain, faults } = state
  const entry = chain.entries.get(hash)
  if (entry !== undefined && isThere(state, entry.height)) {
    const shown = soleEntry(known(entry, faults), chain.ledgers[entry.height - 1]!, version)
    return { ...shown, validated: !faults.isUnvalidated }
  }
  const waits = chain.pending().find(one => one.hash === hash)
  if (waits !== undefined && faults.clio === null) {
    const fields = shownFields(waits, version)
    return version === 1 ? { ...fields, hash, validated: false } : { tx_json: fields, hash, validated: false }
  }
  const hasRange = min_ledger !== undefined && max_ledger !== undefined
  if (hasRange && max_ledger < min_ledger) throw new RippleFailure('invalidLgrRange', 79, 'Ledger range is invalid.')
  if (hasRange && max_ledger - min_ledger > SEARCH_MAXIMUM)
    throw new RippleFailure('excessiveLgrRange', 78, 'Ledger range exceeds 1000.')
  const searched = hasRange && { searched_all: heights(min_ledger, max_ledger).every(height => isThere(state, height)) }
  throw new RippleFailure('txnNotFound', 29, 'Transaction not found.', searched || {})
}

const heights = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, n) => first + n)

const submitParams = z.object({ tx_blob: z.string().regex(/^[0-9A-Fa-f]+$/), fail_hard: z.boolean().default(false) })

const submit: Method = (state, params, version) => {
  const { tx_blob, fail_hard } = read(submitParams, params)
  if (state.faults.isAmendmentBlocked)
    throw new RippleFailure('amendmentBlocked', 14, 'Amendment blocked, need upgrade.')
  let transaction: LedgerBody
  try {
    transaction = readSubmitted(tx_blob)
  } catch (error) {
    if (!(error instanceof BadTransaction)) throw error
    throw new RippleFailure('invalidTransaction', 0, error.message, { error_exception: error.message })
  }
  const { chain } = state
  const result = state.offer(transaction, fail_hard)
  const isApplied = result === 'tesSUCCESS' || result.startsWith('tec')
  const next = chain.open.get(transaction.body.Account)?.sequence ?? 0
  return {
    accepted: isApplied || result === 'terQUEUED',
    account_sequence_available: next,
    account_sequence_next: next,
    applied: isApplied,
    broadcast: isApplied,
    engine_result: result,
    engine_result_code: CLASS_CODES[result.slice(0, 3)] ?? -399,
    engine_result_message: isApplied ? 'The transaction was applied. Only final in a validated ledger.' : result,
    kept: isApplied || result === 'terQUEUED',
    open_ledger_cost: chain.openFee().toString(),
    queued: result === 'terQUEUED',
    tx_blob: tx_blob.toUpperCase(),
    tx_json: { ...shownFields(transaction, version), hash: transaction.hash },
    validated_ledger_index: shownHeight(state),
  }
}

const fee: Method = ({ chain }) => {
  const { baseFee, ledgerSize } = chain.rules
  const base = baseFee.toString()
  return {
    current_ledger_size: String(chain.pending().length - chain.queued()),
    current_queue_size: String(chain.queued()),
    drops: { base_fee: base, median_fee: '5000', minimum_fee: base, open_ledger_fee: chain.openFee().toString() },
    expected_ledger_size: String(ledgerSize),
    ledger_current_index: chain.last().height + 1,
    levels: { median_level: '128000', minimum_level: '256', open_ledger_level: '256', reference_level: '256' },
    max_queue_size: String(20 * ledgerSize),
  }
}

const accountParams = z.object({ account: z.string() })

const accountInfo: Method = (state, params) => {
  const { account: address } = read(accountParams, params)
  const seen = stateOf(state, params)
  return { account_data: accountData(address, accountOf(seen, address)), ...seen.where }
}

const objectsParams = z.object({
  account: z.string(),
  type: z.string().optional(),
  limit: z.int().min(1).default(PAGE),
  marker: z.string().optional(),
})

/** Tickets are all that anybody owns here. */
const accountObjects: Method = (state, params) => {
  const { account: address, type = 'ticket', limit, marker } = read(objectsParams, params)
  const seen = stateOf(state, params)
  const tickets = type === 'ticket' ? [...accountOf(seen, address).tickets].sort((a, b) => a - b) : []
  const from = marker === undefined ? 0 : Number(marker)
  const page = tickets.slice(from, from + limit)
  const objects = page.map(ticket => ({ ...ticketData(address, ticket) }))
  const more = from + limit < tickets.length ? { marker: String(from + limit), limit } : {}
  return { account: address, account_objects: objects, ...more, ...seen.where }
}

const ticketData = (address: string, ticket: number) => ({
  Account: address,
  Flags: 0,
  LedgerEntryType: 'Ticket',
  TicketSequence: ticket,
  index: ticketKey(address, ticket),
})

const entryParams = z.object({ ticket: z.object({ account: z.string(), ticket_seq: z.int() }) })

const ledgerEntry: Method = (state, params) => {
  const { ticket } = read(entryParams, params)
  const seen = stateOf(state, params)
  if (seen.find(ticket.account)?.tickets.has(ticket.ticket_seq) !== true)
    throw new RippleFailure('entryNotFound', 98, 'Requested ledger entry not found.')
  const node = ticketData(ticket.account, ticket.ticket_seq)
  return { index: node.index, node, ...seen.where }
}

const authorizedParams = z.object({ source_account: z.string(), destination_account: z.string() })

const depositAuthorized: Method = (state, params) => {
  const { source_account, destination_account } = read(authorizedParams, params)
  const seen = stateOf(state, params)
  const { flags } = accountOf(seen, destination_account)
  const isOpen = (flags & DEPOSIT_AUTH) === 0 || source_account === destination_account
  return { deposit_authorized: isOpen, destination_account, source_account, ...seen.where }
}

const listParams = z.object({
  account: z.string(),
  ledger_index_min: z.int().default(-1),
  ledger_index_max: z.int().default(-1),
  forward: z.boolean().default(false),
  limit: z.int().min(1).default(PAGE),
  marker: z.object({ ledger: z.int(), seq: z.int() }).optional(),
})

const accountTx: Method = (state, params, version) => {
  const { account, ledger_index_min: asked, ledger_index_max, forward, limit, marker } = read(listParams, params)
  const { chain, faults } = state
  const first = Math.max(asked === -1 ? 1 : asked, faults.narrowedFrom, 1)
  const last = ledger_index_max === -1 ? shownHeight(state) : Math.min(ledger_index_max, shownHeight(state))
  const found = chain.entriesOf(account).filter(({ height }) => first <= height && height <= last)
  const ordered = forward ? found : [...found].reverse()
  const from =
    marker === undefined
      ? 0
      : ordered.findIndex(({ height, meta }) => height === marker.ledger && meta.TransactionIndex === marker.seq)
  if (from === -1) throw invalid('invalid marker')
  const page = ordered.slice(from, from + limit)
  const next = ordered[from + limit]
  return {
    account,
    ledger_index_max: last,
    ledger_index_min: first,
    limit,
    ...(next !== undefined && { marker: { ledger: next.height, seq: next.meta.TransactionIndex } }),
    transactions: page.map(entry => listedEntry(known(entry, faults), chain.ledgers[entry.height - 1]!, version)),
    validated: !faults.isUnvalidated,
  }
}

export const RIPPLE_METHODS: Readonly<Record<string, Method>> = {
  server_info: serverInfo,
  ledger,
  tx,
  submit,
  fee,
  account_info: accountInfo,
  account_objects: accountObjects,
  account_tx: accountTx,
  ledger_entry: ledgerEntry,
  deposit_authorized: depositAuthorized,
}
