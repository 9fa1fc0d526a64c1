/**
 * What a transaction does to the accounts, by the rules of rippled as far as they are simulated. A result that begins with `tes` or
 * `tec` stands in a ledger and has paid its fee; any other leaves everything as it was.
 * https://xrpl.org/docs/references/protocol/transactions/transaction-results
 */
import { isValidClassicAddress } from 'ripple-address-codec'
import type { TransactionMetadata, Touched } from './metadata.ts'
import { affectedNodes } from './metadata.ts'
import { DEPOSIT_AUTH, ownerCount, REQUIRE_TAG, type Account, type Accounts } from './state.ts'
import { innerTransactions, type Body, type LedgerBody } from './transaction.ts'

/** Amounts in drops. */
export interface Reserves {
  base: bigint
  owner: bigint
}

/** In which ledger, by which rules. */
export interface ExecutionTerms {
  networkId: number
  /** Of the ledger that is built. */
  height: number
  baseFee: bigint
  reserves: Reserves
  /** Who gives XRP for tokens: partial payments are paid from it. */
  market: string
  /** Drops that it gives at most in one payment. */
  liquidity: bigint
}

/** A transaction with what became of it. */
export interface Applied {
  transaction: LedgerBody
  /** Without its place in the ledger. */
  meta: Omit<TransactionMetadata, 'TransactionIndex'>
}

const PARTIAL_PAYMENT = 0x0002_0000
const LAST_UNNAMED_NETWORK = 1024
const TICKETS_MAXIMUM = 250
const FLAG_OF: Readonly<Record<number, number>> = { 1: REQUIRE_TAG, 9: DEPOSIT_AUTH }

type Failure = `${'tem' | 'tef' | 'ter' | 'tel'}${string}`

/** Why it is not applied at all, or null. */
export function preflight(accounts: Accounts, { body }: LedgerBody, terms: ExecutionTerms): Failure | null {
  return networkFailure(body, terms) ?? formFailure(body) ?? placeFailure(accounts, body, terms)
}

function networkFailure({ NetworkID }: Body, { networkId }: ExecutionTerms): Failure | null {
  if (networkId <= LAST_UNNAMED_NETWORK) return NetworkID === undefined ? null : 'telNETWORK_ID_MAKES_TX_NON_CANONICAL'
  if (NetworkID === undefined) return 'telREQUIRES_NETWORK_ID'
  return NetworkID === networkId ? null : 'telWRONG_NETWORK'
}

function formFailure(body: Body): Failure | null {
  if (body.TicketSequence !== undefined && body.Sequence !== 0) return 'temSEQ_AND_TICKET'
  if (body.TransactionType === 'TicketCreate' && (body.TicketCount < 1 || body.TicketCount > TICKETS_MAXIMUM))
    return 'temINVALID_COUNT'
  if (body.TransactionType !== 'Payment') return null
  const { Amount, SendMax, Flags, Destination, Account } = body
  if (typeof Amount !== 'string') return null
  if (BigInt(Amount) <= 0n) return 'temBAD_AMOUNT'
  if (SendMax === undefined && (Flags & PARTIAL_PAYMENT) !== 0) return 'temBAD_SEND_XRP_PARTIAL'
  if (!isValidClassicAddress(Destination)) return 'temDST_NEEDED'
  return Destination === Account && SendMax === undefined ? 'temREDUNDANT' : null
}

function placeFailure(accounts: Accounts, body: Body, { height, baseFee }: ExecutionTerms): Failure | null {
  const account = accounts.get(body.Account)
  if (account === undefined) return 'terNO_ACCOUNT'
  if (body.LastLedgerSequence !== undefined && body.LastLedgerSequence < height) return 'tefMAX_LEDGER'
  const { Sequence, TicketSequence } = body
  if (TicketSequence !== undefined && TicketSequence >= account.sequence) return 'terPRE_TICKET'
  if (TicketSequence !== undefined && !account.tickets.has(TicketSequence)) return 'tefNO_TICKET'
  if (TicketSequence === undefined && Sequence > account.sequence) return 'terPRE_SEQ'
  if (TicketSequence === undefined && Sequence < account.sequence) return 'tefPAST_SEQ'
  if (BigInt(body.Fee) < leastFee(body, baseFee)) return 'telINSUF_FEE_P'
  return account.balance < BigInt(body.Fee) ? 'terINSUF_FEE_B' : null
}

