/** The instructions of the Ethereum machine as of Osaka, with their gas: the yellow paper and the EIPs named beside them. */
import { keccak_256 } from '@noble/hashes/sha3.js'
import { addressIn, hashOfBytes, NOTHING, paddedBytes, WORD_BYTES, wordOf } from './bytes.ts'
import { callContract, createContract, nextCreated, saltedAddress } from './calls.ts'
import {
  accountGas,
  addLog,
  addRefund,
  delegateOf,
  expand,
  Halt,
  moveValue,
  pop,
  push,
  readMemory,
  sizeOf,
  slice,
  slotKey,
  slotSurcharge,
  useGas,
  wordAt,
  wrapped,
  writeMemory,
  type CallKind,
  type Machine,
} from './machine.ts'

type Instruction = (machine: Machine, opcode: number) => void

const BITS = 256n
const SIGN = 1n << 255n
const WORDS = 1n << BITS

const signed = (value: bigint): bigint => (value >= SIGN ? value - WORDS : value)
const bit = (isSet: boolean): bigint => (isSet ? 1n : 0n)
const wordsIn = (bytes: number): number => Math.ceil(bytes / WORD_BYTES)

const binary =
  (gas: number, compute: (a: bigint, b: bigint) => bigint): Instruction =>
  machine => {
    useGas(machine, gas)
    const [a, b] = [pop(machine), pop(machine)]
    push(machine, wrapped(compute(a, b)))
  }
const unary =
  (gas: number, compute: (a: bigint) => bigint): Instruction =>
  machine => {
    useGas(machine, gas)
    push(machine, wrapped(compute(pop(machine))))
  }
const ternary =
  (gas: number, compute: (a: bigint, b: bigint, c: bigint) => bigint): Instruction =>
  machine => {
    useGas(machine, gas)
    const [a, b, c] = [pop(machine), pop(machine), pop(machine)]
    push(machine, wrapped(compute(a, b, c)))
  }
const reading =
  (gas: number, read: (machine: Machine) => bigint): Instruction =>
  machine => {
    useGas(machine, gas)
    push(machine, read(machine))
  }

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  for (let [square, rest] = [base, exponent]; rest > 0n; rest >>= 1n, square = wrapped(square * square))
    if (rest & 1n) result = wrapped(result * square)
  return result
}

function exponentiate(machine: Machine): void {
  const [base, exponent] = [pop(machine), pop(machine)]
  const bytes = exponent === 0n ? 0 : Math.ceil(exponent.toString(16).length / 2)
  useGas(machine, 10 + 50 * bytes)
  push(machine, power(base, exponent))
}

function extendSign(size: bigint, value: bigint): bigint {
  if (size >= 31n) return value
  const bits = 8n * (size + 1n)
  return BigInt.asIntN(Number(bits), value)
}

const ARITHMETIC: Readonly<Record<number, Instruction>> = {
  0x01: binary(3, (a, b) => a + b),
  0x02: binary(5, (a, b) => a * b),
  0x03: binary(3, (a, b) => a - b),
  0x04: binary(5, (a, b) => (b === 0n ? 0n : a / b)),
  0x05: binary(5, (a, b) => (b === 0n ? 0n : signed(a) / signed(b))),
  0x06: binary(5, (a, b) => (b === 0n ? 0n : a % b)),
  0x07: binary(5, (a, b) => (b === 0n ? 0n : signed(a) % signed(b))),
  0x08: ternary(8, (a, b, n) => (n === 0n ? 0n : (a + b) % n)),
  0x09: ternary(8, (a, b, n) => (n === 0n ? 0n : (a * b) % n)),
  0x0a: exponentiate,
  0x0b: binary(5, extendSign),
  0x10: binary(3, (a, b) => bit(a < b)),
  0x11: binary(3, (a, b) => bit(a > b)),
  0x12: binary(3, (a, b) => bit(signed(a) < signed(b))),
  0x13: binary(3, (a, b) => bit(signed(a) > signed(b))),
  0x14: binary(3, (a, b) => bit(a === b)),
  0x15: unary(3, a => bit(a === 0n)),
  0x16: binary(3, (a, b) => a & b),
  0x17: binary(3, (a, b) => a | b),
  0x18: binary(3, (a, b) => a ^ b),
  0x19: unary(3, a => ~a),
  0x1a: binary(3, (n, value) => (n >= 32n ? 0n : (value >> (8n * (31n - n))) & 0xffn)),
  0x1b: binary(3, (shift, value) => (shift >= BITS ? 0n : value << shift)),
  0x1c: binary(3, (shift, value) => (shift >= BITS ? 0n : value >> shift)),
  0x1d: binary(3, (shift, value) => signed(value) >> (shift >= BITS ? BITS : shift)),
  // EIP-7939.
  0x1e: unary(5, a => (a === 0n ? BITS : BITS - BigInt(a.toString(2).length))),
}

