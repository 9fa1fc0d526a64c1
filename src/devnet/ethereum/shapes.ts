/** Blocks, transactions, receipts, logs and traces as geth writes them (internal/ethapi/api.go, eth/tracers/native/call.go). */
import { EMPTY_REQUESTS, EMPTY_UNCLES, type ExecutionReceipt } from './block.ts'
import { hexOf, hexWord, quantity } from './bytes.ts'
import { REVERTED } from './calls.ts'
import type { KnownBlock } from './chain.ts'
import type { CallTrace } from './machine.ts'
import { priorityFeeOf, type AccessEntry, type SignedAuthorization, type SignedTransaction } from './transaction.ts'

const ZERO_HASH = `0x${'0'.repeat(64)}`

const shapeAccessList = (list: readonly AccessEntry[]) =>
  list.map(({ address, slots }) => ({ address, storageKeys: slots.map(hexWord) }))

const shapeAuthorization = ({ chainId, address, nonce, yParity, r, s }: SignedAuthorization) => ({
  ...{ chainId: quantity(chainId), address, nonce: quantity(nonce), yParity: quantity(yParity) },
  ...{ r: quantity(r), s: quantity(s) },
})

/** What only some types have. */
function typedFields(transaction: SignedTransaction) {
  const { type, chainId, maxFeePerGas, maxPriorityFeePerGas, accessList, authorizations, yParity } = transaction
  if (type === 0) return chainId === null ? {} : { chainId: quantity(chainId) }
  const fees =
    type === 1 ? {} : { maxFeePerGas: quantity(maxFeePerGas), maxPriorityFeePerGas: quantity(maxPriorityFeePerGas) }
  const authorized = type === 4 ? { authorizationList: authorizations.map(shapeAuthorization) } : {}
  return {
    ...{ chainId: quantity(chainId!), accessList: shapeAccessList(accessList), ...fees, ...authorized },
    yParity: quantity(yParity),
  }
}

function signatureV({ type, chainId, yParity }: SignedTransaction): string {
  if (type !== 0) return quantity(yParity)
  return quantity(BigInt(yParity) + (chainId === null ? 27n : 35n + 2n * chainId))
}

/** `place` is null while it waits. */
export function shapeTransaction(transaction: SignedTransaction, place: { block: KnownBlock; index: number } | null) {
  const { from, gasLimit, maxFeePerGas, hash, data, nonce, to, value, type, r, s } = transaction
  const baseFee = place?.block.header.baseFee
  const price = baseFee === undefined ? maxFeePerGas : baseFee + priorityFeeOf(transaction, baseFee)
  return {
    blockHash: place === null ? null : place.block.hash,
    blockNumber: place === null ? null : quantity(place.block.header.number),
    blockTimestamp: place === null ? null : quantity(place.block.header.timestamp),
    ...{ from, gas: quantity(gasLimit), gasPrice: quantity(price), hash, input: hexOf(data), nonce: quantity(nonce) },
    ...{ to, transactionIndex: place === null ? null : quantity(place.index) },
    ...{ value: quantity(value), type: quantity(type), ...typedFields(transaction) },
    ...{ v: signatureV(transaction), r: quantity(r), s: quantity(s) },
  }
}

