/**
 * What a block says of us: who has paid us, and what we have spent. Pure. A receipt says whether a transaction did anything at all
 * (E4); a token has moved where its own contract logs it, in the one form that a Transfer has (E5).
 */
import type { PaymentSeen, SpendSeen } from '../adapter.ts'
import type { Place } from '../../machines/vocabulary.ts'
import { checksummed } from './address.ts'
import { loggedMovements, movementsOf, type Movement } from './movements.ts'
import type { Network } from './network.ts'
import type { BlockAnswer, Frame, Log, Receipt, TransactionAnswer } from './shapes.ts'
import { nonceKey } from './signable.ts'
import { readTransferLog } from './token.ts'
import type { AccountWatch } from './watch.ts'

/** No transaction behind it has to be published with what spends it. */
export type AccountPayment = Omit<PaymentSeen, 'maturity' | 'raw' | 'inputs'>
/** With what was really paid for it, in the native asset. */
export type AccountSpend = SpendSeen & { fee: string }
export type AccountFact = AccountPayment | AccountSpend

export interface ScanContext {
  chain: string
  network: Network
  watch: AccountWatch
}

/** A block with all that is known of it. Where nothing of a transaction concerns us its receipt may be missing. */
export interface WholeBlock {
  block: BlockAnswer
  /** In the order of the transactions. */
  receipts: readonly (Receipt | null)[]
  /** How native movements within transactions are known; null where the node cannot say. */
  movements: { kind: 'traces'; frames: readonly Frame[] } | { kind: 'logs' } | null
}

/** Outputs of a transaction are told apart by numbers, too: its value is 0, its n-th log 1 + n, its n-th movement behind these. */
const FIRST_LOG = 1
const FIRST_MOVEMENT = 1_000_000
/** Types whose meaning is known: legacy, EIP-2930, EIP-1559, EIP-4844, EIP-7702. */
const KNOWN_TYPES = 4
const EXECUTED = 1

interface Scan extends ScanContext {
  place: Place
  transaction: TransactionAnswer
  receipt: Receipt
  /** The transaction is from one of our accounts. */
  isOurs: boolean
}

/** In the order of the chain; a transaction's spends stand before its payments. */
export function factsOf(context: ScanContext, { block, receipts, movements }: WholeBlock): AccountFact[] {
  const place = { height: block.number, hash: block.hash }
  return block.transactions.flatMap((transaction, n) => {
    const receipt = receipts[n] ?? null
    if (receipt === null) return []
    const isOurs = context.watch.indexOf(transaction.from) !== -1
    const scan: Scan = { ...context, place, transaction, receipt, isOurs }
    const told = movements?.kind === 'traces' ? movementsOf(movements.frames[n]!) : []
    const logged = movements?.kind === 'logs' ? loggedMovements(receipt.logs, hasOwnValue(transaction)) : []
    return [...spendsOf(scan), ...paymentsOf(scan, [...told, ...logged])]
  })
}

/** To oneself it moves nothing. */
export const hasOwnValue = ({ from, to, value }: TransactionAnswer): boolean => value > 0n && to !== from

function spendsOf({ chain, network, watch, place, transaction, receipt, isOurs }: Scan): AccountSpend[] {
  const { hash, from, nonce } = transaction
  const { gasUsed, effectiveGasPrice, l1Fee } = receipt
  const common = { kind: 'spend.seen' as const, transaction: hash, place }
  if (isOurs) {
    const fee = (gasUsed * effectiveGasPrice + (l1Fee ?? 0n)).toString()
    const executed = receipt.status === EXECUTED
    return [{ ...common, keys: [nonceKey(chain, checksummed(from.slice(2)), nonce)], executed, fee }]
  }
  // A listed token that leaves an account of ours by a stranger's transaction: a key that no transfer has ever reserved (E16).
  return receipt.logs.flatMap((log, position) => {
    const moved = isExecuted(receipt) ? tokenMovement(network, log) : null
    if (moved === null || watch.indexOf(moved.from) === -1 || moved.amount === 0n) return []
    const key = `${chain}:${checksummed(moved.from.slice(2))}:${hash}:log-${position}`
    return [{ ...common, keys: [key], executed: true, fee: '0' }]
  })
}

const isExecuted = ({ status }: Receipt): boolean => status === EXECUTED || status === undefined || status === null

interface Arrival {
  name: string
  output: number
  to: string
  asset: string
  amount: bigint
}

function paymentsOf(scan: Scan, movements: readonly Movement[]): AccountPayment[] {
  if (!isExecuted(scan.receipt)) return []
  return arrivalsOf(scan, movements).flatMap(arrival => {
    const index = arrival.amount > 0n ? scan.watch.indexOf(arrival.to) : -1
    return index === -1 ? [] : [paymentOf(scan, arrival, index)]
  })
}

function arrivalsOf({ network, transaction, receipt }: Scan, movements: readonly Movement[]): Arrival[] {
  const { to, value } = transaction
  const own = typeof to === 'string' ? [{ name: 'value', output: 0, to, asset: network.asset, amount: value }] : []
  const tokens = receipt.logs.flatMap((log, n): Arrival[] => {
    const moved = tokenMovement(network, log)
    if (moved === null) return []
    return [{ name: `log-${n}`, output: FIRST_LOG + n, to: moved.to, asset: moved.asset, amount: moved.amount }]
  })
  const internal = movements.map(({ to: payee, amount }, n) => ({
    name: `internal-${n}`,
    output: FIRST_MOVEMENT + n,
    to: payee,
    asset: network.asset,
    amount,
  }))
  return [...own, ...tokens, ...internal]
}

/** What contracts that are not listed log, says nothing. */
function tokenMovement(network: Network, log: Log): (Movement & { asset: string }) | null {
  const asset = network.assetAt.get(log.address)
  const moved = asset === undefined ? null : readTransferLog(log)
  return asset === undefined || moved === null ? null : { ...moved, asset }
}

function paymentOf(
  { chain, place, transaction, receipt, isOurs }: Scan,
  { name, output, to, asset, amount }: Arrival,
  index: number,
): AccountPayment {
  const { hash, type } = transaction
  const unknown = type > KNOWN_TYPES ? `a transaction of type ${type}, which is not known` : null
  const ancient = typeof receipt.status === 'number' ? null : 'its receipt does not say whether it was executed'
  return {
    kind: 'payment.seen',
    id: `${chain}:${hash}:${name}`,
    transaction: hash,
    output,
    address: checksummed(to.slice(2)),
    dataField: null,
    index,
    asset,
    amount: amount.toString(),
    place,
    own: isOurs,
    doubt: unknown ?? ancient,
  }
}
