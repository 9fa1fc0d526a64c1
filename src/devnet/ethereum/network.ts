/** The simulated network: its first accounts, and the tokens that stand on it from the beginning. */
import { sha256 } from '@noble/hashes/sha2.js'
import type { Genesis, GenesisAccount } from './chain.ts'
import {
  betrayerCode,
  collectibleCode,
  destructorCode,
  forgerCode,
  reverterCode,
  splitterCode,
  tokenCode,
  tokenSlots,
} from './contracts.ts'
import { addressOfSecret } from './transaction.ts'

/** Whoever gives ether and tokens away; the same on every node of every simulated network. */
export const FAUCET_SECRET = sha256(new TextEncoder().encode('the faucet of simulated ethereum'))
export const FAUCET_ADDRESS = addressOfSecret(FAUCET_SECRET)

const contractAt = (n: number): string => `0x${'c0de'.repeat(9)}${n.toString(16).padStart(4, '0')}`

/** Contracts that stand there from the beginning, each at a fixed address. */
export const CONTRACTS = {
  /** An honest ERC-20 of 6 decimals that returns nothing, as USDT does. */
  token: contractAt(1),
  /** An honest one of 18 decimals that returns true. */
  plainToken: contractAt(2),
  /** Logs more than it pays. */
  taxedToken: contractAt(3),
  /** The first token's twin, at another address. */
  lookAlike: contractAt(4),
  /** Returns false and moves the money. */
  doubtfulToken: contractAt(5),
  forger: contractAt(6),
  collectible: contractAt(7),
  splitter: contractAt(8),
  betrayer: contractAt(9),
  reverter: contractAt(10),
  destructor: contractAt(11),
} as const

const ETHER = 1_000_000_000_000_000_000n
const FAUCET_WEI = 1_000_000_000n * ETHER
const TOKEN_SUPPLY = 1_000_000_000_000_000n * 1_000_000n
const GENESIS_SECONDS = Date.UTC(2026, 0, 1) / 1000
const GAS_LIMIT = 30_000_000
/** An empty block lowers it by an eighth: the first one after the beginning asks for a gwei. */
const BASE_FEE = 1_142_857_142n

function contracts(): [string, GenesisAccount][] {
  const token = (decimals: number, returns: 'true' | 'nothing' | 'false', taxPercent = 0): GenesisAccount => ({
    code: tokenCode({ decimals, returns, taxPercent }),
    slots: tokenSlots(FAUCET_ADDRESS, TOKEN_SUPPLY),
  })
  return [
    [CONTRACTS.token, token(6, 'nothing')],
    [CONTRACTS.plainToken, token(18, 'true')],
    [CONTRACTS.taxedToken, token(6, 'true', 5)],
    [CONTRACTS.lookAlike, token(6, 'nothing')],
    [CONTRACTS.doubtfulToken, token(6, 'false')],
    [CONTRACTS.forger, { code: forgerCode() }],
    [CONTRACTS.collectible, { code: collectibleCode() }],
    [CONTRACTS.splitter, { code: splitterCode() }],
    [CONTRACTS.betrayer, { code: betrayerCode() }],
    [CONTRACTS.reverter, { code: reverterCode() }],
    [CONTRACTS.destructor, { code: destructorCode() }],
  ]
}

/** `accounts` are there beside the faucet's and the contracts. */
export function simulatedGenesis(
  chainId: bigint,
  logsTransfers: boolean,
  accounts: ReadonlyMap<string, GenesisAccount> = new Map(),
): Genesis {
  return {
    ...{ chainId, timestamp: GENESIS_SECONDS, baseFee: BASE_FEE, gasLimit: GAS_LIMIT, logsTransfers },
    accounts: new Map([[FAUCET_ADDRESS, { balance: FAUCET_WEI }], ...contracts(), ...accounts]),
  }
}
