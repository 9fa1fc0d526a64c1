/**
 * An ethereum node in memory: deterministic, without I/O and without timers. It serves JSON-RPC through `handle`, and what
 * people, producers and accidents do to a network through its control functions.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { operating } from '../../kernel/fault.ts'
import type { Request } from '../../kernel/ports.ts'
import type { HttpAnswer, HttpRequest } from '../../http.ts'
import type { EthereumBlock, ValidatorWithdrawal } from './block.ts'
import { NOTHING } from './bytes.ts'
import {
  createChainOf,
  descendsFrom,
  forgetBlocks,
  headOf,
  learnBlock,
  moveHead,
  nextContext,
  produceBlock,
  type EthereumChain,
  type GenesisAccount,
  type HeadChange,
} from './chain.ts'
import { DEVELOPER_METHODS, type DeveloperControls } from './developer-methods.ts'
import { FLAVOURS, type FlavourName } from './flavours.ts'
import { restoreEthereum, type EthereumHappening } from './history.ts'
import { answerJsonRpc } from './json-rpc.ts'
import { FAUCET_ADDRESS, FAUCET_SECRET, simulatedGenesis } from './network.ts'
import { suffer, toRequest, toResult, type RequestFate } from '../fates.ts'
import { createEthereumFaults, type EthereumFaults } from './node-faults.ts'
import { CODES, JsonRpcFailure } from './parameters.ts'
import { createPoolOf, type TransactionPool } from './pool.ts'
import { ETHEREUM_METHODS } from './rpc-methods.ts'
import { signTransaction, type SignedTransaction, type UnsignedTransaction } from './transaction.ts'
import type { EthereumNodeState } from './view.ts'

/** Which network it is, which node, and by which clock. */
export interface SimulatedEthereumOptions {
  chainId: bigint
  /** Equal seeds and equal calls give equal blocks; nodes that must differ need different seeds. */
  seed: string
  /** Milliseconds. */
  now: () => number
  /** Asked for as HTTP's basic authorisation, when given. */
  username?: string
  password?: string
  /** In whose words it speaks; geth's unless said otherwise. */
  flavour?: FlavourName
  /** EIP-7708: each movement of ether is logged. */
  logsTransfers?: boolean
  /** Beside the faucet's and the contracts of network.ts. */
  accounts?: ReadonlyMap<string, GenesisAccount>
  /** How many blocks stand above `safe` and `finalized`; 32 and 64 unless said otherwise. */
  finality?: { safe: number; finalized: number }
  /** What `eth_getLogs` answers at most. */
  limits?: { blocks: number | null; logs: number }
  /** Who gets the tips; nobody's address unless said otherwise. */
  coinbase?: string
  /** Told of everything that has happened to the node, in its order: what `restore` makes it again from. */
  record?: (happening: EthereumHappening) => void
}

/** Of the faucet's transaction; what is not said is what a plain payment has. */
export interface FaucetRequest {
  to: string | null
  value?: bigint
  data?: Uint8Array
  gasLimit?: bigint
}

export interface MineOptions {
  /** Instead of the pool, those of them that are valid then. */
  transactions?: readonly SignedTransaction[]
  withdrawals?: ValidatorWithdrawal[]
}

