/**
 * Raw blocks to facts. A block is walked once over its bytes; only transactions that touch us are read and hashed.
 * Whatever cannot be read entirely throws: a chain stops rather than skip something (B13).
 */
import type { Place, SpendKey } from '../../machines/vocabulary.ts'
import type { SpendSeen } from '../adapter.ts'
import type { BitcoinFact, OutputSeen, TransactionSeen } from './facts.ts'
import { addressOf } from './address.ts'
import { displayOf, hash256 } from './hash.ts'
import type { Network } from './network.ts'
import { outpointBytes, OUTPOINT_BYTES, spendKeyAt } from './outpoint.ts'
import type { Table } from '../../src/kernel/table.ts'
import { createTable } from '../../src/kernel/table.ts'
import type { ByteCursor, Matcher, OutputAt, Span } from './transaction.ts'
import {
  compactSize,
  createSpan,
  MWEB_FLAG,
  outpointsOf,
  outputsOf,
  rawOf,
  skim,
  skip,
  txidOf,
  unreadable,
} from './transaction.ts'
import type { BitcoinWatch } from './watch.ts'
import { COIN, CONFLICT } from './watch.ts'

/** What a scan needs to know of the chain. */
export interface ScanContext {
  chain: string
  asset: string
  network: Network
  watch: BitcoinWatch
  /** The block is left: of interest is what something that we watch stands on, and nothing else. */
  isLeft?: true
}

/** A block's header, and what in it concerns us. */
export interface ScannedBlock {
  /** As displayed. */
  hash: string
  parent: string
  /** Seconds since 1970 UTC, as the header says. */
  time: number
  transactions: number
  facts: BitcoinFact[]
}

const HEADER_BYTES = 80
const HASH_BYTES = 32
/** Bit of the header's version that says that a proof of a parent chain follows. */
const AUXPOW_VERSION_BIT = 0x100
/** Litecoin Core: PEGOUT_MATURITY. */
const PEG_OUT_MATURITY = 6
/** A coinbase spends nothing: what only one transaction can be, is that of its height. No transaction has this id. */
const COINBASES = '0'.repeat(64)
/** Told of one block that is left, in transactions and in bytes: what strangers stand on is theirs to choose. */
const LEFT_MAXIMUM = 500
const LEFT_MAXIMUM_BYTES = 4 * 1024 * 1024

/** The state of one scan: `fresh` holds outputs of ours that this very block created (B15), from the first one on. */
interface Scan {
  context: ScanContext
  place: Place | null
  fresh: Table | null
  matcher: Matcher
}

/** The facts of one raw block at `height`. Invariant fault `unreadable-block` with the offset. */
export function scanBlock(bytes: Uint8Array, context: ScanContext, height: number): ScannedBlock {
  const cursor: ByteCursor = { bytes, subject: 'block', at: 0 }
  const header = readHeader(cursor, context.network)
  const scan = startScan(context, { height, hash: header.hash })
  const transactions = compactSize(cursor)
  if (transactions === 0) throw unreadable(cursor, 'a block without transactions')
  const span = createSpan()
  const facts: BitcoinFact[] = []
  const spans: Span[] = []
  for (let position = 0; position < transactions; position++) {
    skim(cursor, span, scan.matcher)
    const isLast = position === transactions - 1
    if ((span.flags & MWEB_FLAG) !== 0 && !(context.network.mweb && isLast && position > 0))
      throw unreadable(cursor, 'an MWEB flag that does not belong here')
    if (context.isLeft) spans.push({ ...span })
    else if (span.touched || (position === 0 && isAwaited(context, height)))
      for (const fact of factsOf(bytes, span, scan, position === 0)) facts.push(fact)
  }
  if ((span.flags & MWEB_FLAG) !== 0) skipExtensionBlock(cursor)
  if (cursor.at !== bytes.length) throw unreadable(cursor, 'something is left over')
  if (context.isLeft)
    return { ...header, transactions, facts: standingOn({ bytes, spans, context, height }, new Set()) }
  return { ...header, transactions, facts: [...parentsHere(bytes, facts, context, height), ...facts] }
}

/**
 * What the payments of a block stand on in the same block: were the block left, and the node another one by then, nobody could say.
 * Their bytes are not needed as long as they are in a block.
 */
function parentsHere(
  bytes: Uint8Array,
  facts: readonly BitcoinFact[],
  context: ScanContext,
  height: number,
): TransactionSeen[] {
  const paying = new Map(facts.flatMap(fact => (fact.kind === 'payment.seen' ? [[fact.transaction, fact.inputs]] : [])))
  const wanted = new Set([...paying.values()].flat())
  if (wanted.size === 0) return []
  const found = standingOn({ bytes, spans: spansOf(bytes, context.network), context, height }, wanted)
  return found.filter(({ transaction }) => !paying.has(transaction)).map(parent => ({ ...parent, raw: null }))
}

