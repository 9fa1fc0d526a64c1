/** What the world outside does: pays to our addresses, in one transaction or in rival ones. */
import { fromSatoshi, toSatoshi } from '../../adapters/bitcoin/rpc.ts'
import { addressIn, type BitcoinNode } from './bitcoin-node.ts'
import { CHAIN, type System } from './system.ts'

export interface Paid {
  id: string
  path: string
  txid: string
}

interface Decoded {
  txid: string
  vout: { n: number; scriptPubKey: Parameters<typeof addressIn>[0] }[]
}

const FEE_SAT = 10_000n

/** The deposit that this raw transaction makes at this address. */
export async function depositIn({ rpc }: BitcoinNode, raw: string, address: string): Promise<Paid> {
  const { txid, vout } = (await rpc('decoderawtransaction', raw)) as Decoded
  const { n } = vout.find(({ scriptPubKey }) => addressIn(scriptPubKey) === address)!
  const id = `${CHAIN}:${txid}:${n}`
  return { id, path: `/v1/deposits/${id}`, txid }
}

export async function rawOf({ rpc }: BitcoinNode, txid: string): Promise<string> {
  return ((await rpc('gettransaction', txid)) as { hex: string }).hex
}

/** Pays to this address; not mined yet. */
export async function deposit({ node }: System, address: string, amountSat = 5_000_000n): Promise<Paid> {
  return depositIn(node, await rawOf(node, await node.pay(address, amountSat)), address)
}

/** Two signed transactions that spend the same coin, none sent: one to the address, and one back to the payer. */
export async function rivals({ rpc }: BitcoinNode, address: string): Promise<{ raw: string; rival: string }> {
  const coins = (await rpc('listunspent', 1)) as { txid: string; vout: number; amount: unknown }[]
  const { txid, vout, amount } = coins.find(coin => toSatoshi(coin.amount) > 100_000_000n)!
  const sign = async (to: string) => {
    const outputs = { [to]: fromSatoshi(toSatoshi(amount) - FEE_SAT) }
    const raw = await rpc('createrawtransaction', [{ txid, vout }], outputs)
    return ((await rpc('signrawtransactionwithwallet', raw)) as { hex: string }).hex
  }
  return { raw: await sign(address), rival: await sign((await rpc('getnewaddress')) as string) }
}
