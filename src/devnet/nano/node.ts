/**
 * A nano node in memory: deterministic, without I/O and without timers. It answers RPC through `handle`, and what people, its network and
 * accidents do to it comes through its control functions. A block is confirmed so long after it has come.
 */
import { accountKeyOf } from '../../../adapters/nano/address.ts'
import { ZERO_HASH, type StateBlock } from '../../../adapters/nano/block.ts'
import { networkOf } from '../../../adapters/nano/network.ts'
import { createSearch } from '../../../adapters/nano/work-search.ts'
import { upperHex } from '../../../adapters/hex.ts'
import type { HttpAnswer, HttpRequest } from '../../http.ts'
import { operating } from '../../kernel/fault.ts'
import type { Request } from '../../kernel/ports.ts'
import { suffer, toRequest, toResult, type RequestFate } from '../fates.ts'
import { NANO_ACTIONS, ActionFailure, type NanoNodeState } from './actions.ts'
import { createNanoFaults, type NanoFaults } from './faults.ts'
import { completed, DEV_GENESIS, EPOCH_LINKS, genesisAccount, genesisBlocks } from './genesis.ts'
import type { NanoHappening } from './history.ts'
import type { SignedBlock } from './block.ts'
import { createLatticeOf, type Lattice, type BlockRefusal } from './lattice.ts'

/** By whose clock, and how fast. */
export interface SimulatedNanoOptions {
  /** nano's development network unless said otherwise; of every other the key of the first account is the same here. */
  network?: string
  /** Milliseconds. */
  now: () => number
  /** From a block's arrival to its confirmation; 200 unless said otherwise. */
  confirmationMs?: number
  /** From 0 to below 1: decides what `faults.rollBackRate` rolls back. */
  roll?: () => number
  /** Asked for as HTTP's basic authorisation, when given. */
  username?: string
  password?: string
  /** Told of everything that has happened to the node, in its order: what `restore` makes it again from. */
  record?: (happening: NanoHappening) => void
}

/** A node to be asked as a real one is. */
export interface SimulatedNano {
  handle(request: HttpRequest): HttpAnswer
  /** The request port of a process that runs beside this node; rejects while the node is stopped. */
  request: Request
  /** What becomes of the requests that come through `request`, from now on; null for nothing. */
  setFates(next: (() => RequestFate) | null): void
  readonly lattice: Lattice
  readonly faults: NanoFaults
  /** From the account that owns everything at first. The block's hash. */
  pay(address: string, raw: bigint): string
  /** A block of anybody. Null when it was taken. */
  submit(block: SignedBlock): BlockRefusal | null
  /** Signed by `secret`, with work. */
  complete(block: StateBlock, secret: Uint8Array): SignedBlock
  /** A block of the network itself on an account that is open (N13). Its hash. */
  upgrade(address: string): string
  confirm(hash: string): void
  rollBack(hash: string): void
  /** Whatever has come is confirmed. */
  confirmAll(): void
  /** Everything that is unconfirmed is gone. */
  restart(): void
  restore(happenings: Iterable<NanoHappening>): void
  stop(): void
  start(): void
  /** How many calls of each action were answered. */
  readonly calls: ReadonlyMap<string, number>
  /** Answers in the node's place until cleared with null; an interceptor that answers null lets the node answer. */
  intercept(interceptor: ((action: string, body: Readonly<Record<string, unknown>>) => object | null) | null): void
}

const CONFIRMATION_MS = 200
const MILLISECONDS_PER_SECOND = 1000
const OK = 200
const HEADERS = { 'content-type': 'application/json', connection: 'close' }

const search = createSearch()

interface Workings {
  options: SimulatedNanoOptions
  lattice: Lattice
  faults: NanoFaults
  record: (happening: NanoHappening) => void
  /** Of unconfirmed blocks; milliseconds. */
  arrivals: Map<string, number>
}

const keyOf = (address: string, { lattice }: Pick<Workings, 'lattice'>): string =>
  upperHex(accountKeyOf(address, lattice.network))

function confirm({ lattice, record, arrivals }: Workings, hash: string): void {
  for (const each of lattice.confirm(hash)) {
    arrivals.delete(each)
    record({ type: 'block.confirmed', hash: each })
  }
}

function rollBack({ lattice, record, arrivals }: Workings, hash: string): void {
  const gone = lattice.rollBack(hash)
  for (const each of gone) arrivals.delete(each)
  if (gone.length > 0) record({ type: 'block.rolledBack', hash })
}

/** What has waited long enough is confirmed, in the order in which it came. */
function settle(workings: Workings): void {
  const { lattice, faults, options, arrivals } = workings
  if (faults.isStalled) return
  const { now, confirmationMs = CONFIRMATION_MS } = options
  for (const hash of [...lattice.unconfirmed]) {
    if (arrivals.get(hash)! + confirmationMs > now()) break
    if (!faults.unconfirmable.has(hash)) confirm(workings, hash)
  }
}

function arrive(workings: Workings, block: SignedBlock, isTrusted: boolean): BlockRefusal | null {
  const { lattice, faults, options, record, arrivals } = workings
  const { now, roll = () => 1 } = options
  const timestamp = Math.floor(now() / MILLISECONDS_PER_SECOND)
  const refusal = lattice.process(block, timestamp, isTrusted)
  if (refusal !== null) return refusal
  const { hash } = lattice.head(block.account)!
  arrivals.set(hash, now())
  record({ type: 'block.taken', block, timestamp })
  if (faults.losesBlocks) rollBack(workings, hash)
  while (lattice.unconfirmed.size > faults.backlog) rollBack(workings, [...lattice.unconfirmed].at(-1)!)
  if (faults.rollBackRate > 0 && roll() < faults.rollBackRate) {
    // The faucet sends nothing again.
    const others = [...lattice.unconfirmed].filter(
      each => lattice.blocks.get(each)!.block.account !== genesisAccount(lattice.network),
    )
    if (others.length > 0) rollBack(workings, others[Math.floor(roll() * others.length)]!)
  }
  return null
}

