/** Keys, templates and tokens for tests of the family; transactions are built by ethers, the other implementation. */
import { mnemonicToSeedSync } from '@scure/bip39'
import { Transaction, type TransactionLike } from 'ethers'
import type { Json } from '../../../machines/vocabulary.ts'
import { createDeriver } from '../../../adapters/ethereum/deriver.ts'
import { networkOf } from '../../../adapters/ethereum/network.ts'
import { createSignable } from '../../../adapters/ethereum/signable.ts'

export const CHAIN = 'eth'
export const USDT = '0xdAC17F958D2ee523a2206206994597C13D831ec7'
export const DAI = '0x6B175474E89094C44Da98b954EedeAC495271d0F'
export const NETWORK = networkOf(CHAIN, {
  network: { chainId: 31337 },
  asset: 'ETH',
  tokens: [
    { asset: 'USDT', contract: USDT },
    { asset: 'DAI', contract: DAI.toLowerCase() },
  ],
})
export const signable = createSignable(CHAIN, NETWORK)
export const deriver = createDeriver()
export const SEED = mnemonicToSeedSync('test test test test test test test test test test test junk')
export const account = (index: number): string => deriver.derive(SEED, index).address
export const STRANGER = '0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045'
export const GWEI = 10n ** 9n

/** A plain payment, with changes. */
export const transaction = (changes: TransactionLike = {}): Transaction =>
  Transaction.from({
    type: 2,
    chainId: 31337,
    nonce: 7,
    to: STRANGER,
    value: 10n ** 18n,
    gasLimit: 21_000n,
    maxFeePerGas: 30n * GWEI,
    maxPriorityFeePerGas: GWEI,
    ...changes,
  })

export const legacy = (changes: TransactionLike = {}): Transaction => {
  const { chainId, nonce, to, value, gasLimit } = transaction()
  return Transaction.from({ type: 0, chainId, nonce, to, value, gasLimit, gasPrice: 20n * GWEI, ...changes })
}

export const templateOf = (unsigned: Transaction | string, from = account(0)): Json => ({
  from,
  transaction: typeof unsigned === 'string' ? unsigned : unsigned.unsignedSerialized,
})

/** Signs as the signer does. */
export function signed(template: Json, index = 0): { transactionId: string; raw: string } {
  const { payloads, assemble } = signable.open(template)
  return assemble(deriver.sign(SEED, [{ index, payload: payloads[0]! }]))
}
