/**
 * Sending a signed transaction, and finding out what became of it. Nodes answer in words and codes of their own, so what an error
 * means is said by its code or its text (E15), and what none of them says is taken for "it may have been sent": the same bytes again
 * are always safe, and nothing is ever built anew (A1, E10).
 */
import { hexToBytes } from '@noble/hashes/utils.js'
import { z } from 'zod'
import type { Located, Published, Signed } from '../adapter.ts'
import { operating, reasonOf } from '../../src/kernel/fault.ts'
import type { Network } from './network.ts'
import type { Answer, Rpc, RpcError } from './rpc.ts'
import { countShape, hashShape } from './shapes.ts'
import { readTransaction } from './transaction.ts'

/** How transactions leave, and where they are. */
export interface Broadcast {
  /** Rejects with an operating fault only when nothing was sent. */
  publish(transaction: Signed): Promise<Published>
  locate(transaction: Signed): Promise<Located>
}

/** What nodes say: geth and those that speak as it does (reth, OP-stack), erigon, Nethermind, Besu, anvil, Hardhat. */
type Verdict =
  /** It is there already. */
  | 'known'
  /** A transaction with its nonce is in a block: it, an earlier attempt, or one that nobody here has made. */
  | 'consumed'
  /** Definite: it was not taken. `isUnderpriced`: for its fee alone. */
  | { refused: string; isUnderpriced?: boolean }

const VERDICTS: readonly [RegExp, Verdict][] = [
  [
    /already ?known|\bknown transaction|already imported|already in (the )?(mem)?pool|transaction already exists/i,
    'known',
  ],
  [/nonce (is )?too low|OldNonce|nonce has already been used/i, 'consumed'],
  [
    /nonce too (high|far)|NonceGap|NonceTooFarInFuture|gapped[- ]nonce|too distant|tries to replace pending/i,
    { refused: 'the node takes it only behind those before it: an earlier nonce is missing there' },
  ],
  [
    /replac(e|ement)|OwnNonceAlreadyUsed/i,
    {
      refused: 'the node holds another transaction on its nonce, which it does not replace at this fee',
      isUnderpriced: true,
    },
  ],
  [
    /insufficient ?funds|upfront cost exceeds|enough funds|insufficient (sender )?balance|overdraft/i,
    { refused: "the account does not hold what it may cost: it waits for the account's funds" },
  ],
  [
    /block ?base ?fee|base ?fee ?per ?gas|less than block|fee cap too low|feeCap .*below/i,
    {
      refused: 'the base fee is above its maximum fee: it waits until the base fee falls, or for a higher fee',
      isUnderpriced: true,
    },
  ],
  [
    /account limit exceeded|in-flight transaction limit/i,
    { refused: 'the node has no room for it: it waits for room' },
  ],
  [
    /pool (is )?full|txpool is full|FeeTooLowToCompete|discarded/i,
    { refused: 'the node has no room for it: it waits for room', isUnderpriced: true },
  ],
  [
    /already ?reserved|PendingTxsOfConflictingType|pending txs? of other type/i,
    { refused: 'the node holds a transaction of another type (blobs) from this account: it waits until that is gone' },
  ],
  [
    /exceeds the configured cap/i,
    { refused: "its fee is above what the node itself allows: raise the node's limit (geth: --rpc.txfeecap)" },
  ],
  [
    /underpriced|FeeTooLow|gas price too low|tip .*(below|too low)/i,
    { refused: 'its fee is below what the node takes', isUnderpriced: true },
  ],
]

/** JSON-RPC's "limit exceeded", "rejected" and "server error" say nothing alone; an invalid argument says that it was not taken. */
const INVALID_PARAMS = -32602
const MALFORMED =
  /intrinsic ?gas|exceeds block gas limit|block gas limit|GasLimitExceeded|gas limit too high|gas_limit >|oversized|floor data gas|chain ?id|replay-protected|invalid sender|decode|rlp|typed transaction|transaction type|initcode|nonce has max|TxGasLimitTooLow|higher than max fee/i

/** Reasons are stable sentences: what moves in a node's words is left out. */
const stable = (message: string): string => message.replaceAll(/0x[0-9a-fA-F]+|\d+/g, '…').slice(0, 160)

/** What the node's error means; null where it says nothing of the transaction. */
export function verdictOf({ code, message }: RpcError): Verdict | null {
  const said = VERDICTS.find(([pattern]) => pattern.test(message))?.[1]
  if (said !== undefined) return said
  const isMalformed = code === INVALID_PARAMS || MALFORMED.test(message)
  return isMalformed ? { refused: `the node takes no such transaction: ${stable(message)}` } : null
}

const SPENT =
  'its nonce is consumed by another transaction: an earlier attempt, or one that is not known here; the block in which it stands says which'

const placedShape = z.object({ blockHash: hashShape.nullish(), blockNumber: countShape.nullish() }).nullable()
/** geth says so while it cannot tell what stands in older blocks; it has looked into its pool before. */
const INDEXING = /indexing/i

export function createBroadcast(rpc: Rpc, network: Network): Broadcast {
  const senderOf = ({ raw }: Signed) => {
    const { sender, transfer } = readTransaction(hexToBytes(raw.slice(2)), network.chainId)
    return { sender, nonce: transfer.nonce }
  }

  /** What the node itself finds; null where it finds nothing, which proves nothing (E27). */
  async function find({ transactionId }: Signed): Promise<Located | null> {
    const isIndexing = ({ message }: RpcError) => INDEXING.test(message)
    const answer = await rpc.ask(placedShape, isIndexing, 'eth_getTransactionByHash', transactionId)
    if (!answer.ok || answer.result === null) return null
    const { blockHash, blockNumber } = answer.result
    if (typeof blockHash !== 'string' || typeof blockNumber !== 'number') return { kind: 'pending' }
    return { kind: 'placed', place: { hash: blockHash, height: blockNumber } }
  }

  /** Nothing can have been mined while its nonce is not consumed: then what the node does not have, it has neither in a block nor in its pool. */
  async function locate(transaction: Signed): Promise<Located> {
    const { sender, nonce } = senderOf(transaction)
    const found = await find(transaction)
    if (found !== null) return found
    const next = await rpc.call(countShape, 'eth_getTransactionCount', sender, 'latest')
    if (BigInt(next) <= nonce) return { kind: 'absent' }
    throw operating('node-cannot-say', `the node does not find ${transaction.transactionId}, and ${SPENT}`)
  }

  async function consumed(transaction: Signed): Promise<Published> {
    const found = await find(transaction)
    return found === null ? { kind: 'refused', reason: SPENT } : { kind: 'known' }
  }

  async function publish(transaction: Signed): Promise<Published> {
    let answer: Answer<string>
    try {
      answer = await rpc.ask(hashShape, () => true, 'eth_sendRawTransaction', transaction.raw)
    } catch (error) {
      // It may have arrived: whoever asks looks, and sends the same bytes again.
      return { kind: 'unknown', reason: reasonOf(error) }
    }
    if (answer.ok) {
      if (answer.result === transaction.transactionId) return { kind: 'accepted' }
      return { kind: 'unknown', reason: `the node accepted it under another id: ${answer.result}` }
    }
    const verdict = verdictOf(answer.error)
    if (verdict === null) return { kind: 'unknown', reason: `the node says: ${stable(answer.error.message)}` }
    if (verdict === 'known') return { kind: 'known' }
    if (verdict === 'consumed') return consumed(transaction)
    return { kind: 'refused', reason: verdict.refused, isUnderpriced: verdict.isUnderpriced ?? false }
  }

  return { publish, locate }
}
