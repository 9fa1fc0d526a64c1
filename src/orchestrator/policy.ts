/** What the pure side knows of a chain's configuration, and the adapter's pure parts. */
import { invariant } from '../kernel/fault.ts'
import type { Planner, Signable } from '../../adapters/adapter.ts'
import type { Book, BookPolicy } from '../../adapters/book.ts'

/** What the configuration says of a chain. */
export interface ChainPolicy extends BookPolicy {
  family: string
  batch: { windowMs: number; maximum: number }
  /** How long what is signed may be in no block before it is replaced; null where nothing is replaced by itself. */
  replaceAfterMs: number | null
  planner: Planner
  book: Book
  signable: Signable
}

/** By the chain's name. */
export type Policies = Readonly<Record<string, ChainPolicy>>

/** The book of each chain that is followed. */
export type Books = Readonly<Record<string, { book: Pick<Book, 'facets' | 'revisits' | 'worth'> }>>

/** Throws invariant `unknown-chain`. */
export function policyOf(policies: Policies, chain: string): ChainPolicy {
  const policy = policies[chain]
  if (policy === undefined) throw invariant('unknown-chain', `no chain ${chain} is configured`)
  return policy
}
