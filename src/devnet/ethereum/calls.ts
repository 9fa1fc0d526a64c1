/** Calls and creations, from a transaction or from a contract: what is moved, run, undone and traced. */
import { keccak_256 } from '@noble/hashes/sha3.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { ADDRESS_BYTES, bytesOfHex, hexOf, joined, NOTHING, paddedBytes, WORD_BYTES } from './bytes.ts'
import {
  accountGas,
  delegateOf,
  Halt,
  jumpsOf,
  moveValue,
  useGas,
  type CallOutcome,
  type CallRequest,
  type CallTrace,
  type Machine,
  type Substate,
} from './machine.ts'
import { createdAddress } from './transaction.ts'

const DEPTH_MAXIMUM = 1024
const CODE_MAXIMUM_BYTES = 24_576
const CODE_BYTE_GAS = 200
/** EIP-3541. */
const RESERVED_FIRST_BYTE = 0xef
/** In geth's words. */
export const REVERTED = 'execution reverted'
const PRECOMPILES = 17
/** EIP-7951. */
const P256 = 0x100n

type Precompile = (input: Uint8Array) => { output: Uint8Array; gas: number }

const words = (bytes: Uint8Array): number => Math.ceil(bytes.length / WORD_BYTES)

/** Those that small contracts use; the others end a call with a reason. */
const SIMULATED: Readonly<Record<string, Precompile>> = {
  '2': input => ({ output: sha256(input), gas: 60 + 12 * words(input) }),
  '4': input => ({ output: input, gas: 15 + 3 * words(input) }),
}

export const isPrecompile = (address: string): boolean => {
  const value = BigInt(address)
  return (value >= 1n && value <= BigInt(PRECOMPILES)) || value === P256
}

/** The precompiled contracts, which are warm from the start. */
export const precompileAddresses = (): string[] =>
  [...Array.from({ length: PRECOMPILES }, (_, n) => BigInt(n + 1)), P256].map(value =>
    hexOf(paddedBytes(value, ADDRESS_BYTES)),
  )

/** Runs a machine until it has ended; opcodes.ts. */
export type RunCode = (machine: Machine) => void

interface Attempt {
  substate: Substate
  trace: CallTrace
  request: CallRequest
  code: Uint8Array
}

function traceOf({ kind, caller, address, codeAddress, value, input, gas }: CallRequest): CallTrace {
  const isBorrowing = kind === 'DELEGATECALL' || kind === 'CALLCODE'
  return {
    type: kind,
    from: kind === 'DELEGATECALL' ? address : caller,
    to: isBorrowing ? codeAddress : address,
    value: kind === 'STATICCALL' ? null : value,
    ...{ gas, gasUsed: 0, input, output: NOTHING, error: null, calls: [] },
  }
}

function machineFor({ substate, trace, request, code }: Attempt): Machine {
  return {
    ...{ call: request, code, jumps: jumpsOf(code), pc: 0, stack: [], memory: NOTHING, memoryWords: 0 },
    ...{ gas: request.gas, returned: NOTHING, substate, trace, ended: null },
  }
}

/** What a failed call leaves: everything undone, and its gas gone unless it reverted by itself. */
function failed({ substate, trace, request }: Attempt, mark: number, error: string, revert?: Reverted): CallOutcome {
  substate.state.revertTo(mark)
  const gasLeft = revert?.gasLeft ?? 0
  const output = revert?.output ?? NOTHING
  trace.error = error
  trace.output = output
  trace.gasUsed = request.gas - gasLeft
  return { isOk: false, output, gasLeft }
}

interface Reverted {
  output: Uint8Array
  gasLeft: number
}

/** A failure before anything ran: no gas is gone. */
function refused(attempt: Attempt, mark: number, error: string): CallOutcome {
  return failed(attempt, mark, error, { output: NOTHING, gasLeft: attempt.request.gas })
}

function guarded(attempt: Attempt, mark: number, run: () => CallOutcome): CallOutcome {
  try {
    return run()
  } catch (error) {
    if (error instanceof Halt) return failed(attempt, mark, error.message)
    throw error
  }
}

function finished({ trace, request }: Attempt, output: Uint8Array, gasLeft: number): CallOutcome {
  trace.output = output
  trace.gasUsed = request.gas - gasLeft
  return { isOk: true, output, gasLeft }
}

