/** A simulated ethereum node as a network of the demonstration. */
import type { Devnet, DevnetTools, OnChainPayment } from '../devnet.ts'
import { openRecorded, runSimulated } from '../simulated.ts'
import { ADDRESS_BYTES, bytesOfHex, hexOf } from './bytes.ts'
import { selectorOf } from './contracts.ts'
import { decodeEthereumHappening, encodeEthereumHappening } from './history.ts'
import type { CallTrace } from './machine.ts'
import { CONTRACTS } from './network.ts'
import { createSimulatedEthereum, type SimulatedEthereum } from './node.ts'

/** One chain of the family. */
export interface EthereumDevnetChain {
  /** In configuration, ids and paths. */
  name: string
  chainId: number
}

/** Ether that a call moved, and the calls below it; nothing where it failed. */
function movements({ error, type, to, value, calls }: CallTrace): { to: string; wei: bigint }[] {
  if (error !== null) return []
  const moves = type !== 'DELEGATECALL' && type !== 'CALLCODE' && to !== null && value !== null && value > 0n
  return [...(moves ? [{ to, wei: value }] : []), ...calls.flatMap(movements)]
}

/** From the canonical chain, whole: what transactions and contracts have sent. */
function received({ chain }: SimulatedEthereum, addresses: readonly string[]): Map<string, OnChainPayment[]> {
  const found = new Map(addresses.map(address => [address, [] as OnChainPayment[]]))
  const byAddress = new Map(addresses.map(address => [address.toLowerCase(), found.get(address)!]))
  for (const { receipts } of chain.canonical)
    for (const { transaction, trace } of receipts)
      for (const { to, wei } of movements(trace))
        byAddress.get(to)?.push({ transactionId: transaction.hash, amount: wei })
  return found
}

const PRETENCE_WORDS =
  'another contract of the same kind as the token logs a transfer to the address, which is worth nothing'

function pretend(node: SimulatedEthereum, address: string, amount: bigint): string {
  const words = [BigInt(address), amount].map(word => word.toString(16).padStart(64, '0')).join('')
  const data = bytesOfHex(selectorOf('transfer(address,uint256)') + words)
  return node.send({ to: CONTRACTS.lookAlike, data }).hash
}

export async function simulateEthereum({ name, chainId }: EthereumDevnetChain, tools: DevnetTools): Promise<Devnet> {
  const { ports, username, password } = tools
  const history = { encode: encodeEthereumHappening, decode: decodeEthereumHappening }
  const recorded = await openRecorded(tools, history, record =>
    createSimulatedEthereum({
      ...{ chainId: BigInt(chainId), seed: name, now: () => ports.clock.now(), username, password },
      record,
    }),
  )
  const { node } = recorded
  return runSimulated(name, recorded, tools, {
    pay: (address, amount) => node.pay(address.toLowerCase(), amount),
    strangerAddress: () => hexOf(ports.random.bytes(ADDRESS_BYTES)),
    received: addresses => received(node, addresses),
    leave: depth => {
      node.setHead(node.hashAt(Math.max(0, node.height() - depth)))
    },
    pretend: { words: PRETENCE_WORDS, send: (address, amount) => pretend(node, address, amount) },
  })
}
