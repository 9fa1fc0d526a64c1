/** A simulated node behind the adapter's own client, with every call written down. */
import type { HttpCall, HttpResult } from '../../../src/kernel/ports.ts'
import { canonical } from '../../../adapters/ethereum/address.ts'
import { networkOf } from '../../../adapters/ethereum/network.ts'
import { createEthereumNode, type EthereumNode, type EthereumNodeOptions } from '../../../adapters/ethereum/node.ts'
import { createWatch } from '../../../adapters/ethereum/watch.ts'
import { bytesOfHex, hexOf, hexWord, NOTHING } from '../../../src/devnet/ethereum/bytes.ts'
import { selectorOf } from '../../../src/devnet/ethereum/contracts.ts'
import { CONTRACTS } from '../../../src/devnet/ethereum/network.ts'
import { createSimulatedEthereum, type SimulatedEthereum, type SimulatedEthereumOptions } from '../../../src/devnet/ethereum/node.ts' // prettier-ignore
import { addressOfSecret, signTransaction, type SignedTransaction, type UnsignedTransaction } from '../../../src/devnet/ethereum/transaction.ts' // prettier-ignore
import type { Place } from '../../../machines/vocabulary.ts'
import type { Signed } from '../../../adapters/adapter.ts'

export const CHAIN_ID = 31_337
export const ETHER = 10n ** 18n
export const GWEI = 10n ** 9n
/** Of the treasury: the simulated chain gives it a hundred ether. */
export const SECRET = new Uint8Array(32).fill(9)
export const TREASURY = canonical(addressOfSecret(SECRET))
export const US = canonical(`0x${'bb'.repeat(20)}`)
export const THEM = canonical(`0x${'cc'.repeat(20)}`)
export const NETWORK = networkOf('eth', {
  network: { chainId: CHAIN_ID },
  asset: 'ETH',
  tokens: [
    { asset: 'TOKEN', contract: CONTRACTS.token },
    { asset: 'PLAIN', contract: CONTRACTS.plainToken },
  ],
})

export const SWEEP = { ETH: ETHER / 100n, TOKEN: 100n }

const word = (value: string | bigint) => hexWord(BigInt(value)).slice(2)
export const callData = (signature: string, ...words: (string | bigint)[]): Uint8Array =>
  bytesOfHex(selectorOf(signature) + words.map(word).join(''))

export interface NodeRig {
  chain: SimulatedEthereum
  node: EthereumNode
  /** Methods, in their order. */
  calls: string[]
  /** Where the chain stands, from so many blocks below the tip on. */
  recent: (depth?: number) => Place[]
  /** Of the treasury, and not sent. */
  sign: (part?: Partial<UnsignedTransaction>, secret?: Uint8Array) => SignedTransaction
  /** Tokens from the faucet, in a block. */
  grant: (contract: string, to: string, amount: bigint) => void
}

interface RigOptions extends Partial<SimulatedEthereumOptions> {
  node?: Partial<EthereumNodeOptions>
  /** In the node's place, where it answers; null lets the node answer. */
  spoil?: (method: string, params: unknown[]) => { result?: unknown; error?: { code: number; message: string } } | null
}

export const signedOf = ({ raw, hash }: SignedTransaction): Signed => ({
  transactionId: hash,
  raw: hexOf(raw),
  parents: [],
})

export function rigOf({ node: nodeOptions, spoil, ...rest }: RigOptions = {}): NodeRig {
  const chain = createSimulatedEthereum({
    ...{ chainId: BigInt(CHAIN_ID), seed: 'node', now: () => Date.UTC(2026, 0, 1) },
    accounts: new Map([[TREASURY.toLowerCase(), { balance: 100n * ETHER }]]),
    ...rest,
  })
  const calls: string[] = []
  const request = async (call: HttpCall): Promise<HttpResult> => {
    const asked = JSON.parse(new TextDecoder().decode(call.body ?? undefined)) as { id: number; method: string; params: unknown[] } // prettier-ignore
    calls.push(asked.method)
    const spoilt = spoil?.(asked.method, asked.params) ?? null
    if (spoilt === null) return chain.request(call)
    const body = new TextEncoder().encode(JSON.stringify({ jsonrpc: '2.0', id: asked.id, ...spoilt }))
    return { status: 200, headers: {}, body }
  }
  const watch = createWatch()
  for (const [index, address] of [TREASURY, US].entries()) watch.addAddress(index, address)
  const node = createEthereumNode({
    ...{ chain: 'eth', network: NETWORK, watch, request, node: { url: 'http://node' }, followsFinalized: false },
    ...{ seesInternal: true, fees: { maximumFeePerGas: 500n * GWEI }, sweep: SWEEP, log: () => {}, ...nodeOptions },
  })
  const place = (height: number) => ({ height, hash: chain.hashAt(height) })
  const sign: NodeRig['sign'] = (part = {}, secret = SECRET) =>
    signTransaction(
      {
        ...{ type: 2, chainId: BigInt(CHAIN_ID), nonce: chain.nonce(addressOfSecret(secret)), to: THEM.toLowerCase() },
        ...{ value: 1n, data: NOTHING, gasLimit: 100_000n, maxFeePerGas: 10n * GWEI, maxPriorityFeePerGas: GWEI },
        ...{ accessList: [], authorizations: [], maxFeePerBlobGas: 0n, blobHashes: [], ...part },
      },
      secret,
    )
  return {
    chain,
    node,
    calls,
    recent: (depth = 5) => {
      const from = Math.max(0, chain.height() - depth)
      return Array.from({ length: chain.height() - from + 1 }, (_, n) => place(from + n))
    },
    sign,
    grant(contract, to, amount) {
      chain.send({ to: contract, data: callData('transfer(address,uint256)', to, amount), gasLimit: 200_000n })
      chain.mine(1)
    },
  }
}