/** A node to be asked as a real one is, and told to mine, fork and fail. */
export interface SimulatedEthereum {
  handle(request: HttpRequest): HttpAnswer
  /** The request port of a process that runs beside this node; rejects while the node is stopped. */
  request: Request
  /** What becomes of the requests that come through `request`, from now on; null for nothing. */
  setFates(next: (() => RequestFate) | null): void
  readonly faucetAddress: string
  height(): number
  /** Hash of the head, or of the canonical block at a height. */
  tip(): string
  hashAt(height: number): string
  /** For `submit` at another node. */
  block(hash: string): EthereumBlock
  /** The hashes. With what the pool has for a producer unless given transactions. */
  mine(count: number, options?: MineOptions): string[]
  /** The faucet's next transaction, into the pool. Throws with the reason when it is refused. */
  send(request: FaucetRequest): SignedTransaction
  /** Ether from the faucet. The transaction's hash. */
  pay(address: string, wei: bigint): string
  /** Any signed transaction into the pool. Throws with the reason when it is refused. */
  submitTransaction(transaction: SignedTransaction): void
  /** Replaces an unconfirmed transaction of the faucet by a payment to itself, whatever replacement rules say. The new hash. */
  doubleSpend(hash: string): string
  pending(): string[]
  /** As a full pool does, or a restart without one. */
  forget(hash: string): void
  transaction(hash: string): SignedTransaction | undefined
  /** A block of another node; the longest chain wins. Throws with the reason when it is refused. */
  submit(block: EthereumBlock): void
  /** The head is said to be this one, however long its chain is; what the blocks that leave held waits again. */
  setHead(hash: string): void
  /** The block and what stands on it leaves. */
  invalidate(hash: string): void
  /** Back to the longest known chain with this block, where it is longer than the present one. */
  reconsider(hash: string): void
  /** What another node in this one's place may never have had: a branch that was left, from this block on. */
  forgetBranch(hash: string): void
  /** Everything unconfirmed is gone. */
  restart(): void
  balance(address: string): bigint
  nonce(address: string): bigint
  /** As the chain has it, whatever the node shows: receipts and traces among others. */
  readonly chain: EthereumChain
  restore(happenings: Iterable<EthereumHappening>): void
  stop(): void
  start(): void
  /** What is wrong with it: node-faults.ts. */
  readonly faults: EthereumFaults
  /** Answers in the node's place until cleared with null; an interceptor that answers null lets the node answer. */
  intercept(interceptor: ((request: HttpRequest) => HttpAnswer | null) | null): void
}

const FINALITY = { safe: 32, finalized: 64 }
const LIMITS = { blocks: null, logs: 20_000 }
const ZERO_ADDRESS = `0x${'0'.repeat(40)}`
const TAG_BYTES = 8
const GWEI = 1_000_000_000n
const FAUCET_TIP = GWEI
const PAYMENT_GAS = 200_000n
/** Above whatever the faucet has offered. */
const DOUBLE_SPEND_TIP = 50n * GWEI

interface Workings extends EthereumNodeState {
  options: SimulatedEthereumOptions
  record: (happening: EthereumHappening) => void
  timestamp: number | null
}

function createWorkings(options: SimulatedEthereumOptions): Workings {
  const { chainId, logsTransfers = false, accounts, now, record = () => {} } = options
  const chain = createChainOf(simulatedGenesis(chainId, logsTransfers, accounts))
  const faults = createEthereumFaults()
  const flavour = FLAVOURS[options.flavour ?? 'geth']
  const pool = recordedPool(
    createPoolOf({ chain, flavour, faults, nowSeconds: () => Math.floor(now() / 1000) }),
    record,
  )
  const { finality = FINALITY, limits = LIMITS } = options
  return { chain, pool, flavour, faults, finality, limits, options, record, timestamp: null }
}

function recordedPool(pool: TransactionPool, record: (happening: EthereumHappening) => void): TransactionPool {
  return {
    ...pool,
    accept(transaction) {
      const refusal = pool.accept(transaction)
      if (refusal === null) record({ type: 'transaction.accepted', transaction })
      return refusal
    },
    forget(hash) {
      if (!pool.entries.has(hash)) return
      pool.forget(hash)
      record({ type: 'transaction.forgotten', hash })
    },
  }
}

/** Chosen blocks differ although their contents are the same: by the node's seed, and by how many it knows. */
function extraDataFor({ options, chain }: Workings): Uint8Array {
  const tag = Uint8Array.from(sha256(new TextEncoder().encode(`${options.seed}:producer`)).subarray(0, TAG_BYTES))
  new DataView(tag.buffer).setUint32(TAG_BYTES / 2, chain.known.size)
  return tag
}

