/**
 * What has happened to a simulated node, one line each: a node that is made again from them stands on the same chain and holds
 * the same unconfirmed transactions.
 */
import { Block, Transaction } from 'bitcoinjs-lib'
import { z } from 'zod'
import { corruptStore, reasonOf } from '../../kernel/fault.ts'
import { addBlock, setValidity, type Chain } from './chain.ts'
import type { SimulatedMempool } from './mempool.ts'

export type Happening =
  | { type: 'block.added'; block: Block }
  | { type: 'validity.changed'; hash: string; isValid: boolean }
  | { type: 'transaction.accepted'; transaction: Transaction }
  | { type: 'transaction.forgotten'; txid: string }

const hash = z.string().regex(/^[0-9a-f]{64}$/)
const lineSchema = z.union([
  z.strictObject({ block: z.base64() }),
  z.strictObject({ valid: hash }),
  z.strictObject({ invalid: hash }),
  z.strictObject({ transaction: z.base64() }),
  z.strictObject({ forgotten: hash }),
])

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

export function encodeHappening(happening: Happening): string {
  switch (happening.type) {
    case 'block.added':
      return JSON.stringify({ block: base64(happening.block.toBuffer()) })
    case 'validity.changed':
      return JSON.stringify(happening.isValid ? { valid: happening.hash } : { invalid: happening.hash })
    case 'transaction.accepted':
      return JSON.stringify({ transaction: base64(happening.transaction.toBuffer()) })
    case 'transaction.forgotten':
      return JSON.stringify({ forgotten: happening.txid })
  }
}

/** @throws corruptStore for what `encodeHappening` has not written */
export function decodeHappening(line: string): Happening {
  try {
    const parsed = lineSchema.parse(JSON.parse(line))
    if ('block' in parsed) return { type: 'block.added', block: Block.fromBuffer(Buffer.from(parsed.block, 'base64')) }
    if ('transaction' in parsed)
      return {
        type: 'transaction.accepted',
        transaction: Transaction.fromBuffer(Buffer.from(parsed.transaction, 'base64')),
      }
    if ('forgotten' in parsed) return { type: 'transaction.forgotten', txid: parsed.forgotten }
    if ('valid' in parsed) return { type: 'validity.changed', hash: parsed.valid, isValid: true }
    return { type: 'validity.changed', hash: parsed.invalid, isValid: false }
  } catch (error) {
    throw corruptStore(`a line of the simulated node's history cannot be read: ${reasonOf(error)}`)
  }
}

/**
 * Blocks one after the other, as they came; then the transactions that are in none of them. Scripts were verified when they
 * came first. Throws what `addBlock` throws: a line is missing.
 */
export function restoreNode(chain: Chain, mempool: SimulatedMempool, happenings: Iterable<Happening>): void {
  const pending = new Map<string, Transaction>()
  for (const happening of happenings) {
    if (happening.type === 'transaction.accepted') pending.set(happening.transaction.getId(), happening.transaction)
    else if (happening.type === 'transaction.forgotten') pending.delete(happening.txid)
    else if (happening.type === 'validity.changed')
      mempool.follow(setValidity(chain, happening.hash, happening.isValid))
    else {
      mempool.follow(addBlock(chain, happening.block, () => true))
      for (const transaction of happening.block.transactions!) pending.delete(transaction.getId())
    }
  }
  mempool.readmit(pending.values())
}
