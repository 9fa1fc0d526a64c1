/**
 * One running contract: its stack, memory and gas, and what a transaction remembers beside the state (EIP-2929's warm places,
 * refunds, logs). opcodes.ts says what each instruction does, calls.ts how contracts call each other.
 */
import { hexOf, NOTHING, WORD_BYTES, wordOf } from './bytes.ts'
import type { WorldState } from './state.ts'

export interface ContractLog {
  address: string
  topics: bigint[]
  data: Uint8Array
}

/** A call as geth's `callTracer` tells it. */
export interface CallTrace {
  type: CallKind | 'SELFDESTRUCT'
  from: string
  to: string | null
  /** Wei; null where the kind of call has none. */
  value: bigint | null
  gas: number
  gasUsed: number
  input: Uint8Array
  output: Uint8Array
  /** In geth's words; null when it succeeded. */
  error: string | null
  calls: CallTrace[]
}

export type CallKind = 'CALL' | 'CALLCODE' | 'DELEGATECALL' | 'STATICCALL' | 'CREATE' | 'CREATE2'

/** The block that a transaction runs in. */
export interface BlockContext {
  chainId: bigint
  number: number
  timestamp: number
  coinbase: string
  gasLimit: number
  baseFee: bigint
  randao: string
  hashAt: (number: number) => string | null
  /** EIP-7708. */
  logsTransfers: boolean
}

/** What a transaction remembers until it ends. */
export interface Substate {
  state: WorldState
  block: BlockContext
  origin: string
  gasPrice: bigint
  warmAccounts: Set<string>
  warmSlots: Set<string>
  /** What slots held before the transaction: EIP-2200. */
  originals: Map<string, bigint>
  transient: Map<string, bigint>
  logs: ContractLog[]
  refund: number
  created: Set<string>
  destroyed: Set<string>
}

export interface CallRequest {
  kind: CallKind
  /** Who asks; for DELEGATECALL whose caller's caller is meant, as the callee sees it. */
  caller: string
  /** Whose storage and balance. */
  address: string
  /** Where the code stands. */
  codeAddress: string
  value: bigint
  input: Uint8Array
  gas: number
  isStatic: boolean
  depth: number
}

export interface CallOutcome {
  isOk: boolean
  output: Uint8Array
  gasLeft: number
}

/** What the instructions work on. */
export interface Machine {
  call: CallRequest
  code: Uint8Array
  jumps: Uint8Array
  pc: number
  stack: bigint[]
  memory: Uint8Array
  memoryWords: number
  gas: number
  returned: Uint8Array
  substate: Substate
  trace: CallTrace
  /** Set by what ends the run. */
  ended: { output: Uint8Array; isReverted: boolean } | null
}

/** Ends a run, takes its gas, and undoes what it did. In geth's words. */
export class Halt extends Error {}

const STACK_MAXIMUM = 1024
const JUMPDEST = 0x5b
const PUSH1 = 0x60
const PUSH32 = 0x7f
/** Beyond it no gas limit pays for memory. */
const MEMORY_MAXIMUM_BYTES = 0x100_0000
const MASK = (1n << 256n) - 1n

/** Modulo 2^256. */
export const wrapped = (value: bigint): bigint => value & MASK

export function useGas(machine: Machine, gas: number): void {
  if (machine.gas < gas) throw new Halt('out of gas')
  machine.gas -= gas
}

export function pop(machine: Machine): bigint {
  const value = machine.stack.pop()
  if (value === undefined) throw new Halt('stack underflow')
  return value
}

export function push(machine: Machine, value: bigint): void {
  if (machine.stack.length >= STACK_MAXIMUM) throw new Halt('stack limit reached 1024 (1023)')
  machine.stack.push(value)
}

/** A size or an offset; what is too large for any gas is out of gas. */
export function sizeOf(value: bigint): number {
  if (value > BigInt(MEMORY_MAXIMUM_BYTES)) throw new Halt('out of gas')
  return Number(value)
}

const memoryGas = (words: number): number => 3 * words + Math.floor((words * words) / 512)

