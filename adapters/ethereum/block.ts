/**
 * What a block says of us: who has paid us, and what we have spent. Pure. A receipt says whether a transaction did anything at all
 * (E4); a token has moved where its own contract logs it, in the one form that a Transfer has (E5).
 */
import { authorization } from 'micro-eth-signer'
import type { Fact, PaymentSeen, SpendSeen } from '../adapter.ts'
import type { Delta, Place } from '../../machines/vocabulary.ts'
import { checksummed } from './address.ts'
import { loggedMovements, movementsOf, type Movement } from './movements.ts'
import type { Network } from './network.ts'
import type { Authorization, BlockAnswer, Frame, LogAnswer, ReceiptAnswer, TransactionAnswer } from './shapes.ts'
import { nonceKey } from './signable.ts'
import { readTransferCall, readTransferLog } from './token.ts'
import type { AccountWatch } from './watch.ts'

/** In a block. */
type Placed<Seen> = Seen & { place: Place }
export type AccountPayment = Placed<PaymentSeen>
/** With what was really paid for it, in the native asset. */
export type AccountSpend = Placed<SpendSeen> & { fee: string }

/** What a transaction takes from an account of ours: what comes is told by payments. */
export interface TakenSeen extends Fact {
  kind: 'balance.taken'
  /** A fact of the chain: `<chain>:<hash>:fee`. */
  name: string
  index: number
  /** Canonical. */
  address: string
  asset: string
  /** Below zero. */
  delta: Delta
  place: Place
}

/** Somebody was given the say over an account of ours (EIP-7702). */
export interface DelegationSeen extends Fact {
  kind: 'account.delegated'
  address: string
  transaction: string
}

/** What an account of ours holds of the native asset as of one block. Base units. */
export interface BalanceRead extends Fact {
  kind: 'balance.read'
  index: number
  /** Canonical. */
  address: string
  amount: bigint
  place: Place
}

export type AccountFact = AccountPayment | AccountSpend | TakenSeen | DelegationSeen | BalanceRead

export interface ScanContext {
  chain: string
  network: Network
  watch: AccountWatch
}

/** A block with all that is known of it. Where nothing of a transaction concerns us its receipt may be missing. */
export interface WholeBlock {
  block: BlockAnswer
  /** In the order of the transactions. */
  receipts: readonly (ReceiptAnswer | null)[]
  /** How native movements within transactions are known; null where the node cannot say. */
  movements: { kind: 'traces'; frames: readonly Frame[] } | { kind: 'logs' } | null
}

/** Outputs of a transaction are told apart by numbers, too: its value is 0, its n-th log 1 + n, its n-th movement behind these. */
const FIRST_LOG = 1
const FIRST_MOVEMENT = 1_000_000
/** Behind these stands what a block brings beside its transactions. */
const FIRST_GRANT = 2_000_000
/** What only a balance shows. */
const UNSEEN_OUTPUT = FIRST_GRANT - 2

const UNSEEN = 'the balance has risen by more than all transactions that were seen have brought'

/** Of an account that holds so much more than it is known to: a contract has sent it, where nothing shows such payments (E7). */
export const unseenPayment = (chain: string, asset: string, read: BalanceRead, amount: bigint): AccountPayment => ({
  ...{ kind: 'payment.seen', id: `${chain}:${read.place.hash}:balance-${read.address}`, transaction: read.place.hash },
  ...{ output: UNSEEN_OUTPUT, address: read.address, dataField: null, index: read.index, asset },
  ...{ amount: amount.toString(), place: read.place, own: false, doubt: UNSEEN },
})
/** Types whose meaning is known: legacy, EIP-2930, EIP-1559, EIP-4844, EIP-7702. */
const KNOWN_TYPES = 4
const EXECUTED = 1

interface Scan extends ScanContext {
  place: Place
  transaction: TransactionAnswer
  receipt: ReceiptAnswer
  /** The transaction is from one of our accounts. */
  isOurs: boolean
}

