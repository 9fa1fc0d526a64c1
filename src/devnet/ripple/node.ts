/**
 * A server of the XRP Ledger in memory: deterministic, without I/O and without timers. It serves JSON-RPC through `handle`, and what
 * people, validators and accidents do to a network through its control functions.
 */
import { RIPPLE_EPOCH } from '../../../adapters/ripple/source.ts'
import { operating } from '../../kernel/fault.ts'
import type { Request } from '../../kernel/ports.ts'
import type { HttpAnswer, HttpRequest } from '../../http.ts'
import { suffer, toRequest, toResult, type RequestFate } from '../fates.ts'
import { restoreRipple, type RippleHappening } from './history.ts'
import { createLedgerChain, mainRules, type LedgerEntry, type LedgerChain, type NetworkRules } from './ledger.ts'
import { RIPPLE_METHODS, RippleFailure, type NodeState } from './methods.ts'
import { createRippleFaults, type RippleFaults } from './node-faults.ts'
import type { Account } from './state.ts'
import { readSubmitted, signWith, worldKey, type WorldKey } from './transaction.ts'

/** Which network it is, and by which clock. */
export interface SimulatedRippleOptions {
  networkId: number
  /** Milliseconds. */
  now: () => number
  /** Asked for as HTTP's basic authorisation, when given. */
  username?: string
  password?: string
  /** Where they differ from the main network's. */
  rules?: Partial<NetworkRules>
  /** Told of everything that has happened to the server, in its order: what `restore` makes it again from. */
  record?: (happening: RippleHappening) => void
}

/** A server to be asked as a real one is, and told to close ledgers and to fail. */
export interface SimulatedRipple {
  handle(request: HttpRequest): HttpAnswer
  /** The request port of a process that runs beside it; rejects while it is stopped. */
  request: Request
  /** What becomes of the requests that come through `request`, from now on; null for nothing. */
  setFates(next: (() => RequestFate) | null): void
  readonly faucetAddress: string
  height(): number
  /** Hash of the last ledger, or of the one at a height. */
  tip(): string
  hashAt(height: number): string
  /** Closes ledgers; their hashes. */
  mine(count: number): string[]
  /** XRP from the faucet. The transaction's hash. Throws with the result when it is refused. */
  pay(address: string, drops: bigint, tag?: number): string
  /** Whatever else is sent: of the faucet, or of a key of the world. Sequence, fee and signature are added. */
  send(fields: object, key?: WorldKey): string
  pending(): string[]
  /** As a full server does: gone from the open ledger and the queue. */
  forget(hash: string): void
  /** Everything that is in no ledger is gone. */
  restart(): void
  account(address: string): Account | undefined
  /** What concerned the account, in order. */
  entriesOf(address: string): readonly LedgerEntry[]
  /** As it has happened, whatever the server shows. */
  readonly chain: LedgerChain
  restore(happenings: Iterable<RippleHappening>): void
  stop(): void
  start(): void
  /** What is wrong with it: node-faults.ts. */
  readonly faults: RippleFaults
  /** Answers in the server's place until cleared with null; an interceptor that answers null lets it answer. */
  intercept(interceptor: ((request: HttpRequest) => HttpAnswer | null) | null): void
}

const JSON_TYPE = { 'content-type': 'application/json; charset=UTF-8' }
const FAUCET = worldKey('faucet')
/** Above what an open ledger ever asks here. */
const FAUCET_FEE = 1_000_000n
const LIFETIME = 1000

interface Call {
  method?: unknown
  params?: unknown
}

function answerCall(state: NodeState, body: Uint8Array): HttpAnswer {
  let call: Call
  try {
    call = Object(JSON.parse(new TextDecoder().decode(body))) as Call
  } catch {
    return { status: 400, headers: { 'content-type': 'text/html' }, body: 'Unable to parse request: ' }
  }
  const { method, params } = call
  if (typeof method !== 'string') return { status: 400, headers: { 'content-type': 'text/html' }, body: 'Null method' }
  const [given] = Array.isArray(params) ? (params as unknown[]) : []
  const asked = Object(given ?? {}) as Record<string, unknown>
  return { status: 200, headers: JSON_TYPE, body: `${JSON.stringify(resultOf(state, method, asked))}\n` }
}

