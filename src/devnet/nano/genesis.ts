/** The development network of nano_node as it begins. Its key is public (`nano/lib/config.cpp`): anybody may spend there. */
import { accountKeyOf, addressOf } from '../../../adapters/nano/address.ts'
import { hashOf, ZERO_HASH, type StateBlock } from '../../../adapters/nano/block.ts'
import { publicKeyFor, sign } from '../../../adapters/nano/ed25519.ts'
import type { Network } from '../../../adapters/nano/network.ts'
import { workText, type WorkSearch } from '../../../adapters/nano/work-search.ts'
import { upperHex } from '../../../adapters/hex.ts'
import type { LatticeBlock } from './block.ts'

export const DEV_GENESIS = {
  secret: Uint8Array.from(Buffer.from('34f0a37aad20f4a260f0a5b3cb3d7fb50673212263e58a380bc10474bb039ce4', 'hex')),
  balance: (1n << 128n) - 1n,
} as const

/** Who owns everything at first, as this network writes it. */
export const genesisAccount = (network: Network): string => addressOf(publicKeyFor(DEV_GENESIS.secret), network)

const linkOf = (text: string): string => upperHex(Buffer.from(text.padEnd(32, '\0')))

/** What a block of the network links to that upgrades an account. */
export const EPOCH_LINKS: readonly string[] = [linkOf('epoch v1 block'), linkOf('epoch v2 block')]

/** A block that is signed and has work. */
export function completed(block: StateBlock, secret: Uint8Array, network: Network, search: WorkSearch, root: string) {
  const hash = hashOf(block, network)
  const work = search(Buffer.from(root, 'hex'), network.work.send, 1n, Number.MAX_SAFE_INTEGER)!
  return {
    hash,
    signed: { ...block, signature: upperHex(sign(Buffer.from(hash, 'hex'), secret)), work: workText(work) },
  }
}

const blankOf = (block: StateBlock) => ({ ...block, signature: '0'.repeat(128), work: '0'.repeat(16) })

/** The network's first block, under the name that the network's has, and the two upgrades of its account: confirmed, and without work. */
export function genesisBlocks(network: Network): LatticeBlock[] {
  const { balance, secret } = DEV_GENESIS
  const account = genesisAccount(network)
  const common = { type: 'state' as const, account, representative: account, balance: String(balance) }
  const rest = { balance, successor: null, confirmed: false, timestamp: 0 }
  const first = blankOf({ ...common, previous: ZERO_HASH, link: upperHex(accountKeyOf(account, network)) })
  const blocks: LatticeBlock[] = [
    { hash: network.genesis, block: first, subtype: 'receive', amount: balance, height: 1, ...rest },
  ]
  for (const [n, link] of EPOCH_LINKS.entries()) {
    const previous = blocks.at(-1)!.hash
    const { hash, signed } = completed({ ...common, previous, link }, secret, network, () => 0n, previous)
    blocks.push({ hash, block: signed, subtype: 'epoch', amount: 0n, height: n + 2, ...rest })
  }
  return blocks
}