function runPrecompile({ request }: Attempt): { output: Uint8Array; gasLeft: number } {
  const precompile = SIMULATED[BigInt(request.codeAddress).toString()]
  if (precompile === undefined) throw new Halt('the simulated node does not know this precompiled contract')
  const { output, gas } = precompile(request.input)
  if (gas > request.gas) throw new Halt('out of gas')
  return { output, gasLeft: request.gas - gas }
}

/** EIP-7702: an account's own code, or that of the contract it delegates to. */
export function codeToRun({ state }: Substate, address: string): Uint8Array {
  const code = state.codeOf(address)
  const delegate = delegateOf(code)
  if (delegate === null) return code
  return isPrecompile(delegate) ? NOTHING : state.codeOf(delegate)
}

/** Of any kind but a creation. The trace joins `siblings`. */
export function callContract(
  substate: Substate,
  request: CallRequest,
  siblings: CallTrace[],
  run: RunCode,
): CallOutcome {
  const { state } = substate
  const trace = traceOf(request)
  siblings.push(trace)
  const attempt = { substate, trace, request, code: codeToRun(substate, request.codeAddress) }
  const mark = state.mark()
  const moves = request.kind === 'CALL' || request.kind === 'CALLCODE'
  if (request.depth > DEPTH_MAXIMUM) return refused(attempt, mark, 'max call depth exceeded')
  if (moves && state.balanceOf(request.caller) < request.value)
    return refused(attempt, mark, 'insufficient balance for transfer')
  return guarded(attempt, mark, () => {
    if (request.kind === 'CALL') moveValue(substate, request.caller, request.address, request.value)
    if (isPrecompile(request.codeAddress)) {
      const { output, gasLeft } = runPrecompile(attempt)
      return finished(attempt, output, gasLeft)
    }
    const machine = machineFor(attempt)
    run(machine)
    const { output, isReverted } = machine.ended!
    if (isReverted) return failed(attempt, mark, REVERTED, { output, gasLeft: machine.gas })
    return finished(attempt, output, machine.gas)
  })
}

/** CREATE2's address, EIP-1014. */
export const saltedAddress = (creator: string, salt: bigint, initCode: Uint8Array): string =>
  hexOf(
    keccak_256(joined(Uint8Array.of(0xff), bytesOfHex(creator), paddedBytes(salt), keccak_256(initCode))).subarray(
      WORD_BYTES - ADDRESS_BYTES,
    ),
  )

function checkDeployed(code: Uint8Array): void {
  if (code.length > CODE_MAXIMUM_BYTES) throw new Halt('max code size exceeded')
  if (code[0] === RESERVED_FIRST_BYTE) throw new Halt('invalid code: must not begin with 0xef')
}

/**
 * `request.input` is the code that makes the contract, `request.address` where it will stand. The creator's nonce is the
 * caller's business for a transaction, and raised here for a contract.
 */
export function createContract(
  substate: Substate,
  request: CallRequest,
  siblings: CallTrace[],
  run: RunCode,
): CallOutcome {
  const { state, created } = substate
  const { address, caller, value } = request
  const trace = traceOf(request)
  siblings.push(trace)
  const attempt = { substate, trace, request, code: request.input }
  if (request.depth > DEPTH_MAXIMUM) return refused(attempt, state.mark(), 'max call depth exceeded')
  if (state.balanceOf(caller) < value) return refused(attempt, state.mark(), 'insufficient balance for transfer')
  if (request.depth > 0) state.setNonce(caller, state.nonceOf(caller) + 1n)
  accountGas(substate, address)
  const mark = state.mark()
  if (state.nonceOf(address) !== 0n || state.codeOf(address).length > 0)
    return failed(attempt, mark, 'contract address collision')
  return guarded(attempt, mark, () => {
    created.add(address)
    state.onRevert(() => created.delete(address))
    state.setNonce(address, 1n)
    moveValue(substate, caller, address, value)
    const machine = machineFor(attempt)
    machine.call = { ...request, input: NOTHING }
    run(machine)
    const { output, isReverted } = machine.ended!
    if (isReverted) return failed(attempt, mark, REVERTED, { output, gasLeft: machine.gas })
    checkDeployed(output)
    if (machine.gas < output.length * CODE_BYTE_GAS) throw new Halt('contract creation code storage out of gas')
    useGas(machine, output.length * CODE_BYTE_GAS)
    state.setCode(address, output)
    return finished(attempt, output, machine.gas)
  })
}

/** Where a contract's next CREATE will stand. */
export const nextCreated = ({ state }: Substate, creator: string): string =>
  createdAddress(creator, state.nonceOf(creator))
