/** What can be wrong with a nano node that answers. Changed by whoever drives it, at any time. */
export interface NanoFaults {
  /** By action; those of `*` are answered to every action. */
  errors: Map<string, string>
  /** Nothing is confirmed: no quorum, or a network that is busy (N11). */
  isStalled: boolean
  /** Blocks that are not confirmed, whatever else is. */
  unconfirmable: Set<string>
  /** So many unconfirmed blocks are kept; the youngest beyond them are rolled back (N10). */
  backlog: number
  /** Blocks are taken, answered with their hash, and forgotten. */
  losesBlocks: boolean
  /** How often (0 to 1), by seed, an unconfirmed block that is not the faucet's is rolled back when another one comes. */
  rollBackRate: number
  /** What peers say that the network has confirmed, beyond what this node has: it is far behind. */
  behindBlocks: number
  /** History below this height of every account is gone (a pruned node); 0 for none. */
  prunedHeight: number
}

export const createNanoFaults = (): NanoFaults => ({
  errors: new Map(),
  isStalled: false,
  unconfirmable: new Set(),
  backlog: Infinity,
  losesBlocks: false,
  rollBackRate: 0,
  behindBlocks: 0,
  prunedHeight: 0,
})
