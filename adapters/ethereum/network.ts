/** What a chain of the family is told by: its chain id (EIP-155), and which token contracts are known on it. */
import { z } from 'zod'
import { boundary } from '../../src/kernel/fault.ts'
import type { Json } from '../../machines/vocabulary.ts'
import { canonical } from './address.ts'

/** As configured. */
export interface TokenContract {
  asset: string
  /** In any case; the checksum is not looked at. */
  contract: string
}

/** A chain of the family, and what can be moved on it. */
export interface Network {
  chainId: number
  /** CAIP-2, `eip155:1`. */
  name: string
  /** The native asset. */
  asset: string
  /** Symbols by contract, canonical, and contracts by symbol. */
  assetOf: ReadonlyMap<string, string>
  contractOf: ReadonlyMap<string, string>
  /** Symbols by contract in lower case, as logs are read. */
  assetAt: ReadonlyMap<string, string>
}

const shape = z.strictObject({ chainId: z.int().min(1) })

/** Boundary fault `configuration` where `network` is not `{ chainId }`, or where two tokens share a contract. */
export function networkOf(
  chain: string,
  { network, asset, tokens = [] }: { network: Json; asset: string; tokens?: readonly TokenContract[] | undefined },
): Network {
  const parsed = shape.safeParse(network)
  if (!parsed.success) throw boundary('configuration', `chains.${chain}.network: must be { chainId: … }`)
  const { chainId } = parsed.data
  const contracts = tokens.map(token => [canonical(token.contract.toLowerCase()), token.asset] as const)
  const assetOf = new Map(contracts)
  if (assetOf.size !== tokens.length)
    throw boundary('configuration', `chains.${chain}.tokens: two tokens have the same contract`)
  const contractOf = new Map(contracts.map(([contract, symbol]) => [symbol, contract]))
  const assetAt = new Map(contracts.map(([contract, symbol]) => [contract.toLowerCase(), symbol]))
  return { chainId, name: `eip155:${chainId}`, asset, assetOf, contractOf, assetAt }
}