function hashMemory(machine: Machine): void {
  const [offset, size] = [pop(machine), sizeOf(pop(machine))]
  useGas(machine, 30 + 6 * wordsIn(size))
  push(machine, wordOf(keccak_256(readMemory(machine, offset, size))))
}

const copying =
  (source: (machine: Machine) => Uint8Array): Instruction =>
  machine => {
    const [to, from, size] = [pop(machine), pop(machine), sizeOf(pop(machine))]
    useGas(machine, 3 + 3 * wordsIn(size))
    writeMemory(machine, to, slice(source(machine), from, size))
  }

function copyReturned(machine: Machine): void {
  const [to, from, size] = [pop(machine), pop(machine), sizeOf(pop(machine))]
  useGas(machine, 3 + 3 * wordsIn(size))
  if (from + BigInt(size) > BigInt(machine.returned.length)) throw new Halt('return data out of bounds')
  writeMemory(machine, to, slice(machine.returned, from, size))
}

function popAccount(machine: Machine): string {
  const address = addressIn(pop(machine))
  useGas(machine, accountGas(machine.substate, address))
  return address
}

function copyCode(machine: Machine): void {
  const address = popAccount(machine)
  const [to, from, size] = [pop(machine), pop(machine), sizeOf(pop(machine))]
  useGas(machine, 3 * wordsIn(size))
  writeMemory(machine, to, slice(machine.substate.state.codeOf(address), from, size))
}

function codeHash(machine: Machine): void {
  const { state } = machine.substate
  const address = popAccount(machine)
  push(machine, state.isEmpty(address) ? 0n : BigInt(hashOfBytes(state.codeOf(address))))
}

function blockHash(machine: Machine): void {
  useGas(machine, 20)
  const { block } = machine.substate
  const number = pop(machine)
  const isRecent = number < BigInt(block.number) && number >= BigInt(block.number) - 256n
  push(machine, BigInt((isRecent ? block.hashAt(Number(number)) : null) ?? 0))
}

const ENVIRONMENT: Readonly<Record<number, Instruction>> = {
  0x20: hashMemory,
  0x30: reading(2, ({ call }) => BigInt(call.address)),
  0x31: machine => push(machine, machine.substate.state.balanceOf(popAccount(machine))),
  0x32: reading(2, ({ substate }) => BigInt(substate.origin)),
  0x33: reading(2, ({ call }) => BigInt(call.caller)),
  0x34: reading(2, ({ call }) => call.value),
  0x35: machine => {
    useGas(machine, 3)
    push(machine, wordAt(machine.call.input, pop(machine)))
  },
  0x36: reading(2, ({ call }) => BigInt(call.input.length)),
  0x37: copying(({ call }) => call.input),
  0x38: reading(2, ({ code }) => BigInt(code.length)),
  0x39: copying(({ code }) => code),
  0x3a: reading(2, ({ substate }) => substate.gasPrice),
  0x3b: machine => push(machine, BigInt(machine.substate.state.codeOf(popAccount(machine)).length)),
  0x3c: copyCode,
  0x3d: reading(2, ({ returned }) => BigInt(returned.length)),
  0x3e: copyReturned,
  0x3f: codeHash,
  0x40: blockHash,
  0x41: reading(2, ({ substate }) => BigInt(substate.block.coinbase)),
  0x42: reading(2, ({ substate }) => BigInt(substate.block.timestamp)),
  0x43: reading(2, ({ substate }) => BigInt(substate.block.number)),
  0x44: reading(2, ({ substate }) => BigInt(substate.block.randao)),
  0x45: reading(2, ({ substate }) => BigInt(substate.block.gasLimit)),
  0x46: reading(2, ({ substate }) => substate.block.chainId),
  0x47: reading(5, ({ substate, call }) => substate.state.balanceOf(call.address)),
  0x48: reading(2, ({ substate }) => substate.block.baseFee),
  0x49: unary(3, () => 0n),
  0x4a: reading(2, () => 1n),
}

