/** What a transaction does: gas bought, the call or creation, refunds, the producer's part (EIP-1559, 3529, 3651, 7623, 7702). */
import { NOTHING, WORD_BYTES } from './bytes.ts'
import { callContract, createContract, precompileAddresses } from './calls.ts'
import {
  delegateOf,
  delegationTo,
  slotKey,
  type BlockContext,
  type CallOutcome,
  type CallTrace,
  type ContractLog,
  type Substate,
} from './machine.ts'
import { runMachine } from './opcodes.ts'
import type { WorldState } from './state.ts'
import {
  costOf,
  createdAddress,
  NONCE_MAXIMUM,
  priorityFeeOf,
  type SignedAuthorization,
  type UnsignedTransaction,
} from './transaction.ts'

/** A transaction as its receipt and its trace tell it. */
export interface Execution {
  isOk: boolean
  gasUsed: number
  output: Uint8Array
  logs: ContractLog[]
  trace: CallTrace
  /** Wei per gas. */
  effectiveGasPrice: bigint
  contractAddress: string | null
}

/** A message: a transaction whose sender is known, signed or not. */
export type CallMessage = UnsignedTransaction & { from: string }

const PLAIN_GAS = 21_000
const CREATION_GAS = 32_000
const ACCESS_ACCOUNT_GAS = 2400
const ACCESS_SLOT_GAS = 1900
const AUTHORIZATION_GAS = 25_000
/** Back for an account that existed: EIP-7702. */
const AUTHORIZATION_REFUND = 12_500
const NONZERO_TOKENS = 4
const TOKEN_GAS = 4
const FLOOR_TOKEN_GAS = 10
const INIT_WORD_GAS = 2
const REFUND_DIVISOR = 5
/** EIP-7825. */
export const TRANSACTION_GAS_MAXIMUM = 16_777_216
/** EIP-3860. */
export const INIT_CODE_BYTES_MAXIMUM = 49_152
const ZERO_ADDRESS = `0x${'0'.repeat(40)}`

const tokensIn = (data: Uint8Array): number => data.reduce((sum, byte) => sum + (byte === 0 ? 1 : NONZERO_TOKENS), 0)

/** What a transaction costs before it does anything. */
export function intrinsicGas({ to, data, accessList, authorizations }: UnsignedTransaction): number {
  const slots = accessList.reduce((sum, entry) => sum + entry.slots.length, 0)
  const creation = to === null ? CREATION_GAS + INIT_WORD_GAS * Math.ceil(data.length / WORD_BYTES) : 0
  const access = ACCESS_ACCOUNT_GAS * accessList.length + ACCESS_SLOT_GAS * slots
  return PLAIN_GAS + TOKEN_GAS * tokensIn(data) + creation + access + AUTHORIZATION_GAS * authorizations.length
}

/** What it costs at least, however little it does: EIP-7623. */
export const floorGas = ({ data }: UnsignedTransaction): number => PLAIN_GAS + FLOOR_TOKEN_GAS * tokensIn(data)

function substateFor(state: WorldState, block: BlockContext, message: CallMessage): Substate {
  const { from, to, accessList } = message
  const listed = accessList.map(({ address }) => address)
  const delegate = to === null ? null : delegateOf(state.codeOf(to))
  const warm = [from, block.coinbase, ...precompileAddresses(), ...listed, ...(to === null ? [] : [to])]
  return {
    ...{ state, block, origin: from, gasPrice: message.maxFeePerGas, transient: new Map<string, bigint>() },
    warmAccounts: new Set(delegate === null ? warm : [...warm, delegate]),
    warmSlots: new Set(accessList.flatMap(({ address, slots }) => slots.map(slot => slotKey(address, slot)))),
    ...{ originals: new Map<string, bigint>(), logs: [], refund: 0 },
    ...{ created: new Set<string>(), destroyed: new Set<string>() },
  }
}

/** EIP-7702, each as far as it is valid. The gas given back. */
function authorize(substate: Substate, list: readonly SignedAuthorization[]): number {
  const { state, block, warmAccounts } = substate
  let refund = 0
  for (const { chainId, address, nonce, authority } of list) {
    if (authority === null || (chainId !== 0n && chainId !== block.chainId) || nonce === NONCE_MAXIMUM) continue
    warmAccounts.add(authority)
    const code = state.codeOf(authority)
    if ((code.length > 0 && delegateOf(code) === null) || state.nonceOf(authority) !== nonce) continue
    if (!state.isEmpty(authority)) refund += AUTHORIZATION_REFUND
    state.setCode(authority, address === ZERO_ADDRESS ? NOTHING : delegationTo(address))
    state.setNonce(authority, nonce + 1n)
  }
  return refund
}

