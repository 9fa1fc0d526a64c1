/** The RPCs of the simulated node, in the shapes, codes and words of geth. */
import { hexOf, quantity } from './bytes.ts'
import { isCanonical, type KnownBlock } from './chain.ts'
import type { ExecutionReceipt } from './block.ts'
import { nextBaseFee } from './block.ts'
import {
  addressArgument,
  blockArgument,
  bytesArgument,
  callArgument,
  CODES,
  filterArgument,
  flagArgument,
  hashArgument,
  JsonRpcFailure,
  type LogFilter,
} from './parameters.ts'
import { shapeBlock, shapeLogs, shapeReceipt, shapeTrace, shapeTransaction } from './shapes.ts'
import { simulateCall, simulateEstimate } from './simulation.ts'
import { decodeTransaction, priorityFeeOf, type SignedTransaction } from './transaction.ts'
import { blockNamed, inState, isIndexed, isShown, refusePruned, shownHead, type EthereumNodeState } from './view.ts'

export type EthereumMethod = (node: EthereumNodeState, args: readonly unknown[]) => unknown

/** What geth suggests where there is nothing to learn from. */
const SUGGESTED_TIP = 1_000_000_000n
const HISTORY_MAXIMUM = 1024
const REWARDS_MAXIMUM = 100

const getBlock =
  (byHash: boolean): EthereumMethod =>
  (node, args) => {
    const name = byHash ? { hash: hashArgument(args, 0), isCanonicalOnly: false } : blockArgument(args, 0)
    const block = blockNamed(node, name)
    if (block === null) return null
    refusePruned(node, block)
    return shapeBlock(block, flagArgument(args, 1))
  }

const getBlockReceipts: EthereumMethod = (node, args) => {
  const block = blockNamed(node, blockArgument(args, 0))
  if (block === null) return null
  refusePruned(node, block)
  return node.faults.hidesReceipts ? [] : block.receipts.map(receipt => shapeReceipt(block, receipt))
}

/** Where a transaction is that can be found: neither above what the node shows nor above what it has indexed. */
function placeOf(node: EthereumNodeState, hash: string): { block: KnownBlock; index: number } | null {
  const place = node.chain.places.get(hash)
  return place !== undefined && isIndexed(node, place.block) ? place : null
}

function refuseIndexing({ faults }: EthereumNodeState): void {
  if (faults.isIndexing) throw new JsonRpcFailure(CODES.server, 'transaction indexing is in progress')
}

const getTransaction: EthereumMethod = (node, args) => {
  const hash = hashArgument(args, 0)
  const pooled = node.pool.entries.get(hash)
  if (pooled !== undefined) return shapeTransaction(pooled.transaction, null)
  const place = placeOf(node, hash)
  if (place === null) {
    refuseIndexing(node)
    return null
  }
  refusePruned(node, place.block)
  return shapeTransaction(place.block.transactions[place.index]!, place)
}

const getReceipt: EthereumMethod = (node, args) => {
  const place = placeOf(node, hashArgument(args, 0))
  if (place === null) {
    refuseIndexing(node)
    return null
  }
  refusePruned(node, place.block)
  return shapeReceipt(place.block, place.block.receipts[place.index]!)
}

const getCount: EthereumMethod = (node, args) => {
  const address = addressArgument(args, 0)
  const name = blockArgument(args, 1)
  const mined = inState(node, name, state => state.nonceOf(address))
  const isPending = 'tag' in name && name.tag === 'pending'
  return quantity(isPending ? mined + BigInt(node.pool.pendingOf(address).length) : mined)
}

function matches({ addresses, topics }: LogFilter, log: { address: string; topics: string[] }): boolean {
  if (addresses !== null && !addresses.has(log.address)) return false
  return topics.every((wanted, at) => at < log.topics.length && (wanted === null || wanted.has(log.topics[at]!)))
}

const logsIn = (block: KnownBlock, filter: LogFilter) =>
  block.receipts.flatMap((receipt: ExecutionReceipt) => shapeLogs(block, receipt)).filter(log => matches(filter, log))