const SSTORE_SENTRY = 2300
const SLOT_SET = 20_000
const SLOT_RESET = 2900
const SLOT_SAME = 100
const CLEAR_REFUND = 4800

function refuseStatic({ call }: Machine): void {
  if (call.isStatic) throw new Halt('write protection')
}

/** EIP-3529's refunds for what a transaction does to a slot, the second time and later. */
function refundFor(original: bigint, current: bigint, next: bigint): number {
  if (current === next) return 0
  if (original === current) return original !== 0n && next === 0n ? CLEAR_REFUND : 0
  let refund = 0
  if (original !== 0n && current === 0n) refund -= CLEAR_REFUND
  if (original !== 0n && next === 0n) refund += CLEAR_REFUND
  if (original === next) refund += original === 0n ? SLOT_SET - SLOT_SAME : SLOT_RESET - SLOT_SAME
  return refund
}

function store(machine: Machine): void {
  refuseStatic(machine)
  if (machine.gas <= SSTORE_SENTRY) throw new Halt('out of gas: not enough gas for reentrancy sentry')
  const { substate, call } = machine
  const { state, originals } = substate
  const [slot, next] = [pop(machine), pop(machine)]
  const key = slotKey(call.address, slot)
  const current = state.slotOf(call.address, slot)
  if (!originals.has(key)) originals.set(key, current)
  const original = originals.get(key)!
  const surcharge = slotSurcharge(substate, call.address, slot)
  const isFirst = current !== next && original === current
  const gas = !isFirst ? SLOT_SAME : original === 0n ? SLOT_SET : SLOT_RESET
  useGas(machine, gas + surcharge)
  addRefund(substate, refundFor(original, current, next))
  state.setSlot(call.address, slot, next)
}

function load(machine: Machine): void {
  const { substate, call } = machine
  const slot = pop(machine)
  const surcharge = slotSurcharge(substate, call.address, slot)
  useGas(machine, surcharge === 0 ? SLOT_SAME : surcharge)
  push(machine, substate.state.slotOf(call.address, slot))
}

function storeTransient(machine: Machine): void {
  refuseStatic(machine)
  useGas(machine, 100)
  const { transient, state } = machine.substate
  const key = slotKey(machine.call.address, pop(machine))
  const before = transient.get(key) ?? 0n
  transient.set(key, pop(machine))
  state.onRevert(() => transient.set(key, before))
}

function loadTransient(machine: Machine): void {
  useGas(machine, 100)
  push(machine, machine.substate.transient.get(slotKey(machine.call.address, pop(machine))) ?? 0n)
}

function jumpTo(machine: Machine, to: bigint): void {
  if (to >= BigInt(machine.code.length) || machine.jumps[Number(to)] !== 1) throw new Halt('invalid jump destination')
  machine.pc = Number(to)
}

function jumpIf(machine: Machine): void {
  useGas(machine, 10)
  const [to, condition] = [pop(machine), pop(machine)]
  if (condition !== 0n) jumpTo(machine, to)
}

function copyMemory(machine: Machine): void {
  const [to, from, size] = [pop(machine), pop(machine), sizeOf(pop(machine))]
  useGas(machine, 3 + 3 * wordsIn(size))
  expand(machine, to > from ? to : from, size)
  writeMemory(machine, to, readMemory(machine, from, size))
}

function storeByte(machine: Machine): void {
  useGas(machine, 3)
  const [offset, value] = [pop(machine), pop(machine)]
  writeMemory(machine, offset, Uint8Array.of(Number(value & 0xffn)))
}

const STACK_AND_STORAGE: Readonly<Record<number, Instruction>> = {
  0x50: machine => {
    useGas(machine, 2)
    pop(machine)
  },
  0x51: machine => {
    useGas(machine, 3)
    push(machine, wordOf(readMemory(machine, pop(machine), WORD_BYTES)))
  },
  0x52: machine => {
    useGas(machine, 3)
    const [offset, value] = [pop(machine), pop(machine)]
    writeMemory(machine, offset, paddedBytes(value))
  },
  0x53: storeByte,
  0x54: load,
  0x55: store,
  0x56: machine => {
    useGas(machine, 8)
    jumpTo(machine, pop(machine))
  },
  0x57: jumpIf,
  0x58: reading(2, ({ pc }) => BigInt(pc - 1)),
  0x59: reading(2, ({ memoryWords }) => BigInt(memoryWords * WORD_BYTES)),
  0x5a: reading(2, ({ gas }) => BigInt(gas)),
  0x5b: machine => useGas(machine, 1),
  0x5c: loadTransient,
  0x5d: storeTransient,
  0x5e: copyMemory,
  0x5f: reading(2, () => 0n),
}

