/** `eth_call` and `eth_estimateGas`: what a message would do, as geth answers it (eth/gasestimator). */
import { hexOf, quantity } from './bytes.ts'
import { execute, floorGas, intrinsicGas, type Execution, type CallMessage } from './execution.ts'
import type { KnownBlock } from './chain.ts'
import type { BlockContext } from './machine.ts'
import { CODES, JsonRpcFailure, type CallArgument } from './parameters.ts'
import { revertReason } from './shapes.ts'
import { REVERTED } from './calls.ts'
import type { WorldState } from './state.ts'
import { isShown, type EthereumNodeState } from './view.ts'

/** geth's `--rpc.gascap`. */
const CALL_GAS = 50_000_000n
/** A call without code needs no search. */
const PLAIN_GAS = 21_000
/** geth stops within so much of the least. */
const TOLERANCE = 0.015
const STIPEND = 2300
const SEARCH_STEPS = 64

function messageOf(call: CallArgument, nonce: bigint, gasLimit: bigint): CallMessage {
  return {
    ...{ type: 2, chainId: null, nonce, maxFeePerGas: 0n, maxPriorityFeePerGas: 0n, gasLimit },
    ...{ from: call.from, to: call.to, value: call.value, data: call.data },
    ...{ accessList: [], authorizations: [], maxFeePerBlobGas: 0n, blobHashes: [] },
  }
}

/** A message sees the block that it is asked about, not the next one. */
const contextAt = (node: EthereumNodeState, { header, hash }: KnownBlock): BlockContext => ({
  ...{
    chainId: node.chain.genesis.chainId,
    number: header.number,
    timestamp: header.timestamp,
    coinbase: header.coinbase,
  },
  ...{ gasLimit: header.gasLimit, baseFee: 0n, randao: header.randao, logsTransfers: false },
  hashAt: number => {
    const block = node.chain.canonical[number]
    return block !== undefined && isShown(node, block) && block.hash !== hash ? block.hash : null
  },
})

function attempt(
  node: EthereumNodeState,
  state: WorldState,
  block: KnownBlock,
  call: CallArgument,
  gas: bigint,
): Execution | null {
  const message = messageOf(call, state.nonceOf(call.from), gas)
  if (gas < BigInt(Math.max(intrinsicGas(message), floorGas(message)))) return null
  const mark = state.mark()
  try {
    return execute(state, contextAt(node, block), message, true)
  } finally {
    state.revertTo(mark)
  }
}

function failure({ output, trace }: Execution): JsonRpcFailure {
  if (trace.error !== REVERTED) return new JsonRpcFailure(CODES.server, trace.error!)
  const reason = revertReason(output)
  const message = reason === null ? REVERTED : `${REVERTED}: ${reason}`
  return new JsonRpcFailure(CODES.reverted, message, hexOf(output))
}

/** What the call returns. */
export function simulateCall(
  node: EthereumNodeState,
  state: WorldState,
  block: KnownBlock,
  call: CallArgument,
): string {
  const balance = state.balanceOf(call.from)
  if (balance < call.value) {
    const figures = `address ${call.from} have ${balance} want ${call.value}`
    throw new JsonRpcFailure(CODES.server, `insufficient funds for gas * price + value: ${figures}`)
  }
  const gas = call.gas === null || call.gas > CALL_GAS ? CALL_GAS : call.gas
  const execution = attempt(node, state, block, call, gas)
  if (execution === null)
    throw new JsonRpcFailure(CODES.server, `intrinsic gas too low: have ${gas}, want ${PLAIN_GAS}`)
  if (!execution.isOk) throw failure(execution)
  return hexOf(execution.output)
}

/** The most gas that the call may have: by the block, and by what the sender owns. */
function allowance(state: WorldState, block: KnownBlock, { from, gas, price, value }: CallArgument): bigint {
  const most = gas !== null && gas >= BigInt(PLAIN_GAS) ? gas : BigInt(block.header.gasLimit)
  if (price === null || price === 0n) return most
  const balance = state.balanceOf(from)
  if (balance < value) throw new JsonRpcFailure(CODES.server, 'insufficient funds for transfer')
  const affordable = (balance - value) / price
  return affordable < most ? affordable : most
}

/** The least gas with which it succeeds, as near as geth looks. */
export function simulateEstimate(
  node: EthereumNodeState,
  state: WorldState,
  block: KnownBlock,
  call: CallArgument,
): string {
  const isPlain = call.to !== null && call.data.length === 0 && state.codeOf(call.to).length === 0
  const most = allowance(state, block, call)
  const succeeds = (gas: number) => attempt(node, state, block, call, BigInt(gas))?.isOk === true
  if (isPlain && most >= BigInt(PLAIN_GAS) && succeeds(PLAIN_GAS)) return quantity(PLAIN_GAS)
  const whole = attempt(node, state, block, call, most)
  if (whole === null || whole.trace.error?.startsWith('out of gas'))
    throw new JsonRpcFailure(CODES.server, `gas required exceeds allowance (${most})`)
  if (!whole.isOk) throw failure(whole)
  let [low, high] = [whole.gasUsed - 1, Number(most)]
  const likely = Math.floor(((whole.gasUsed + STIPEND) * 64) / 63)
  if (likely < high) {
    if (succeeds(likely)) high = likely
    else low = likely
  }
  for (let step = 0; step < SEARCH_STEPS && low + 1 < high && (high - low) / high >= TOLERANCE; step++) {
    const middle = Math.min(Math.floor((high + low) / 2), 2 * low)
    if (succeeds(middle)) high = middle
    else low = middle
  }
  return quantity(high)
}
