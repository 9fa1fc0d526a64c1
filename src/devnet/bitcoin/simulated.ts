/** A simulated node as a network of the demonstration: served on loopback, mining by itself, and going on where it was. */
import { join } from 'node:path'
import { script as scripts } from 'bitcoinjs-lib'
import { addressOf, scriptOf } from '../../../adapters/bitcoin/address.ts'
import { networkOf, type Network } from '../../../adapters/bitcoin/network.ts'
import { scriptFor } from '../../../adapters/bitcoin/script.ts'
import { corruptStore, reasonOf } from '../../kernel/fault.ts'
import type { Devnet, DevnetChain, DevnetTools, OnChainPayment } from '../devnet.ts'
import { openLines, type Lines } from '../lines.ts'
import { decodeHappening, encodeHappening, type Happening } from './history.ts'
import { createSimulatedBitcoin, type SimulatedBitcoin } from './node.ts'
import { BLOCK_MS, keepPace } from '../pace.ts'

/** All blocks stay in memory, so a demonstration ends somewhere: after a day or so. */
const MAXIMUM_BLOCKS = 30_000
/** More than mature before the first payment. */
const SPENDABLE_BLOCKS = 20
const HASH_BYTES = 20
const OP_RETURN = 0x6a

interface Opened {
  node: SimulatedBitcoin
  lines: Lines
}

async function open({ name }: DevnetChain, network: Network, tools: DevnetTools): Promise<Opened> {
  const { ports, directory, username, password } = tools
  const path = join(directory, 'history.jsonl')
  const happenings: Happening[] = []
  const lines = await openLines(ports.disk, path, line => happenings.push(decodeHappening(line)))
  const node = createSimulatedBitcoin({
    ...{ network, seed: name, now: () => ports.clock.now(), username, password },
    record: happening => lines.add(encodeHappening(happening)),
  })
  try {
    node.restore(happenings)
  } catch (error) {
    throw corruptStore(`${path} does not hold one history (${reasonOf(error)}): set the data directory aside`)
  }
  node.mine(Math.max(0, network.coinbaseMaturity + SPENDABLE_BLOCKS - node.height()))
  await lines.durable()
  return { node, lines }
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

export async function simulate(chain: DevnetChain, tools: DevnetTools): Promise<Devnet> {
  const network = networkOf(chain.network)
  const { node, lines } = await open(chain, network, tools)
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
  const pay = (address: string, amount: bigint) => durably(() => node.pay(address, amount))

  return {
    node: { url: server.url, username: tools.username, passwordFile: tools.passwordFile },
    title: `simulated node at ${server.url}, a block every ${BLOCK_MS / 1000} s`,
    height: async () => node.height(),
    mine: () =>
      pace.held(async () => {
        await mine()
      }),
    pay,
    strangerAddress: async () =>
      addressOf(scriptFor(network.segwit ? 'p2wpkh' : 'p2pkh', random.bytes(HASH_BYTES)), network)!,
    received: async addresses => received(node, network, addresses),
    accidents: {
      reorganise: depth =>
        pace.held(() =>
          durably(() => {
            node.invalidate(node.hashAt(node.height() - depth + 1))
            node.mine(depth + 1, { transactions: [] })
          }),
        ),
      doubleSpend: (address, amount, isSeen) =>
        pace.held(async () => {
          const txid = await pay(address, amount)
          await isSeen(txid)
          await durably(() => node.doubleSpend(txid))
        }),
      pretend: {
        words: PRETENCE,
        send: (address, amountSat) =>
          durably(() => node.payMany([{ script: dataScript(address, network), amountSat }])),
      },
    },
    failed: pace.failed,
    async stop() {
      pace.stop()
      await server.stop()
      await lines.close()
    },
  }
}