/** Pays for memory up to there, and makes it. */
export function expand(machine: Machine, offset: bigint, size: number): number {
  if (size === 0) return 0
  const start = sizeOf(offset)
  const words = Math.ceil((start + size) / WORD_BYTES)
  if (words > machine.memoryWords) {
    useGas(machine, memoryGas(words) - memoryGas(machine.memoryWords))
    machine.memoryWords = words
    const bytes = words * WORD_BYTES
    if (bytes > machine.memory.length) {
      const grown = new Uint8Array(Math.max(bytes, 2 * machine.memory.length))
      grown.set(machine.memory)
      machine.memory = grown
    }
  }
  return start
}

/** A copy. */
export function readMemory(machine: Machine, offset: bigint, size: number): Uint8Array {
  const start = expand(machine, offset, size)
  return size === 0 ? NOTHING : machine.memory.slice(start, start + size)
}

export function writeMemory(machine: Machine, offset: bigint, bytes: Uint8Array): void {
  const start = expand(machine, offset, bytes.length)
  machine.memory.set(bytes, bytes.length === 0 ? 0 : start)
}

/** So many bytes from there, with zeros behind the end. */
export function slice(bytes: Uint8Array, offset: bigint, size: number): Uint8Array {
  const part = new Uint8Array(size)
  if (offset < BigInt(bytes.length)) part.set(bytes.subarray(Number(offset), Number(offset) + size))
  return part
}

export const wordAt = (bytes: Uint8Array, offset: bigint): bigint => wordOf(slice(bytes, offset, WORD_BYTES))

/** 1 where a jump may land. */
export function jumpsOf(code: Uint8Array): Uint8Array {
  const jumps = new Uint8Array(code.length)
  for (let at = 0; at < code.length; at++) {
    const opcode = code[at]!
    if (opcode === JUMPDEST) jumps[at] = 1
    if (opcode >= PUSH1 && opcode <= PUSH32) at += opcode - PUSH1 + 1
  }
  return jumps
}

const COLD_ACCOUNT = 2600
const COLD_SLOT = 2100
const WARM = 100

/** EIP-2929: the first touch is dear. Undone with the call that touched. */
export function accountGas({ state, warmAccounts }: Substate, address: string): number {
  if (warmAccounts.has(address)) return WARM
  warmAccounts.add(address)
  state.onRevert(() => warmAccounts.delete(address))
  return COLD_ACCOUNT
}

/** What a cold slot costs beside the rest, or nothing. */
export function slotSurcharge({ state, warmSlots }: Substate, address: string, slot: bigint): number {
  const key = slotKey(address, slot)
  if (warmSlots.has(key)) return 0
  warmSlots.add(key)
  state.onRevert(() => warmSlots.delete(key))
  return COLD_SLOT
}

export const slotKey = (address: string, slot: bigint): string => `${address}:${slot.toString(16)}`

export function addRefund(substate: Substate, gas: number): void {
  substate.refund += gas
  substate.state.onRevert(() => void (substate.refund -= gas))
}

export function addLog({ state, logs }: Substate, log: ContractLog): void {
  logs.push(log)
  state.onRevert(() => void logs.pop())
}

const SYSTEM_ADDRESS = '0xfffffffffffffffffffffffffffffffffffffffe'
const TRANSFER_TOPIC = 0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3efn

/** Moves ether, and says so where the chain does (EIP-7708). */
export function moveValue(substate: Substate, from: string, to: string, wei: bigint): void {
  const { state, block } = substate
  if (wei === 0n) return
  state.addBalance(from, -wei)
  state.addBalance(to, wei)
  if (!block.logsTransfers || from === to) return
  const data = Uint8Array.from(Buffer.from(wei.toString(16).padStart(2 * WORD_BYTES, '0'), 'hex'))
  addLog(substate, { address: SYSTEM_ADDRESS, topics: [TRANSFER_TOPIC, BigInt(from), BigInt(to)], data })
}

const DELEGATION = '0xef0100'
const DELEGATION_BYTES = 23

/** EIP-7702: the contract that an account delegates to, or null. */
export function delegateOf(code: Uint8Array): string | null {
  if (code.length !== DELEGATION_BYTES) return null
  const hex = hexOf(code)
  return hex.startsWith(DELEGATION) ? `0x${hex.slice(DELEGATION.length)}` : null
}

/** The code of an account that delegates there. */
export const delegationTo = (address: string): Uint8Array =>
  Uint8Array.from(Buffer.from(`${DELEGATION.slice(2)}${address.slice(2)}`, 'hex'))