/** Where each transaction of a block that was read before begins and ends. */
function spansOf(bytes: Uint8Array, network: Network): Span[] {
  const cursor: ByteCursor = { bytes, subject: 'block', at: 0 }
  readHeader(cursor, network)
  return Array.from({ length: compactSize(cursor) }, () => {
    const span = createSpan()
    skim(cursor, span, null)
    return span
  })
}

interface ReadBlock {
  bytes: Uint8Array
  spans: readonly Span[]
  context: ScanContext
  height: number
}

/** Whether the coinbase of another block at this height has paid us: this one is in its place. */
const isAwaited = ({ watch }: ScanContext, height: number): boolean =>
  (watch.spends(outpointBytes(COINBASES, height), 0) & CONFLICT) !== 0

const coinbaseKey = (chain: string, height: number): SpendKey => `${chain}:${COINBASES}:${height}`

/** Transactions with an output that is wanted, that something watched spends, or something found here: from the last on, so that it goes as deep as it is. */
function standingOn({ bytes, spans, context, height }: ReadBlock, wanted: Set<SpendKey>): TransactionSeen[] {
  const { chain, watch } = context
  const found: TransactionSeen[] = []
  let size = 0
  for (const [position, span] of [...spans.entries()].reverse()) {
    const transaction = txidOf(bytes, span)
    const isWanted = (output: number) =>
      wanted.has(`${chain}:${transaction}:${output}`) ||
      (watch.spends(outpointBytes(transaction, output), 0) & CONFLICT) !== 0
    if (!Array.from({ length: span.outputs }, (_, output) => output).some(isWanted)) continue
    size += span.end - span.start
    if (found.length >= LEFT_MAXIMUM || size > LEFT_MAXIMUM_BYTES) break
    const seen = transactionSeen(bytes, span, context, position === 0 ? height : null)
    for (const key of seen.inputs) wanted.add(key)
    found.push(seen)
  }
  return found.reverse()
}

/** `coinbaseOf`: the height of the block whose coinbase it is. */
function transactionSeen(
  bytes: Uint8Array,
  span: Span,
  { chain }: ScanContext,
  coinbaseOf: number | null,
): TransactionSeen {
  const spent = () => outpointsOf(bytes, span).map(at => spendKeyAt(chain, bytes, at))
  const inputs = coinbaseOf === null ? spent() : [coinbaseKey(chain, coinbaseOf)]
  // Nobody may publish a coinbase.
  const raw = coinbaseOf === null ? rawOf(bytes, span) : null
  return { kind: 'transaction.seen', transaction: txidOf(bytes, span), raw, inputs }
}

/** What a raw unconfirmed transaction spends. Faults as `scanTransaction`. */
export function readAncestor(bytes: Uint8Array, context: ScanContext): TransactionSeen {
  const cursor: ByteCursor = { bytes, subject: 'transaction', at: 0 }
  const span = createSpan()
  skim(cursor, span, null)
  if (cursor.at !== bytes.length) throw unreadable(cursor, 'something is left over')
  return { ...transactionSeen(bytes, span, context, null), raw: null }
}

/** The facts of one raw unconfirmed transaction. Invariant fault `unreadable-transaction` with the offset. */
export function scanTransaction(bytes: Uint8Array, context: ScanContext): BitcoinFact[] {
  const cursor: ByteCursor = { bytes, subject: 'transaction', at: 0 }
  const span = createSpan()
  const scan = startScan(context, null)
  skim(cursor, span, scan.matcher)
  if ((span.flags & MWEB_FLAG) !== 0 && !context.network.mweb) throw unreadable(cursor, 'an MWEB flag')
  if (cursor.at !== bytes.length) throw unreadable(cursor, 'something is left over')
  return span.touched ? factsOf(bytes, span, scan, false) : []
}

function startScan(context: ScanContext, place: Place | null): Scan {
  const { pays, spends } = context.watch
  const isFresh = (bytes: Uint8Array, at: number) => scan.fresh !== null && scan.fresh.find(bytes, at) !== -1
  const matcher: Matcher = { pays, spends: (bytes, at) => spends(bytes, at) | (isFresh(bytes, at) ? COIN : 0) }
  const scan: Scan = { context, place, fresh: null, matcher }
  return scan
}

