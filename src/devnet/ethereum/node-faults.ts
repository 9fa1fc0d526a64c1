/** What can be wrong with an ethereum node that answers. Changed by whoever drives it, at any time. */

/** An error that is answered in a method's place. */
export interface MethodError {
  code: number
  message: string
}

export interface EthereumFaults {
  /** By method; those of `*` are answered to every method. */
  errors: Map<string, MethodError>
  /** Methods that this node does not have. */
  missing: Set<string>
  /** So many blocks of its own it does not know yet. */
  lagBlocks: number
  /** The youngest blocks whose transactions and receipts are answered with null: not indexed yet. */
  unindexedBlocks: number
  /** Receipts of a block that has some are answered as an empty list (reth 23394). */
  hidesReceipts: boolean
  /** Logs are answered as an empty list. */
  hidesLogs: boolean
  /** geth, while it builds its index. */
  isIndexing: boolean
  /** Blocks up to this one have no bodies and receipts any more; -1 for none. */
  prunedNumber: number
  /** How far back accounts can be asked for; null for all the way. */
  stateBlocks: number | null
  /** `eth_syncing` says so. */
  isSyncing: boolean
  /** Transactions are taken, answered with their hash, and forgotten. */
  losesTransactions: boolean
  /** Hashes of transactions whose element of a block's traces is an error. */
  untraceable: Set<string>
  /** What a full pool asks of a transaction's tip; wei per gas. */
  minimumTip: bigint
  /** Under load a pool keeps only what it guarantees each account. */
  isCrowded: boolean
  /** Tags that name another block than they would; null for a tag that names none yet. */
  tags: Map<'safe' | 'finalized', string | null>
}

export const createEthereumFaults = (): EthereumFaults => ({
  errors: new Map(),
  missing: new Set(),
  lagBlocks: 0,
  unindexedBlocks: 0,
  hidesReceipts: false,
  hidesLogs: false,
  isIndexing: false,
  prunedNumber: -1,
  stateBlocks: null,
  isSyncing: false,
  losesTransactions: false,
  untraceable: new Set(),
  minimumTip: 1n,
  isCrowded: false,
  tags: new Map(),
})
