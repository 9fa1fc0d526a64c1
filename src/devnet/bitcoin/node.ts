/**
 * A bitcoin-family node in memory: deterministic, without I/O. It serves litecoind's RPC and REST through `handle`, and
 * what people, miners and accidents do to a network through its control functions.
 */
import type { Block, Transaction } from 'bitcoinjs-lib'
import { parse, stringify } from 'lossless-json'
import { sha256 } from '@noble/hashes/sha2.js'
import { scriptOf } from '../../../adapters/bitcoin/address.ts'
import type { Network } from '../../../adapters/bitcoin/network.ts'
import { operating } from '../../kernel/fault.ts'
import type { Request } from '../../kernel/ports.ts'
import type { HttpAnswer, HttpRequest } from '../../http.ts'
import { toRequest, toResult } from '../fates.ts'
import { addBlock, bestOf, createChain, forgetBranch, setValidity, type Change } from './chain.ts'
import { coinKey, createCoins, inputKey, type UnspentCoin } from './coins.ts'
import { createFaults, errorOf, unavailable, type Faults } from './faults.ts'
import { buildPayment, faucetKey, spendableCoins, type FaucetOutput } from './faucet.ts'
import { regtestOf } from './genesis.ts'
import { restoreNode, type Happening } from './history.ts'
import { createSimulatedMempool, isRefusal, type SimulatedMempool } from './mempool.ts'
import { METHODS, type Method, type NodeState } from './methods.ts'
import { OLD_METHODS } from './old-methods.ts'
import { assembleBlock } from './miner.ts'
import { METHOD_NOT_FOUND, PARSE_ERROR, RpcFailure } from './params.ts'
import type { PoolEntry } from './pool.ts'

/** Which network it is, and by which clock. */
export interface SimulatedBitcoinOptions {
  /** A regtest: genesis.ts. */
  network: Network
  /** Equal seeds and equal calls give equal blocks; nodes that must differ need different seeds. */
  seed: string
  /** Milliseconds. */
  now: () => number
  username: string
  password: string
  /** `-mempoolreplacement`: off, as litecoind has it, unless said otherwise. */
  isReplacing?: boolean
  /** A daemon of Core 0.14's age: old-methods.ts. */
  isOld?: boolean
  /** Told of everything that has happened to the node, in its order: what `restore` makes it again from. */
  record?: (happening: Happening) => void
}

/** A node to be asked as a real one is, and told to mine, fork and fail. */
export interface SimulatedBitcoin {
  handle(request: HttpRequest): HttpAnswer
  /** The request port of a process that runs beside this node; rejects while the node is stopped. */
  request: Request
  readonly faucetAddress: string
  height(): number
  /** Hash of the best block, or of the one at a height. */
  tip(): string
  hashAt(height: number): string
  /** Raw, for `submit` at another node. */
  block(hash: string): Block
  /** The hashes. With the whole mempool unless given transactions (ids in the mempool, or raw); to the faucet unless given an address. */
  mine(count: number, options?: { to?: string; transactions?: readonly Transaction[] }): string[]
  /** From the faucet, which needs mature coins: mine first. The transaction id. */
  pay(address: string, amountSat: bigint): string
  payMany(outputs: readonly FaucetOutput[]): string
  /** The same, with what an unconfirmed payment of the faucet has paid to the faucet itself. */
  payFrom(txid: string, outputs: readonly FaucetOutput[]): string
  /** Replaces an unconfirmed payment of the faucet by one back to itself, whatever replacement rules say. */
  doubleSpend(txid: string): string
  pending(): string[]
  /** As a full mempool does, or a restart without one: gone, and what stands on it too. */
  forget(txid: string): void
  transaction(txid: string): Transaction | undefined
  /** A block of another node. Throws with the reason when it is refused. */
  submit(block: Block): void
  invalidate(hash: string): void
  reconsider(hash: string): void
  /** What another node in this one's place may never have had: a branch that was left, from this block on. */
  forgetBranch(hash: string): void
  /** What was recorded of this node, into a new one. Nothing of it is recorded, and no script is verified, again. */
  restore(happenings: Iterable<Happening>): void
  stop(): void
  start(): void
  serveRest(isOn: boolean): void
  /** sat/kvB, or null for none. */
  setEstimate(rate: bigint | null): void
  /** What is wrong with it: faults.ts. */
  readonly faults: Faults
  /** Answers in the node's place until cleared with null; an interceptor that answers null lets the node answer. */
  intercept(interceptor: ((request: HttpRequest) => HttpAnswer | null) | null): void
}

