/** An account's chain of blocks, made by hand. */
import { accountKeyOf } from '../../../adapters/nano/address.ts'
import { hashOf, ZERO_HASH, type StateBlock } from '../../../adapters/nano/block.ts'
import type { Network } from '../../../adapters/nano/network.ts'
import type { Json } from '../../../machines/vocabulary.ts'

/** A template, typed. */
export interface NanoTemplate {
  [name: string]: Json
  network: string
  block: StateBlock
  previous: StateBlock | null
  source: { block: StateBlock; previous: StateBlock } | null
}

/** Blocks of one network. */
export interface Lattice {
  /** As a block links to it. */
  keyOf: (address: string) => string
  /** On top of `previous`, whose representative it keeps; the first of an account has the lattice's. */
  block: (account: string, previous: StateBlock | null, balance: bigint, link: string) => StateBlock
  template: (block: StateBlock, previous: StateBlock | null, source?: NanoTemplate['source']) => NanoTemplate
  hash: (block: StateBlock) => string
}

/** @param representative of accounts that are opened */
export function createLattice(network: Network, representative: string): Lattice {
  const hash = (block: StateBlock) => hashOf(block, network)
  return {
    hash,
    keyOf: address => Buffer.from(accountKeyOf(address, network)).toString('hex').toUpperCase(),
    block: (account, previous, balance, link) => ({
      type: 'state',
      account,
      previous: previous === null ? ZERO_HASH : hash(previous),
      representative: previous?.representative ?? representative,
      balance: String(balance),
      link,
    }),
    template: (block, previous, source = null) => ({ network: network.name, block, previous, source }),
  }
}