const leastFee = (body: Body, baseFee: bigint): bigint =>
  body.TransactionType === 'Batch' ? baseFee * BigInt(2 + body.RawTransactions.length) : baseFee

/** The transaction, and behind it what stands in it; or why it is in no ledger. */
export function applyTransaction(
  accounts: Accounts,
  transaction: LedgerBody,
  terms: ExecutionTerms,
): Applied[] | Failure {
  const failure = preflight(accounts, transaction, terms)
  if (failure !== null) return failure
  const outer = claimed(accounts, transaction, terms)
  const inner = outer.meta.TransactionResult === 'tesSUCCESS' ? innerTransactions(transaction) : []
  return [outer, ...inner.flatMap(one => applyInner(accounts, one, transaction.hash, terms))]
}

/** `tfIndependent`: each by itself, and what fails is not in the ledger. */
function applyInner(accounts: Accounts, inner: LedgerBody, parent: string, terms: ExecutionTerms): Applied[] {
  if (preflight(accounts, inner, { ...terms, baseFee: 0n }) !== null) return []
  const { transaction, meta } = claimed(accounts, inner, { ...terms, baseFee: 0n })
  return [{ transaction, meta: { ...meta, ParentBatchID: parent } }]
}

interface Effect {
  result: string
  delivered?: bigint
}

/** Its fee and its place are spent, whatever else becomes of it. */
function claimed(accounts: Accounts, transaction: LedgerBody, terms: ExecutionTerms): Applied {
  const { body } = transaction
  const before = new Map<string, Account | undefined>()
  const tracked: Accounts = {
    get: address => accounts.get(address),
    set(address, account) {
      if (!before.has(address)) before.set(address, accounts.get(address))
      accounts.set(address, account)
    },
    delete(address) {
      if (!before.has(address)) before.set(address, accounts.get(address))
      accounts.delete(address)
    },
  }
  const prior = accounts.get(body.Account)!.balance
  spendPlace(tracked, body)
  const { result, delivered } = effectOf(tracked, body, prior, terms)
  const touched: Touched = new Map(
    [...before].map(([address, was]) => [address, { before: was, after: accounts.get(address) }]),
  )
  return {
    transaction,
    meta: {
      AffectedNodes: affectedNodes(touched),
      TransactionResult: result,
      ...(delivered !== undefined && { delivered_amount: delivered.toString() }),
    },
  }
}

function spendPlace(accounts: Accounts, { Account: address, Fee, TicketSequence }: Body): void {
  const account = accounts.get(address)!
  const balance = account.balance - BigInt(Fee)
  const tickets = new Set(account.tickets)
  if (TicketSequence !== undefined) tickets.delete(TicketSequence)
  const sequence = TicketSequence === undefined ? account.sequence + 1 : account.sequence
  accounts.set(address, { ...account, balance, sequence, tickets })
}

function effectOf(accounts: Accounts, body: Body, prior: bigint, terms: ExecutionTerms): Effect {
  switch (body.TransactionType) {
    case 'Payment':
      return pay(accounts, body, prior, terms)
    case 'TicketCreate':
      return makeTickets(accounts, body, prior, terms)
    case 'AccountSet':
      return setFlags(accounts, body)
    case 'AccountDelete':
      return deleteAccount(accounts, body)
    case 'Batch':
      return { result: 'tesSUCCESS' }
  }
}

type Of<Type extends Body['TransactionType']> = Body & { TransactionType: Type }

function pay(accounts: Accounts, body: Of<'Payment'>, prior: bigint, terms: ExecutionTerms): Effect {
  // Nobody here trusts anybody for a token.
  if (typeof body.Amount !== 'string') return { result: 'tecPATH_DRY' }
  if (body.SendMax !== undefined) return convert(accounts, body, terms)
  const amount = BigInt(body.Amount)
  const refusal = destinationRefusal(accounts, body, amount, terms)
  if (refusal !== null) return { result: refusal }
  const sender = accounts.get(body.Account)!
  const reserve = terms.reserves.base + terms.reserves.owner * BigInt(ownerCount(sender))
  const fee = BigInt(body.Fee)
  if (prior < amount + (fee > reserve ? fee : reserve)) return { result: 'tecUNFUNDED_PAYMENT' }
  accounts.set(body.Account, { ...sender, balance: sender.balance - amount })
  credit(accounts, body.Destination, amount, terms.height)
  return { result: 'tesSUCCESS', delivered: amount }
}