const FAUCET_SAT_PER_VBYTE = 2n
const DOUBLE_SPEND_SAT_PER_VBYTE = 200n
const EXTRA_NONCE_BYTES = 8
const BLOCK_WEIGHT_MAXIMUM = 3_900_000
const TEXT = { 'content-type': 'text/plain' }
const JSON_TYPE = { 'content-type': 'application/json' }

interface Machine extends NodeState {
  methods: Readonly<Record<string, Method>>
  faucet: ReturnType<typeof faucetKey>
}

function createMachine(options: SimulatedBitcoinOptions, estimate: () => bigint | null): Machine {
  const { network, seed, now, record = () => {} } = options
  const faucet = faucetKey(seed, network)
  const chain = createChain(regtestOf(network), createCoins(faucet.script, network.coinbaseMaturity))
  const nowSeconds = () => Math.floor(now() / 1000)
  const faults = createFaults()
  const mempool = recorded(
    createSimulatedMempool({ chain, network, isReplacing: options.isReplacing ?? false, nowSeconds, faults }),
    record,
  )
  const methods = options.isOld === true ? OLD_METHODS : METHODS
  const tag = sha256(new TextEncoder().encode(`${seed}:miner`))
  const isVerified = (transaction: Transaction) =>
    mempool.pool.entries.get(transaction.getId())?.transaction === transaction

  /** Rises with every block, also where a branch was forgotten: what is mined anew is another block. */
  let mined = 0

  function submitBlock(block: Block): void {
    mempool.follow(addBlock(chain, block, isVerified))
    record({ type: 'block.added', block })
  }

  /** Chosen transactions bring their miner no fees: so does litecoind's `generateblock`. */
  function mineBlock(script: Uint8Array, chosen: readonly Transaction[] | 'mempool'): string {
    const entries = chosen === 'mempool' ? fitting([...mempool.pool.entries.values()]) : []
    const transactions = chosen === 'mempool' ? entries.map(entry => entry.transaction) : chosen
    const feesSat = entries.reduce((sum, entry) => sum + entry.feeSat, 0n)
    const extraNonce = Uint8Array.from(tag.subarray(0, EXTRA_NONCE_BYTES))
    mined = Math.max(mined + 1, chain.blocks.size)
    new DataView(extraNonce.buffer).setUint32(EXTRA_NONCE_BYTES / 2, mined)
    const block = assembleBlock(chain, { transactions, feesSat, script, nowMs: now(), extraNonce }, network.segwit)
    submitBlock(block)
    return block.getId()
  }

  function changeValidity(hash: string, isValid: boolean): Change {
    const change = setValidity(chain, hash, isValid)
    mempool.follow(change)
    record({ type: 'validity.changed', hash, isValid })
    return change
  }

  const state = { network, chain, mempool, nowSeconds, estimate, faults, mineBlock, submitBlock, changeValidity }
  return { ...state, methods, faucet }
}

function recorded(mempool: SimulatedMempool, record: (happening: Happening) => void): SimulatedMempool {
  return {
    ...mempool,
    accept(transaction) {
      const outcome = mempool.accept(transaction)
      if (!isRefusal(outcome)) record({ type: 'transaction.accepted', transaction })
      return outcome
    },
    forget(txid) {
      mempool.forget(txid)
      record({ type: 'transaction.forgotten', txid })
    },
  }
}