/** The blocks of a range, as geth refuses some of them. */
function blocksOf(node: EthereumNodeState, { place }: LogFilter): KnownBlock[] {
  if ('hash' in place) {
    const block = node.chain.known.get(place.hash)
    if (block === undefined || !isShown(node, block)) throw new JsonRpcFailure(CODES.server, 'unknown block')
    return [block]
  }
  const head = shownHead(node).header.number
  const numberOf = (name: typeof place.from) =>
    'number' in name ? name.number : (blockNamed(node, name)?.header.number ?? head)
  const [from, to] = [numberOf(place.from), numberOf(place.to)]
  if (from > to) throw new JsonRpcFailure(CODES.invalidParams, 'invalid block range params')
  if (to > head) throw new JsonRpcFailure(CODES.invalidParams, 'block range extends beyond current head block')
  const { blocks } = node.limits
  if (blocks !== null && to - from >= blocks)
    throw new JsonRpcFailure(CODES.invalidParams, `query exceeds max block range ${blocks}`)
  return node.chain.canonical.slice(from, to + 1)
}

const getLogs: EthereumMethod = (node, args) => {
  const filter = filterArgument(args, 0)
  const blocks = blocksOf(node, filter)
  for (const block of blocks) refusePruned(node, block)
  const logs = blocks.flatMap(block => logsIn(block, filter))
  if (logs.length > node.limits.logs)
    throw new JsonRpcFailure(CODES.limit, `query returned more than ${node.limits.logs} results`)
  return node.faults.hidesLogs ? [] : logs
}

function decoded({ flavour }: EthereumNodeState, bytes: Uint8Array): SignedTransaction {
  try {
    return decodeTransaction(bytes)
  } catch (error) {
    const { code, message } = flavour.refuse({ reason: 'undecodable', detail: (error as Error).message })
    throw new JsonRpcFailure(code, message)
  }
}

const send: EthereumMethod = (node, args) => {
  const { flavour, pool, faults } = node
  const transaction = decoded(node, bytesArgument(args, 0))
  const fee = transaction.gasLimit * transaction.maxFeePerGas
  const refusal =
    flavour.feeCap !== null && fee > flavour.feeCap
      ? ({ reason: 'fee above cap', fee, cap: flavour.feeCap } as const)
      : transaction.chainId === null && !flavour.takesUnprotected
        ? ({ reason: 'unprotected' } as const)
        : pool.accept(transaction)
  if (refusal !== null) {
    const { code, message } = flavour.refuse(refusal)
    throw new JsonRpcFailure(code, message)
  }
  if (faults.losesTransactions) pool.forget(transaction.hash)
  return transaction.hash
}

function priceOf(node: EthereumNodeState): bigint {
  return nextBaseFee(shownHead(node).header) + SUGGESTED_TIP
}

/** The tips that so many hundredths of a block's gas were below. */
function rewardsIn({ receipts, header }: KnownBlock, percentiles: readonly number[]): string[] {
  const tips = receipts
    .map(({ transaction, gasUsed }) => ({ tip: priorityFeeOf(transaction, header.baseFee), gasUsed }))
    .sort((a, b) => (a.tip < b.tip ? -1 : 1))
  return percentiles.map(percentile => {
    const threshold = Math.floor((header.gasUsed * percentile) / 100)
    let sum = 0
    const found = tips.find(({ gasUsed }) => (sum += gasUsed) >= threshold)
    return quantity(found?.tip ?? 0n)
  })
}

const getFeeHistory: EthereumMethod = (node, args) => {
  const last = blockNamed(node, blockArgument(args, 1))
  if (last === null) throw new JsonRpcFailure(CODES.server, 'request beyond head block')
  const count = Math.min(Number(args[0]), HISTORY_MAXIMUM, last.header.number + 1)
  const percentiles = (Array.isArray(args[2]) ? args[2] : []).map(Number).slice(0, REWARDS_MAXIMUM)
  if (!(count >= 1)) return { oldestBlock: '0x0', gasUsedRatio: null }
  const blocks = node.chain.canonical.slice(last.header.number - count + 1, last.header.number + 1)
  const fees = [...blocks.map(({ header }) => header.baseFee), nextBaseFee(last.header)]
  return {
    oldestBlock: quantity(blocks[0]!.header.number),
    ...(percentiles.length === 0 ? {} : { reward: blocks.map(block => rewardsIn(block, percentiles)) }),
    baseFeePerGas: fees.map(quantity),
    gasUsedRatio: blocks.map(({ header }) => header.gasUsed / header.gasLimit),
    baseFeePerBlobGas: fees.map(() => '0x1'),
    blobGasUsedRatio: blocks.map(() => 0),
  }
}

function tracerOf(args: readonly unknown[]): { isTopOnly: boolean } {
  const { tracer, tracerConfig } = Object(args[1]) as { tracer?: unknown; tracerConfig?: { onlyTopCall?: unknown } }
  if (tracer !== 'callTracer') throw new JsonRpcFailure(CODES.server, 'the simulated node has the callTracer only')
  return { isTopOnly: tracerConfig?.onlyTopCall === true }
}

