/** What differs between the networks of the Nano family. A further currency of the family is one more entry here. */
import { boundary } from '../../src/kernel/fault.ts'

/** The parameters in which the family's networks differ. Sources: nano_node's `nano/lib/constants` and banano's fork of it. */
export interface Network {
  name: string
  /** Before the underscore of an address; the first is the canonical one. */
  prefixes: readonly [string, ...string[]]
  /** SLIP-44. */
  coinType: number
  /** What `version.network_identifier` says: the hash of the genesis block. */
  genesis: string
  /** Of one unit: an amount of 10^30 raw is one nano, one of 10^29 raw is one banano. */
  decimals: number
  /** The least that the work of a block is worth, 8 bytes as the node writes them. */
  work: WorkThresholds
}

/** By what a block does. `receive` is for opening an account too. */
export interface WorkThresholds {
  send: bigint
  receive: bigint
}

const NETWORKS: readonly Network[] = [
  {
    name: 'nano',
    prefixes: ['nano', 'xrb'],
    coinType: 165,
    genesis: '991CF190094C00F0B68E2E5F75F6BEE95A2E0BD93CEAA4A6734DB9F19B728948',
    decimals: 30,
    work: { send: 0xfffffff800000000n, receive: 0xfffffe0000000000n },
  },
  {
    name: 'nano-dev',
    prefixes: ['nano', 'xrb'],
    coinType: 165,
    genesis: '04270D7F11C4B2B472F2854C5A59F2A7E84226CE9ED799DE75744BD7D85FC9D9',
    decimals: 30,
    work: { send: 0xffc0000000000000n, receive: 0xf000000000000000n },
  },
  {
    name: 'banano',
    prefixes: ['ban'],
    coinType: 198,
    genesis: 'F61A79F286ABC5CC01D3D09686F0567812B889A5C63ADE0E82DD30F3B2D96463',
    decimals: 29,
    work: { send: 0xfffffe0000000000n, receive: 0xfffffe0000000000n },
  },
]

/** Throws a boundary fault `configuration` for a name that no network of the family has. */
export function networkOf(name: unknown): Network {
  const found = NETWORKS.find(network => network.name === name)
  if (found === undefined) {
    const known = NETWORKS.map(network => network.name).join(', ')
    throw boundary('configuration', `unknown network ${String(name)}: it is one of ${known}`)
  }
  return found
}
