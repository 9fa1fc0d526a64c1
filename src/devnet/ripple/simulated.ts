/** A simulated server of the XRP Ledger as a network of the demonstration. */
import codec from 'ripple-address-codec'
import { networkOf, TREASURY_TAG } from '../../../adapters/ripple/network.ts'
import type { Devnet, DevnetChain, DevnetTools, OnChainPayment } from '../devnet.ts'
import { openRecorded, runSimulated } from '../simulated.ts'
import { decodeRippleHappening, encodeRippleHappening } from './history.ts'
import { createSimulatedRipple, type SimulatedRipple } from './node.ts'

const ACCOUNT_BYTES = 20
const PARTIAL_PAYMENT = 0x0002_0000
/** What a fake names beside what it delivers. */
const EXAGGERATION = 1000n

/** What has arrived, from validated ledgers. */
function received(node: SimulatedRipple, addresses: readonly string[]): Map<string, OnChainPayment[]> {
  const paid = (address: string): OnChainPayment[] =>
    node.entriesOf(address).flatMap(({ transaction: { hash, body }, meta }) => {
      const isIts = body.TransactionType === 'Payment' && body.Destination === address
      const { delivered_amount: amount } = meta
      return isIts && amount !== undefined ? [{ transactionId: hash, amount: BigInt(amount) }] : []
    })
  return new Map(addresses.map(address => [address, paid(address)]))
}

const tagged = (dataField: string | null) => (dataField === null ? {} : { DestinationTag: Number(dataField) })

const PRETENCE = 'a partial payment names a thousand times what it delivers'

function pretend(node: SimulatedRipple, address: string, amount: bigint, dataField: string | null): string {
  const token = { currency: 'USD', issuer: node.faucetAddress, value: '1' }
  return node.send({
    ...{ TransactionType: 'Payment', Destination: address, ...tagged(dataField) },
    ...{ Amount: String(EXAGGERATION * amount), SendMax: token, Flags: PARTIAL_PAYMENT },
  })
}

export async function simulateRipple({ name, network }: DevnetChain, tools: DevnetTools): Promise<Devnet> {
  const { ports, username, password } = tools
  const { id: networkId } = networkOf(network)
  const history = { encode: encodeRippleHappening, decode: decodeRippleHappening }
  const recorded = await openRecorded(tools, history, record =>
    createSimulatedRipple({ networkId, now: () => ports.clock.now(), username, password, record }),
  )
  const { node, lines } = recorded
  // What was closed before a pause is old: nobody believes a server whose last ledger is.
  node.mine(1)
  await lines.durable()
  return runSimulated(name, recorded, tools, {
    // Without a data field it is the treasury that is filled.
    pay: (address, amount, dataField) =>
      node.pay(address, amount, dataField === null ? TREASURY_TAG : tagged(dataField).DestinationTag),
    strangerAddress: () => codec.encodeAccountID(ports.random.bytes(ACCOUNT_BYTES)),
    received: addresses => received(node, addresses),
    pretend: { words: PRETENCE, send: (address, amount, dataField) => pretend(node, address, amount, dataField) },
  })
}