const traceBlock =
  (byHash: boolean): EthereumMethod =>
  (node, args) => {
    const name = byHash ? { hash: hashArgument(args, 0), isCanonicalOnly: false } : blockArgument(args, 0)
    const block = blockNamed(node, name)
    if (block === null) {
      const message = 'hash' in name ? `block ${name.hash} not found` : 'block not found'
      throw new JsonRpcFailure(CODES.server, message)
    }
    if (block.header.number === 0) throw new JsonRpcFailure(CODES.server, 'genesis is not traceable')
    refusePruned(node, block)
    if (!isCanonical(node.chain, block) && block.receipts.length < block.transactions.length)
      throw new JsonRpcFailure(CODES.server, 'required historical state unavailable')
    const { isTopOnly } = tracerOf(args)
    return block.receipts.map(({ transaction: { hash: txHash }, trace }) =>
      node.faults.untraceable.has(txHash)
        ? { txHash, error: 'execution timeout' }
        : { txHash, result: shapeTrace(trace, isTopOnly) },
    )
  }

const traceTransaction: EthereumMethod = (node, args) => {
  const place = placeOf(node, hashArgument(args, 0))
  if (place === null) throw new JsonRpcFailure(CODES.server, 'transaction not found')
  refusePruned(node, place.block)
  return shapeTrace(place.block.receipts[place.index]!.trace, tracerOf(args).isTopOnly)
}

const getSyncing: EthereumMethod = node => {
  if (!node.faults.isSyncing) return false
  const number = quantity(shownHead(node).header.number)
  return { currentBlock: number, highestBlock: quantity(node.chain.canonical.length - 1), startingBlock: '0x0' }
}

const poolStatus: EthereumMethod = ({ pool }) => {
  const count = (of: (sender: string) => SignedTransaction[]) =>
    pool.senders().reduce((sum, sender) => sum + of(sender).length, 0)
  return { pending: quantity(count(pool.pendingOf)), queued: quantity(count(pool.queuedOf)) }
}

const poolContent: EthereumMethod = ({ pool }) => {
  const content = (of: (sender: string) => SignedTransaction[]) =>
    Object.fromEntries(
      pool
        .senders()
        .map(sender => [sender, of(sender)] as const)
        .filter(([, list]) => list.length > 0)
        .map(([sender, list]) => [
          sender,
          Object.fromEntries(list.map(one => [one.nonce, shapeTransaction(one, null)])),
        ]),
    )
  return { pending: content(pool.pendingOf), queued: content(pool.queuedOf) }
}

export const ETHEREUM_METHODS: Readonly<Record<string, EthereumMethod>> = {
  debug_traceBlockByHash: traceBlock(true),
  debug_traceBlockByNumber: traceBlock(false),
  debug_traceTransaction: traceTransaction,
  eth_blockNumber: node => quantity(shownHead(node).header.number),
  eth_call: (node, args) => {
    const call = callArgument(args, 0)
    return inState(node, blockArgument(args, 1), (state, block) => simulateCall(node, state, block, call))
  },
  eth_chainId: ({ chain }) => quantity(chain.genesis.chainId),
  eth_estimateGas: (node, args) => {
    const call = callArgument(args, 0)
    return inState(node, blockArgument(args, 1), (state, block) => simulateEstimate(node, state, block, call))
  },
  eth_feeHistory: getFeeHistory,
  eth_gasPrice: node => quantity(priceOf(node)),
  eth_getBalance: (node, args) => {
    const address = addressArgument(args, 0)
    return inState(node, blockArgument(args, 1), state => quantity(state.balanceOf(address)))
  },
  eth_getBlockByHash: getBlock(true),
  eth_getBlockByNumber: getBlock(false),
  eth_getBlockReceipts: getBlockReceipts,
  eth_getCode: (node, args) => {
    const address = addressArgument(args, 0)
    return inState(node, blockArgument(args, 1), state => hexOf(state.codeOf(address)))
  },
  eth_getLogs: getLogs,
  eth_getTransactionByHash: getTransaction,
  eth_getTransactionCount: getCount,
  eth_getTransactionReceipt: getReceipt,
  eth_maxPriorityFeePerGas: () => quantity(SUGGESTED_TIP),
  eth_sendRawTransaction: send,
  eth_syncing: getSyncing,
  net_version: ({ chain }) => String(chain.genesis.chainId),
  txpool_content: poolContent,
  txpool_status: poolStatus,
  web3_clientVersion: ({ flavour }) => flavour.version,
}
