/** Unconfirmed transactions, as hints: nothing is decided by what a mempool holds or lacks. */
import { z } from 'zod'
import type { Fact } from '../adapter.ts'
import { Fault, operating } from '../../src/kernel/fault.ts'
import { scanTransaction, type ScanContext } from './block.ts'
import type { Rpc } from './rpc.ts'

/** Transactions remembered as examined; a mempool beyond that gives no further hints until it shrinks. */
const EXAMINED_MAXIMUM = 400_000
const INVALID_ADDRESS_OR_KEY = -5

/** The node's unconfirmed transactions, each examined once. */
export interface Mempool {
  /** Facts of at most `limit` transactions that were not examined before. One that left and came back is new again. */
  pending(limit: number): Promise<Fact[]>
}

/** A hint that cannot be read is not worth stopping for: in a block, the same transaction does stop the chain (B13). */
function factsOf(raw: string, context: ScanContext): Fact[] {
  try {
    return scanTransaction(Buffer.from(raw, 'hex'), context)
  } catch (error) {
    if (error instanceof Fault) return []
    throw error
  }
}

/** Its memory of what was examined is bounded; what the node dropped is forgotten. */
export function createMempool(rpc: Rpc, context: ScanContext): Mempool {
  const examined = new Set<string>()

  async function pending(limit: number): Promise<Fact[]> {
    const present = new Set(await rpc.call(z.array(z.string()), 'getrawmempool'))
    for (const id of examined) if (!present.has(id)) examined.delete(id)
    const room = Math.min(limit, EXAMINED_MAXIMUM - examined.size)
    const fresh = [...present].filter(id => !examined.has(id)).slice(0, Math.max(0, room))
    const facts: Fact[] = []
    for (const id of fresh) {
      const answer = await rpc.ask(z.string(), 'getrawtransaction', id)
      if (answer.ok) facts.push(...factsOf(answer.result, context))
      // Mined or dropped between the two calls: then a block tells, or nothing does.
      else if (answer.code !== INVALID_ADDRESS_OR_KEY)
        throw operating('node-refused', `the node answered getrawtransaction with an error: ${answer.message}`)
    }
    for (const id of fresh) examined.add(id)
    return facts
  }

  return { pending }
}
