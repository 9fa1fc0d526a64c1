/** What a node says happened: every output and input of its chain, read as JSON, block by block. */
import { toSatoshi } from '../../adapters/bitcoin/rpc.ts'
import { addressIn, type BitcoinNode } from './bitcoin-node.ts'

export interface Output {
  txid: string
  vout: number
  address: string | null
  /** The output's script, hex. */
  script: string
  amountSat: bigint
  height: number
}

export interface Transaction {
  txid: string
  height: number
  /** `txid:vout` of what it spends. */
  inputs: string[]
  outputs: Output[]
}

export interface Book {
  /** Every transaction of the chain as it is now, in order. */
  transactions(): Promise<Transaction[]>
  /** Outputs to this address in the chain as it is now. */
  paidTo(address: string): Promise<Output[]>
}

interface RpcTransaction {
  txid: string
  vin: { txid?: string; vout?: number }[]
  vout: { n: number; value: unknown; scriptPubKey?: { hex: string } & Parameters<typeof addressIn>[0] }[]
}
interface RpcBlock {
  hash: string
  height: number
  previousblockhash?: string
  tx: RpcTransaction[]
}

function read({ txid, vin, vout }: RpcTransaction, height: number): Transaction {
  const inputs = vin.flatMap(({ txid: from, vout: n }) => (from === undefined ? [] : [`${from}:${n!}`]))
  const outputs = vout.flatMap(({ n, value, scriptPubKey }) => {
    // What is inside the MWEB has no script.
    if (scriptPubKey === undefined) return []
    const [address, script] = [addressIn(scriptPubKey), scriptPubKey.hex]
    return [{ txid, vout: n, address, script, amountSat: toSatoshi(value), height }]
  })
  return { txid, height, inputs, outputs }
}

/** Reads each block once, however often it is asked. */
export function openBook({ rpc }: BitcoinNode): Book {
  const known = new Map<string, { previous: string | undefined; transactions: Transaction[] }>()

  async function block(hash: string) {
    const found = known.get(hash)
    if (found) return found
    const { height, previousblockhash, tx } = (await rpc('getblock', hash, 2)) as RpcBlock
    const fresh = { previous: previousblockhash, transactions: tx.map(one => read(one, height)) }
    known.set(hash, fresh)
    return fresh
  }

  async function transactions(): Promise<Transaction[]> {
    const blocks: Transaction[][] = []
    for (let hash: string | undefined = (await rpc('getbestblockhash')) as string; hash !== undefined;) {
      const { previous, transactions: found } = await block(hash)
      blocks.push(found)
      hash = previous
    }
    return blocks.reverse().flat()
  }

  const paidTo = async (address: string) =>
    (await transactions()).flatMap(({ outputs }) => outputs.filter(output => output.address === address))

  return { transactions, paidTo }
}
