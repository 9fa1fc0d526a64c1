/** What has happened to a simulated nano node, one line each: a node that is made again from them holds the same blocks. */
import { z } from 'zod'
import { hash, stateBlock } from '../../../adapters/nano/block.ts'
import { corruptStore, reasonOf } from '../../kernel/fault.ts'
import type { SignedBlock } from './block.ts'

export type NanoHappening =
  | { type: 'block.taken'; block: SignedBlock; timestamp: number }
  | { type: 'block.confirmed'; hash: string }
  | { type: 'block.rolledBack'; hash: string }

const signedBlock = z.strictObject({
  ...stateBlock.shape,
  signature: z.string().regex(/^[0-9A-Fa-f]{128}$/),
  work: z.string().regex(/^[0-9a-f]{16}$/),
})
const lineSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('block.taken'), block: signedBlock, timestamp: z.number() }),
  z.strictObject({ type: z.literal('block.confirmed'), hash }),
  z.strictObject({ type: z.literal('block.rolledBack'), hash }),
])

export const encodeNanoHappening = (happening: NanoHappening): string => JSON.stringify(happening)

/** @throws corruptStore for what `encodeNanoHappening` has not written */
export function decodeNanoHappening(line: string): NanoHappening {
  try {
    return lineSchema.parse(JSON.parse(line))
  } catch (error) {
    throw corruptStore(`a line of the simulated node's history cannot be read: ${reasonOf(error)}`)
  }
}