function resultOf(state: NodeState, method: string, asked: Record<string, unknown>): object {
  const version = state.faults.isOld || asked['api_version'] !== 2 ? 1 : 2
  try {
    const fault = state.faults.errors.get(method) ?? state.faults.errors.get('*')
    if (fault !== undefined) throw new RippleFailure(fault.error, fault.code, fault.message)
    const known = RIPPLE_METHODS[method]
    if (known === undefined) throw new RippleFailure('unknownCmd', 32, 'Unknown method.')
    const { warnings, ...result } = known(state, asked, version) as { warnings?: unknown }
    return { result: { ...result, status: 'success' }, ...(warnings !== undefined && { warnings }) }
  } catch (error) {
    if (!(error instanceof RippleFailure)) throw error
    const { error: name, code, message, detail } = error
    const said = { error: name, error_code: code, error_message: message, ...detail }
    return { result: { ...said, request: { ...asked, command: method }, status: 'error' } }
  }
}

function stateOf(chain: LedgerChain, faults: RippleFaults, options: SimulatedRippleOptions): NodeState {
  const { now, record = () => {} } = options
  return {
    chain,
    faults,
    nowSeconds: () => Math.floor(now() / 1000),
    offer(transaction, failHard) {
      if (faults.losesTransactions) return 'tesSUCCESS'
      const { result, isKept } = chain.offer(transaction, failHard)
      if (isKept) record({ type: 'transaction.accepted', raw: transaction.raw })
      return result
    },
  }
}

function createSender({ chain, offer }: NodeState, networkId: number) {
  return (fields: object, { account, ...key }: WorldKey = FAUCET): string => {
    const sequence = chain.open.get(account)?.sequence ?? 0
    const named = networkId > 1024 ? { NetworkID: networkId } : {}
    const usual = { Flags: 0, Fee: FAUCET_FEE.toString(), LastLedgerSequence: chain.last().height + LIFETIME, ...named }
    const raw = signWith({ account, ...key }, { ...usual, Sequence: sequence, ...fields })
    const transaction = readSubmitted(raw)
    const result = offer(transaction, false)
    if (!/^(tes|tec|terQUEUED)/.test(result)) throw new Error(`the transaction is refused: ${result}`)
    return transaction.hash
  }
}

export function createSimulatedRipple(options: SimulatedRippleOptions): SimulatedRipple {
  const { networkId, now, username, password, rules = {}, record = () => {} } = options
  const chain = createLedgerChain({ ...mainRules(networkId), ...rules })
  const faults = createRippleFaults()
  const state = stateOf(chain, faults, options)
  const send = createSender(state, networkId)
  const secret =
    username === undefined ? null : `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}`
  let isRunning = true
  let fates: (() => RequestFate) | null = null
  let interceptor: ((request: HttpRequest) => HttpAnswer | null) | null = null

  function handle(request: HttpRequest): HttpAnswer {
    const intercepted = interceptor?.(request)
    if (intercepted !== undefined && intercepted !== null) return intercepted
    if (secret !== null && request.headers['authorization'] !== secret)
      return { status: 403, headers: { 'content-type': 'text/html' }, body: 'Forbidden' }
    return answerCall(state, request.body)
  }

  function close(): string {
    const { closeTime, hash } = chain.close(Math.floor(now() / 1000) - RIPPLE_EPOCH)
    record({ type: 'ledger.closed', closeTime })
    return hash
  }

  function forget(hash: string): void {
    chain.forget(hash)
    record({ type: 'transaction.forgotten', hash })
  }

  return {
    handle,
    async request(call) {
      if (!isRunning) throw operating('unreachable', 'the simulated server is stopped')
      const answer = () => toResult(handle(toRequest(call)))
      return fates === null ? answer() : suffer(fates(), answer)
    },
    setFates: next => void (fates = next),
    faucetAddress: FAUCET.account,
    height: () => chain.last().height,
    tip: () => chain.last().hash,
    hashAt: height => chain.ledgers[height - 1]!.hash,
    mine: count => Array.from({ length: count }, close),
    pay: (Destination, drops, tag) =>
      send({
        TransactionType: 'Payment',
        Destination,
        Amount: drops.toString(),
        ...(tag !== undefined && { DestinationTag: tag }),
      }),
    send,
    pending: () => chain.pending().map(({ hash }) => hash),
    forget,
    restart() {
      for (const { hash } of [...chain.pending()].reverse()) forget(hash)
    },
    account: address => chain.states.at(chain.last().height, address),
    entriesOf: address => chain.entriesOf(address),
    chain,
    restore: happenings => restoreRipple(chain, happenings),
    stop: () => void (isRunning = false),
    start: () => void (isRunning = true),
    faults,
    intercept: next => void (interceptor = next),
  }
}
