/**
 * Sending a signed block, and finding out what became of it. The same block is sent until it is confirmed; whatever a node says of it is
 * believed only after the block was looked for (N6, N7). `force` is never said, and neither is a subtype: with it a node hides that it has the
 * block already.
 */
import { z } from 'zod'
import { operating, reasonOf } from '../../src/kernel/fault.ts'
import { upperHex } from '../hex.ts'
import type { Located, Published, Signed } from '../adapter.ts'
import { accountKeyOf } from './address.ts'
import { hashOf, stateBlock, ZERO_HASH } from './block.ts'
import type { Network } from './network.ts'
import { RPC_ERROR, type Rpc } from './rpc.ts'
import { blockInfoShape, processedShape, type BlockInfo } from './shapes.ts'
import type { WorkSource, WorkWanted } from './work.ts'

export interface BroadcastOptions {
  rpc: Rpc
  network: Network
  work: WorkSource
  /** Resolves after so long. */
  pause: (ms: number) => Promise<void>
}

export interface Broadcast {
  publish(transaction: Signed): Promise<Published>
  locate(transaction: Signed): Promise<Located>
}

const signedBlock = z.strictObject({ ...stateBlock.shape, signature: z.string() })
type SignedBlock = z.infer<typeof signedBlock>

/** Work that takes longer is waited for with the next try. */
const WORK_PATIENCE_MS = 3000
const WAITS_FOR_WORK = 'waits for work: configure work.servers where this takes long'

/** What passes by itself, or with what comes before it. */
const PASSING = ['Gap previous block', 'Gap source block', 'Stopped']
const WORTHLESS = ['Block work is less than threshold', 'Block work is insufficient']
/** What a node says of a block; anything else says nothing of it. Sources: `nano/lib/errors.cpp`. */
const VERDICTS: readonly string[] = [
  ...PASSING,
  ...WORTHLESS,
  'Old block',
  'Fork',
  'Unreceivable',
  'Bad signature',
  'Balance and amount delta do not match',
  'Negative spend',
  'This block cannot follow the previous block',
  'Gap pending for open epoch block',
  'Block attempts to open the burn account',
  'Error processing block',
  'Block is invalid',
]

/** Throws operating `bad-block` for what was not assembled here. */
function blockOf(raw: string): SignedBlock {
  const block = signedBlock.safeParse(JSON.parse(raw))
  if (!block.success) throw operating('bad-block', 'the signed block cannot be read')
  return block.data
}

/** Null where the node does not have it. */
export async function infoOf(rpc: Rpc, hash: string): Promise<BlockInfo | null> {
  const options = { hash, json_block: 'true' }
  const answer = await rpc.ask(blockInfoShape, [RPC_ERROR.blockNotFound], 'block_info', options)
  return answer.ok ? answer.result : null
}

/** How blocks leave, and where they are. */
export function createBroadcast({ rpc, network, work, pause }: BroadcastOptions): Broadcast {
  /** N3: of an account's first block the root is its public key. */
  const rootOf = ({ previous, account }: SignedBlock): string =>
    previous === ZERO_HASH ? upperHex(accountKeyOf(account, network)) : previous

  /** Null where the node lacks the previous block, which says what this one does. */
  async function wantedFor(block: SignedBlock): Promise<WorkWanted | null> {
    const root = rootOf(block)
    if (block.previous === ZERO_HASH) return { root, threshold: network.work.receive }
    const previous = await infoOf(rpc, block.previous)
    if (previous === null) return null
    const isSend = BigInt(block.balance) < previous.balance
    return { root, threshold: isSend ? network.work.send : network.work.receive }
  }

  /** What a node refuses may be there all the same: it, or another one, has it from us. */
  async function settle({ transactionId }: Signed, reason: string): Promise<Published> {
    const info = await infoOf(rpc, transactionId)
    if (info !== null) return { kind: 'known' }
    const passes = PASSING.includes(reason) || WORTHLESS.includes(reason) || reason === 'Old block'
    return { kind: passes ? 'unknown' : 'refused', reason: `the node says: ${reason}` }
  }

  async function send(transaction: Signed, block: SignedBlock, wanted: WorkWanted, found: string): Promise<Published> {
    const options = { json_block: 'true', block: { ...block, work: found } }
    let answer
    try {
      answer = await rpc.ask(processedShape, VERDICTS, 'process', options)
    } catch (error) {
      // It may have arrived: whoever asks looks, and sends the same block again.
      return { kind: 'unknown', reason: reasonOf(error) }
    }
    if (!answer.ok) {
      if (WORTHLESS.includes(answer.error)) work.forget(wanted.root)
      return settle(transaction, answer.error)
    }
    if (answer.result.hash !== transaction.transactionId)
      return { kind: 'unknown', reason: `the node took it for another block: ${answer.result.hash}` }
    // Whatever comes next on this account, a send needs most (N14).
    work.prepare({ root: transaction.transactionId, threshold: network.work.send })
    return { kind: 'accepted' }
  }

  async function publishOne(transaction: Signed): Promise<Published> {
    const block = blockOf(transaction.raw)
    const wanted = await wantedFor(block)
    if (wanted === null) return { kind: 'unknown', reason: 'the node lacks the block before it' }
    const found = await Promise.race([work.find(wanted), pause(WORK_PATIENCE_MS).then(() => null)])
    return found === null ? { kind: 'unknown', reason: WAITS_FOR_WORK } : send(transaction, block, wanted, found)
  }

  /** N10: what a node has rolled back is sent again, in its order. */
  async function publishParents(parents: readonly string[]): Promise<void> {
    for (const raw of parents) {
      const block = blockOf(raw)
      const { signature: _, ...unsigned } = block
      const transactionId = hashOf(unsigned, network)
      if ((await infoOf(rpc, transactionId)) === null) await publishOne({ transactionId, raw, parents: [] })
    }
  }

  return {
    async publish(transaction) {
      if ((await infoOf(rpc, transaction.transactionId)) !== null) return { kind: 'known' }
      await publishParents(transaction.parents)
      return publishOne(transaction)
    },
    /** Confirmed or not: in which round it stands is for the ledger to learn, in its order. */
    async locate({ transactionId }) {
      return { kind: (await infoOf(rpc, transactionId)) === null ? 'absent' : 'pending' }
    },
  }
}