const complete = ({ lattice: { network } }: Workings, block: StateBlock, secret: Uint8Array) => {
  const root = block.previous === ZERO_HASH ? upperHex(accountKeyOf(block.account, network)) : block.previous
  return completed(block, secret, network, search, root)
}

/** On top of an account's head, which may be unconfirmed. */
function extend(workings: Workings, address: string, change: Pick<StateBlock, 'balance' | 'link'>): string {
  const head = workings.lattice.head(address)!
  const { type, account, representative } = head.block
  const block = { type, account, previous: head.hash, representative, ...change }
  // Nobody verifies the work of what the network itself makes here.
  const { hash, signed } = completed(block, DEV_GENESIS.secret, workings.lattice.network, () => 0n, block.previous)
  const refusal = arrive(workings, signed, true)
  if (refusal !== null) throw new Error(`the network's own block is refused: ${refusal}`)
  return hash
}

function pay(workings: Workings, address: string, raw: bigint): string {
  const faucet = genesisAccount(workings.lattice.network)
  const balance = String(workings.lattice.head(faucet)!.balance - raw)
  return extend(workings, faucet, { balance, link: keyOf(address, workings) })
}

const upgrade = (workings: Workings, address: string): string =>
  extend(workings, address, {
    balance: String(workings.lattice.head(address)!.balance),
    link: EPOCH_LINKS.at(-1)!,
  })

function bodyOf(bytes: Uint8Array): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null
  } catch {
    return null
  }
}

function answer(
  workings: Workings,
  state: NanoNodeState,
  action: string,
  body: Readonly<Record<string, unknown>>,
): object {
  const { errors } = workings.faults
  const error = errors.get(action) ?? errors.get('*')
  if (error !== undefined) return { error }
  const known = NANO_ACTIONS[action]
  if (known === undefined) return { error: 'Unknown command' }
  try {
    return known(state, body)
  } catch (failure) {
    if (!(failure instanceof ActionFailure)) throw failure
    return { error: failure.message }
  }
}

function restore(workings: Workings, happenings: Iterable<NanoHappening>): void {
  const { lattice, arrivals, options } = workings
  for (const happening of happenings) {
    if (happening.type === 'block.confirmed') lattice.confirm(happening.hash)
    else if (happening.type === 'block.rolledBack') lattice.rollBack(happening.hash)
    else {
      const refusal = lattice.process(happening.block, happening.timestamp, true)
      if (refusal !== null) throw new Error(`a block is refused: ${refusal}`)
    }
  }
  for (const hash of lattice.unconfirmed) arrivals.set(hash, options.now())
}

/** One node of the development network, with its genesis. */
export function createSimulatedNano(options: SimulatedNanoOptions): SimulatedNano {
  const { username, password, record = () => {} } = options
  const network = networkOf(options.network ?? 'nano-dev')
  const lattice = createLatticeOf(network, genesisBlocks(network))
  const workings: Workings = { options, lattice, faults: createNanoFaults(), record, arrivals: new Map() }
  const state: NanoNodeState = {
    ...{ lattice, faults: workings.faults, now: options.now },
    take: block => arrive(workings, block, false),
    work: (root, threshold) => search(Buffer.from(root, 'hex'), threshold, 1n, Number.MAX_SAFE_INTEGER)!,
  }
  const secret =
    username === undefined ? null : `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}`
  const calls = new Map<string, number>()
  let isRunning = true
  let fates: (() => RequestFate) | null = null
  let interceptor: Parameters<SimulatedNano['intercept']>[0] = null

  function handle(request: HttpRequest): HttpAnswer {
    if (secret !== null && request.headers['authorization'] !== secret) return { status: 401, body: '' }
    settle(workings)
    const body = bodyOf(request.body)
    const action = body?.['action']
    if (body === null || typeof action !== 'string')
      return { status: OK, headers: HEADERS, body: { error: 'Unable to parse JSON' } }
    calls.set(action, (calls.get(action) ?? 0) + 1)
    return { status: OK, headers: HEADERS, body: interceptor?.(action, body) ?? answer(workings, state, action, body) }
  }

  return {
    ...{ handle, lattice, faults: workings.faults, calls },
    async request(call) {
      if (!isRunning) throw operating('unreachable', 'the simulated node is stopped')
      const answered = () => toResult(handle(toRequest(call)))
      return fates === null ? answered() : suffer(fates(), answered)
    },
    setFates: next => void (fates = next),
    pay: (address, raw) => pay(workings, address, raw),
    submit: block => arrive(workings, block, false),
    complete: (block, key) => complete(workings, block, key).signed,
    upgrade: address => upgrade(workings, address),
    confirm: hash => confirm(workings, hash),
    rollBack: hash => rollBack(workings, hash),
    confirmAll() {
      for (const hash of [...lattice.unconfirmed]) confirm(workings, hash)
    },
    restart() {
      for (const hash of [...lattice.unconfirmed]) rollBack(workings, hash)
    },
    restore: happenings => restore(workings, happenings),
    stop: () => void (isRunning = false),
    start: () => void (isRunning = true),
    intercept: next => void (interceptor = next),
  }
}