/** Parents stand before children, so what is cut off at the end is never needed by what is kept. */
function fitting(entries: readonly PoolEntry[]): PoolEntry[] {
  let weight = 0
  return entries.filter(({ transaction }) => (weight += transaction.weight()) <= BLOCK_WEIGHT_MAXIMUM)
}

function answerRpc(machine: Machine, body: Uint8Array): HttpAnswer {
  let id: unknown = null
  const answer = (status: number, result: unknown, error: unknown): HttpAnswer => ({
    status,
    headers: JSON_TYPE,
    body: `${stringify({ result, error, id })!}\n`,
  })
  try {
    const call = decodeCall(body)
    id = call.id
    const fault = errorOf(machine.faults, call.method)
    if (fault) throw new RpcFailure(fault.code, fault.message, fault.status)
    const method = machine.methods[call.method]
    if (!method) throw new RpcFailure(METHOD_NOT_FOUND, 'Method not found', 404)
    return answer(200, method(machine, call.params) ?? null, null)
  } catch (error) {
    if (!(error instanceof RpcFailure)) throw error
    return answer(error.status ?? 500, null, { code: error.code, message: error.message })
  }
}

function decodeCall(body: Uint8Array): { id: unknown; method: string; params: unknown[] } {
  const value = ((): unknown => {
    try {
      return parse(new TextDecoder().decode(body), null, digits => (/^-?\d+$/.test(digits) ? Number(digits) : digits))
    } catch {
      throw new RpcFailure(PARSE_ERROR, 'Parse error')
    }
  })()
  const { id = null, method, params = [] } = Object(value) as { id?: unknown; method?: unknown; params?: unknown }
  if (typeof method !== 'string' || !Array.isArray(params)) throw new RpcFailure(PARSE_ERROR, 'Parse error')
  return { id, method, params }
}

function answerRest({ chain, faults }: NodeState, path: string): HttpAnswer {
  const given = /^\/rest\/block\/([^/]*)\.bin$/.exec(path)?.[1]
  if (given === undefined) return { status: 404, body: '' }
  if (!/^[0-9a-f]{64}$/.test(given)) return { status: 400, headers: TEXT, body: `Invalid hash: ${given}\r\n` }
  const stored = chain.blocks.get(given)
  if (!stored || faults.headersOnly.has(given)) return { status: 404, headers: TEXT, body: `${given} not found\r\n` }
  if (unavailable(faults, stored) !== null)
    return { status: 404, headers: TEXT, body: `${given} not available (pruned data)\r\n` }
  return {
    status: 200,
    headers: { 'content-type': 'application/octet-stream' },
    body: Buffer.from(stored.block.toBuffer()),
  }
}

function answerHttp(
  machine: Machine,
  request: HttpRequest,
  { authorization, hasRest }: { authorization: string; hasRest: boolean },
): HttpAnswer {
  if (request.path.startsWith('/rest/') && hasRest) return answerRest(machine, request.path)
  if (request.path !== '/') return { status: 404, body: '' }
  if (request.method !== 'POST') return { status: 405, body: 'JSONRPC server handles only POST requests' }
  if (request.headers['authorization'] !== authorization)
    return { status: 401, headers: { 'www-authenticate': 'Basic realm="jsonrpc"' }, body: '' }
  return answerRpc(machine, request.body)
}

type Payer = Pick<SimulatedBitcoin, 'payMany' | 'payFrom' | 'doubleSpend'>