function readHeader(cursor: ByteCursor, network: Network): { hash: string; parent: string; time: number } {
  const { bytes } = cursor
  skip(cursor, HEADER_BYTES)
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES)
  if (network.auxpow && (view.getUint32(0, true) & AUXPOW_VERSION_BIT) !== 0) skipAuxpow(cursor)
  return {
    hash: displayOf(hash256(bytes.subarray(0, HEADER_BYTES))),
    parent: displayOf(bytes.subarray(4, 4 + HASH_BYTES)),
    time: view.getUint32(68, true),
  }
}

/** Merged mining: the parent's coinbase, its block hash, two Merkle branches with their indexes, the parent's header. */
function skipAuxpow(cursor: ByteCursor): void {
  skim(cursor, createSpan(), null)
  skip(cursor, HASH_BYTES)
  for (let branch = 0; branch < 2; branch++) {
    skip(cursor, compactSize(cursor) * HASH_BYTES)
    skip(cursor, 4)
  }
  skip(cursor, HEADER_BYTES)
}

/**
 * Behind a HogEx stands the MWEB extension block, to the end of the block. Nothing in it is ours and nothing in it is
 * part of the block's hash by itself, so its inside is left alone.
 */
function skipExtensionBlock(cursor: ByteCursor): void {
  const present = cursor.bytes[cursor.at]
  skip(cursor, 1)
  const rest = cursor.bytes.length - cursor.at
  if (present !== 1 || rest === 0) throw unreadable(cursor, 'the MWEB extension block is missing')
  skip(cursor, rest)
}

function factsOf(bytes: Uint8Array, span: Span, scan: Scan, isCoinbase: boolean): BitcoinFact[] {
  const { chain } = scan.context
  const transaction = txidOf(bytes, span)
  const { height } = scan.place ?? { height: 0 }
  const spent = isCoinbase ? [] : outpointsOf(bytes, span)
  const sorts = isCoinbase
    ? [isAwaited(scan.context, height) ? CONFLICT : 0]
    : spent.map(at => scan.matcher.spends(bytes, at))
  const inputs = isCoinbase ? [coinbaseKey(chain, height)] : spent.map(at => spendKeyAt(chain, bytes, at))
  const keys = inputs.filter((_, n) => sorts[n] !== 0)
  const spend: SpendSeen = { kind: 'spend.seen', keys, transaction, place: scan.place, executed: true }
  const own = sorts.some(sort => (sort & COIN) !== 0)
  const payments = paymentsOf(bytes, span, scan, { transaction, inputs, own, isCoinbase })
  return keys.length === 0 ? payments : [spend, ...payments]
}

interface Paying {
  transaction: string
  inputs: SpendKey[]
  own: boolean
  isCoinbase: boolean
}

function paymentsOf(bytes: Uint8Array, span: Span, scan: Scan, paying: Paying): OutputSeen[] {
  const { watch } = scan.context
  const payments: OutputSeen[] = []
  let raw: string | null = null
  for (const [output, at] of outputsOf(bytes, span).entries()) {
    const index = watch.pays(bytes, at.scriptAt, at.scriptLength)
    if (index === -1) continue
    raw ??= rawOf(bytes, span)
    scan.fresh ??= createTable(OUTPOINT_BYTES)
    scan.fresh.add(outpointBytes(paying.transaction, output), 0)
    const maturity = maturityOf(span, scan, paying.isCoinbase, output)
    payments.push(paymentSeen(bytes, at, scan, paying, { output, index, raw, maturity }))
  }
  return payments
}

function paymentSeen(
  bytes: Uint8Array,
  at: OutputAt,
  { context, place }: Scan,
  { transaction, inputs, own }: Paying,
  rest: { output: number; index: number; raw: string; maturity: number },
): OutputSeen {
  const script = bytes.subarray(at.scriptAt, at.scriptAt + at.scriptLength)
  return {
    kind: 'payment.seen',
    id: `${context.chain}:${transaction}:${rest.output}`,
    transaction,
    output: rest.output,
    address: addressOf(script, context.network)!,
    dataField: null,
    index: rest.index,
    asset: context.asset,
    amount: at.amountSat.toString(),
    place,
    own,
    doubt: null,
    maturity: rest.maturity,
    raw: rest.raw,
    inputs,
  }
}

/** Output 0 of the HogEx holds what is inside MWEB; the others are pegged out. */
function maturityOf(span: Span, { context, place }: Scan, isCoinbase: boolean, output: number): number {
  if (isCoinbase) return context.network.coinbaseMaturity
  const isHogEx = place !== null && (span.flags & MWEB_FLAG) !== 0
  return isHogEx && output > 0 ? PEG_OUT_MATURITY : 0
}