function mineBlock(workings: Workings, { transactions, withdrawals = [] }: MineOptions): string {
  const { chain, pool, options, record } = workings
  const { coinbase = ZERO_ADDRESS, now } = options
  const timestamp = workings.timestamp ?? Math.max(headOf(chain).header.timestamp + 1, Math.floor(now() / 1000))
  workings.timestamp = null
  const terms = { coinbase, timestamp, extraData: extraDataFor(workings) }
  const block = produceBlock(chain, terms, transactions ?? pool.candidates(), withdrawals)
  pool.follow({ left: [], joined: [block] })
  record({ type: 'block.learned', block })
  record({ type: 'head.moved', hash: block.hash })
  return block.hash
}

function setHead({ chain, pool, record }: Workings, hash: string, comesBack = true): void {
  const change = moveHead(chain, hash)
  pool.follow(change, comesBack)
  record({ type: 'head.moved', hash })
  const lost = comesBack ? [] : change.left.flatMap(({ transactions }) => transactions)
  for (const transaction of lost) record({ type: 'transaction.forgotten', hash: transaction.hash })
}

function controlsOf(workings: Workings): DeveloperControls {
  const { chain, pool } = workings
  return {
    mine: count => {
      for (let n = 0; n < count; n++) mineBlock(workings, {})
    },
    setTimestamp: seconds => void (workings.timestamp = seconds),
    replace(depth, blocks) {
      const height = headOf(chain).header.number
      if (depth > height)
        throw new JsonRpcFailure(
          CODES.invalidParams,
          `Reorg depth must not exceed current chain height: current height ${height}, depth ${depth}`,
        )
      setHead(workings, chain.canonical[height - depth]!.hash, false)
      for (const transactions of blocks) mineBlock(workings, { transactions })
    },
    forget(hash) {
      const isThere = pool.entries.has(hash)
      pool.forget(hash)
      return isThere
    },
  }
}

function dispatchTo(workings: Workings) {
  const controls = controlsOf(workings)
  const { faults } = workings
  return (method: string, params: readonly unknown[]): unknown => {
    const error = faults.errors.get(method) ?? faults.errors.get('*')
    if (error !== undefined) throw new JsonRpcFailure(error.code, error.message)
    const known = faults.missing.has(method) ? undefined : ETHEREUM_METHODS[method]
    if (known !== undefined) return known(workings, params)
    const developer = faults.missing.has(method) ? undefined : DEVELOPER_METHODS[method]
    if (developer === undefined)
      throw new JsonRpcFailure(CODES.missingMethod, `the method ${method} does not exist/is not available`)
    return developer(controls, params)
  }
}

interface Faucet {
  send(request: FaucetRequest): SignedTransaction
  doubleSpend(hash: string): string
}

function createFaucet(workings: Workings): Faucet {
  const { chain, pool, options } = workings
  const unsigned = (request: FaucetRequest, nonce: bigint, tip: bigint): UnsignedTransaction => ({
    ...{ type: 2, chainId: options.chainId, nonce, to: request.to, value: request.value ?? 0n },
    ...{ maxPriorityFeePerGas: tip, maxFeePerGas: 2n * nextContext(chain, headOf(chain).header).baseFee + tip },
    ...{ gasLimit: request.gasLimit ?? PAYMENT_GAS, data: request.data ?? NOTHING },
    ...{ accessList: [], authorizations: [], maxFeePerBlobGas: 0n, blobHashes: [] },
  })

  function offer(transaction: SignedTransaction): SignedTransaction {
    const refusal = pool.accept(transaction)
    if (refusal !== null)
      throw new Error(`the faucet's transaction is refused: ${workings.flavour.refuse(refusal).message}`)
    return transaction
  }

  return {
    send(request) {
      const nonce = chain.state.nonceOf(FAUCET_ADDRESS) + BigInt(pool.pendingOf(FAUCET_ADDRESS).length)
      return offer(signTransaction(unsigned(request, nonce, FAUCET_TIP), FAUCET_SECRET))
    },
    doubleSpend(hash) {
      const entry = pool.entries.get(hash)
      if (entry?.transaction.from !== FAUCET_ADDRESS)
        throw new Error(`${hash} is no unconfirmed transaction of the faucet`)
      pool.forget(hash)
      const request = { to: FAUCET_ADDRESS }
      return offer(signTransaction(unsigned(request, entry.transaction.nonce, DOUBLE_SPEND_TIP), FAUCET_SECRET)).hash
    },
  }
}