/** In the order of the chain; a transaction's spends stand before its payments. */
export function factsOf(context: ScanContext, whole: WholeBlock): AccountFact[] {
  return [...transactionFacts(context, whole), ...grantsOf(context, whole)]
}

/** What the chain itself pays: neither transaction nor log says so, so a person looks (E19). */
function grantsOf({ chain, network, watch }: ScanContext, { block, receipts }: WholeBlock): AccountPayment[] {
  const { hash, number: height, miner, baseFeePerGas, withdrawals } = block
  const place = { height, hash }
  const common = { kind: 'payment.seen' as const, transaction: hash, place, own: false, dataField: null }
  const grant = (id: string, output: number, to: string, wei: bigint, doubt: string): AccountPayment[] => {
    const index = wei > 0n ? watch.indexOf(to) : -1
    const address = checksummed(to.slice(2))
    return index === -1
      ? []
      : [{ ...common, id, output, address, index, asset: network.asset, amount: wei.toString(), doubt }]
  }
  const staked = (withdrawals ?? []).flatMap(({ index, address, amount }, n) =>
    grant(`${chain}:withdrawal-${index}`, FIRST_GRANT + n, address, amount * WEI_PER_GWEI, STAKED),
  )
  if (typeof miner !== 'string' || watch.indexOf(miner) === -1) return staked
  const tips = receipts.reduce((sum, receipt) => sum + tipOf(receipt, baseFeePerGas ?? 0n), 0n)
  return [...staked, ...grant(`${chain}:${hash}:tips`, FIRST_GRANT - 1, miner, tips, TIPS)]
}

const tipOf = (receipt: ReceiptAnswer | null, baseFee: bigint): bigint =>
  receipt === null ? 0n : receipt.gasUsed * (receipt.effectiveGasPrice - baseFee)

const WEI_PER_GWEI = 1_000_000_000n
const STAKED = 'the chain has paid it for a validator: no transaction has'
const TIPS = 'the chain has paid it for producing a block: no transaction has'

function transactionFacts(context: ScanContext, { block, receipts, movements }: WholeBlock): AccountFact[] {
  const place = { height: block.number, hash: block.hash }
  return block.transactions.flatMap((transaction, n): AccountFact[] => {
    const delegations = delegationsOf(context, transaction)
    const receipt = receipts[n] ?? null
    if (receipt === null) return delegations
    const isOurs = context.watch.indexOf(transaction.from) !== -1
    const scan: Scan = { ...context, place, transaction, receipt, isOurs }
    const told = movements?.kind === 'traces' ? movementsOf(movements.frames[n]!) : []
    const logged = movements?.kind === 'logs' ? loggedMovements(receipt.logs, hasOwnValue(transaction)) : []
    const internal = [...told, ...logged]
    return [...delegations, ...spendsOf(scan, internal), ...takenOf(scan, internal), ...paymentsOf(scan, internal)]
  })
}

/** To oneself it moves nothing. */
export const hasOwnValue = ({ from, to, value }: TransactionAnswer): boolean => value > 0n && to !== from

/** Whose authorisation it is; null where its signature is none: then it does nothing. */
function authorityOf({ chainId, address, nonce, yParity, r, s }: Authorization): string | null {
  try {
    return authorization.getAuthority({ chainId, address, nonce, yParity: Number(yParity ?? 0n), r, s }).toLowerCase()
  } catch {
    return null
  }
}

/** E23: whether it takes effect (its nonce may be another) is for a person to see: nobody here has signed it. */
function delegationsOf({ watch }: ScanContext, { hash, authorizationList }: TransactionAnswer): DelegationSeen[] {
  return (authorizationList ?? []).flatMap(one => {
    const authority = authorityOf(one)
    if (authority === null || watch.indexOf(authority) === -1) return []
    return [{ kind: 'account.delegated', address: checksummed(authority.slice(2)), transaction: hash }]
  })
}

