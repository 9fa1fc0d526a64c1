/** What can be wrong with a node that answers. Changed by whoever drives it, at any time. */

/** An error that is answered in a method's place. */
export interface NodeError {
  code: number
  message: string
  /** Of the HTTP answer; 500 unless said. */
  status?: number
}

export interface Faults {
  /** By method; those of `*` are answered to every method. */
  errors: Map<string, NodeError>
  /** The bytes of blocks up to this height are gone; -1 for none. */
  prunedHeight: number
  /** Blocks of which the node has the header only. */
  headersOnly: Set<string>
  /** What a full mempool asks of a transaction; sat/kvB. */
  mempoolFloor: bigint
}

export const createFaults = (): Faults => ({
  errors: new Map(),
  prunedHeight: -1,
  headersOnly: new Set(),
  mempoolFloor: 0n,
})

export const errorOf = ({ errors }: Faults, method: string): NodeError | undefined =>
  errors.get(method) ?? errors.get('*')

/** Why the bytes of this block are not there, in the words of litecoind 0.21; or null. */
export function unavailable(
  { prunedHeight, headersOnly }: Faults,
  block: { hash: string; height: number },
): string | null {
  if (headersOnly.has(block.hash)) return 'Block not found on disk'
  return block.height <= prunedHeight ? 'Block not available (pruned data)' : null
}