/** The longest known chain that holds the block, where it is longer than the present one. */
function reconsider(workings: Workings, hash: string): void {
  const { chain } = workings
  const block = chain.known.get(hash)
  if (block === undefined) throw new Error('unknown block')
  const above = [...chain.known.values()].filter(one => descendsFrom(chain, one, block))
  above.sort((a, b) => b.header.number - a.header.number || a.sequence - b.sequence)
  if (above[0]!.header.number > headOf(chain).header.number) setHead(workings, above[0]!.hash)
}

function submit({ chain, pool, record }: Workings, block: EthereumBlock): void {
  learnBlock(chain, block)
  const isLonger = block.header.number > headOf(chain).header.number
  let change: HeadChange | null = null
  try {
    if (isLonger) change = moveHead(chain, block.hash)
  } catch (error) {
    forgetBlocks(chain, block.hash)
    throw error
  }
  record({ type: 'block.learned', block })
  if (change === null) return
  pool.follow(change)
  record({ type: 'head.moved', hash: block.hash })
}

export function createSimulatedEthereum(options: SimulatedEthereumOptions): SimulatedEthereum {
  const { username, password } = options
  const workings = createWorkings(options)
  const { chain, pool, faults } = workings
  const dispatch = dispatchTo(workings)
  const faucet = createFaucet(workings)
  const secret =
    username === undefined ? null : `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}`
  let isRunning = true
  let fates: (() => RequestFate) | null = null
  let interceptor: ((request: HttpRequest) => HttpAnswer | null) | null = null

  function handle(request: HttpRequest): HttpAnswer {
    const intercepted = interceptor?.(request)
    if (intercepted !== undefined && intercepted !== null) return intercepted
    if (secret !== null && request.headers['authorization'] !== secret) return { status: 401, body: '' }
    return answerJsonRpc(request, dispatch)
  }

  return {
    handle,
    faults,
    chain,
    async request(call) {
      if (!isRunning) throw operating('unreachable', 'the simulated node is stopped')
      const answer = () => toResult(handle(toRequest(call)))
      return fates === null ? answer() : suffer(fates(), answer)
    },
    setFates: next => void (fates = next),
    faucetAddress: FAUCET_ADDRESS,
    height: () => headOf(chain).header.number,
    tip: () => headOf(chain).hash,
    hashAt: height => chain.canonical[height]!.hash,
    block: hash => chain.known.get(hash)!,
    mine: (count, mineOptions = {}) => Array.from({ length: count }, () => mineBlock(workings, mineOptions)),
    ...faucet,
    pay: (to, value) => faucet.send({ to, value }).hash,
    submitTransaction(transaction) {
      const refusal = pool.accept(transaction)
      if (refusal !== null) throw new Error(workings.flavour.refuse(refusal).message)
    },
    pending: () => [...pool.entries.keys()],
    forget: hash => pool.forget(hash),
    transaction: hash => pool.entries.get(hash)?.transaction,
    submit: block => submit(workings, block),
    setHead: hash => setHead(workings, hash),
    invalidate(hash) {
      const block = chain.known.get(hash)
      if (block === undefined) throw new Error('unknown block')
      if (chain.canonical[block.header.number] === block) setHead(workings, block.header.parentHash)
    },
    reconsider: hash => reconsider(workings, hash),
    forgetBranch: hash => forgetBlocks(chain, hash),
    restart() {
      for (const hash of [...pool.entries.keys()]) pool.forget(hash)
    },
    balance: address => chain.state.balanceOf(address),
    nonce: address => chain.state.nonceOf(address),
    restore: happenings => restoreEthereum(chain, pool, happenings),
    stop: () => void (isRunning = false),
    start: () => void (isRunning = true),
    intercept: next => void (interceptor = next),
  }
}