/** E4, E25: a token has been paid where its own contract says so, whatever the call has returned. */
function isDone({ network, transaction, receipt }: Scan): boolean {
  if (receipt.status !== EXECUTED) return false
  const { from, to, input = '0x' } = transaction
  if (typeof to !== 'string' || !network.assetAt.has(to)) return true
  const wanted = readTransferCall(input.toLowerCase())
  if (wanted === null) return false
  return receipt.logs.some(log => {
    const moved = log.address === to ? readTransferLog(log) : null
    return moved?.from === from && moved.to === wanted.to.toLowerCase() && moved.amount === wanted.amount
  })
}

function feeOf({ gasUsed, effectiveGasPrice, l1Fee }: ReceiptAnswer): bigint {
  return gasUsed * effectiveGasPrice + (l1Fee ?? 0n)
}

/** One movement out of an account of ours. */
interface Departure {
  name: string
  from: string
  asset: string
  amount: bigint
}

/** What is moved by others than the sender: tokens by their logs, ether by code. */
function departuresOf({ network, receipt }: Scan, internal: readonly Movement[]): Departure[] {
  if (!isExecuted(receipt)) return []
  const tokens = receipt.logs.flatMap((log, n): Departure[] => {
    const moved = tokenMovement(network, log)
    return moved === null ? [] : [{ name: `log-${n}`, from: moved.from, asset: moved.asset, amount: moved.amount }]
  })
  const ether = internal.map(({ from, amount }, n) => ({ name: `internal-${n}`, from, asset: network.asset, amount }))
  return [...tokens, ...ether]
}

function spendsOf(scan: Scan, internal: readonly Movement[]): AccountSpend[] {
  const { chain, watch, place, transaction, receipt, isOurs } = scan
  const { hash, from, nonce } = transaction
  const common = { kind: 'spend.seen' as const, transaction: hash, place }
  const own = isOurs
    ? [{ ...common, keys: [nonceKey(chain, checksummed(from.slice(2)), nonce)], executed: isDone(scan) }]
    : []
  // What leaves an account of ours by another's transaction: a key that no transfer has ever reserved (E16, E23).
  const foreign = departuresOf(scan, internal)
    .filter(moved => moved.amount > 0n && moved.from !== from && watch.indexOf(moved.from) !== -1)
    .map(moved => ({
      ...{ ...common, keys: [`${chain}:${checksummed(moved.from.slice(2))}:${hash}:${moved.name}`], executed: true },
    }))
  const fee = isOurs ? feeOf(receipt) : 0n
  return [...own, ...foreign].map(spend => ({ ...spend, fee: fee.toString() }))
}

/** The fee, the value and whatever else leaves accounts of ours. */
function takenOf(scan: Scan, internal: readonly Movement[]): TakenSeen[] {
  const { chain, network, watch, place, transaction, receipt } = scan
  const { hash, from, value } = transaction
  const fee = { name: 'fee', from, asset: network.asset, amount: feeOf(receipt) }
  const own = { name: 'spent', from, asset: network.asset, amount: isExecuted(receipt) ? value : 0n }
  return [fee, own, ...departuresOf(scan, internal).map(moved => ({ ...moved, name: `${moved.name}:spent` }))].flatMap(
    ({ name, from: payer, asset, amount }) => {
      const index = amount > 0n ? watch.indexOf(payer) : -1
      if (index === -1) return []
      const address = checksummed(payer.slice(2))
      return [
        { kind: 'balance.taken', name: `${chain}:${hash}:${name}`, index, address, asset, delta: `-${amount}`, place },
      ]
    },
  )
}

const isExecuted = ({ status }: ReceiptAnswer): boolean =>
  status === EXECUTED || status === undefined || status === null

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
function tokenMovement(network: Network, log: LogAnswer): (Movement & { asset: string }) | null {
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
