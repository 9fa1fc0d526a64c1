/** A simulated nano node as a network of the demonstration. */
import { addressOf, accountKeyOf } from '../../../adapters/nano/address.ts'
import { ZERO_HASH } from '../../../adapters/nano/block.ts'
import { upperHex } from '../../../adapters/hex.ts'
import type { Devnet, DevnetChain, DevnetTools, OnChainPayment } from '../devnet.ts'
import { openRecorded, runSimulated } from '../simulated.ts'
import { DEV_GENESIS, genesisAccount } from './genesis.ts'
import { decodeNanoHappening, encodeNanoHappening } from './history.ts'
import { createSimulatedNano, type SimulatedNano } from './node.ts'

const KEY_BYTES = 32

/** From confirmed sends, received or not. */
function received({ lattice }: SimulatedNano, addresses: readonly string[]): Map<string, OnChainPayment[]> {
  const found = new Map(addresses.map(address => [address, [] as OnChainPayment[]]))
  const byLink = new Map(
    addresses.map(address => [upperHex(accountKeyOf(address, lattice.network)), found.get(address)!]),
  )
  for (const { hash, block, subtype, amount, confirmed } of lattice.blocks.values())
    if (confirmed && subtype === 'send') byLink.get(block.link)?.push({ transactionId: hash, amount })
  return found
}

const PRETENCE = 'a block names the account as its representative, which pays nobody'

function pretend(node: SimulatedNano, address: string): string {
  const { hash: previous, block, balance } = node.lattice.head(genesisAccount(node.lattice.network))!
  const { type, account } = block
  const change = { type, account, previous, representative: address, balance: String(balance), link: ZERO_HASH }
  const refusal = node.submit(node.complete(change, DEV_GENESIS.secret))
  if (refusal !== null) throw new Error(`the faucet's block is refused: ${refusal}`)
  return node.lattice.head(genesisAccount(node.lattice.network))!.hash
}

export async function simulateNano({ name }: DevnetChain, tools: DevnetTools): Promise<Devnet> {
  const { ports, username, password } = tools
  const history = { encode: encodeNanoHappening, decode: decodeNanoHappening }
  const { node, lines } = await openRecorded(tools, history, record =>
    createSimulatedNano({ now: () => ports.clock.now(), username, password, record }),
  )
  const { lattice } = node
  const network = { ...node, height: () => lattice.confirmedCount(), mine: () => node.confirmAll() }
  return runSimulated(name, { node: network, lines }, tools, {
    pay: (address, amount) => node.pay(address, amount),
    strangerAddress: () => addressOf(ports.random.bytes(KEY_BYTES), lattice.network),
    received: addresses => received(node, addresses),
    pretend: { words: PRETENCE, send: address => pretend(node, address) },
    rhythm: 'each block confirmed after a moment',
  })
}
