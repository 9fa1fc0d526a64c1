/** The bitcoin family, as the suite sees it: a litecoin. */
import { script as scripts } from 'bitcoinjs-lib'
import { addressOf, scriptOf } from '../../adapters/bitcoin/address.ts'
import { networkOf, type Network } from '../../adapters/bitcoin/network.ts'
import { scriptFor } from '../../adapters/bitcoin/script.ts'
import { createSimulatedBitcoin, type SimulatedBitcoin } from '../../src/devnet/bitcoin/node.ts'
import type { Subject, SubjectNetwork } from './subject.ts'

const NETWORK = networkOf('litecoin-regtest')
const SPENDABLE_BLOCKS = 12
const HASH_BYTES = 20
const OP_RETURN = 0x6a
const COIN = 100_000_000n
const CREDIT = 3
const FINAL = 6

function nodeOf(network: Network, now: () => number): SimulatedBitcoin {
  return createSimulatedBitcoin({ network, seed: 'conformance', now, username: 'user', password: 'password' })
}

/** Each output of the canonical chain that pays this script. */
function paidTo(node: SimulatedBitcoin, script: Uint8Array): bigint[] {
  const paid: bigint[] = []
  for (let height = 1; height <= node.height(); height++)
    for (const { outs } of node.block(node.hashAt(height)).transactions!)
      for (const out of outs) if (Buffer.compare(out.script, script) === 0) paid.push(out.value)
  return paid
}

/** What of it has not been spent again. */
function heldBy(node: SimulatedBitcoin, addresses: readonly string[]): bigint {
  const scriptsOfOurs = new Set(addresses.map(address => Buffer.from(scriptOf(address, NETWORK)).toString('hex')))
  const coins = new Map<string, bigint>()
  for (let height = 1; height <= node.height(); height++)
    for (const transaction of node.block(node.hashAt(height)).transactions!) {
      for (const { hash, index } of transaction.ins)
        coins.delete(`${Buffer.from(hash).reverse().toString('hex')}:${index}`)
      for (const [n, { script, value }] of transaction.outs.entries())
        if (scriptsOfOurs.has(Buffer.from(script).toString('hex'))) coins.set(`${transaction.getId()}:${n}`, value)
    }
  return [...coins.values()].reduce((sum, value) => sum + value, 0n)
}

let blocks: ReturnType<SimulatedBitcoin['block']>[] | null = null

/** Mature coins to pay with: the same for every story. */
function begun(now: () => number): SimulatedBitcoin {
  if (blocks === null) {
    const first = nodeOf(NETWORK, () => Date.parse('2025-12-31T00:00:00Z'))
    blocks = first.mine(NETWORK.coinbaseMaturity + SPENDABLE_BLOCKS).map(hash => first.block(hash))
  }
  const node = nodeOf(NETWORK, now)
  for (const block of blocks) node.submit(block)
  return node
}

function open(now: () => number): SubjectNetwork {
  const node = begun(now)
  let strangers = 0
  return {
    handle: request => node.handle(request),
    advance: () => void node.mine(1),
    pay: (_, { address }, amount) => node.pay(address, amount),
    fund: (_, treasury, amount) => void node.pay(treasury, amount),
    stranger() {
      const hash = new Uint8Array(HASH_BYTES).fill(7)
      new DataView(hash.buffer).setUint32(0, ++strangers)
      return { address: addressOf(scriptFor('p2wpkh', hash), NETWORK)!, dataField: null }
    },
    received: (_, { address }) => paidTo(node, scriptOf(address, NETWORK)),
    holds: (_, addresses) => heldBy(node, addresses),
    pretences: [
      {
        words: 'its script as the data of an output that nobody can spend',
        send: ({ address }, amountSat) =>
          void node.payMany([{ script: scripts.compile([OP_RETURN, scriptOf(address, NETWORK)]), amountSat }]),
      },
      {
        words: 'a payment that is spent again before it is in a block',
        send: ({ address }, amountSat) => void node.doubleSpend(node.pay(address, amountSat)),
      },
    ],
    reorganise(depth) {
      node.invalidate(node.hashAt(node.height() - depth + 1))
      node.mine(depth + 1, { transactions: [] })
    },
    foreign: () => {
      const other = nodeOf(networkOf('bitcoin-regtest'), now)
      return { ...open(now), handle: request => other.handle(request) }
    },
  }
}

export const bitcoin: Subject = {
  family: 'bitcoin',
  watcher: { network: NETWORK.name, asset: 'LTC', minimumDeposit: '20000', startHeight: 90 },
  signer: {
    network: NETWORK.name,
    asset: 'LTC',
    policy: { maximumFeeRate: 1000, maximumFee: '10000000', perTransaction: String(100n * COIN) },
  },
  confirmations: { credit: CREDIT, final: FINAL },
  assets: [
    {
      ...{ symbol: 'LTC', deposit: COIN / 10n, tooSmall: 10_000n, withdrawal: COIN / 100n },
      ...{ funding: 3n * COIN, approvedAbove: COIN },
    },
  ],
  invalidDestinations: ['', 'nowhere', 'bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq'],
  open,
}
