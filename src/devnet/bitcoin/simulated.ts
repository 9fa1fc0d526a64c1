/** A simulated bitcoin node as a network of the demonstration. */
import { script as scripts } from 'bitcoinjs-lib'
import { z } from 'zod'
import { addressOf, scriptOf } from '../../../adapters/bitcoin/address.ts'
import { networkOf, type Network } from '../../../adapters/bitcoin/network.ts'
import { scriptFor } from '../../../adapters/bitcoin/script.ts'
import type { Devnet, DevnetChain, DevnetTools, OnChainPayment } from '../devnet.ts'
import { decodeHappening, encodeHappening } from './history.ts'
import { createSimulatedBitcoin, type SimulatedBitcoin } from './node.ts'
import { openRecorded, runSimulated, type RecordedNode } from '../simulated.ts'

/** More than mature before the first payment. */
const SPENDABLE_BLOCKS = 20
const HASH_BYTES = 20
const OP_RETURN = 0x6a

async function open(name: string, network: Network, tools: DevnetTools): Promise<RecordedNode<SimulatedBitcoin>> {
  const { ports, username, password } = tools
  const history = { encode: encodeHappening, decode: decodeHappening }
  const recorded = await openRecorded(tools, history, record =>
    createSimulatedBitcoin({ network, seed: name, now: () => ports.clock.now(), username, password, record }),
  )
  const { node, lines } = recorded
  node.mine(Math.max(0, network.coinbaseMaturity + SPENDABLE_BLOCKS - node.height()))
  await lines.durable()
  return recorded
}

/** From the canonical chain, whole. */
function received(
  node: SimulatedBitcoin,
  network: Network,
  addresses: readonly string[],
): Map<string, OnChainPayment[]> {
  const found = new Map(addresses.map(address => [address, [] as OnChainPayment[]]))
  const byScript = new Map(addresses.map(address => [hex(scriptOf(address, network)), found.get(address)!]))
  for (let height = 1; height <= node.height(); height++)
    for (const transaction of node.block(node.hashAt(height)).transactions!)
      for (const { script, value } of transaction.outs)
        byScript.get(hex(script))?.push({ transactionId: transaction.getId(), amount: value })
  return found
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** The address's own script, as the data of an output that nobody can ever spend. */
const dataScript = (address: string, network: Network): Uint8Array =>
  scripts.compile([OP_RETURN, scriptOf(address, network)])

export const PRETENCE = 'a transaction names the address in a data output (OP_RETURN), which pays nobody'

export async function simulate({ name, network: called }: DevnetChain, tools: DevnetTools): Promise<Devnet> {
  const network = networkOf(z.string().parse(called))
  const recorded = await open(name, network, tools)
  const { node } = recorded
  const { random } = tools.ports
  return runSimulated(name, recorded, tools, {
    pay: (address, amount) => node.pay(address, amount),
    strangerAddress: () =>
      addressOf(scriptFor(network.segwit ? 'p2wpkh' : 'p2pkh', random.bytes(HASH_BYTES)), network)!,
    received: addresses => received(node, network, addresses),
    leave: depth => {
      node.invalidate(node.hashAt(node.height() - depth + 1))
    },
    pretend: {
      words: PRETENCE,
      send: (address, amountSat) => node.payMany([{ script: dataScript(address, network), amountSat }]),
    },
  })
}