/** With whole transactions, or with their hashes. */
export function shapeBlock(block: KnownBlock, isWhole: boolean) {
  const { header, hash, transactions, withdrawals, size } = block
  return {
    ...{ baseFeePerGas: quantity(header.baseFee), blobGasUsed: '0x0', difficulty: '0x0', excessBlobGas: '0x0' },
    ...{ extraData: hexOf(header.extraData), gasLimit: quantity(header.gasLimit), gasUsed: quantity(header.gasUsed) },
    ...{ hash, logsBloom: hexOf(header.logsBloom), miner: header.coinbase, mixHash: header.randao },
    ...{ nonce: '0x0000000000000000', number: quantity(header.number), parentBeaconBlockRoot: ZERO_HASH },
    ...{ parentHash: header.parentHash, receiptsRoot: header.receiptsRoot, requestsHash: EMPTY_REQUESTS },
    ...{ sha3Uncles: EMPTY_UNCLES, size: quantity(size), stateRoot: header.stateRoot },
    timestamp: quantity(header.timestamp),
    transactions: transactions.map((transaction, index) =>
      isWhole ? shapeTransaction(transaction, { block, index }) : transaction.hash,
    ),
    ...{ transactionsRoot: header.transactionsRoot, uncles: [] },
    withdrawals: withdrawals.map(({ index, validatorIndex, address, amountGwei }) => ({
      ...{ index: quantity(index), validatorIndex: quantity(validatorIndex), address, amount: quantity(amountGwei) },
    })),
    withdrawalsRoot: header.withdrawalsRoot,
  }
}

/** All logs of a transaction. */
export function shapeLogs({ hash, header }: KnownBlock, { logs, transaction, index, firstLog }: ExecutionReceipt) {
  return logs.map(({ address, topics, data }, position) => ({
    ...{ address, topics: topics.map(hexWord), data: hexOf(data), blockNumber: quantity(header.number) },
    ...{ transactionHash: transaction.hash, transactionIndex: quantity(index), blockHash: hash },
    ...{ blockTimestamp: quantity(header.timestamp), logIndex: quantity(firstLog + position), removed: false },
  }))
}

export function shapeReceipt(block: KnownBlock, receipt: ExecutionReceipt) {
  const { transaction, index, cumulativeGasUsed, effectiveGasPrice, gasUsed, bloom, isOk, contractAddress } = receipt
  return {
    ...{ blockHash: block.hash, blockNumber: quantity(block.header.number), contractAddress },
    ...{ cumulativeGasUsed: quantity(cumulativeGasUsed), effectiveGasPrice: quantity(effectiveGasPrice) },
    ...{ from: transaction.from, gasUsed: quantity(gasUsed), logs: shapeLogs(block, receipt), logsBloom: hexOf(bloom) },
    ...{ status: isOk ? '0x1' : '0x0', to: transaction.to, transactionHash: transaction.hash },
    ...{ transactionIndex: quantity(index), type: quantity(transaction.type) },
  }
}

const ERROR_SELECTOR = '0x08c379a0'
const HEAD_BYTES = 68

/** The reason in a revert, where it is a Solidity `Error(string)`. */
export function revertReason(output: Uint8Array): string | null {
  if (!hexOf(output).startsWith(ERROR_SELECTOR) || output.length < HEAD_BYTES) return null
  const length = Number(BigInt(hexOf(output.subarray(HEAD_BYTES - 32, HEAD_BYTES))))
  const text = output.subarray(HEAD_BYTES, HEAD_BYTES + length)
  return text.length === length ? new TextDecoder().decode(text) : null
}

interface ShapedTrace {
  from: string
  gas: string
  gasUsed: string
  to?: string
  input: string
  output?: string
  error?: string
  revertReason?: string
  calls?: ShapedTrace[]
  value?: string
  type: string
}

/** `callTracer`. */
export function shapeTrace(trace: CallTrace, isTopOnly: boolean): ShapedTrace {
  const { from, to, gas, gasUsed, input, output, error, calls, value, type } = trace
  const reason = error === REVERTED ? revertReason(output) : null
  return {
    ...{ from, gas: quantity(gas), gasUsed: quantity(gasUsed), ...(to === null ? {} : { to }), input: hexOf(input) },
    ...(output.length > 0 ? { output: hexOf(output) } : {}),
    ...(error === null ? {} : { error }),
    ...(reason === null ? {} : { revertReason: reason }),
    ...(calls.length === 0 || isTopOnly ? {} : { calls: calls.map(call => shapeTrace(call, false)) }),
    ...(value === null ? {} : { value: quantity(value) }),
    type,
  }
}
