/** What tests say to ethereum nodes: signed transactions, data for contracts, JSON-RPC. */
import { bytesOfHex, hexWord, NOTHING } from '../../../src/devnet/ethereum/bytes.ts'
import { selectorOf } from '../../../src/devnet/ethereum/contracts.ts'
import { createSimulatedEthereum, type SimulatedEthereumOptions } from '../../../src/devnet/ethereum/node.ts'
import {
  addressOfSecret,
  signTransaction,
  type SignedTransaction,
  type UnsignedTransaction,
} from '../../../src/devnet/ethereum/transaction.ts'

/** anvil's and Hardhat's own accounts: "test test test test test test test test test test test junk". */
export const SECRETS = [
  'ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
  '59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d',
  '5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a',
].map(hex => bytesOfHex(`0x${hex}`)) as [Uint8Array, Uint8Array, Uint8Array]
export const CHAIN_ID = 31_337n
export const ETHER = 10n ** 18n
export const GWEI = 10n ** 9n
export const GENESIS_SECONDS = Date.UTC(2026, 0, 1) / 1000
const DEVELOPER_WEI = 10_000n * ETHER

export interface Answer {
  result?: unknown
  error?: { code: number; message: string; data?: unknown }
}
export type Ask = (method: string, ...params: unknown[]) => Promise<Answer>

/** A payment with fees that any of the first blocks takes, but for what is said otherwise. */
export const signed = (secret: Uint8Array, nonce: number, part: Partial<UnsignedTransaction>): SignedTransaction =>
  signTransaction(
    {
      ...{ type: 2, chainId: CHAIN_ID, nonce: BigInt(nonce), to: null, value: 0n, data: NOTHING, gasLimit: 21_000n },
      ...{ maxFeePerGas: 3n * GWEI, maxPriorityFeePerGas: GWEI, accessList: [], authorizations: [] },
      ...{ maxFeePerBlobGas: 0n, blobHashes: [], ...part },
    },
    secret,
  )

const word = (value: string | bigint) => hexWord(BigInt(value)).slice(2)
/** Words alone. */
export const dataOf = (...words: (string | bigint)[]): Uint8Array => bytesOfHex(`0x${words.map(word).join('')}`)
/** A call of a function by its signature. */
export const callData = (signature: string, ...words: (string | bigint)[]): Uint8Array =>
  bytesOfHex(selectorOf(signature) + words.map(word).join(''))

const headers = { 'content-type': 'application/json' }
const bodyOf = (method: string, params: unknown[]) => JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })

export const askAt =
  (url: string): Ask =>
  async (method, ...params) => {
    const answer = await fetch(url, { method: 'POST', headers, body: bodyOf(method, params) })
    return (await answer.json()) as Answer
  }

/** A simulated node with the accounts that nodes for developers have. */
export function askSimulated(options: Pick<SimulatedEthereumOptions, 'flavour' | 'logsTransfers'>): Ask {
  const node = createSimulatedEthereum({
    ...{ chainId: CHAIN_ID, seed: 'comparison', now: () => GENESIS_SECONDS * 1000, ...options },
    accounts: new Map(SECRETS.map(secret => [addressOfSecret(secret), { balance: DEVELOPER_WEI }])),
  })
  return async (method, ...params) => {
    const body = new TextEncoder().encode(bodyOf(method, params))
    const { body: said } = node.handle({ method: 'POST', path: '/', query: {}, headers, body })
    return JSON.parse(String(said)) as Answer
  }
}