function createPayer({ chain, mempool, faucet, network }: Machine): Payer {
  function broadcast(transaction: Transaction): string {
    const outcome = mempool.accept(transaction)
    if (isRefusal(outcome)) throw new Error(`the faucet's payment is refused: ${outcome.reason} ${outcome.detail}`)
    return outcome.txid
  }

  const payMany = (outputs: readonly FaucetOutput[]): string => {
    const from = spendableCoins(chain, mempool.pool, faucet, network)
    return broadcast(buildPayment(from, outputs, FAUCET_SAT_PER_VBYTE, faucet, network))
  }

  function payFrom(txid: string, outputs: readonly FaucetOutput[]): string {
    const entry = mempool.pool.entries.get(txid)
    if (!entry) throw new Error(`${txid} is not in the mempool`)
    const from = entry.transaction.outs.flatMap(({ script }, vout): [string, UnspentCoin][] => {
      const key = coinKey(txid, vout)
      const isFree = Buffer.compare(script, faucet.script) === 0 && mempool.pool.spender(key) === undefined
      return isFree ? [[key, mempool.pool.coin(key)!]] : []
    })
    return broadcast(buildPayment(from, outputs, FAUCET_SAT_PER_VBYTE, faucet, network))
  }

  function doubleSpend(txid: string): string {
    const entry = mempool.pool.entries.get(txid)
    if (!entry) throw new Error(`${txid} is not in the mempool`)
    const from = entry.transaction.ins.map((input): [string, UnspentCoin] => [
      inputKey(input),
      mempool.pool.coin(inputKey(input))!,
    ])
    const rest = from.reduce((sum, [, coin]) => sum + coin.valueSat, 0n) / 2n
    mempool.forget(txid)
    const outputs = [{ address: faucet.address, amountSat: rest }]
    return broadcast(buildPayment(from, outputs, DOUBLE_SPEND_SAT_PER_VBYTE, faucet, network))
  }

  return { payMany, payFrom, doubleSpend }
}

/** Boundary fault `not-simulated` for a network that is no regtest. */
export function createSimulatedBitcoin(options: SimulatedBitcoinOptions): SimulatedBitcoin {
  let estimate: bigint | null = null
  let isRunning = true
  let hasRest = true
  let interceptor: ((request: HttpRequest) => HttpAnswer | null) | null = null
  const machine = createMachine(options, () => estimate)
  const { network, chain, mempool, faucet, faults } = machine
  const payer = createPayer(machine)
  const authorization = `Basic ${Buffer.from(`${options.username}:${options.password}`).toString('base64')}`

  const handle = (request: HttpRequest): HttpAnswer =>
    interceptor?.(request) ?? answerHttp(machine, request, { authorization, hasRest })

  return {
    handle,
    faults,
    request: async call => {
      if (!isRunning) throw operating('unreachable', 'the simulated node is stopped')
      return toResult(handle(toRequest(call)))
    },
    faucetAddress: faucet.address,
    height: () => bestOf(chain).height,
    tip: () => bestOf(chain).hash,
    hashAt: height => chain.active[height]!.hash,
    block: hash => chain.blocks.get(hash)!.block,
    mine: (count, { to, transactions } = {}) => {
      const script = to === undefined ? faucet.script : scriptOf(to, network)
      return Array.from({ length: count }, () => machine.mineBlock(script, transactions ?? 'mempool'))
    },
    pay: (address, amountSat) => payer.payMany([{ address, amountSat }]),
    ...payer,
    pending: () => [...mempool.pool.entries.keys()],
    forget: txid => mempool.forget(txid),
    transaction: txid => mempool.pool.entries.get(txid)?.transaction,
    submit: block => machine.submitBlock(block),
    invalidate: hash => void machine.changeValidity(hash, false),
    reconsider: hash => void machine.changeValidity(hash, true),
    forgetBranch: hash => forgetBranch(chain, hash),
    restore: happenings => restoreNode(chain, mempool, happenings),
    stop: () => void (isRunning = false),
    start: () => void (isRunning = true),
    serveRest: isOn => void (hasRest = isOn),
    setEstimate: rate => void (estimate = rate),
    intercept: next => void (interceptor = next),
  }
}
