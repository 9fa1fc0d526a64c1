/** A simulated ethereum node as a network of the demonstration: served on loopback, mining by itself, and going on where it was. */
import { join } from 'node:path'
import { corruptStore, reasonOf } from '../../kernel/fault.ts'
import type { Devnet, DevnetTools, OnChainPayment } from '../devnet.ts'
import { openLines, type Lines } from '../lines.ts'
import { BLOCK_MS, keepPace } from '../pace.ts'
import { ADDRESS_BYTES, bytesOf, hexOf } from './bytes.ts'
import { selectorOf } from './contracts.ts'
import { decodeEthereumHappening, encodeEthereumHappening, type EthereumHappening } from './history.ts'
import type { CallTrace } from './machine.ts'
import { CONTRACTS } from './network.ts'
import { createSimulatedEthereum, type SimulatedEthereum } from './node.ts'

/** One chain of the family. */
export interface EthereumDevnetChain {
  /** In configuration, ids and paths. */
  name: string
  chainId: number
}

/** All blocks stay in memory, so a demonstration ends somewhere: after a day or so. */
const MAXIMUM_BLOCKS = 30_000

interface Opened {
  node: SimulatedEthereum
  lines: Lines
}

async function open({ name, chainId }: EthereumDevnetChain, tools: DevnetTools): Promise<Opened> {
  const { ports, directory, username, password } = tools
  const path = join(directory, 'history.jsonl')
  const happenings: EthereumHappening[] = []
  const lines = await openLines(ports.disk, path, line => happenings.push(decodeEthereumHappening(line)))
  const node = createSimulatedEthereum({
    ...{ chainId: BigInt(chainId), seed: name, now: () => ports.clock.now(), username, password },
    record: happening => lines.add(encodeEthereumHappening(happening)),
  })
  try {
    node.restore(happenings)
  } catch (error) {
    throw corruptStore(`${path} does not hold one history (${reasonOf(error)}): set the data directory aside`)
  }
  return { node, lines }
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
  const data = bytesOf(selectorOf('transfer(address,uint256)') + words)
  return node.send({ to: CONTRACTS.lookAlike, data }).hash
}

export async function simulateEthereum(chain: EthereumDevnetChain, tools: DevnetTools): Promise<Devnet> {
  const { node, lines } = await open(chain, tools)
  const { clock, random } = tools.ports
  const server = await tools.serve(async request => {
    const answer = node.handle(request)
    await lines.durable()
    return answer
  })
  /** What it has done survives before anybody hears of it. */
  const durably = async <Result>(act: () => Result): Promise<Result> => {
    const result = act()
    await lines.durable()
    return result
  }
  const mine = async () => {
    await durably(() => node.mine(1))
    if (node.height() < MAXIMUM_BLOCKS) return true
    tools.say(`${chain.name} has ${MAXIMUM_BLOCKS} blocks and gets no further: stop, and set the data directory aside`)
    return false
  }
  const pace = keepPace(clock, mine)
  const pay = (address: string, amount: bigint) => durably(() => node.pay(address.toLowerCase(), amount))

  return {
    node: { url: server.url, username: tools.username, passwordFile: tools.passwordFile },
    title: `simulated node at ${server.url}, a block every ${BLOCK_MS / 1000} s`,
    height: async () => node.height(),
    mine: () =>
      pace.held(async () => {
        await mine()
      }),
    pay,
    strangerAddress: async () => hexOf(random.bytes(ADDRESS_BYTES)),
    received: async addresses => received(node, addresses),
    accidents: {
      reorganise: depth =>
        pace.held(() =>
          durably(() => {
            node.setHead(node.hashAt(Math.max(0, node.height() - depth)))
            node.mine(depth + 1, { transactions: [] })
          }),
        ),
      doubleSpend: (address, amount, isSeen) =>
        pace.held(async () => {
          const hash = await pay(address, amount)
          await isSeen(hash)
          await durably(() => node.doubleSpend(hash))
        }),
      pretend: { words: PRETENCE_WORDS, send: (address, amount) => durably(() => pretend(node, address, amount)) },
    },
    failed: pace.failed,
    async stop() {
      pace.stop()
      await server.stop()
      await lines.close()
    },
  }
}