/** A token for XRP, which the market gives as far as it has it. */
function convert(accounts: Accounts, body: Of<'Payment'>, terms: ExecutionTerms): Effect {
  const asked = BigInt(body.Amount as string)
  const given = asked < terms.liquidity ? asked : terms.liquidity
  if (given < asked && (body.Flags & PARTIAL_PAYMENT) === 0) return { result: 'tecPATH_PARTIAL' }
  const refusal = destinationRefusal(accounts, body, given, terms)
  if (refusal !== null) return { result: refusal }
  const market = accounts.get(terms.market)
  if (market === undefined || market.balance < given + terms.reserves.base) return { result: 'tecPATH_DRY' }
  accounts.set(terms.market, { ...market, balance: market.balance - given })
  credit(accounts, body.Destination, given, terms.height)
  return { result: 'tesSUCCESS', delivered: given }
}

function destinationRefusal(
  accounts: Accounts,
  { Account: sender, Destination, DestinationTag }: Of<'Payment'>,
  amount: bigint,
  { reserves: { base } }: ExecutionTerms,
): string | null {
  const destination = accounts.get(Destination)
  if (destination === undefined) return amount < base ? 'tecNO_DST_INSUF_XRP' : null
  if ((destination.flags & REQUIRE_TAG) !== 0 && DestinationTag === undefined) return 'tecDST_TAG_NEEDED'
  const isClosed = (destination.flags & DEPOSIT_AUTH) !== 0 && sender !== Destination
  return isClosed && (amount > base || destination.balance > base) ? 'tecNO_PERMISSION' : null
}

/** A new account begins at the sequence of its ledger. */
function credit(accounts: Accounts, address: string, amount: bigint, height: number): void {
  const account = accounts.get(address) ?? { balance: 0n, sequence: height, flags: 0, tickets: new Set<number>() }
  accounts.set(address, { ...account, balance: account.balance + amount })
}

function makeTickets(
  accounts: Accounts,
  body: Of<'TicketCreate'>,
  prior: bigint,
  { reserves }: ExecutionTerms,
): Effect {
  const account = accounts.get(body.Account)!
  const count = ownerCount(account) + body.TicketCount
  if (prior < reserves.base + reserves.owner * BigInt(count)) return { result: 'tecINSUFFICIENT_RESERVE' }
  if (count > TICKETS_MAXIMUM) return { result: 'tecDIR_FULL' }
  const made = Array.from({ length: body.TicketCount }, (_, n) => account.sequence + n)
  const tickets = new Set([...account.tickets, ...made])
  accounts.set(body.Account, { ...account, tickets, sequence: account.sequence + body.TicketCount })
  return { result: 'tesSUCCESS' }
}

function setFlags(accounts: Accounts, body: Of<'AccountSet'>): Effect {
  const account = accounts.get(body.Account)!
  const set = FLAG_OF[body.SetFlag ?? 0] ?? 0
  const cleared = FLAG_OF[body.ClearFlag ?? 0] ?? 0
  accounts.set(body.Account, { ...account, flags: (account.flags | set) & ~cleared })
  return { result: 'tesSUCCESS' }
}

/** Everything goes to the destination, and the account is gone. */
function deleteAccount(accounts: Accounts, body: Of<'AccountDelete'>): Effect {
  const destination = accounts.get(body.Destination)
  if (destination === undefined) return { result: 'tecNO_DST' }
  if ((destination.flags & REQUIRE_TAG) !== 0 && body.DestinationTag === undefined)
    return { result: 'tecDST_TAG_NEEDED' }
  const account = accounts.get(body.Account)!
  if (account.tickets.size > 0) return { result: 'tecHAS_OBLIGATIONS' }
  accounts.delete(body.Account)
  accounts.set(body.Destination, { ...destination, balance: destination.balance + account.balance })
  return { result: 'tesSUCCESS', delivered: account.balance }
}
