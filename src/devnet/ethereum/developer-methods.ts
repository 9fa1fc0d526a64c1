/** What nodes for developers (anvil, Hardhat) let their owner do to the chain, by the same names. */
import { z } from 'zod'
import { bytesArgument, CODES, hashArgument, JsonRpcFailure } from './parameters.ts'
import { decodeTransaction, type SignedTransaction } from './transaction.ts'

/** What the methods drive; node.ts makes it. */
export interface DeveloperControls {
  mine(count: number): void
  /** Seconds, for the next block only. */
  setTimestamp(seconds: number): void
  /** The last blocks are replaced by as many others; what was in them is gone. */
  replace(depth: number, blocks: readonly (readonly SignedTransaction[])[]): void
  forget(hash: string): boolean
}

export type DeveloperMethod = (controls: DeveloperControls, args: readonly unknown[]) => unknown

const number = z.union([z.number().int(), z.string().transform(Number)]).pipe(z.number().int().nonnegative())
const placed = z.array(z.tuple([z.string(), z.number().int().nonnegative()]))

function parsed<Value>(schema: z.ZodType<Value>, value: unknown): Value {
  const result = schema.safeParse(value)
  if (!result.success) throw new JsonRpcFailure(CODES.invalidParams, result.error.issues[0]!.message)
  return result.data
}

/** `[depth, [[raw transaction, which of the new blocks]]]`. */
function reorganise(controls: DeveloperControls, args: readonly unknown[]): null {
  const depth = parsed(number, args[0])
  const blocks = Array.from({ length: depth }, () => [] as SignedTransaction[])
  for (const [raw, at] of parsed(placed, args[1] ?? [])) {
    const block = blocks[at]
    if (block === undefined)
      throw new JsonRpcFailure(CODES.invalidParams, `Block number for reorg tx is out of range: ${at}`)
    block.push(decodeTransaction(bytesArgument([raw], 0)))
  }
  controls.replace(depth, blocks)
  return null
}

export const DEVELOPER_METHODS: Readonly<Record<string, DeveloperMethod>> = {
  anvil_dropTransaction: (controls, args) => {
    const hash = hashArgument(args, 0)
    return controls.forget(hash) ? hash : null
  },
  anvil_mine: (controls, args) => {
    controls.mine(parsed(number, args[0] ?? 1))
    return null
  },
  anvil_reorg: reorganise,
  evm_mine: controls => {
    controls.mine(1)
    return '0x0'
  },
  evm_setNextBlockTimestamp: (controls, args) => {
    controls.setTimestamp(parsed(number, args[0]))
    return null
  },
}
