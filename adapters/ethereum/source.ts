/**
 * Where blocks come from: the block with its transactions, and the receipts of all of them, each verified against the other (E18).
 * Two calls for a block, three where the node traces. Where the node has no `eth_getBlockReceipts`: the logs of the listed
 * contracts by the block's hash (E2, E32), and the receipts of what concerns us.
 */
import { z } from 'zod'
import { operating } from '../../src/kernel/fault.ts'
import { factsOf, hasOwnValue, type AccountFact, type ScanContext, type WholeBlock } from './block.ts'
import { createHonesty } from './honesty.ts'
import { SYSTEM_ADDRESS } from './movements.ts'
import { isForgotten, isMissingMethod, type Rpc, type RpcError } from './rpc.ts'
import {
  BLOOM_BYTES,
  blockShape,
  receiptShape,
  toQuantity,
  tracesShape,
  type BlockAnswer,
  type Frame,
  type ReceiptAnswer,
} from './shapes.ts'

/** A block, and what it says of us. */
export interface FetchedBlock {
  hash: string
  height: number
  parent: string
  /** Seconds since 1970 UTC. */
  time: number
  facts: AccountFact[]
}

/** Whole blocks of the node's chain: asked for by height, and all that belongs to one by its hash. */
export interface BlockSource {
  /** Null where the node does not have it (yet). Rejects with an operating fault for answers that do not fit each other. */
  at(height: number): Promise<FetchedBlock | null>
  /** Begins to download what is wanted next. One block is kept. Never rejects. */
  prefetch(height: number): void
  /** Whether ether that contracts send is seen; false once the node was found to have no traces, and the chain no such logs. */
  seesMovements(): boolean
  /** Forget what the node can: it may be another node now. */
  reset(): void
}

export interface SourceOptions {
  /** Whether ether that contracts send is looked for: in logs where the chain has them, else in traces. */
  seesInternal: boolean
  /** Whether this token moves what it logs could not be seen: the node has forgotten the state of its block (E6). Once a token. */
  untold: (asset: string) => void
}

const TRACER = { tracer: 'callTracer', tracerConfig: { onlyTopCall: false } }
/** How nodes say that a block is not there: https://github.com/ethereum/execution-apis, -39001, and their own words (E1). */
const ABSENT_CODE = -39001
const ABSENT = /not found|unknown block|header not found|could not find block/i

/** Whether the error says no more than that there is no such block. */
export const isAbsent = ({ code, message }: { code: number; message: string }): boolean =>
  code === ABSENT_CODE || ABSENT.test(message)

const isNoMethodOrGone = (error: RpcError): boolean => isMissingMethod(error) || isForgotten(error)

/** Nodes may drop old blocks (EIP-4444), and no waiting brings them back. */
export const pruned = (height: number, why: string) =>
  operating(
    'node-pruned',
    `the node has pruned block ${height} (${why}): use one that has kept its blocks from there on`,
  )

/** E18: as many as transactions, in their order, of this block, and together with the header's bloom. */
export function checkReceipts(block: BlockAnswer, receipts: readonly ReceiptAnswer[]): void {
  const wrong = (why: string) =>
    operating('node-malformed', `the receipts of block ${block.hash} are not its own: ${why}`)
  if (receipts.length !== block.transactions.length)
    throw wrong(`${receipts.length} for ${block.transactions.length} transactions`)
  for (const [n, { blockHash, transactionHash }] of receipts.entries()) {
    if (blockHash !== block.hash) throw wrong(`one is of block ${blockHash}`)
    if (transactionHash !== block.transactions[n]!.hash) throw wrong(`number ${n} is of ${transactionHash}`)
  }
  if (bloomOf(receipts) !== block.logsBloom.toLowerCase()) throw wrong('their blooms are not that of its header')
}

const EMPTY_BLOOM = `0x${'0'.repeat(2 * BLOOM_BYTES)}`

/** Most receipts of most blocks have few logs: what is empty costs nothing. */
function bloomOf(receipts: readonly ReceiptAnswer[]): string {
  const sum = Buffer.alloc(BLOOM_BYTES)
  for (const { logsBloom } of receipts) {
    if (logsBloom === EMPTY_BLOOM) continue
    const bytes = Buffer.from(logsBloom.slice(2), 'hex')
    for (let n = 0; n < BLOOM_BYTES; n++) sum[n]! |= bytes[n]!
  }
  return `0x${sum.toString('hex')}`
}

/** Whether the chain logs native movements (EIP-7708): null where the block does not show it. */
export function hasMovementLogs(
  { transactions }: BlockAnswer,
  receipts: readonly (ReceiptAnswer | null)[],
): boolean | null {
  const shown = receipts.find((receipt, n) => receipt?.status === 1 && hasOwnValue(transactions[n]!))
  return shown?.logs.some(({ address }) => address === SYSTEM_ADDRESS) ?? null
}

