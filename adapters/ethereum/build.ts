/**
 * Unsigned transactions, built with ethers: another implementation than the one that the signer reads them with, so that what
 * both take for the same bytes is what both mean.
 */
import { Interface } from 'ethers/abi'
import { Transaction } from 'ethers/transaction'
import type { Json } from '../../machines/vocabulary.ts'
import { invariant } from '../../src/kernel/fault.ts'
import type { Network } from './network.ts'

/** What one transaction pays, from an account of ours. Addresses canonical, amounts in base units. */
export interface AccountPlan {
  from: string
  nonce: number
  to: string
  asset: string
  amount: bigint
  gasLimit: bigint
  fees: GasFees
}

/** Wei per gas. `priorityFeePerGas` is null on chains without EIP-1559: then the other one is the gas price. */
export interface GasFees {
  maximumFeePerGas: bigint
  priorityFeePerGas: bigint | null
}

const ERC20 = new Interface(['function transfer(address to, uint256 amount)'])

/** What is called with what, for estimates and for the transaction itself. */
export interface Effect {
  to: string
  value: bigint
  data: string
}

/** Invariant fault `unknown-asset` for what is not moved on this network. */
export function effectOf(
  network: Network,
  { to, asset, amount }: Pick<AccountPlan, 'to' | 'asset' | 'amount'>,
): Effect {
  if (asset === network.asset) return { to, value: amount, data: '0x' }
  const contract = network.contractOf.get(asset)
  if (contract === undefined) throw invariant('unknown-asset', `${asset} is not moved on ${network.name}`)
  return { to: contract, value: 0n, data: ERC20.encodeFunctionData('transfer', [to, amount]) }
}

/** The template for it, as template.ts describes it. */
export function buildTemplate(network: Network, plan: AccountPlan): Json {
  const { from, nonce, gasLimit, fees } = plan
  const { maximumFeePerGas, priorityFeePerGas } = fees
  const priced =
    priorityFeePerGas === null
      ? { type: 0, gasPrice: maximumFeePerGas }
      : { type: 2, maxFeePerGas: maximumFeePerGas, maxPriorityFeePerGas: priorityFeePerGas }
  const transaction = Transaction.from({
    ...effectOf(network, plan),
    ...priced,
    chainId: network.chainId,
    nonce,
    gasLimit,
  })
  return { from, transaction: transaction.unsignedSerialized }
}