function perform(substate: Substate, message: CallMessage, gas: number): [CallOutcome, CallTrace] {
  const traces: CallTrace[] = []
  const { from, to, value, data } = message
  const common = { caller: from, value, input: data, gas, isStatic: false, depth: 0 }
  const address = to ?? createdAddress(from, message.nonce)
  const outcome =
    to === null
      ? createContract(substate, { ...common, kind: 'CREATE', address, codeAddress: address }, traces, runMachine)
      : callContract(substate, { ...common, kind: 'CALL', address, codeAddress: address }, traces, runMachine)
  return [outcome, traces[0]!]
}

/** EIP-7702: the delegate of a destination counts as of after the authorisations. */
function warmDelegate({ state, warmAccounts }: Substate, to: string | null): void {
  const delegate = to === null ? null : delegateOf(state.codeOf(to))
  if (delegate !== null) warmAccounts.add(delegate)
}

/**
 * Runs it in a state in which it is valid (`invalidity` says so); everything that it does is journalled there. Without `isFree`
 * it pays for its gas.
 */
export function execute(state: WorldState, block: BlockContext, message: CallMessage, isFree = false): Execution {
  const { from, to, gasLimit } = message
  const limit = Number(gasLimit)
  const tip = isFree ? 0n : priorityFeeOf(message, block.baseFee)
  const price = isFree ? 0n : block.baseFee + tip
  const substate = { ...substateFor(state, block, message), gasPrice: price }
  state.addBalance(from, -price * gasLimit)
  state.setNonce(from, state.nonceOf(from) + 1n)
  substate.refund = authorize(substate, message.authorizations)
  warmDelegate(substate, to)
  const [outcome, trace] = perform(
    substate,
    { ...message, nonce: state.nonceOf(from) - 1n },
    limit - intrinsicGas(message),
  )
  const used = limit - outcome.gasLeft
  const refunded = used - Math.min(substate.refund, Math.floor(used / REFUND_DIVISOR))
  const gasUsed = Math.max(refunded, floorGas(message))
  state.addBalance(from, price * BigInt(limit - gasUsed))
  state.addBalance(block.coinbase, tip * BigInt(gasUsed))
  if (outcome.isOk) for (const address of substate.destroyed) state.remove(address)
  return {
    ...{ isOk: outcome.isOk, gasUsed, output: outcome.output, logs: outcome.isOk ? substate.logs : [] },
    trace: { ...trace, gas: limit, gasUsed, to: to === null && !outcome.isOk ? null : trace.to },
    effectiveGasPrice: price,
    // Also of a creation that has failed, as geth has it.
    contractAddress: to === null ? trace.to : null,
  }
}

/** Why no block may hold it now, or null. `gasLeft` is what the block has room for. */
export function invalidity(
  state: WorldState,
  block: BlockContext,
  message: CallMessage,
  gasLeft: number,
): 'waits' | 'stale' | 'does not fit' | 'cannot pay' | 'malformed' | null {
  const nonce = state.nonceOf(message.from)
  if (message.nonce !== nonce) return message.nonce < nonce ? 'stale' : 'waits'
  if (message.gasLimit > BigInt(gasLeft)) return 'does not fit'
  const limit = Number(message.gasLimit)
  if (limit > TRANSACTION_GAS_MAXIMUM || limit < Math.max(intrinsicGas(message), floorGas(message))) return 'malformed'
  if (message.chainId !== null && message.chainId !== block.chainId) return 'malformed'
  if (
    message.maxPriorityFeePerGas > message.maxFeePerGas ||
    (message.type === 4 && message.authorizations.length === 0)
  )
    return 'malformed'
  const code = state.codeOf(message.from)
  if (code.length > 0 && delegateOf(code) === null) return 'malformed'
  if (message.maxFeePerGas < block.baseFee || state.balanceOf(message.from) < costOf(message)) return 'cannot pay'
  return null
}