/** Of whole blocks where the node gives them, else of what concerns us. */
function createReceiptReader(rpc: Rpc, context: ScanContext) {
  let hasBlockReceipts = true

  async function allReceipts(block: BlockAnswer): Promise<ReceiptAnswer[] | null> {
    const shape = z.array(receiptShape).nullable()
    const answer = await rpc.ask(shape, isNoMethodOrGone, 'eth_getBlockReceipts', block.hash)
    if (!answer.ok && isForgotten(answer.error)) throw pruned(block.number, answer.error.message)
    if (!answer.ok) return null
    if (answer.result === null)
      throw operating('node-malformed', `the node has block ${block.hash} and not its receipts`)
    checkReceipts(block, answer.result)
    return answer.result
  }

  /** Of what is from us or to us, or has a log of a contract that is listed. */
  async function someReceipts(block: BlockAnswer): Promise<(ReceiptAnswer | null)[]> {
    const contracts = [...context.network.assetAt.keys(), SYSTEM_ADDRESS]
    const logShape = z.array(z.object({ transactionHash: z.string(), blockHash: z.string() }))
    const logs = await rpc.call(logShape, 'eth_getLogs', { blockHash: block.hash, address: contracts })
    if (logs.some(({ blockHash }) => blockHash.toLowerCase() !== block.hash))
      throw operating('node-malformed', `the node gave logs of another block than ${block.hash}`)
    const logged = new Set(logs.map(({ transactionHash }) => transactionHash.toLowerCase()))
    const isOurs = (address: string | null | undefined) =>
      typeof address === 'string' && context.watch.indexOf(address) !== -1
    return Promise.all(
      block.transactions.map(async ({ hash, from, to }) =>
        logged.has(hash) || isOurs(from) || isOurs(to) ? receiptOf(block, hash) : null,
      ),
    )
  }

  async function receiptOf(block: BlockAnswer, hash: string): Promise<ReceiptAnswer> {
    const receipt = await rpc.call(receiptShape.nullable(), 'eth_getTransactionReceipt', hash)
    // Null proves nothing: it may not be indexed yet (E27).
    if (receipt?.blockHash !== block.hash)
      throw operating('node-behind', `the node has ${hash} in block ${block.hash} and no receipt of it there`)
    return receipt
  }

  async function receiptsOf(block: BlockAnswer): Promise<(ReceiptAnswer | null)[]> {
    if (block.transactions.length === 0) return []
    const all = hasBlockReceipts ? await allReceipts(block) : null
    hasBlockReceipts = all !== null
    return all ?? (await someReceipts(block))
  }

  return {
    receiptsOf,
    reset: () => {
      hasBlockReceipts = true
    },
  }
}

/** Of one transaction in a block that the node does have: anvil says it of a state that it keeps no more. */
const isStateGone = (message: string): boolean => isForgotten({ message }) || /^resource not found$/i.test(message)

/** Untraced is not unmoved: such a block is not read at all (E17). No waiting brings an old state back. */
const untraced = ({ number, hash }: BlockAnswer, why: string) =>
  operating(
    'node-pruned',
    `the node cannot trace block ${number} (${hash}) any more: ${why}. Use a node that keeps the state of all blocks from there on, or say internalTransfers: off`,
  )

function frameIn(block: BlockAnswer, trace: z.output<typeof tracesShape>[number]): Frame {
  if ('result' in trace) return trace.result
  if (isStateGone(trace.error)) throw untraced(block, trace.error)
  throw operating('node-refused', `the node could not trace a transaction of block ${block.hash}: ${trace.error}`)
}

/** Over one node. `watch` is asked when the answers are there. */
export function createBlockSource(
  rpc: Rpc,
  context: ScanContext,
  { seesInternal, untold }: SourceOptions,
): BlockSource {
  const reader = createReceiptReader(rpc, context)
  const checked = createHonesty(rpc, context.network, untold)
  let hasTraces = seesInternal
  let logsMovements = false
  let ahead: { height: number; download: Promise<WholeBlock | null> } | null = null

  async function framesOf(block: BlockAnswer): Promise<WholeBlock['movements']> {
    if (!hasTraces || logsMovements || block.transactions.length === 0) return null
    const answer = await rpc.ask(tracesShape, isNoMethodOrGone, 'debug_traceBlockByHash', block.hash, TRACER)
    if (!answer.ok && isForgotten(answer.error)) throw untraced(block, answer.error.message)
    hasTraces = answer.ok
    if (!answer.ok) return null
    const isWhole = answer.result.every(
      ({ txHash }, n) => txHash === undefined || txHash === block.transactions[n]?.hash,
    )
    if (answer.result.length !== block.transactions.length || !isWhole)
      throw operating('node-malformed', `the traces of block ${block.hash} are not those of its transactions`)
    return { kind: 'traces', frames: answer.result.map(trace => frameIn(block, trace)) }
  }

  async function download(height: number): Promise<WholeBlock | null> {
    const isNoBlock = (error: RpcError) => isAbsent(error) || isForgotten(error)
    const answer = await rpc.ask(blockShape.nullable(), isNoBlock, 'eth_getBlockByNumber', toQuantity(height), true)
    if (!answer.ok && isForgotten(answer.error)) throw pruned(height, answer.error.message)
    const block = answer.ok ? answer.result : null
    if (block === null) return null
    if (block.number !== height) throw operating('node-malformed', `the node gave block ${block.number} for ${height}`)
    const receipts = await reader.receiptsOf(block)
    logsMovements = hasMovementLogs(block, receipts) ?? logsMovements
    return { block, receipts, movements: logsMovements && seesInternal ? { kind: 'logs' } : await framesOf(block) }
  }

  return {
    async at(height) {
      const wanted = ahead?.height === height ? ahead.download : null
      ahead = null
      const whole = (await wanted) ?? (await download(height))
      if (whole === null) return null
      const { hash, parentHash: parent, timestamp: time } = whole.block
      const facts = await checked({ hash, parent, facts: factsOf(context, whole) })
      return { hash, height, parent, time, facts }
    },
    prefetch(height) {
      // What fails here is asked for again when it is wanted, and fails there.
      ahead = { height, download: download(height).catch(() => null) }
    },
    seesMovements: () => hasTraces || logsMovements,
    reset() {
      reader.reset()
      hasTraces = seesInternal
      logsMovements = false
      ahead = null
    },
  }
}