function pushBytes(machine: Machine, opcode: number): void {
  useGas(machine, 3)
  const size = opcode - 0x5f
  push(machine, wordOf(slice(machine.code, BigInt(machine.pc), size)))
  machine.pc += size
}

function duplicate(machine: Machine, opcode: number): void {
  useGas(machine, 3)
  const value = machine.stack[machine.stack.length - (opcode - 0x7f)]
  if (value === undefined) throw new Halt('stack underflow')
  push(machine, value)
}

function swap(machine: Machine, opcode: number): void {
  useGas(machine, 3)
  const { stack } = machine
  const top = stack.length - 1
  const below = top - (opcode - 0x8f)
  if (below < 0) throw new Halt('stack underflow')
  ;[stack[top], stack[below]] = [stack[below]!, stack[top]!]
}

function log(machine: Machine, opcode: number): void {
  refuseStatic(machine)
  const count = opcode - 0xa0
  const [offset, size] = [pop(machine), sizeOf(pop(machine))]
  const topics = Array.from({ length: count }, () => pop(machine))
  useGas(machine, 375 + 375 * count + 8 * size)
  const data = readMemory(machine, offset, size)
  addLog(machine.substate, { address: machine.call.address, topics, data })
}

const INIT_CODE_MAXIMUM_BYTES = 49_152

function create(machine: Machine, opcode: number): void {
  refuseStatic(machine)
  const isSalted = opcode === 0xf5
  const [value, offset, size] = [pop(machine), pop(machine), sizeOf(pop(machine))]
  const salt = isSalted ? pop(machine) : 0n
  if (size > INIT_CODE_MAXIMUM_BYTES) throw new Halt('max initcode size exceeded')
  useGas(machine, 32_000 + (isSalted ? 8 : 2) * wordsIn(size))
  const input = readMemory(machine, offset, size)
  const { substate, call, trace } = machine
  const caller = call.address
  const address = isSalted ? saltedAddress(caller, salt, input) : nextCreated(substate, caller)
  const gas = machine.gas - Math.floor(machine.gas / 64)
  machine.gas -= gas
  const kind = isSalted ? 'CREATE2' : 'CREATE'
  const request = { kind, caller, address, codeAddress: address, value, input, gas, isStatic: false } as const
  const outcome = createContract(substate, { ...request, depth: call.depth + 1 }, trace.calls, runMachine)
  machine.gas += outcome.gasLeft
  machine.returned = outcome.isOk ? NOTHING : outcome.output
  push(machine, outcome.isOk ? BigInt(address) : 0n)
}

const KINDS: Readonly<Record<number, CallKind>> = {
  0xf1: 'CALL',
  0xf2: 'CALLCODE',
  0xf4: 'DELEGATECALL',
  0xfa: 'STATICCALL',
}
const VALUE_GAS = 9000
const STIPEND = 2300
const NEW_ACCOUNT_GAS = 25_000

/** What a call costs its caller beside the gas that it hands on. */
function payForCall(machine: Machine, kind: CallKind, to: string, value: bigint): void {
  const { substate } = machine
  const { state } = substate
  if (value > 0n) useGas(machine, VALUE_GAS)
  if (kind === 'CALL' && value > 0n && state.isEmpty(to)) useGas(machine, NEW_ACCOUNT_GAS)
  const delegate = delegateOf(state.codeOf(to))
  if (delegate !== null) useGas(machine, accountGas(substate, delegate))
}

function contextOf({ call }: Machine, kind: CallKind, to: string, value: bigint) {
  const { address } = call
  if (kind === 'DELEGATECALL') return { caller: call.caller, address, value: call.value }
  return { caller: address, address: kind === 'CALLCODE' ? address : to, value }
}

