/**
 * What has happened to a simulated ethereum node, one line each: a node that is made again from them stands on the same chain
 * and holds the same unconfirmed transactions.
 */
import { z } from 'zod'
import { corruptStore, reasonOf } from '../../kernel/fault.ts'
import { decodeBlock, encodeBlock, type EthereumBlock } from './block.ts'
import { learnBlock, moveHead, type EthereumChain } from './chain.ts'
import type { TransactionPool } from './pool.ts'
import { decodeTransaction, type SignedTransaction } from './transaction.ts'

export type EthereumHappening =
  | { type: 'block.learned'; block: EthereumBlock }
  | { type: 'head.moved'; hash: string }
  | { type: 'transaction.accepted'; transaction: SignedTransaction }
  | { type: 'transaction.forgotten'; hash: string }

const hash = z.string().regex(/^0x[0-9a-f]{64}$/)
const lineSchema = z.union([
  z.strictObject({ block: z.base64() }),
  z.strictObject({ head: hash }),
  z.strictObject({ transaction: z.base64() }),
  z.strictObject({ forgotten: hash }),
])

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
const bytesIn = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'base64'))

export function encodeEthereumHappening(happening: EthereumHappening): string {
  switch (happening.type) {
    case 'block.learned':
      return JSON.stringify({ block: base64(encodeBlock(happening.block)) })
    case 'head.moved':
      return JSON.stringify({ head: happening.hash })
    case 'transaction.accepted':
      return JSON.stringify({ transaction: base64(happening.transaction.raw) })
    case 'transaction.forgotten':
      return JSON.stringify({ forgotten: happening.hash })
  }
}

/** @throws corruptStore for what `encodeEthereumHappening` has not written */
export function decodeEthereumHappening(line: string): EthereumHappening {
  try {
    const parsed = lineSchema.parse(JSON.parse(line))
    if ('block' in parsed) return { type: 'block.learned', block: decodeBlock(bytesIn(parsed.block)) }
    if ('head' in parsed) return { type: 'head.moved', hash: parsed.head }
    if ('forgotten' in parsed) return { type: 'transaction.forgotten', hash: parsed.forgotten }
    return { type: 'transaction.accepted', transaction: decodeTransaction(bytesIn(parsed.transaction)) }
  } catch (error) {
    throw corruptStore(`a line of the simulated node's history cannot be read: ${reasonOf(error)}`)
  }
}

/** Blocks one after the other, as they came; then the transactions that are in none of them. Throws where a line is missing. */
export function restoreEthereum(
  chain: EthereumChain,
  pool: TransactionPool,
  happenings: Iterable<EthereumHappening>,
): void {
  for (const happening of happenings) {
    if (happening.type === 'block.learned') learnBlock(chain, happening.block)
    else if (happening.type === 'head.moved') pool.follow(moveHead(chain, happening.hash))
    else if (happening.type === 'transaction.accepted') pool.accept(happening.transaction)
    else pool.forget(happening.hash)
  }
}
