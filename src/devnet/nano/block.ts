/** Blocks of the simulated network. */
import type { StateBlock } from '../../../adapters/nano/block.ts'

/** As nodes send it to each other. `signature`: hexadecimal digits; `work`: 16 of them. */
export interface SignedBlock extends StateBlock {
  signature: string
  work: string
}

export type Subtype = 'send' | 'receive' | 'change' | 'epoch'

/** A block that the lattice holds. */
export interface LatticeBlock {
  hash: string
  block: SignedBlock
  subtype: Subtype
  /** Raw; what a send takes away and a receive brings. */
  amount: bigint
  balance: bigint
  /** Within its account's chain, from 1. */
  height: number
  successor: string | null
  confirmed: boolean
  /** Seconds since 1970. */
  timestamp: number
}