function callOther(machine: Machine, opcode: number): void {
  const kind = KINDS[opcode]!
  const { substate, call, trace } = machine
  const [wanted, to] = [pop(machine), addressIn(pop(machine))]
  const value = kind === 'CALL' || kind === 'CALLCODE' ? pop(machine) : 0n
  const [inOffset, inSize] = [pop(machine), sizeOf(pop(machine))]
  const [outOffset, outSize] = [pop(machine), sizeOf(pop(machine))]
  if (kind === 'CALL' && value > 0n) refuseStatic(machine)
  expand(machine, inOffset, inSize)
  expand(machine, outOffset, outSize)
  useGas(machine, accountGas(substate, to))
  payForCall(machine, kind, to, value)
  const most = machine.gas - Math.floor(machine.gas / 64)
  const given = wanted > BigInt(most) ? most : Number(wanted)
  machine.gas -= given
  const request = {
    ...{ kind, codeAddress: to, ...contextOf(machine, kind, to, value), depth: call.depth + 1 },
    input: readMemory(machine, inOffset, inSize),
    gas: given + (value > 0n ? STIPEND : 0),
    isStatic: call.isStatic || kind === 'STATICCALL',
  }
  const outcome = callContract(substate, request, trace.calls, runMachine)
  machine.gas += outcome.gasLeft
  machine.returned = outcome.output
  writeMemory(machine, outOffset, outcome.output.subarray(0, Math.min(outSize, outcome.output.length)))
  push(machine, bit(outcome.isOk))
}

const ending =
  (isReverted: boolean): Instruction =>
  machine => {
    const [offset, size] = [pop(machine), sizeOf(pop(machine))]
    machine.ended = { output: readMemory(machine, offset, size), isReverted }
  }

/** EIP-6780: gone is only what was made in the same transaction; otherwise its ether moves and it stays. */
function selfDestruct(machine: Machine): void {
  refuseStatic(machine)
  const { substate, call, trace } = machine
  const { state, created, destroyed, warmAccounts } = substate
  const to = addressIn(pop(machine))
  const wei = state.balanceOf(call.address)
  const isCold = !warmAccounts.has(to)
  const touched = accountGas(substate, to)
  useGas(machine, 5000 + (isCold ? touched : 0) + (wei > 0n && state.isEmpty(to) ? NEW_ACCOUNT_GAS : 0))
  if (to !== call.address) moveValue(substate, call.address, to, wei)
  if (created.has(call.address)) {
    if (to === call.address) state.addBalance(to, -wei)
    destroyed.add(call.address)
    state.onRevert(() => destroyed.delete(call.address))
  }
  trace.calls.push({
    ...{ type: 'SELFDESTRUCT', from: call.address, to, value: wei, gas: 0, gasUsed: 0 },
    ...{ input: NOTHING, output: NOTHING, error: null, calls: [] },
  })
  machine.ended = { output: NOTHING, isReverted: false }
}

const CALLS: Readonly<Record<number, Instruction>> = {
  0x00: machine => void (machine.ended = { output: NOTHING, isReverted: false }),
  0xf0: create,
  0xf1: callOther,
  0xf2: callOther,
  0xf3: ending(false),
  0xf4: callOther,
  0xf5: create,
  0xfa: callOther,
  0xfd: ending(true),
  0xff: selfDestruct,
}

const filled = (from: number, count: number, instruction: Instruction) =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [from + n, instruction]))

const INSTRUCTIONS: Readonly<Record<number, Instruction>> = {
  ...{ ...ARITHMETIC, ...ENVIRONMENT, ...STACK_AND_STORAGE, ...CALLS },
  ...filled(0x60, 32, pushBytes),
  ...filled(0x80, 16, duplicate),
  ...filled(0x90, 16, swap),
  ...filled(0xa0, 5, log),
}

const INVALID = 0xfe
const nameOf = (opcode: number): string =>
  opcode === INVALID ? 'INVALID' : `opcode 0x${opcode.toString(16)} not defined`

/** Until it has ended. Throws a Halt, after which nothing of it may be kept. */
export function runMachine(machine: Machine): void {
  while (machine.ended === null) {
    const opcode = machine.code[machine.pc++] ?? 0
    const instruction = INSTRUCTIONS[opcode]
    if (instruction === undefined) throw new Halt(`invalid opcode: ${nameOf(opcode)}`)
    instruction(machine, opcode)
  }
}
